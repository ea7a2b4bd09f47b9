"""``seqgen models``: a module for each of its commands."""

from __future__ import annotations

from types import MappingProxyType

import typer

from seqgen.cli.lazy import LazyGroup


class ModelsGroup(LazyGroup):
    """The commands of ``seqgen models``."""

    package = "seqgen.cli.models"
    targets = MappingProxyType(
        {
            "list": ("listing:list_models", "List every version of every model."),
            "show": ("show:show_model", "Show everything about one model."),
            "compare": ("compare:compare", "Show models side by side."),
            "reproduce": ("reproduce:reproduce", "Show or run the command that trains a model again."),
            "alias": ("labelling:alias", "Call a version NAME@ALIAS."),
            "tag": ("labelling:tag", "Give a version tags."),
            "note": ("labelling:note", "Write a note to a version."),
            "rename": ("moving:rename", "Give a model another name."),
            "copy": ("moving:copy", "Copy a version as the next one of another model."),
            "rm": ("trash:rm", "Move versions to the trash."),
            "restore": ("trash:restore", "Bring versions back from the trash."),
            "gc": ("trash:gc", "Remove for good what is in the trash."),
            "verify": ("verify:verify", "Hash every file of a version."),
            "export": ("export:export_model", "Write a model as one file, or in another form."),
            "import": ("importing:import_model", "Take in a model that somebody handed over."),
            "push": ("push:push_model", "Give a model to a team, or to everybody."),
            "pull": ("pull:pull_model", "Fetch a model that was pushed."),
        }
    )


models = typer.Typer(cls=ModelsGroup, epilog="Example: seqgen models list")


@models.callback()
def _models() -> None:
    """The models that were trained here."""
