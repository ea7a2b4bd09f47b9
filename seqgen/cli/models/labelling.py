"""``seqgen models alias``, ``tag`` and ``note``: what may be said of a version that itself never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from seqgen.cli.environment import PublishedArgument, command
from seqgen.cli.printing import readable, say

if TYPE_CHECKING:
    from seqgen.registry import ModelVersion, Registry
    from seqgen.registry.labels import Labels

RemoveOption = Annotated[bool, typer.Option("--remove", help="Take away instead of giving.")]


@command(epilog="Example: seqgen models alias novel:3 stable")
def alias(
    model: PublishedArgument,
    aliases: Annotated[list[str], typer.Argument(metavar="ALIAS...", help="Lower-case letters, digits, . - and _.")],
    remove: RemoveOption = False,
) -> None:
    """Call a version NAME@ALIAS; an alias that there is already moves to it."""
    from seqgen.core.errors import ModelNotFoundError
    from seqgen.registry.names import check_label

    registry, version = _found(model)
    for each in aliases:
        check_label("alias", each)
    before: dict[str, int] = {}

    def change(labels: Labels) -> Labels:
        before.update(labels.aliases)
        for each in aliases:
            if remove and before.get(each) != version.version:
                raise ModelNotFoundError(f'{version} has no alias "{each}".')
            labels = labels.with_alias(each, None if remove else version.version)
        return labels

    registry.change_labels(version.name, change)
    for each in aliases:
        old = before.get(each)
        was = f", and not {version.name}:{old} any more" if not remove and old not in (None, version.version) else ""
        say(f"{version.name}@{each} is {'removed' if remove else version}{was}.")


@command(epilog="Example: seqgen models tag novel:3 good winter")
def tag(
    model: PublishedArgument,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Lower-case letters, digits, . - and _.")],
    remove: RemoveOption = False,
) -> None:
    """Give a version tags, by which seqgen models list --tag finds it."""
    from seqgen.core.errors import ModelNotFoundError
    from seqgen.registry.names import check_label

    registry, version = _found(model)
    for each in tags:
        check_label("tag", each)
    add, take = ((), tags) if remove else (tags, ())

    def change(labels: Labels) -> Labels:
        there = labels.tags.get(version.version, ())
        for each in take:
            if each not in there:
                raise ModelNotFoundError(f'{version} has no tag "{each}".  It has: {", ".join(there) or "none"}')
        return labels.with_tags(version.version, add=add, remove=take)

    labels = registry.change_labels(version.name, change)
    say(f"{version} has the tags: {', '.join(labels.tags.get(version.version, ())) or 'none'}.")


@command(epilog='Example: seqgen models note novel:3 "the one for the reading"')
def note(
    model: PublishedArgument,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="The note; without it, the one that is there is shown.")
    ] = None,
    remove: RemoveOption = False,
) -> None:
    """Write a note to a version, in place of the one that is there."""
    from seqgen.core.errors import ModelNotFoundError, UsageError
    from seqgen.registry.labels import MAX_NOTE

    registry, version = _found(model)
    if text is None and not remove:
        typer.echo(readable(registry.labels(version.name).notes.get(version.version, "")))
        return
    if text is not None and (remove or len(text) > MAX_NOTE):
        msg = (
            "--remove takes the note away: leave TEXT out." if remove else f"A note has at most {MAX_NOTE} characters."
        )
        raise UsageError(msg)

    def change(labels: Labels) -> Labels:
        if remove and version.version not in labels.notes:
            raise ModelNotFoundError(f"{version} has no note.")
        return labels.with_note(version.version, text or "")

    registry.change_labels(version.name, change)
    say(f"{version} has {'no note' if not text else 'the note'}{' any more' if remove else ''}.")


def _found(model: str) -> tuple[Registry, ModelVersion]:
    from seqgen.registry import Registry

    registry = Registry.at_home()
    return registry, registry.find(model)
