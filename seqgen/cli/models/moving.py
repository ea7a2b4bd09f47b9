"""``seqgen models rename`` and ``copy``."""

from __future__ import annotations

from typing import Annotated

import typer

from seqgen.cli.environment import Command, JsonOption, complete_model
from seqgen.cli.printing import print_json, say


def add_rename_to(app: typer.Typer) -> None:
    """Add ``rename``."""
    app.command("rename", cls=Command, epilog="Example: seqgen models rename novel winter")(rename)


def add_copy_to(app: typer.Typer) -> None:
    """Add ``copy``."""
    app.command("copy", cls=Command, epilog="Example: seqgen models copy novel@best winter")(copy)


def rename(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the model.", autocompletion=complete_model)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it is to be called; no other may be called so.")],
) -> None:
    """Give a model another name: all its versions keep their numbers, aliases, tags, notes and lineage."""
    from seqgen import home
    from seqgen.registry import Registry, moving

    versions = moving.rename(Registry(home.models_folder()), name, new)
    say(f"{name} is called {new} now: {', '.join(map(str, versions))}.")


def copy(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="NAME (its latest version), NAME:VERSION or NAME@ALIAS.",
            autocompletion=complete_model,
        ),
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The model of which it becomes the next version.")],
    json: JsonOption = False,
) -> None:
    """Copy a version, byte for byte, as the next version of another model, with its tags and its note."""
    from seqgen import home
    from seqgen.registry import Registry, moving

    registry = Registry(home.models_folder())
    made = moving.copy(registry, registry.find(model), new)
    if json:
        print_json({"model": made.name, "version": made.version, "path": str(made.folder)})
    else:
        typer.echo(str(made))
