"""Times things beside each other: interleaved, in one process run, medians of several repeats.

Machines are shared and noisy: the ratio of two medians that were measured in turns lasts, a single figure does not.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


def as_installed(**variables: str) -> dict[str, str]:
    """The environment of a command as people have it: its modules are compiled once, and not at each start."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | variables


def interleave(runs: Mapping[str, Callable[[], object]], *, repeats: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Seconds of each repeat of each run, taken in turns: A B A B ..."""
    for _ in range(warm_up):
        for run in runs.values():
            run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def report(title: str, seconds: Mapping[str, list[float]], *, work: float, unit: str, **about: Any) -> None:
    """Print a table of rates beside the first run, and write the same to ``results/TITLE.json``.

    Args:
        title: of the table, and the file's name.
        seconds: from ``interleave``; the first is what the others are compared with.
        work: how many units one run does.
        unit: what they are.
        **about: sizes and settings, to be kept with the figures.
    """
    first = statistics.median(next(iter(seconds.values())))
    table = Table("", f"{unit}/s", "median s", "min s", "max s", "time / first", title=title)
    rows = []
    for name, values in seconds.items():
        median = statistics.median(values)
        ratio = median / first
        cells = (f"{work / median:,.0f}", f"{median:.4f}", f"{min(values):.4f}", f"{max(values):.4f}", f"{ratio:.3f}")
        table.add_row(name, *cells)
        rows.append(
            {
                "name": name,
                "seconds": values,
                "median": median,
                "time_ratio": ratio,
                f"{unit}_per_second": work / median,
            }
        )
    Console().print(table)
    write_results(title, rows, **about)


def write_results(title: str, rows: list[dict[str, Any]], **about: Any) -> None:
    """Write figures to ``results/TITLE.json``, with the machine and what else is known about them."""
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{title.replace(' ', '-')}.json"
    path.write_text(json.dumps({"title": title, "rows": rows, "machine": machine, **about}, indent=2) + "\n")
