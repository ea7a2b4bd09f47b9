"""``seqgen train``."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from seqgen.cli.environment import Environment, JsonOption, print_json
from seqgen.core.options import Option, options_of
from seqgen.training.options import PANELS, PRESETS, TrainingOptions

EPILOG = """[bold]Examples[/bold]

seqgen train

seqgen train my-novel.txt --backend torch --tokenizer char --name novel

seqgen train my-novel.txt --backend keras --tokenizer bpe:vocab_size=512 --max-time 5m

seqgen train names.txt --dataset lines --preset small

Any option can also stand in the environment (SEQGEN_HIDDEN_SIZE=256) or in a TOML file (--config)."""

NEWEST = ""
"""What ``--resume`` without a model means."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    train.__signature__ = _signature()  # type: ignore[attr-defined]
    app.command(epilog=EPILOG)(train)


def train(**arguments: Any) -> None:
    """Train a model on CORPUS: files, folders, globs, URLs, - for standard input, or the name of a corpus.

    Without CORPUS it trains on the bundled one.  Everything has a default that suits the corpus and the machine.
    Ctrl-C saves what was trained and says how to go on.
    """
    from seqgen import api

    environment = Environment.of(arguments.pop("ctx"))
    as_json, quiet = arguments.pop("json"), arguments.pop("quiet")
    sources = arguments.pop("corpus") or ()
    model = api.train(*sources, catalog=environment.catalog, progress=not quiet, **arguments)
    result = model.training_record
    if as_json:
        print_json(result)
    elif not quiet:
        bits = result["bits_per_character"]
        typer.echo(
            f"done     {model.reference}: {bits:.3f} bits/character after {result['steps']:,} steps in "
            f"{result['seconds']:.0f} s.  seqgen generate --model {result['model']}",
            err=True,
        )
    if model.signal_number is not None:
        raise typer.Exit(128 + model.signal_number)


def _signature() -> inspect.Signature:
    """The parameters that typer reads: a few of the command's own, then one for each training option."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    own: dict[str, Any] = {
        "ctx": typer.Context,
        "corpus": Annotated[list[str] | None, typer.Argument(metavar="[CORPUS]...", help="What to train on.")],
        "name": Annotated[str | None, typer.Option(help="Name of the model; default: after the corpus.")],
        "preset": Annotated[str | None, typer.Option(metavar="|".join(PRESETS), help="A named set of options.")],
        "config": Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file of options.")],
        "resume": Annotated[
            str | None,
            typer.Option(metavar="[MODEL]", help="Go on with a run that was interrupted; default: the newest."),
        ],
        "from_model": Annotated[
            str | None, typer.Option("--from", metavar="MODEL", help="Start from a model's weights and tokenizer.")
        ],
        "log_to": Annotated[
            list[str] | None, typer.Option(metavar="NAME:key=value", help="Also log metrics to a callback: csv, ...")
        ],
        "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")],
        "json": JsonOption,
    }
    flags = {"quiet": False, "json": False}
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
    help_text = option.text + ("" if option.default is None else f"  [dim]\\[{_shown(option.default)}][/dim]")
    if isinstance(option.default, bool):
        return Annotated[bool | None, typer.Option(help=help_text, rich_help_panel=panel, show_default=False)]
    return Annotated[
        str | None,
        typer.Option(
            help=help_text,
            rich_help_panel=panel,
            show_default=False,
            metavar="|".join(choices) if choices else "TEXT" if option.allowed == "text" else "NUMBER",
            autocompletion=lambda: list(choices) if choices else [],
        ),
    ]


def _choices(annotation: Any) -> tuple[str, ...]:
    """The values of a Literal, wherever it stands in the annotation."""
    if get_origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation)))
    for item in get_args(annotation):
        if found := _choices(item):
            return found
    return ()


def _shown(default: Any) -> str:
    return (
        f"{default:g}"
        if isinstance(default, float)
        else str(default).lower()
        if isinstance(default, bool)
        else str(default)
    )
