"""seqgen: train small generative sequence models on your own corpus, and generate from them.

import seqgen
model = seqgen.train("my-novel.txt", max_time="2m")
print(model.generate("the ice", length=400, temperature=0.7))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqgen.api import load, models, train
    from seqgen.core.hookspecs import hookimpl

__version__ = "0.1.0"

__all__ = ["__version__", "hookimpl", "load", "models", "train"]


def __getattr__(name: str) -> Any:
    """What there is, imported when it is first used: plugins import seqgen for ``hookimpl`` alone, and listing models not even that."""
    if name == "hookimpl":
        from seqgen.core import hookspecs

        return hookspecs.hookimpl
    if name in ("api", "load", "models", "train"):
        api = importlib.import_module("seqgen.api")  # an import of it from seqgen would ask here
        return api if name == "api" else getattr(api, name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    """What is offered, imported or not."""
    return sorted([*__all__, "api"])
