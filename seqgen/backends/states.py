"""What recurrent layers carry from one step to the next, and how a state names it: the same in each backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from seqgen.core.spec import ModelSpec

PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"lstm": ("hidden", "cell"), "gru": ("hidden",), "rnn": ("hidden",)}
)
"""Names of what a layer of each architecture carries, (B, H) each; the first is its output."""


def state_names(spec: ModelSpec) -> Sequence[Sequence[str]]:
    """What each layer of a network carries, as its state names it: ``layers.N.hidden`` and, for lstm, ``layers.N.cell``."""
    return [[f"layers.{layer}.{part}" for part in PARTS[spec.architecture]] for layer in range(spec.num_layers)]
