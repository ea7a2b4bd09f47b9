"""``seqgen models rename`` and ``copy``."""

from __future__ import annotations

from typing import Annotated

import typer

from seqgen.cli.environment import JsonOption, PublishedArgument, command, complete_model
from seqgen.cli.printing import print_json, say


@command(epilog="Example: seqgen models rename novel winter")
def rename(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its present name.", autocompletion=complete_model)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name, which no other model may have.")],
) -> None:
    """Give a model another name: all its versions keep their numbers, aliases, tags, notes and lineage."""
    from seqgen.registry import Registry, moving

    versions = moving.rename(Registry.at_home(), name, new)
    say(f"{name} is called {new} now: {', '.join(map(str, versions))}.")


@command(epilog="Example: seqgen models copy novel@best winter")
def copy(
    model: PublishedArgument,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The model of which it becomes the next version.")],
    json: JsonOption = False,
) -> None:
    """Copy a version, byte for byte, as the next version of another model, with its tags and its note."""
    from seqgen.registry import Registry, moving

    registry = Registry.at_home()
    made = moving.copy(registry, registry.find(model), new)
    if json:
        print_json(made.record())
    else:
        typer.echo(str(made))
