"""The hooks of seqgen.  A plugin is a module or object under the entry-point group ``seqgen`` that implements some.

import seqgen

@seqgen.hookimpl
def register_tokenizers(register):
    register("abc", "seqgen_music.abc:AbcTokenizer", summary="musical tokens of ABC tunes")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pluggy

if TYPE_CHECKING:
    import typer

PROJECT = "seqgen"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Register(Protocol):
    """Offers one part; handed to each ``register_...`` hook, bound to the plugin that is called."""

    def __call__(
        self, name: str, target: str, *, summary: str, requires: str | tuple[str, ...] = (), extra: str = ""
    ) -> None:
        """Offer a part.

        Args:
            name: what people write: lower case letters, digits and hyphens.
            target: where the class is: ``package.module:Attribute``.  Imported when the part is first used.
            summary: one line for ``seqgen list-plugins``.
            requires: importable packages that the part needs, beyond what the plugin itself depends on.
            extra: the extra of the plugin's distribution that installs them.
        """


@hookspec
def register_tokenizers(register: Register) -> None:
    """Offer tokenizers.  Called once, when a tokenizer is first looked up or listed.

    Call ``register(name, "module:Class", summary=...)`` for each.  Nothing is imported until someone uses it.  If this
    raises, your plugin is reported by ``seqgen list-plugins`` and its tokenizers are left out.
    """


@hookspec
def register_datasets(register: Register) -> None:
    """Offer datasets.  Called once, when a dataset is first looked up or listed; otherwise as for tokenizers."""


@hookspec
def register_backends(register: Register) -> None:
    """Offer backends.  Called once, when a backend is first looked up or listed; otherwise as for tokenizers."""


@hookspec
def register_samplers(register: Register) -> None:
    """Offer samplers.  Called once, when a sampler is first looked up or listed; otherwise as for tokenizers."""


@hookspec
def register_callbacks(register: Register) -> None:
    """Offer callbacks for ``train --log-to``.  Called once, when one is first looked up or listed."""


@hookspec
def register_commands(app: typer.Typer) -> None:
    """Add commands to ``seqgen``.  Called when help is shown or a command is named that seqgen itself lacks.

    Add to ``app`` with ``@app.command()`` or ``app.add_typer(...)``.  A name that seqgen has already is refused.
    """
