"""``seqgen models``: a module for each of its commands."""

from __future__ import annotations

from types import MappingProxyType

import typer

from seqgen.cli.lazy import LazyGroup


class ModelsGroup(LazyGroup):
    """The commands of ``seqgen models``."""

    package = "seqgen.cli.models"
    modules = MappingProxyType(
        {
            "list": ("listing", "List every version of every model."),
            "show": ("show", "Show everything about one model."),
            "compare": ("compare", "Show models side by side."),
            "reproduce": ("reproduce", "Show or run the command that trains a model again."),
            "alias": ("labelling:add_alias_to", "Call a version NAME@ALIAS."),
            "tag": ("labelling:add_tag_to", "Give a version tags."),
            "note": ("labelling:add_note_to", "Write a note to a version."),
            "rename": ("moving:add_rename_to", "Give a model another name."),
            "copy": ("moving:add_copy_to", "Copy a version as the next one of another model."),
            "rm": ("trash:add_rm_to", "Move versions to the trash."),
            "restore": ("trash:add_restore_to", "Bring versions back from the trash."),
            "gc": ("trash:add_gc_to", "Remove for good what is in the trash."),
            "verify": ("verify", "Hash every file of a version."),
            "export": ("export", "Write a model as one file, or in another form."),
            "import": ("importing", "Take in a model that somebody handed over."),
            "push": ("push", "Give a model to a team, or to everybody."),
            "pull": ("pull", "Fetch a model that was pushed."),
        }
    )


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    models = typer.Typer(cls=ModelsGroup, help="The models that were trained here.")
    models.callback()(_models)
    app.add_typer(models, name="models", epilog="Example: seqgen models list")


def _models() -> None:
    """The models that were trained here."""
