"""How results and words for people are shown: JSON, texts and tables in the house style, and what goes to standard error."""

from __future__ import annotations

import contextlib
import json as json_module
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import typer

from seqgen.cli.output import CONTROLS, CONTROLS_IN_JSON
from seqgen.core.redact import redacted

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from seqgen.language_model import LanguageModel


_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""What turns the direction of writing until something ends that, so that what stands after it is read in another order."""


def say(message: str, *, label: str = "", style: str = "") -> None:
    """Words for people, without credentials, on standard error; where nobody can read them any more, that changes nothing."""
    message = redacted(message).translate(CONTROLS)
    label = f"{label}: " if label else ""
    with contextlib.suppress(OSError):
        if sys.stderr.isatty():
            from rich.console import Console

            Console(stderr=True, soft_wrap=True).print(styled((label, style), message))
        else:  # not by rich, which at a closed pipe gives up standard output too
            sys.stderr.write(f"{label}{message}\n")
            sys.stderr.flush()


def warn(message: str) -> None:
    """A warning, on standard error."""
    say(message, label="warning", style="bold yellow")


@contextlib.contextmanager
def status_line() -> Iterator[Callable[[str], None]]:
    """Gives what shows, on a terminal, in one line what is being done; elsewhere it shows nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield lambda doing: status.update(styled(doing))


def tell_rounding(loaded: LanguageModel) -> None:
    """Say it where the backend of a model rounds its weights."""
    if loaded.model.quantised:
        say(
            f"{loaded.backend} rounds the weights: what it gives may differ from what other backends give", label="note"
        )


def print_json(value: Any) -> None:
    """One line of JSON on standard output."""
    typer.echo(json_module.dumps(value, ensure_ascii=False, default=str).translate(CONTROLS_IN_JSON))


def show(renderable: Any, *, elsewhere: int = 10_000) -> None:
    """A result for people, on standard output.

    Args:
        renderable: a text, or what Rich shows.
        elsewhere: the width of what is not shown on a terminal: a table fills it where its texts are long.
    """
    from rich.console import Console

    # A text is shown as it is: what stands in brackets is no markup, and what stands between colons no emoji.
    text = styled(renderable) if isinstance(renderable, str) else renderable
    Console(width=width(elsewhere=elsewhere)).print(text, soft_wrap=isinstance(renderable, str))


def width(*, elsewhere: int = 10_000) -> int:
    """Characters that fit on a line of standard output: as many as the terminal has; in a file or pipe, any number."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else elsewhere


def styled(*parts: str | tuple[str, str]) -> Text:
    """Text, in parts that may each have a style."""
    from rich.text import Text

    return Text.assemble(*parts)


def readable(text: str) -> str:
    """A text from a file, as a terminal may get it: what could move the cursor, change colours or turn the direction of writing is shown, not obeyed."""
    if text.isprintable():
        return text
    return "".join(each if _harmless(each) else _escaped(ord(each)) for each in text)


def _harmless(character: str) -> bool:
    """Whether it is printed, is a space of any width, or what scripts need beside their letters: joiners, soft hyphens, marks of direction."""
    return (
        character.isprintable()
        or character in "\n\t"
        or (unicodedata.category(character) in ("Zs", "Cf") and character not in _TURNS)
    )


def _escaped(code: int) -> str:
    """A character as Python writes it in a text: two, four or eight digits."""
    return f"\\x{code:02x}" if code < 2**8 else f"\\u{code:04x}" if code < 2**16 else f"\\U{code:08x}"


def table(*columns: str | Text) -> Table:
    """An empty table in the house style; columns named with a final ``>`` are numbers, unless the name is a ``Text``."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=any(columns))
    for column in columns:
        number = isinstance(column, str) and column.endswith(">")
        head = styled(column.removesuffix(">")) if isinstance(column, str) else column
        made.add_column(head, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return made


def add_row(rows: Table, *cells: str | Text) -> None:
    """Add a row; text is shown as it is, without markup."""
    from rich.text import Text

    rows.add_row(*(Text(readable(cell)) if isinstance(cell, str) else cell for cell in cells))


def shown(value: Any) -> str:
    """A value in the cell of a table."""
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:,.4g}"
        case int():
            return f"{value:,}"
        case dict() | list():
            return json_module.dumps(value, ensure_ascii=False)
        case _:
            return str(value)
