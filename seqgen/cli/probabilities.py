"""How probable each token was: coloured in a terminal, or as a page of HTML."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seqgen.cli.output import CONTROLS, Out
from seqgen.cli.samples import tell
from seqgen.generation.length import longest
from seqgen.generation.memory import refuse_unholdable
from seqgen.generation.writer import UNFINISHED

if TYPE_CHECKING:
    from seqgen.generation.settled import Generation
    from seqgen.generation.stream import Token

MOST_LISTED = 1_000_000
"""Tokens that are listed: a page of them takes some 400 MB, more than a browser shows."""

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

    rows: list[str] = []
    given, tokens, notes = _written(generation)
    console = Console()  # with colours only where standard output is a terminal
    # What is captured has the escape codes that an old console of Windows shows as they are, and Rich does without there.
    coloured = console.is_terminal and out.name is None and not console.legacy_windows
    controls = CONTROLS if coloured else {}
    text = Text(given.translate(controls))
    for token in tokens:
        text.append(str(token.text).translate(controls), Style(bgcolor=_colour(token.probability), color="white"))
        others = "  ".join(_alternatives(generation, token))
        rows.append(f"{_shown(generation, token.id)} {token.probability:.3f}   of   {others}")
    with console.capture() as captured:
        console.print(text, soft_wrap=True)
    out.write(captured.get() if coloured else f"{text.plain}\n", styled=coloured)
    out.write("\n" + "\n".join(rows) + "\n")
    tell(notes)


def write_html(generation: Generation, title: str, out: Out) -> None:
    """The same as one page that needs nothing else; whatever the text holds, it is shown and never obeyed."""
    text: list[str] = []
    rows: list[str] = []
    given, tokens, notes = _written(generation)
    for token in tokens:
        drawn, others = _shown(generation, token.id), list(_alternatives(generation, token))
        about = html.escape(f"{drawn} {token.probability:.3f} of " + ", ".join(others))
        colour = _colour(token.probability)
        text.append(f'<span style="background:{colour}" title="{about}">{html.escape(str(token.text))}</span>')
        cells = (drawn, f"{token.probability:.3f}", "  ".join(others))
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    prompt = html.escape(given)
    out.write(_PAGE.format(title=html.escape(title), prompt=prompt, text="".join(text), rows="\n".join(rows)))
    tell(notes)


def _written(generation: Generation) -> tuple[str, list[Token], tuple[str, ...]]:
    """The text before the first token, the tokens of what follows, and what the samplers could not keep.

    None that comes after the beginning of the stop text is there; one in which it begins is, and its row tells of all of it.
    Before the first token stands the prompt, and where no token is left, a start of a line of which the model knows nothing.

    Raises:
        OptionError: they would be too many.
    """
    refuse_unholdable(1, longest(*generation.length), MOST_LISTED)
    stream = generation.stream()
    tokens = list(stream.steps())
    given = str(generation.prompt)
    for _ in range(stream.stop_tokens):
        text: Any = tokens.pop().text  # held back for those before it, or nothing
        if text and tokens:
            tokens[-1] = tokens[-1]._replace(text=tokens[-1].text + text)
        elif text:  # unknown symbols that a line starts with have no token
            given += text
    return given, tokens, stream.notes


def _colour(probability: float) -> str:
    hue = round(probability * 255)
    return f"rgb({(255 - hue) // 2},{hue // 2},40)"


def _shown(generation: Generation, token: int) -> str:
    """What a token stands for, between quotation marks; where that is no whole characters, the bytes, after a b."""
    import numpy as np

    text = generation.tokenizer.decode(np.array([token]))
    if isinstance(text, str) and UNFINISHED in text and (pieces := generation.tokenizer.pieces()) is not None:
        piece = pieces[token]
        return repr(text if piece == text.encode() else piece)  # a symbol may be U+FFFD itself
    return repr(text)


def _alternatives(generation: Generation, token: Token) -> Iterator[str]:
    return (f"{_shown(generation, other)} {probability:.3f}" for other, probability in token.alternatives)
