"""What the consoles on which progress is shown can do."""

from __future__ import annotations

from rich.console import Console


def redraws(console: Console) -> bool:
    """Whether what a console shows can be redrawn in place.

    A dumb terminal would show nothing until the end.  Where FORCE_COLOR or TTY_COMPATIBLE asks for colours, rich takes anything
    for a terminal, and a log would be full of bars and of what moves the cursor.
    """
    return console.is_terminal and not console.is_dumb_terminal and console.file.isatty()
