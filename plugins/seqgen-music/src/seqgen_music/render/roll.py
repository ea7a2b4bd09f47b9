"""A piano roll: time from left to right, pitch from bottom to top."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

from seqgen_music.render.notes import Notes

_WIDTH = 1200  # pixels, for music of any length
_ROW = 6  # pixels for a pitch
_MARGIN = 4  # pitches above the highest and below the lowest
_BLACK_KEYS = (1, 3, 6, 8, 10)
_INKS = np.array(  # by Okabe and Ito (2008), which people with any kind of colour blindness tell apart
    [(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0)], np.uint8
)
_WHITE, _GREY, _LINE = np.uint8(255), np.uint8(243), np.uint8(205)

Image = npt.NDArray[np.uint8]


def draw(notes: Notes) -> bytes:
    """The notes as a PNG: a colour an instrument, paler where softer; rows of black keys grey, a line below each C."""
    lowest, highest = max(0, notes.pitches.min() - _MARGIN), min(127, notes.pitches.max() + _MARGIN)
    pitches = np.arange(highest, lowest - 1, -1)  # from the top
    image = np.full((len(pitches) * _ROW, _WIDTH, 3), _WHITE)
    image[np.repeat(np.isin(pitches % 12, _BLACK_KEYS), _ROW)] = _GREY
    image[np.flatnonzero(pitches % 12 == 0) * _ROW + _ROW - 1] = _LINE
    scale = (_WIDTH - 1) / max(notes.seconds, 1e-9)
    left = np.floor(notes.starts * scale).astype(int)
    right = np.maximum(
        left + 1, np.floor((notes.starts + notes.durations) * scale).astype(int) - 1
    )  # a gap between two
    loud = 0.35 + 0.65 * notes.velocities / 127
    colours = 255 - (255 - _INKS[notes.instruments % len(_INKS)]) * loud[:, None]  # (N, 3)
    top = (highest - notes.pitches) * _ROW
    for start, stop, row, colour in zip(left, right, top, colours.astype(np.uint8), strict=True):
        image[row : row + _ROW - 1, start:stop] = colour
    return png(image)


def png(image: Image) -> bytes:
    """An image (rows, columns, 3) as PNG (ISO/IEC 15948), 8 bits a colour, without a filter."""
    rows, columns, _ = image.shape
    lines = np.concatenate(
        [np.zeros((rows, 1), np.uint8), image.reshape(rows, -1)], axis=1
    )  # each begins with its filter
    head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
