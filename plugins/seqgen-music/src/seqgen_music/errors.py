"""What can go wrong with music."""

from __future__ import annotations

from seqgen.core.errors import SeqgenError


class MusicError(SeqgenError):
    """A tune or a file of music cannot be read, rendered or played."""
