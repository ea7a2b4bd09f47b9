"""The version of the contract between seqgen and its plugins, by which a plugin that does not fit is told from others.

A plugin declares beside its hooks what it was made for; one that declares nothing was made for 1.0:

    SEQGEN_CONTRACT = "1.0"
"""

from __future__ import annotations

import re
import reprlib

CONTRACT_VERSION = (1, 0)
"""Major: something is gone or changed, so that plugins must follow.  Minor: something came, and nothing else changed."""


def mismatch(declared: object, distribution: str) -> str:
    """Why a plugin cannot be used here, as a sentence that says what to do; empty if it can.

    Args:
        declared: its ``SEQGEN_CONTRACT``, whatever that is.
        distribution: what pip calls the plugin.
    """
    found = re.fullmatch(r"([0-9]{1,4})\.([0-9]{1,4})", declared) if isinstance(declared, str) else None
    if found is None:
        major, minor = CONTRACT_VERSION
        return (
            f"its SEQGEN_CONTRACT is {reprlib.repr(declared)}, but must be text of two whole numbers with a point "
            f'between them.  Write SEQGEN_CONTRACT = "{major}.{minor}"'
        )
    wanted = (int(found[1]), int(found[2]))
    if wanted[0] == CONTRACT_VERSION[0] and wanted <= CONTRACT_VERSION:
        return ""
    from seqgen import __version__

    ours = f"this seqgen ({__version__}) has {CONTRACT_VERSION[0]}.{CONTRACT_VERSION[1]}"
    if wanted > CONTRACT_VERSION:
        return f"it needs contract {wanted[0]}.{wanted[1]} and {ours}.  Update seqgen"
    return (
        f"it was made for contract {wanted[0]} and {ours}, so a newer version of {distribution} is needed.  "
        f"pip install --upgrade {distribution}"
    )
