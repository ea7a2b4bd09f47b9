"""What a person sees while the model reads a long prompt: a bar on a terminal, a line elsewhere, and how far Ctrl-C came."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from seqgen.cli.printing import say

LONG_PROMPT = 200_000
"""Tokens that take seconds to read, so that a person wants to know what goes on."""


@contextlib.contextmanager
def reading(tokens: int) -> Iterator[Callable[[int], None] | None]:
    """For the time of a generation from so many tokens of prompt: gives what ``Generation.on_read`` takes; None for a short one.

    Whatever is shown is gone when the prompt has been read, so that the text may stand on the same terminal.
    """
    if tokens < LONG_PROMPT:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from seqgen.consoles import redraws

    redrawn = redraws(console := Console(stderr=True))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console, disable=not redrawn, transient=True)
    task = bar.add_task("reading the prompt", total=tokens)
    if not redrawn:
        say(f"the model reads {tokens:,} tokens of the prompt before it writes", label="note")
    done = 0

    def advance(read: int) -> None:
        nonlocal done
        done = read
        bar.update(task, completed=read)
        if read >= tokens:
            bar.stop()

    try:
        bar.start()
        yield advance
    except KeyboardInterrupt:
        bar.stop()
        if done < tokens:
            say(f"stopped after {done:,} of {tokens:,} tokens of the prompt, before anything was written", label="note")
        raise
    finally:
        bar.stop()
