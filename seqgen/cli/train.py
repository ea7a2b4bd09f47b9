"""``seqgen train``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from seqgen.cli.environment import (
    Environment,
    JsonOption,
    ResumableCommand,
    command,
    complete_model,
    complete_part,
    default,
)
from seqgen.cli.printing import print_json, say
from seqgen.cli.train_previews import chosen_preview
from seqgen.core.kinds import checked_kind
from seqgen.core.options import Option, options_of
from seqgen.training.options import PANELS, PRESETS, TrainingOptions

EPILOG = """[bold]Examples[/bold]

seqgen train

seqgen train my-novel.txt --backend torch --tokenizer char --name novel

seqgen train my-novel.txt --backend keras --tokenizer bpe:vocab_size=512 --max-time 5m

seqgen train names.txt --dataset lines --preset small

seqgen train my-novel.txt --hidden-size 1024 --dry-run

Options can also stand in the environment (SEQGEN_HIDDEN_SIZE=256) and in a TOML file (--config).  An option on the command line comes first, then the environment, the file, the preset.  A --FLAG is turned off by --no-FLAG."""


@command(epilog=EPILOG, cls=ResumableCommand)
def train(**arguments: Any) -> None:
    """Train a model on CORPUS: files, folders, globs, URLs, - for standard input, or the name of a corpus.

    Without CORPUS it trains on the bundled one or, with --from MODEL, on the corpus of that model.  Everything has a default that suits the corpus and the machine.
    Ctrl-C saves what was trained and says how to go on.
    """
    from seqgen import api

    environment = Environment.of(arguments.pop("ctx"))
    as_json, quiet = arguments.pop("json"), arguments.pop("quiet")
    sources = arguments.pop("corpus") or ()
    if preview := chosen_preview(arguments, environment.catalog):
        preview(*sources, catalog=environment.catalog, progress=not quiet, as_json=as_json, **arguments)
        return
    try:
        model = api.train(*sources, catalog=environment.catalog, progress=not quiet, raise_signals=False, **arguments)
    except KeyboardInterrupt as second:
        if second.args:  # the number of a second signal, which typer would take for Ctrl-C
            raise typer.Exit(128 + second.args[0]) from second
        raise
    result = model.training_record
    if as_json:
        print_json(result)
    if model.signal_number is not None:
        if quiet:  # otherwise the progress has said so
            say(f"Saved as {model.reference}.  To go on: seqgen train --resume {model.name}")
        raise typer.Exit(128 + model.signal_number)
    if not quiet:
        then = "\n         " if sys.stderr.isatty() else ".  "  # together they are wider than 80 columns
        say(f"done     {model.reference}: {_outcome(result)}{then}seqgen generate --model {result['model']}")


def _outcome(result: Mapping[str, Any]) -> str:
    """How well the published weights do, of which step they are where it is not the last, and what the run took."""
    from seqgen.core.bits import shown_bits

    steps, best_step, bits = result["steps"], result["best_step"], result["bits_per_character"]
    taken = f"{steps:,} step{'s' * (steps != 1)} in {result['seconds']:.0f} s"
    if bits is None:
        return f"after {taken}"
    of = "" if result["validation_loss"] is not None else " of the training text"
    then = f"after {taken}" if best_step == steps else f"of step {best_step:,}; {taken}"
    return f"{shown_bits(bits)} bits/character{of} {then}"


def _signature() -> inspect.Signature:
    """The parameters that typer reads: a few of the command's own, then one for each training option."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    own: dict[str, Any] = {
        "ctx": typer.Context,
        "corpus": Annotated[
            list[str] | None,
            typer.Argument(metavar="[CORPUS]...", help=f"Files, or names of corpora.  {default('the bundled one')}"),
        ],
        "name": Annotated[
            str | None,
            typer.Option(
                metavar="NAME",
                help=f"What to call the model.  {default('after the corpus; with --from and no CORPUS, the name of that model')}",
            ),
        ],
        "preset": Annotated[
            str | None,
            typer.Option(
                metavar="NAME",
                help=f"A named set of options: {', '.join(PRESETS)}.",
                autocompletion=lambda: list(PRESETS),
            ),
        ],
        "config": Annotated[str | None, typer.Option(metavar="FILE", help="A TOML file of options.")],
        "resume": Annotated[
            str | None,
            typer.Option(metavar="[MODEL]", help="Go on with the newest run that was interrupted, or with MODEL's."),
        ],
        "from_model": Annotated[
            str | None,
            typer.Option(
                "--from",
                metavar="MODEL",
                help="Start from a model's weights and tokenizer.",
                autocompletion=complete_model,
            ),
        ],
        "log_to": Annotated[
            list[str] | None,
            typer.Option(
                metavar="CALLBACK",
                help="Log metrics also to csv, tensorboard, mlflow or wandb, with options as in csv:path=FILE; repeatable.",
                autocompletion=complete_part("callback"),
            ),
        ],
        "dry_run": Annotated[
            bool,
            typer.Option("--dry-run", help="Train nothing: show sizes, memory, options, and the time it would take."),
        ],
        "lr_find": Annotated[
            bool, typer.Option("--lr-find", help="Train nothing: find a learning rate by a range test of 100 steps.")
        ],
        "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")],
        "json": JsonOption,
    }
    flags = {"dry_run": False, "lr_find": False, "quiet": False, "json": False}
    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=own.pop("ctx")),
        *(inspect.Parameter(name, keyword, default=flags.get(name), annotation=kind) for name, kind in own.items()),
    ]
    options = {option.name: option for option in options_of(TrainingOptions)}
    for panel, names in PANELS.items():
        parameters += [
            inspect.Parameter(name, keyword, default=None, annotation=_annotation(options[name], panel))
            for name in names
        ]
    return inspect.Signature(parameters)


def _annotation(option: Option, panel: str) -> Any:
    choices = _choices(option.annotation)
    text = option.text[0].upper() + option.text[1:]
    metavar = _metavar(option, choices)
    if metavar == "NAME" and choices:
        text += f" ({', '.join(choices)})"
    shown = "" if option.default is None or option.default is False else f"  {default(_shown(option))}"
    shared: dict[str, Any] = {"help": f"{text}.{shown}", "rich_help_panel": panel, "show_default": False}
    if isinstance(option.default, bool):
        return Annotated[bool | None, typer.Option(**shared)]
    completion = complete_part(checked_kind(option.name)) if panel == "Parts" else lambda: list(choices)
    return Annotated[str | None, typer.Option(metavar=metavar, autocompletion=completion, **shared)]


def _metavar(option: Option, choices: Sequence[str]) -> str:
    for words, letter in (("a whole number", "N"), ("a number", "X"), ("a duration", "TIME")):
        if option.allowed.startswith(words):
            return "|".join([letter, *choices])
    return "NAME"


def _choices(annotation: Any) -> tuple[str, ...]:
    """The values of a Literal, wherever it stands in the annotation."""
    if get_origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation)))
    for item in get_args(annotation):
        if found := _choices(item):
            return found
    return ()


def _shown(option: Option) -> str:
    if not isinstance(option.default, float):
        return str(option.default)
    return f"{option.default:g}s" if option.allowed.startswith("a duration") else f"{option.default:g}"


train.function.__signature__ = _signature()  # type: ignore[attr-defined]
