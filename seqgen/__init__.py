"""seqgen: train small generative sequence models on your own corpus, and generate from them.

import seqgen
model = seqgen.train("my-novel.txt", max_time="2m")
print(model.generate("the ice", length=400, temperature=0.7))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqgen.core.hookspecs import hookimpl

if TYPE_CHECKING:
    from seqgen.api import load, models, train

__version__ = "0.1.0"

__all__ = ["__version__", "hookimpl", "load", "models", "train"]


def __getattr__(name: str) -> Any:
    """``train``, ``load`` and ``models``, imported when they are first used: plugins import seqgen for ``hookimpl`` alone."""
    if name in ("load", "models", "train"):
        from seqgen import api

        return getattr(api, name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
