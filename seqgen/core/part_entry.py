"""A registered part: what it is and whose, known without importing it; and the ``register`` through which it became known."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from seqgen.core.distributions import is_installed
from seqgen.core.errors import MissingDependencyError, PluginError
from seqgen.core.kinds import Kind
from seqgen.core.plugin import Plugin, in_words, stdout_to_stderr

CONTRACTS: Mapping[Kind, str] = {
    "tokenizer": "seqgen.core.tokenizer:Tokenizer",
    "dataset": "seqgen.core.dataset:Dataset",
    "backend": "seqgen.core.backend:Backend",
    "sampler": "seqgen.core.sampler:Sampler",
    "callback": "seqgen.core.callback:Callback",
}
"""What a part of each kind must be; by name, since the contracts import NumPy and listing parts must be instant."""


@dataclass(frozen=True)
class PartEntry:
    """A registered part, known without importing it."""

    kind: Kind
    name: str
    target: str
    summary: str
    requires: tuple[str, ...]
    extra: str
    plugin: Plugin

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages it needs that are not installed here."""
        return tuple(package for package in self.requires if not is_installed(package))

    @property
    def install(self) -> str:
        """The command that installs what is missing; empty where no extra does, since what is imported is often called otherwise there."""
        return f'pip install "{self.plugin.distribution}[{self.extra}]"' if self.extra else ""

    @property
    def lacks(self) -> str:
        """What is missing, for a list: the command that installs it, or else the packages."""
        return self.install or " and ".join(self.missing)

    @property
    def reference(self) -> str:
        """The name by which it is told from those of other distributions: ``seqgen/char``."""
        return f"{self.plugin.distribution}/{self.name}"

    @property
    def where(self) -> str:
        """What it is and whose, for messages."""
        return f'{self.kind} "{self.name}" of {self.plugin.distribution} ({self.target})'

    @property
    def package(self) -> str:
        """The package that its code lives in, which need not be that of its plugin's hooks."""
        return re.split("[.:]", self.target, maxsplit=1)[0]

    def load(self) -> type[Any]:
        """Import the part, which from then on counts as used.

        Raises:
            MissingDependencyError: a package it needs is not installed; says what installs it.
            PluginError: the import fails, or what is there is not a part of this kind.
        """
        if missing := self.missing:
            are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
            advice = self.install or f"Install {them} as {self.plugin.distribution} says in its documentation."
            msg = (
                f'{self.kind.capitalize()} "{self.name}" needs {" and ".join(missing)}, '
                f"which {are} not installed.  {advice}"
            )
            raise MissingDependencyError(msg)
        where = self.where
        try:
            with stdout_to_stderr():
                part = _imported(self.target)
        except (KeyboardInterrupt, MissingDependencyError):
            raise
        except BaseException as error:  # a plugin's import may raise anything, SystemExit included
            msg = f"{where} cannot be imported: {in_words(error)}"
            raise PluginError(msg) from error
        contract = _imported(CONTRACTS[self.kind])
        if not (isinstance(part, type) and issubclass(part, contract)):
            msg = f"{where} is not a {contract.__name__}."
            raise PluginError(msg)
        if abstract := getattr(part, "__abstractmethods__", None):
            msg = f"{where} lacks {', '.join(sorted(abstract))}."
            raise PluginError(msg)
        if self not in self.plugin.used:
            self.plugin.used.append(self)
        return part


@dataclass
class Registration:
    """The ``register`` that a plugin is handed: it knows the kind and whose part it is."""

    kind: Kind
    plugin: Plugin
    entries: list[PartEntry] = field(default_factory=list)

    def __call__(
        self, name: str, target: str, *, summary: str, requires: str | tuple[str, ...] = (), extra: str = ""
    ) -> None:
        """Take in a part; see :mod:`seqgen.core.hookspecs`.

        Raises:
            PluginError: what is given is not what the hook promises.
        """
        if not (isinstance(cast("object", name), str) and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)):
            msg = f'"{name}" is not a part name: lower case letters, digits and single hyphens.'
            raise PluginError(msg)
        if not isinstance(cast("object", target), str):
            msg = f'the target of {name} is {target!r}, but must be text: "package.module:Class", not the class itself.'
            raise PluginError(msg)
        if not re.fullmatch(r"[\w.]+:\w+", target):
            msg = f'target "{target}" of {name} is not of the form package.module:Attribute.'
            raise PluginError(msg)
        if not isinstance(cast("object", summary), str):
            msg = f"the summary of {name} is {summary!r}, but must be text."
            raise PluginError(msg)
        if any(entry.name == name for entry in self.entries):
            msg = f'{self.kind} "{name}" is registered twice.'
            raise PluginError(msg)
        given: Any = requires
        needed = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
        if not all(isinstance(each, str) for each in needed):
            msg = f"requires of {name} is {requires!r}, but must be the name of a package, or several of them."
            raise PluginError(msg)
        self.entries.append(PartEntry(self.kind, name, target, summary, needed, extra, self.plugin))


def _imported(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
