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
