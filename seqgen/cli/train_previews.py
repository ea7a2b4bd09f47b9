"""``seqgen train --dry-run`` and ``--lr-find``, which train nothing, and how their results are shown."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from seqgen.cli.printing import add_row, print_json, show, shown, styled, table

if TYPE_CHECKING:
    from seqgen.core.catalog import Catalog
    from seqgen.training.dry_run import DryRun
    from seqgen.training.lr_find import RangeTest

WIDEST, HEIGHT = 100, 12
"""Columns and lines of the plot."""


def chosen_preview(arguments: dict[str, Any], catalog: Catalog) -> Callable[..., None] | None:
    """What to do instead of training, if anything; takes its flags out of the arguments, and what it does not need.

    Raises:
        UsageError: flags that contradict each other.
        UnknownPartError, OptionError, MissingDependencyError: a callback that the training itself could not have.
    """
    from seqgen.core.errors import UsageError

    flags = {"--dry-run": arguments.pop("dry_run"), "--lr-find": arguments.pop("lr_find")}
    given = [flag for flag, is_given in flags.items() if is_given]
    if not given:
        return None
    if len(given) > 1:
        msg = "--dry-run and --lr-find exclude each other.  Give one after the other."
        raise UsageError(msg)
    if arguments.pop("resume") is not None:
        msg = f"{given[0]} looks at a new training, so it does not go with --resume.  Leave one out."
        raise UsageError(msg)
    for spec in arguments.pop("log_to") or ():
        catalog.make("callback", spec)  # which gets no metrics here, and is refused where the training would refuse it
    return dry_run if given == ["--dry-run"] else lr_find


def dry_run(*sources: str, as_json: bool, **arguments: Any) -> None:
    """Show what the training would be."""
    from seqgen import api

    found = api.dry_run(*sources, **arguments)
    if as_json:
        print_json(found.to_json())
    else:
        show_dry_run(found)


def lr_find(*sources: str, as_json: bool, **arguments: Any) -> None:
    """Show a learning-rate range test."""
    from seqgen import api

    found = api.find_learning_rate(*sources, **arguments)
    if as_json:
        print_json(found.to_json())
    else:
        show_range_test(found)


def show_dry_run(found: DryRun) -> None:
    """Words and tables on standard output."""
    facts, memory, prepared = found.to_json(), found.memory, found.prepared
    values, expected = facts["training"], facts["expected"]
    labels = {"optimizer": "optimizer and running average"} if values["weight_average"] else {}
    training = ", ".join(
        f"{labels.get(name, name)} {_size(count)}" for name, count in asdict(memory).items() if name != "ngrams"
    )
    show(styled((prepared.described, "bold")))
    rows = table("", "")
    for label, value in [
        ("corpus", prepared.choice),
        ("validation tokens", shown(facts["validation_tokens"])),
        ("parameters", shown(facts["parameters"])),
        ("memory", f"up to {_size(memory.total)}: {training} (estimated)"),
        *([("n-grams", f"{_size(memory.ngrams)} when all is trained (estimated)")] if memory.ngrams else []),
        *(
            [("process", f"{_size(found.process_memory)} of main memory so far, with the framework (measured)")]
            if found.process_memory
            else []
        ),
        ("steps per epoch", shown(facts["steps_per_epoch"])),
        ("measured", f"{found.pace.steps} steps, {found.pace.seconds_per_step:.3g} s each"),
        ("pace", f"{facts['tokens_per_second']:,.0f} tokens/s, {facts['characters_per_second']:,.0f} characters/s"),
        ("an epoch", f"{_time(found.seconds_per_epoch)} without evaluations"),
        (
            "the training",
            f"about {expected['steps']:,} steps, {expected['epochs']:.3g} epochs, {_time(expected['seconds'])}",
        ),
    ]:
        add_row(rows, label, value)
    show(rows)
    options = table("option", "value", "from")
    for name, value in values.items():
        add_row(options, name, shown(value), str(facts["origins"].get(name, "")))
    show(options)


def show_range_test(found: RangeTest) -> None:
    """A plot and the suggestion, on standard output."""
    from seqgen.evaluation import bits_per_character
    from seqgen.training.plot import Series, plot, x_axis

    curve = [
        (math.log10(point.learning_rate), bits_per_character(point.smoothed, found.characters_per_token))
        for point in found.points
    ]
    best = curve[found.points.index(found.best)]
    first, last = curve[0][0], curve[-1][0]
    width = min(shutil.get_terminal_size().columns, WIDEST)
    if "utf" in (sys.stdout.encoding or "").lower():
        show("bits/character against the learning rate, averaged over nine steps")
        lines = plot(
            [Series(curve, "cyan"), Series([best], "bold green", "●")],
            width=width,
            height=HEIGHT,
            x_range=(first, last),
            y_range=(best[1], 1.05 * curve[0][1]),
        )
        decades = range(math.ceil(first), math.floor(last + 1e-9) + 1)
        ticks = {(decade - first) / max(last - first, 1e-9): f"{10.0**decade:g}" for decade in decades}
        for line in [*lines, *x_axis(width, lines[0].plain.index("┤") + 1, ticks)]:
            show(line)
    end = ", where training diverged" if found.diverged else ""
    if found.suggestion is None:
        show("The loss never fell, so there is no rate to suggest: the model may have learned this corpus already.")
        return
    show(f"{len(found.points)} steps, up to a rate of {found.points[-1].learning_rate:.2g}{end}.")
    show(
        styled(
            ("--learning-rate ", "bold"),
            (f"{found.suggestion:g}", "bold green"),
            f"  a tenth of {found.best.learning_rate:.2g}, where the loss is lowest",
            " but still falling: a higher one may do better" if found.still_falling else "",
        )
    )


def _size(count: int) -> str:
    megabytes = count / 1e6
    return f"{megabytes:,.0f} MB" if megabytes >= 10 else f"{megabytes:.1f} MB"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
