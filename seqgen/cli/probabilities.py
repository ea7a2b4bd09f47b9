"""How probable each token was: coloured in a terminal, or as a page of HTML."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seqgen.cli.output import Out
from seqgen.cli.samples import tell

if TYPE_CHECKING:
    from seqgen.generation.settled import Generation
    from seqgen.generation.stream import Token

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ margin: 2em auto; max-width: 60em; padding: 0 1em; font-family: sans-serif; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.6; }}
pre span {{ color: #fff; }}
td {{ padding: 0 1em 0 0; font-family: monospace; white-space: pre; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>Red: improbable; green: probable.  Point at a token for its alternatives.</p>
<pre>{prompt}{text}</pre>
<table>
<tr><th>token</th><th>probability</th><th>alternatives</th></tr>
{rows}
</table>
</body>
</html>
"""


def show_probabilities(generation: Generation, out: Out) -> None:
    """The text with each token on a background from red (improbable) to green, then the alternatives of each."""
    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

    text = Text(str(generation.prompt))
    rows: list[str] = []
    stream = generation.stream()
    for token in stream.steps():
        text.append(str(token.text), Style(bgcolor=_colour(token.probability), color="white"))
        others = "  ".join(_alternatives(generation, token))
        rows.append(f"{_shown(generation, token.id)} {token.probability:.3f}   of   {others}")
    console = Console()  # with colours only where standard output is a terminal
    with console.capture() as captured:
        console.print(text, soft_wrap=True)
    coloured = console.is_terminal and out.to_stdout
    out.write((captured.get() if coloured else f"{text.plain}\n") + "\n" + "\n".join(rows) + "\n")
    tell(stream.notes)


def write_html(generation: Generation, title: str, out: Out) -> None:
    """The same as one page that needs nothing else; whatever the text holds, it is shown and never obeyed."""
    text: list[str] = []
    rows: list[str] = []
    stream = generation.stream()
    for token in stream.steps():
        drawn, others = _shown(generation, token.id), list(_alternatives(generation, token))
        about = html.escape(f"{drawn} {token.probability:.3f} of " + ", ".join(others))
        colour = _colour(token.probability)
        text.append(f'<span style="background:{colour}" title="{about}">{html.escape(str(token.text))}</span>')
        cells = (drawn, f"{token.probability:.3f}", "  ".join(others))
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    prompt = html.escape(str(generation.prompt))
    out.write(_PAGE.format(title=html.escape(title), prompt=prompt, text="".join(text), rows="\n".join(rows)))
    tell(stream.notes)


def _colour(probability: float) -> str:
    hue = round(probability * 255)
    return f"rgb({(255 - hue) // 2},{hue // 2},40)"


def _shown(generation: Generation, token: int) -> str:
    import numpy as np

    return repr(generation.tokenizer.decode(np.array([token])))


def _alternatives(generation: Generation, token: Token) -> Iterator[str]:
    return (f"{_shown(generation, other)} {probability:.3f}" for other, probability in token.alternatives)
