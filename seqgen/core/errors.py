"""Everything seqgen raises on purpose.

    SeqgenError                      exit 1
    ├── UsageError                   exit 2: the command or call is wrong
    │   ├── UnknownPartError         no part has that name
    │   ├── AmbiguousPartError       several distributions offer that name
    │   ├── OptionError              an option's name or value
    │   └── PromptError              the text to go on from
    ├── PartError                    a part is registered but cannot be used
    │   ├── MissingDependencyError   a package it needs is not installed
    │   └── PluginError              its plugin fails
    ├── CorpusError                  the corpus cannot be read or is too small
    ├── TrainingError                training cannot go on
    ├── GenerationError              generation cannot go on
    ├── ModelError                   a trained model
    │   ├── ModelNotFoundError
    │   ├── DamagedModelError        its files are not what was written
    │   └── ModelExistsError         another one has its name and version
    ├── RemoteError                  where models are shared cannot be reached, or refuses
    └── OutputError                  a result cannot be written

The message is one or two sentences for a person: what is wrong (with the value), where, and what to do.  The
command line catches the tree once, prints the message, and exits with ``exit_code``.
"""

from __future__ import annotations

import copyreg
from typing import Any

from seqgen.core.redact import redacted


class SeqgenError(Exception):
    """Something a person can understand and mend; the message says how, and shows no credentials."""

    exit_code = 1

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(redacted(each) if isinstance(each, str) else each for each in arguments))

    def __reduce__(self) -> tuple[Any, ...]:
        """From another process it comes as it is, also where it is made of something else than its message."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class SeqgenWarning(UserWarning):
    """What a person should know although all goes on; raised with :func:`warnings.warn`, the command line shows the message."""


class UsageError(SeqgenError):
    """The command or the call is wrong as written."""

    exit_code = 2


class UnknownPartError(UsageError):
    """No tokenizer, dataset, backend, sampler or callback has that name."""


class AmbiguousPartError(UsageError):
    """Several distributions offer a part of that name; ``distribution/name`` selects one."""


class OptionError(UsageError):
    """An option does not exist, or its value is not allowed."""


class PromptError(UsageError):
    """The prompt cannot be used as it is."""


class PartError(SeqgenError):
    """A part is registered but cannot be used here."""


class MissingDependencyError(PartError):
    """A package that the part needs is not installed."""


class PluginError(PartError):
    """A plugin fails: on import, on registration, or in use."""


class CorpusError(SeqgenError):
    """The corpus is missing, unreadable, or too small."""


class TrainingError(SeqgenError):
    """Training cannot go on, for example because the loss is not a number."""


class GenerationError(SeqgenError):
    """Generation cannot go on."""


class ModelError(SeqgenError):
    """A trained model cannot be used."""


class ModelNotFoundError(ModelError):
    """No model of that name, version or alias exists."""


class DamagedModelError(ModelError):
    """A model folder is incomplete, altered, or not a model at all."""


class ModelExistsError(ModelError):
    """Another model has this name and version already, where it was to go."""


class RemoteError(SeqgenError):
    """A place that models are shared at cannot be reached, refuses, or broke off."""


class OutputError(SeqgenError):
    """A result cannot be written where it was asked for."""
