"""What can go wrong with lyrics."""

from __future__ import annotations

from seqgen.core.errors import SeqgenError, UsageError


class LyricsError(SeqgenError):
    """Lyrics cannot be measured."""


class LyricsUsageError(UsageError):
    """The command is wrong as written."""
