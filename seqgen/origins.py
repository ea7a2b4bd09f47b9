"""Where the value of an option came from, in the words of ``config.json`` and ``models show``."""

from __future__ import annotations

import re
from pathlib import Path

DEFAULT = "default"

COMMAND_LINE = "command line"
"""Or in the call."""

ENVIRONMENT = "environment"

CHOSEN = "chosen"
"""By seqgen, from the corpus, the parts and the machine."""

SWEEP = "sweep"
"""It was tried there."""

RESUME = "resume"
"""It was given anew where a run went on."""


def of_file(path: Path) -> str:
    """A file's path, told apart from the other origins: a file may be called ``default`` or ``preset small``, too."""
    text = str(path)
    return f"./{text}" if re.match(r"[a-z]+( |$)", text) else text


def of_preset(name: str) -> str:
    """A set of options that is named."""
    return f"preset {name}"


def of_corpus(source: str) -> str:
    """What the list of corpora says of this one."""
    return f"corpus {source}"


def of_model(where: str) -> str:
    """The model that training goes on from, as messages name it."""
    return f"model {where}"


def is_of_model(origin: str) -> bool:
    """Whether a value was taken over from a model that training goes on from."""
    return origin.startswith(of_model(""))


def of_backend(name: str) -> str:
    """What this backend has."""
    return f"backend {name}"


def asked_for(origin: str) -> bool:
    """Whether somebody named the value itself, and it is no default, nor a preset's or the list of corpora's."""
    return origin != DEFAULT and not origin.startswith((of_preset(""), of_corpus("")))


def in_brackets(origin: str) -> str:
    """Where a value stands, to follow it in a message; nothing where a person has just typed it."""
    return "" if origin == COMMAND_LINE else f" ({origin})"
