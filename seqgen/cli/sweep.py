"""``seqgen sweep``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import Environment, JsonOption, ResumableCommand, command, default
from seqgen.cli.printing import add_row, print_json, say, show, styled, table
from seqgen.core.bits import shown_bits
from seqgen.core.errors import UsageError
from seqgen.sweep.observer import Observer
from seqgen.training.options import PRESETS

if TYPE_CHECKING:
    from rich.progress import Progress

    from seqgen.sweep.plan import Plan
    from seqgen.sweep.runner import SweepOutcome
    from seqgen.sweep.study import TrialResult

EPILOG = """[bold]Examples[/bold]

seqgen sweep my-novel.txt --max-time 30m

seqgen sweep my-novel.txt --search hidden-size=128,256,512 --search learning-rate=1e-3..1e-2 --trial-time 2m

seqgen sweep my-novel.txt --search "tokenizer=char|bpe:vocab_size=512" --search dropout=0.0..0.6 --set backend=torch

seqgen sweep --resume novel --max-time 1h

A range LOW..HIGH is searched on a logarithmic scale where HIGH is ten times LOW or more.  Choices are separated by commas, or by | where values have commas."""


@command(epilog=EPILOG, cls=ResumableCommand)
def sweep(
    ctx: typer.Context,
    corpus: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CORPUS]...", help=f"Files, or names of corpora.  {default('the bundled one')}"),
    ] = None,
    search: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OPTION=VALUES",
            help="Any option of train with LOW..HIGH or VALUE,VALUE,...; repeatable.  "
            + default("sizes, rate, dropout around what train chooses"),
        ),
    ] = None,
    settled: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="OPTION=VALUE", help="An option of train for all trials; repeatable."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"A named set of options: {', '.join(PRESETS)}.",
            autocompletion=lambda: list(PRESETS),
        ),
    ] = None,
    config: Annotated[str | None, typer.Option(metavar="FILE", help="A TOML file of options of train.")] = None,
    max_time: Annotated[
        str | None, typer.Option(metavar="TIME", help=f"Time of the whole search.  {default('30m')}")
    ] = None,
    trial_time: Annotated[
        str | None,
        typer.Option(metavar="TIME", help=f"Training time of each trial.  {default('shared out to the trials')}"),
    ] = None,
    trials: Annotated[
        str | None,
        typer.Option(metavar="N", help=f"Most trials.  {default('what the time allows; 12 if none is stopped early')}"),
    ] = None,
    random_seed: Annotated[
        str | None, typer.Option(metavar="N", help=f"Fixes which options are tried.  {default('0')}")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"What to call the sweep and its model.  {default('after the corpus')}"),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="[NAME]", help="Go on with the sweep that was at work last, or with NAME."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    json: JsonOption = False,
) -> None:
    """Search for the best options of training on CORPUS within a time, and keep the best model.

    Trials have equal time and are compared in bits per character of the part that is held out; one that is behind the
    others is stopped early.  Ctrl-C keeps everything and says how to go on.
    """
    from seqgen.sweep import start

    environment = Environment.of(ctx)
    follower = Observer() if quiet else Display()
    shared: dict[str, Any] = {"catalog": environment.catalog, "observer": follower}
    if resume is not None:
        fixed = {
            "CORPUS": corpus,
            "--search": search,
            "--set": settled,
            "--preset": preset,
            "--config": config,
            "--trial-time": trial_time,
            "--random-seed": random_seed,
            "--name": name,
        }
        if given := [option for option, value in fixed.items() if value not in (None, [])]:
            msg = f"{', '.join(given)} cannot change on --resume; only --max-time and --trials can."
            raise UsageError(msg)
        outcome = start.resume(resume or None, max_time=max_time, trials=trials, **shared)
    else:
        outcome = start.sweep(
            corpus or (),
            search or (),
            name=name,
            settled=settled or (),
            preset=preset,
            config=config,
            max_time=max_time,
            trial_time=trial_time,
            trials=trials,
            random_seed=random_seed,
            **shared,
        )
    if json:
        print_json(_record(outcome))
    elif outcome.results:
        show(_ranking(outcome))
    if outcome.signal_number is not None:
        say(f"The trial that was running will be repeated.  To go on: seqgen sweep --resume {outcome.plan.name}")
        raise typer.Exit(128 + outcome.signal_number)
    if not json:
        show(f"To train the best for longer:  {outcome.train_command}")
    if not quiet:
        say(f"done     {outcome.version}: seqgen generate --model {outcome.plan.name}")


@dataclass
class Display(Observer):
    """A line for each trial that has ended; in a terminal a bar of the whole time below them."""

    _number: int = 0
    _best: TrialResult | None = None
    _bar: Progress | None = field(default=None, init=False)

    def begun(self, plan: Plan, results: Sequence[TrialResult]) -> None:
        """What is searched, and for how long."""
        from seqgen.sweep.plan import duration
        from seqgen.sweep.study import ranked

        again = f", after {_count(len(results))}" if results else ""
        self._say(
            f"sweep    {plan.name}: {', '.join(map(str, plan.space))}; {duration(plan.trial_time)} a trial, "
            f"{duration(plan.max_time)} in all{again}"
        )
        self._best = next(iter(ranked(results)), None)
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[left]}")
            self._bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
            self._bar.add_task("", total=plan.max_time, left="")
            self._bar.start()

    def trial_begun(self, number: int, options: Mapping[str, Any]) -> None:
        """For the bar."""
        self._number = number

    def moved(self, seconds: float, progress: float) -> None:
        """Move the bar."""
        if self._bar is None:
            return
        from seqgen.training.status import clock

        best = self._best.bits_per_character if self._best else None
        shown = "" if best is None else f"  best {shown_bits(best)}"
        (task,) = self._bar.task_ids
        left = max(0.0, (self._bar.tasks[0].total or 0) - seconds)
        with contextlib.suppress(OSError):
            self._bar.update(
                task,
                completed=seconds,
                description=f"trial {self._number}  {progress:4.0%}{shown}",
                left=f"{clock(left)} left",
                refresh=True,
            )

    def trial_ended(self, result: TrialResult, best: TrialResult | None) -> None:
        """A line."""
        self._best = best
        options = ", ".join(f"{name} {_shown(value)}" for name, value in result.options.items())
        bits = "    -" if result.bits_per_character is None else f"{_bits(result)} bits/character"
        self._say(f"trial {result.number:<3}{bits}  {options}{_verdict(result, best)}")

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _say(self, text: str) -> None:
        if self._bar is None:
            say(text)
        else:
            with contextlib.suppress(OSError):
                self._bar.console.print(styled(text), soft_wrap=True)


def _verdict(result: TrialResult, best: TrialResult | None) -> str:
    match result.state:
        case "failed":
            return f"; failed: {result.problem}"
        case "stopped":
            words = f"; stopped at {result.progress:.0%}"
        case _:
            if best and best.number == result.number:
                return "; the best so far"
            words = ""
    return f"{words}; best {_bits(best)}" if best else words


def _ranking(outcome: SweepOutcome) -> Any:
    names = [dimension.name for dimension in outcome.plan.space]
    rows = table("", "trial>", "bits/char>", *names, "seconds>", "")
    for result in outcome.results:
        is_best = outcome.best is not None and result.number == outcome.best.number
        state = {"complete": "", "stopped": f"stopped at {result.progress:.0%}", "failed": "failed"}[result.state]
        cells = [
            str(result.number),
            _bits(result),
            *(_shown(result.options[name]) for name in names),
            f"{result.seconds:.0f}",
            state,
        ]
        style = "bold green" if is_best else "" if result.state == "complete" else "dim"
        add_row(rows, *(styled((cell, style)) for cell in ["*" if is_best else "", *cells]))
    return rows


def _record(outcome: SweepOutcome) -> dict[str, Any]:
    from dataclasses import asdict

    def about(result: TrialResult) -> dict[str, Any]:
        return {name: value for name, value in asdict(result).items() if name != "trial"}

    plan = outcome.plan
    return {
        "sweep": plan.name,
        "model": plan.name if outcome.version else None,
        "version": int(outcome.version.rpartition(":")[2]) if outcome.version else None,
        "search": [dimension.to_json() for dimension in plan.space],
        "seconds": round(outcome.seconds, 3),
        "max_time": plan.max_time,
        "trial_time": plan.trial_time,
        "interrupted": outcome.signal_number is not None,
        "best": about(outcome.best) if outcome.best else None,
        "trials": [about(result) for result in outcome.results],
        "train_command": outcome.train_command,
    }


def _bits(result: TrialResult) -> str:
    return "-" if result.bits_per_character is None else shown_bits(result.bits_per_character)


def _count(trials: int) -> str:
    return f"{trials} trial" + ("s" if trials != 1 else "")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)
