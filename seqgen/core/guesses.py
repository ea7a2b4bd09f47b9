"""Which encoding bytes may be in that are no text in the one expected, for the advice in messages."""

from __future__ import annotations

import codecs
import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence

_NEAR = 1 << 20  # bytes on either side of a wrong one that tell what fits
_WEIGHED = 1 << 14  # characters that tell how likely a reading is
_BEYOND = re.compile(rb"[\x80-\xff]+")
_LETTER = re.compile(
    rb"(?<![^A-Za-z])[\xc0-\xff]|[\xc0-\xff](?![^A-Za-z])"
)  # of latin-1, beside one of ASCII or at the edge
_JOINING = "’·\u00ad…"  # between letters: the apostrophe, what Catalan has between two l, the soft hyphen, an ellipsis
_NOT_IN_CP1252 = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_LEGIBLE = 0.9
"""The share of characters in any text that are printed, or line ends."""

_SCRIPTS = ("cp1251", "koi8-r", "cp866", "cp1253", "cp1256", "cp1255", "cp874")
"""Of Cyrillic three times, Greek, Arabic, Hebrew and Thai: a byte is a letter."""

_EASTERN = (
    (("euc_kr", "cp949"), rb"[\xa1\xb0-\xc8][\xa1-\xfe]"),
    (("euc_jp",), rb"[\xa1\xa4\xa5\xb0-\xcf][\xa1-\xfe]"),
    (("shift_jis", "cp932"), rb"[\x81-\x83\x88-\x97][\x40-\xfc]"),
    (("gb18030",), rb"[\xa1\xa3\xb0-\xd7][\xa1-\xfe]"),
    (("big5", "cp950"), rb"[\xa1\xa4-\xc6][\x40-\xfe]"),
)
"""Encodings of Korean, Japanese and Chinese, a wider form after each, and the pairs of bytes of their common characters:
punctuation, kana, Hangul, and the first of the two levels into which the standards sort other characters."""

_COMMON = 0.75
"""The share of common characters in any text in one of these; read in another one, most are of the rarest."""

_DAMAGED = 0.02
"""The share of characters that may have gone wrong in a text; where all of it is read in another encoding, more do."""


def is_wide(codec: str) -> bool:
    """Whether it is a form of UTF-16 or UTF-32, in which text has NULs."""
    return codecs.lookup(codec).name.startswith(("utf-16", "utf-32"))


def is_legible(block: bytes, codec: str) -> bool:
    """Whether a block with NULs, cut anywhere, is likely text but for them in an encoding that has none, as where a log was cut off."""
    if 4 * block.count(0) > len(block):  # as in UTF-16 and UTF-32
        return False
    text = codecs.getincrementaldecoder(codec)("replace").decode(block.replace(b"\0", b""))
    return _printed(text) - text.count("\ufffd") / max(1, len(text)) > _LEGIBLE


def wide_guess(block: bytes) -> str | None:
    """The form of UTF-16 or UTF-32 in which a block with NULs, cut anywhere at its end, is likely text; None where it is in none."""
    # Where NULs went astray in a plain text, two of its letters would be one Chinese character of UTF-16.
    if is_legible(block, "utf-8"):
        return None
    found = []
    for codec in _WIDE:
        text = _reading(block, codec)
        if "\0" not in text and (printed := _printed(text)) > _LEGIBLE:
            # In the other order of bytes a line end is no character, and the letters of an alphabet are all over Unicode.
            found.append((printed, -len({ord(each) >> 8 for each in text}), codec))
    return max(found, key=lambda each: each[:2], default=(0, 0, None))[2]


def guesses(codec: str, error: UnicodeDecodeError, *, right: bool, nuls: bool) -> list[str]:
    """Encodings that bytes may be in which are not in this one; none where it is right, and single bytes went wrong.

    By the bytes around the wrong one: in Western text, letters beyond ASCII stand among others; in other scripts there are only
    such.

    Args:
        codec: in which they are not.
        error: which they are.
        right: whether characters beyond ASCII came before that do fit.
        nuls: whether the file has NULs so far, as text in UTF-16 has and in UTF-8 has not.
    """
    near = _near(error)
    if is_wide(codec):
        return [] if nuls else ["utf-8"]
    # Not to the end where a block ends, maybe within a character.
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(near, final=error.end == len(error.object))
    wrong = text.count("\ufffd")
    fitting = len(text) - len(text.encode("ascii", "ignore")) - wrong  # characters beyond ASCII
    name = codecs.lookup(codec).name
    if name == "ascii" and fitting >= wrong:
        return ["utf-8"]
    if name not in ("utf-8", "utf-8-sig", "ascii"):
        return [] if wrong else ["utf-8"]
    if right or fitting >= wrong or (wrong == 1 and not _LETTER.search(near)):
        return []
    beyond = [len(each) for each in _BEYOND.findall(near)]
    long = 2 * sum(length for length in beyond if length > 2) > sum(beyond)
    # Single Russian words may read as Chinese; what is Chinese reads as Russian with capitals and lines in the middle.
    russian = any(_is_of_words(_reading(near, each)) for each in ("koi8-r", "cp866"))
    if eastern := _eastern(near, mixed=long and not russian):
        return eastern
    if long:
        # Hebrew has no letters where the others have their capitals, or koi8-r its small ones.
        scripts = _SCRIPTS if set(near).intersection(range(0xC0, 0xE0)) else ("cp1255", *_SCRIPTS)
        # In koi8-r the small letters are where cp1251 has its capitals.
        return _likeliest(near, scripts, capitals=True)
    return _western(near)


