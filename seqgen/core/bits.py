"""Bits per character, as people read them."""

from __future__ import annotations


def shown_bits(bits: float, digits: int = 3) -> str:
    """Bits per character for people: ``1.549``, and of a model that diverged ``3.2e+22``, whose other digits say nothing.

    Args:
        bits: per character, or a perplexity, which grows with them.
        digits: behind the point.
    """
    # z: a loss may be minus zero, or by rounding a little less than none, and "-0.000" is no figure.
    return f"{bits:z.{digits}f}" if abs(bits) < 1e6 else f"{bits:.1e}"
