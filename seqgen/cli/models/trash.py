"""``seqgen models rm``, ``restore`` and ``gc``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from seqgen.cli.environment import JsonOption, command, complete_model, default
from seqgen.cli.models.listing import age, short_number
from seqgen.cli.printing import add_row, print_json, say, show, table

if TYPE_CHECKING:
    from seqgen.registry import ModelVersion, Registry


@command(epilog="Example: seqgen models rm novel:1 novel:2")
def rm(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...", help="NAME:VERSION or NAME@ALIAS; NAME with --all.", autocompletion=complete_model
        ),
    ],
    everything: Annotated[bool, typer.Option("--all", help="Every version of each NAME.")] = False,
) -> None:
    """Move versions to the trash, from which seqgen models restore brings them back."""
    from seqgen.registry import Registry, trash

    registry = Registry.at_home()
    chosen = [version for model in models for version in _meant(registry, model, everything=everything)]
    versions = list(dict.fromkeys(chosen))
    trash.remove(registry, versions)
    for version in versions:
        say(f"{version} is in the trash.  To have it back: seqgen models restore {version}")


@command(epilog="Example: seqgen models restore novel:1")
def restore(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="NAME:VERSION, or NAME for all of it; none: the trash is listed."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Bring versions back from the trash, or show what is there."""
    from seqgen.registry import Registry, trash

    registry = Registry.at_home()
    if not models:
        _show_trash(trash.trashed(registry), json=json)
        return
    restored = trash.restore(registry, *models)
    for version in restored:
        say(f"{version} is back.")
    if json:
        print_json([version.record() for version in restored])


@command(epilog="Example: seqgen models gc --older-than 30d")
def gc(
    older_than: Annotated[
        str | None,
        typer.Option(metavar="TIME", help=f"Only what has been in the trash so long: 12h, 30d.  {default('all')}"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    json: JsonOption = False,
) -> None:
    """Remove for good what is in the trash, and what killed processes have left."""
    from seqgen.core.errors import OptionError
    from seqgen.registry import Registry, trash
    from seqgen.training.options import read_duration

    try:
        seconds = read_duration(older_than) if older_than is not None else 0.0
    except ValueError as error:
        raise OptionError(f"--older-than is {older_than}, but must be a duration such as 12h or 30d.") from error
    freed = trash.collect(Registry.at_home(), older_than=seconds, dry_run=dry_run)
    if json:
        print_json([{"what": each.what, "bytes": each.size} for each in freed])
        return
    for each in freed:
        say(f"{'would be removed' if dry_run else 'removed'}  {each.what}  ({short_number(each.size)}B)")
    total = short_number(sum(each.size for each in freed))
    say(f"{total}B {'would be' if dry_run else 'are'} free." if freed else "There is nothing to remove.")


def _meant(registry: Registry, model: str, *, everything: bool) -> list[ModelVersion]:
    """The versions that a person wants removed; a bare name is not enough, since elsewhere it means the latest."""
    from seqgen.core.errors import UsageError
    from seqgen.registry.names import Reference

    latest = registry.find(model)
    if not Reference.parse(model).bare:
        if everything:
            msg = f"--all removes every version of a NAME; {model} is one.  Leave out one of the two."
            raise UsageError(msg)
        return [latest]
    versions = registry.versions(model)
    if not everything:
        there = ", ".join(map(str, versions))
        raise UsageError(f"Which version of {model}?  There is {there}.  All of them: seqgen models rm {model} --all")
    return versions


def _show_trash(there: list[ModelVersion], *, json: bool) -> None:
    import time

    from seqgen.registry.trash import size_of

    if json:
        print_json([version.record() for version in there])
        return
    if not there:
        say("The trash is empty.")
        return
    rows = table("model", "size>", "removed>")
    for each in there:
        since = age(time.time() - each.folder.lstat().st_mtime)
        add_row(rows, str(each), f"{short_number(size_of(each.folder))}B", since if since == "now" else f"{since} ago")
    show(rows)
