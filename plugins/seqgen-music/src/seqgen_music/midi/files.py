"""Reading MIDI files that may come from a stranger: bounded in bytes, notes and length before anything is made of them.

The format is that of the Standard MIDI Files 1.0 (MIDI Manufacturers Association, RP-001).
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import numpy as np

from seqgen.core.errors import MissingDependencyError
from seqgen_music.errors import MusicError

if TYPE_CHECKING:
    from symusic.core import ScoreTick

    from seqgen.core.files import Source

MEDIA_TYPE = "audio/midi"
SUFFIXES = (".mid", ".midi", ".kar", ".rmi")
"""Also of karaoke, which is MIDI with words, and of MIDI within RIFF, which is not read, but told of."""

MAX_BYTES = 4 << 20
"""Of a file.  A symphony takes half a megabyte; what is far above is no music, or sound hidden in notes."""

MAX_NOTES = 100_000
"""Of a file; they make about 400,000 tokens."""

MAX_BEATS = 1 << 15
"""Quarter notes from beginning to end: four and a half hours at 120 a minute.  Thirty bytes could claim 200 million."""

_PACKED = re.compile(r"\.(gz|bz2|xz|zst)$")
_HEADER = struct.Struct(">4sIHHH")
_CHUNK = struct.Struct(">4sI")


class UnreadableMidiError(MusicError):
    """A file is no MIDI file, is damaged, or claims too much.

    The message is a clause without the file's name and without a full stop, as "it ends in the middle of track 2".
    """


def is_midi(file: Source) -> bool:
    """Whether it begins as MIDI does, also within RIFF, or is called so."""
    begin = next(file.blocks(), b"")
    return begin.startswith((b"MThd", b"RIFF")) or _PACKED.sub("", file.name.lower()).endswith(SUFFIXES)


def bytes_of(file: Source) -> bytes:
    """The file, or as much of it as shows that it is too large."""
    content = bytearray()
    for block in file.blocks():
        content += block
        if len(content) > MAX_BYTES:
            break
    return bytes(content)


def read_score(content: bytes) -> ScoreTick:
    """The music in a MIDI file, times in the file's own ticks.

    Raises:
        UnreadableMidiError: see there.
        MissingDependencyError: symusic is not installed.
    """
    try:
        from symusic.core import ScoreTick
    except ImportError as error:
        raise MissingDependencyError('For MIDI, symusic is needed.  pip install "seqgen-music[midi]"') from error
    _check_chunks(content)
    try:
        score = ScoreTick.from_midi(content)
    except Exception as error:  # what symusic raises is of no class of its own
        reason = str(error).removeprefix("MiniMidi: ").splitlines()[0][:120].rstrip(".!")
        raise UnreadableMidiError(f"its events cannot be read ({reason})") from error
    _check_content(score)
    return score


def _check_chunks(content: bytes) -> None:
    """Hold the sizes that the header and the chunks claim against the file's own.

    What stands behind the last track and is no chunk is let be: old transfer protocols filled files up to whole blocks.
    """
    if len(content) > MAX_BYTES:
        raise UnreadableMidiError(f"it has more than {MAX_BYTES:,} bytes, the most that are read")
    if not content.startswith(b"MThd"):
        hint = " but RIFF, in which MIDI may be wrapped" if content.startswith(b"RIFF") else ""
        raise UnreadableMidiError(f"it is no MIDI file{hint}: it does not begin with MThd")
    if len(content) < _HEADER.size:
        raise UnreadableMidiError(f"it ends in its header, after {len(content)} bytes")
    _, length, kind, promised, division = _HEADER.unpack_from(content)
    if kind > 1:
        raise UnreadableMidiError(f"it is of format {kind}, and only 0 and 1 are one piece of music")
    if division == 0 or division & 0x8000:
        counted = "film frames" if division else "0 ticks for a quarter note"
        raise UnreadableMidiError(f"its time is counted in {counted}, which say nothing of beats")
    place, tracks = _CHUNK.size + length, 0
    while place < len(content):
        left = len(content) - place - _CHUNK.size
        name, length = _CHUNK.unpack_from(content, place) if left >= 0 else (b"", 0)
        tracks += name == b"MTrk"
        if left < 0 or length > left:
            if name != b"MTrk" and tracks >= promised:
                break
            what = f"track {tracks}" if name == b"MTrk" else f"what should be track {tracks + 1}"
            raise UnreadableMidiError(
                f"it ends in the middle of {what}: {length:,} bytes are claimed, {max(left, 0):,} there"
            )
        place += _CHUNK.size + length
    if not tracks:
        raise UnreadableMidiError("it has no track")


def _check_content(score: ScoreTick) -> None:
    """Hold what was read against what music can be."""
    notes = sum(len(track.notes) for track in score.tracks)
    if not notes:
        raise UnreadableMidiError("it has no note")
    if notes > MAX_NOTES:
        raise UnreadableMidiError(f"it has {notes:,} notes, more than the {MAX_NOTES:,} that are read")
    tempos = score.tempos.numpy() if len(score.tempos) else {"mspq": np.ones(1), "time": np.zeros(1)}
    still = np.flatnonzero(np.asarray(tempos["mspq"]) <= 0)  # microseconds for a quarter note
    if still.size:
        beat = int(tempos["time"][still[0]]) // score.ticks_per_quarter
        raise UnreadableMidiError(f"its tempo at beat {beat} is 0 microseconds for a quarter note")
    last = MAX_BEATS * score.ticks_per_quarter
    for track in score.tracks:
        if len(track.notes):
            arrays = track.notes.numpy()
            starts = np.asarray(arrays["time"], np.int64)
            ends = starts + np.asarray(arrays["duration"], np.int64)
            if starts.min() < 0 or ends.max() > last:
                raise UnreadableMidiError(f"it lasts longer than {MAX_BEATS:,} quarter notes")
