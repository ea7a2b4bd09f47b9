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

        A name or target that is not of its form, or a name that you offered already, raises PluginError.  Let it pass: it is
        reported as any failure of the hook.

        Args:
            name: what people write: lower case letters, digits and hyphens.
            target: where the class is: ``package.module:Attribute``.  Imported when the part is first used.
            summary: one line for ``seqgen list-plugins``.
            requires: importable packages that the part needs, beyond what the plugin itself depends on.
            extra: the extra of the plugin's distribution that installs them.  Without it people are told what is missing and no
                command, since what one imports is often called otherwise where it is installed from.
        """


@hookspec
def register_tokenizers(register: Register) -> None:
    """Offer tokenizers: what ``--tokenizer NAME`` names.

    Called once for each catalog, when a tokenizer is first looked up there or parts are listed.  A process may have several: each
    ``seqgen.train`` and ``seqgen.load`` makes one.  Register the same each time, and keep nothing.

    Call ``register(name, "module:Class", summary=...)`` for each; the class is a subclass of ``Tokenizer``.  Nothing is
    imported until someone uses it.

    If this raises, no tokenizer of your plugin is there, and its other hooks are not called any more.  Commands that look at
    plugins say why in one line, and go on without it.
    """


@hookspec
def register_datasets(register: Register) -> None:
    """Offer datasets: what ``--dataset NAME`` names.

    Called once for each catalog, when a dataset is first looked up there or parts are listed.  A process may have several: each
    ``seqgen.train`` and ``seqgen.load`` makes one.  Register the same each time, and keep nothing.

    Call ``register(name, "module:Class", summary=...)`` for each; the class is a subclass of ``Dataset``.  Nothing is
    imported until someone uses it.

    If this raises, no dataset of your plugin is there, and its other hooks are not called any more.  Commands that look at
    plugins say why in one line, and go on without it.
    """


@hookspec
def register_backends(register: Register) -> None:
    """Offer backends: what ``--backend NAME`` names.

    Called once for each catalog, when a backend is first looked up there or parts are listed.  A process may have several: each
    ``seqgen.train`` and ``seqgen.load`` makes one.  Register the same each time, and keep nothing.

    Call ``register(name, "module:Class", summary=...)`` for each; the class is a subclass of ``Backend``.  Nothing is
    imported until someone uses it, so that a framework costs nobody else time.

    If this raises, no backend of your plugin is there, and its other hooks are not called any more.  Commands that look at
    plugins say why in one line, and go on without it.
    """


@hookspec
def register_samplers(register: Register) -> None:
    """Offer samplers: what ``--sampler NAME`` names.

    Called once for each catalog, when a sampler is first looked up there or parts are listed.  A process may have several: each
    ``seqgen.train`` and ``seqgen.load`` makes one.  Register the same each time, and keep nothing.

    Call ``register(name, "module:Class", summary=...)`` for each; the class is a subclass of ``Sampler``.  Nothing is
    imported until someone uses it.

    If this raises, no sampler of your plugin is there, and its other hooks are not called any more.  Commands that look at
    plugins say why in one line, and go on without it.
    """


@hookspec
def register_callbacks(register: Register) -> None:
    """Offer callbacks: what ``--log-to NAME`` names.

    Called once for each catalog, when a callback is first looked up there or parts are listed.  A process may have several: each
    ``seqgen.train`` and ``seqgen.load`` makes one.  Register the same each time, and keep nothing.

    Call ``register(name, "module:Class", summary=...)`` for each; the class is a subclass of ``Callback``.  Nothing is
    imported until someone uses it.

    If this raises, no callback of your plugin is there, and its other hooks are not called any more.  Commands that look at
    plugins say why in one line, and go on without it.
    """


@hookspec
def register_commands(app: typer.Typer) -> None:
    """Add commands to ``seqgen``.

    Called once in a process, when help is shown or a command is named that seqgen itself lacks.

    Add to ``app`` with ``@app.command()`` or ``app.add_typer(...)``.  Import what a command needs when it is called: help
    must appear at once.

    If this raises, no command of your plugin is there, and its other hooks are not called any more.  Commands that look at
    plugins say why in one line, and go on without it.  A command whose name is taken is left out, with a warning.
    """
