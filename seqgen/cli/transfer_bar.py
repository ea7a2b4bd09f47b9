"""The bar of a download or an upload."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def transfer_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Gives what shows on a terminal how much is through: to be called with the bytes that are, and all there will be.

    Before the first call there is nothing to see, so that a refusal stands alone.
    """
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(*columns, console=Console(stderr=True))

    def show(done: int, total: int) -> None:
        if not bar.task_ids:
            bar.add_task(description, total=total)
            bar.start()
        bar.update(bar.task_ids[0], completed=done, total=total)

    try:
        yield show
    finally:
        if bar.task_ids:
            bar.stop()
