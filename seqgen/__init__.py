"""seqgen: train small generative sequence models on your own corpus, and generate from them."""

from __future__ import annotations

from seqgen.core.hookspecs import hookimpl

__version__ = "0.1.0"

__all__ = ["__version__", "hookimpl"]
