"""``seqgen models verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqgen.cli.environment import JsonOption, command, complete_model, default
from seqgen.cli.printing import print_json, readable, say, status_line

if TYPE_CHECKING:
    from collections.abc import Iterator


@command(epilog="Example: seqgen models verify novel@best")
def verify(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help=f"NAME (all its versions), NAME:VERSION, NAME@ALIAS, or a model folder.  {default('every version')}",
            autocompletion=complete_model,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Hash every file, and hold it against what was written when the version was published.  Exits 1 if one differs."""
    from seqgen.manifest import faults

    found: list[tuple[str, list[str]]] = []
    with status_line() as status:
        for name, folder in _folders(models or []):
            status(f"verifying {name}")
            found.append((name, faults(folder, where=name)))
    if json:
        print_json([{"model": name, "faults": wrong} for name, wrong in found])
    else:
        for name, wrong in found:
            typer.echo(f"{name}  {'damaged' if wrong else 'ok'}")
            for sentence in wrong:
                typer.echo(f"    {readable(sentence)}")
        if not found:
            say("No model has been trained yet.  Train one: seqgen train")
    if any(wrong for _, wrong in found):
        raise typer.Exit(1)


def _folders(models: list[str]) -> Iterator[tuple[str, Path]]:
    """What is asked for, each with how it is called."""
    from seqgen.registry import Registry
    from seqgen.registry.names import Reference

    registry = Registry.at_home()
    if not models:
        yield from ((str(version), version.folder) for version in registry.all())
    for model in models:
        found = registry.locate(model)
        if isinstance(found, Path):
            yield model, found
            continue
        versions = registry.versions(found.name) if Reference.parse(model).bare else [found]
        yield from ((str(each), each.folder) for each in versions)
