"""How probable each token was: coloured in a terminal, or as a page of HTML."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seqgen.cli.generate_samples import tell
from seqgen.cli.output import CONTROLS, Out
from seqgen.generation.length import longest
from seqgen.generation.memory import refuse_unholdable
from seqgen.generation.writer import UNFINISHED

if TYPE_CHECKING:
    from rich.console import Console

    from seqgen.generation.generation import Generation
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
<pre dir="auto" lang="">{prompt}{text}</pre>
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

    given, tokens, notes = _written(generation)
    console = Console()  # with colours only where standard output is a terminal
    # What is captured has the escape codes that an old console of Windows shows as they are, and Rich does without there.
    if console.is_terminal and out.name is None and not console.legacy_windows:
        out.write(_coloured(given, tokens, console), styled=True)
    else:
        out.write("".join([given, *(str(token.text) for token in tokens)]) + "\n")
    rows = []
    for token in tokens:
        others = "  ".join(
            f"{_isolated(other)} {probability}" for other, probability in _alternatives(generation, token)
        )
        rows.append(f"{_isolated(_shown(generation, token.id))} {token.probability:.3f}   of   {others}")
    out.write("\n" + "\n".join(rows) + "\n")
    tell(notes)


def write_html(generation: Generation, title: str, out: Out) -> None:
    """The same as one page that needs nothing else; whatever the text holds, it is shown and never obeyed."""
    text: list[str] = []
    rows: list[str] = []
    given, tokens, notes = _written(generation)
    for token in tokens:
        drawn, others = _shown(generation, token.id), list(_alternatives(generation, token))
        listed = ", ".join(f"{_isolated(other)} {probability}" for other, probability in others)
        about = html.escape(f"{_isolated(drawn)} {token.probability:.3f} of {listed}")
        colour = _colour(token.probability)
        text.append(f'<span style="background:{colour}" title="{about}">{html.escape(str(token.text))}</span>')
        listed = "  ".join(f"{_in_cell(other)} {probability}" for other, probability in others)
        cells = (_in_cell(drawn), f"{token.probability:.3f}", listed)
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
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


def _coloured(given: str, tokens: list[Token], console: Console) -> str:
    """The text with the codes by which a terminal colours it."""
    from rich.style import Style
    from rich.text import Text

    text = Text(given.translate(CONTROLS))
    for token in tokens:
        text.append(str(token.text).translate(CONTROLS), Style(bgcolor=_colour(token.probability), color="white"))
    with console.capture() as captured:
        console.print(text, soft_wrap=True)
    return captured.get()


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


def _alternatives(generation: Generation, token: Token) -> Iterator[tuple[str, str]]:
    """What else could have stood there, and how probable it was."""
    return ((_shown(generation, other), f"{probability:.3f}") for other, probability in token.alternatives)


def _right_to_left(text: str) -> bool:
    """Whether it has letters of Arabic, Hebrew or another script that is written so."""
    return any(unicodedata.bidirectional(each) in ("R", "AL") for each in text)


def _isolated(text: str) -> str:
    """A text of a list, kept by itself where it is written from right to left: else it would turn the order of the list."""
    return f"\u2068{text}\u2069" if _right_to_left(text) else text


def _in_cell(text: str) -> str:
    """The same in HTML."""
    return f"<bdi>{html.escape(text)}</bdi>" if _right_to_left(text) else html.escape(text)
