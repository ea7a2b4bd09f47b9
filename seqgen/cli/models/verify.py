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
    from seqgen.registry.folders import is_gone

    found: list[tuple[str, list[str]]] = []
    gone: dict[str, str] = {}
    with status_line() as status:
        for name, folder in _folders(models or []):
            status(f"verifying {name}")
            wrong = faults(folder, where=name)
            if wrong and is_gone(folder):
                gone[name] = f"{name} was removed or renamed meanwhile, by another process."
            else:
                found.append((name, wrong))
    if json:
        named = [(name, [sentence]) for name, sentence in gone.items()] if models else []
        print_json([{"model": name, "faults": wrong} for name, wrong in [*found, *named]])
    else:
        for name, wrong in found:
            typer.echo(f"{name}  {'damaged' if wrong else 'ok'}")
            for sentence in wrong:
                typer.echo(f"    {readable(sentence)}")
        if not found and not gone:
            say("No model has been trained yet.  Train one: seqgen train")
    for sentence in gone.values():
        say(sentence)
    # Of all, what was renamed has been verified under its new name; who names a model wants to know of that one.
    if any(wrong for _, wrong in found) or (models and gone):
        raise typer.Exit(1)


def _folders(models: list[str]) -> Iterator[tuple[str, Path]]:
    """What is asked for, each with how it is called."""
    from seqgen.registry import Registry
    from seqgen.registry.names import Reference

    registry = Registry.at_home()
    if not models:
        listed: set[str] = set()
        # Looked for until there are no others: one may be renamed while gigabytes of another are hashed.
        while new := [each for each in registry.all() if str(each) not in listed]:
            listed.update(map(str, new))
            yield from ((str(each), each.folder) for each in new)
    for model in models:
        found = registry.locate(model)
        if isinstance(found, Path):
            yield model, found
            continue
        versions = registry.versions(found.name) if Reference.parse(model).bare else [found]
        yield from ((str(each), each.folder) for each in versions)