def would_read(error: UnicodeDecodeError, codec: str) -> str:
    """How the first characters beyond ASCII would read in an encoding, from the start of their word; empty without any."""
    text = codecs.getincrementaldecoder(codec)("replace").decode(_near(error))
    first = _beyond_ascii(text)
    before = text[max(0, first - 12) : first]
    word = before[max(before.rfind(" "), before.rfind("\n")) + 1 :]
    return " ".join(f"{word}{text[first : first + 24]}".split()) if first < len(text) else ""


def _near(error: UnicodeDecodeError) -> bytes:
    return error.object[max(0, error.start - _NEAR) : error.start + _NEAR]


def _beyond_ascii(text: str) -> int:
    """Where the first character stands that is not ASCII; the length of the text without one."""
    found = re.search(r"[^\x00-\x7f]", text)
    return found.start() if found else len(text)


def _eastern(near: bytes, *, mixed: bool) -> list[str]:
    """The encodings of Korean, Japanese and Chinese in which bytes are likely text, the likeliest first.

    Args:
        near: the bytes.
        mixed: whether there may be more letters of ASCII than others, as beside names and in marked-up text.
    """
    found = []
    for names, common in _EASTERN:
        codec, text = _eastern_reading(near, names)
        beyond = [each for each in text if not each.isascii()]
        right = [each.encode(codec) for each in beyond if not _lost(each)]
        usual = sum(re.fullmatch(common, each, re.DOTALL) is not None for each in right)
        # In Western text that happens to read, the letters of ASCII are many more.
        letters = 0 if mixed else sum(each.isascii() and each.isalpha() for each in text)
        if len(beyond) - len(right) <= _DAMAGED * len(beyond) and usual >= max(_COMMON * len(beyond), letters, 1):
            found.append((usual / len(right), codec))
    return [codec for _, codec in sorted(found, key=lambda each: -each[0])]


def _eastern_reading(near: bytes, names: Sequence[str]) -> tuple[str, str]:
    """The first encoding in which all bytes are text, else that in which the fewest are none; and from what is beyond ASCII the text."""
    for codec in names:
        if text := _reading(near, codec):
            first = _beyond_ascii(text)
            return codec, text[first : first + _WEIGHED]
    found = _BEYOND.search(near)
    part = near[found.start() if found else 0 :][: 2 * _WEIGHED]
    read = {each: codecs.getincrementaldecoder(each)("replace").decode(part) for each in names}
    return min(read.items(), key=lambda each: sum(map(_lost, each[1])))


def _lost(character: str) -> bool:
    """Whether it stands for bytes that are no character; cp932 reads four of them as U+F8F0 to U+F8F3."""
    return character == "\ufffd" or "\uf8f0" <= character <= "\uf8f3"


def _western(near: bytes) -> list[str]:
    """The encodings in which bytes are likely letters of Latin scripts."""
    controls = set(near).intersection(range(0x80, 0xA0))
    # Turkish ı, ş and ğ, where latin-1 has ý, þ and ð: those of Icelandic stand beside more of á, í and æ.
    if _count(near, 0xF0, 0xFD, 0xFE) > _count(near, 0xE1, 0xED, 0xE6):
        # Romanian has ş too, and more of ă where latin-1 has ã, which no Turkish word has.
        if near.count(0xE3) > _count(near, 0xF0, 0xFD):
            return [each for each in ("cp1250", "iso8859-2") if _reading(near, each)]
        if _reading(near, "cp1254"):
            return ["cp1254", "latin-1"]
    # Where cp1252 has quotes and other letters, latin-1 has control characters.
    first = "mac_roman" if controls & _NOT_IN_CP1252 else "cp1252" if controls else "latin-1"
    ranked = _likeliest(near, [first, "iso8859-2", "cp1250", "mac_roman", "cp850"])
    return [first] if ranked[0] == first != "mac_roman" else ranked[:2]


def _is_of_words(text: str) -> bool:
    """Whether all that is beyond ASCII is letters, with capitals only where words begin."""
    first = _beyond_ascii(text)
    weighed = text[first : first + _WEIGHED]
    return all(each.isascii() or each.isalpha() for each in weighed) and not _faults(weighed, capitals=True)


def _count(near: bytes, *places: int) -> int:
    return sum(map(near.count, places))


def _likeliest(near: bytes, encodings: Iterable[str], *, capitals: bool = False) -> list[str]:
    """The encodings in which all bytes are text, from the one with the fewest faults."""
    read = {each: text for each in encodings if (text := _reading(near, each))}
    return sorted(read, key=lambda each: _faults(read[each], capitals=capitals))


def _faults(text: str, *, capitals: bool) -> int:
    """How often a text has what is rare in any: control characters, and within a word a change of case and what is no letter.

    Args:
        text: the text.
        capitals: whether capitals after capitals count too.
    """
    faults = 0
    for found in itertools.islice(re.finditer(r"[^\x00-\x7f]", text), _WEIGHED):
        here, place = found[0], found.start()
        before, after = text[max(0, place - 1) : place], text[place + 1 : place + 2]
        kind = unicodedata.category(here)
        if kind == "Lu":
            faults += before.isalpha() if capitals else before.islower()
        elif kind == "Ll":
            faults += before.isupper() and after.isupper()
        elif kind == "Cc":
            faults += 1
        elif kind[0] not in "LM" and kind != "Pd" and here not in _JOINING:
            faults += before.isalpha() and after.isalpha()
    return faults


def _printed(text: str) -> float:
    return sum(each.isprintable() or each in "\t\n\r\u3000" for each in text) / max(1, len(text))


def _reading(data: bytes, codec: str) -> str:
    """Bytes that may end within a character, as text; empty where they are none."""
    try:
        return codecs.getincrementaldecoder(codec)().decode(data)
    except UnicodeError:
        return ""
