"""Which encoding a text is in, and what is advised where it is in none."""

import codecs
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seqgen.core import files
from seqgen.core.decoding import first_that_fits, is_binary
from seqgen.core.errors import CorpusError, OptionError
from seqgen.core.files import Source, check_encoding

RUSSIAN = "Все счастливые семьи похожи друг на друга\n" * 3


def of_bytes(content, *, alone=True):
    source = Source("file", lambda: io.BytesIO(content), named=True)
    source.alone = alone
    return source


def text_of(content, encoding="auto", errors="strict"):
    return "".join(of_bytes(content).text(encoding, errors=errors))


def message(content, encoding="auto", errors="strict", *, alone=True):
    """With which it is refused; empty where it is text."""
    try:
        list(of_bytes(content, alone=alone).text(encoding, errors=errors))
    except CorpusError as error:
        return str(error)
    return ""


def refused(content, encoding="auto", *, alone=True):
    """The advice of the message, without how that would read."""
    return re.sub(
        r"^As [\w-]+ it would read .*?['\"]\.  ",
        "",
        message(content, encoding, alone=alone).partition("does not fit.  ")[2],
    )


# Byte order marks


@pytest.mark.parametrize("named", ["latin-1", "utf-16-be", "shift_jis", "cp1252", "utf-8/latin-1"])
@pytest.mark.parametrize("own", ["utf-16", "utf-8-sig", "utf-32"])
def test_a_byte_order_mark_is_followed_whatever_encoding_is_named(named, own):
    assert text_of("né\n".encode(own), named) == "né\n"


# Several encodings


@pytest.mark.parametrize(
    ("encoding", "stored", "text"),
    [
        ("utf-8/cp1252", "n‘é’".encode(), "n‘é’"),
        ("utf-8/cp1252", "n‘é’".encode("cp1252"), "n‘é’"),
        ("auto/latin-1", "né".encode("latin-1"), "né"),
        ("utf-8/shift_jis/latin-1", "氷".encode("shift_jis"), "氷"),
        ("utf-8/shift_jis/latin-1", b"n\xe9", "né"),
        ("utf-8/utf-16-le", "the ice".encode("utf-16-le"), "the ice"),
        ("utf-16-le/utf-8", b"ice", "ice"),
        ("utf-8/cp1252", b"", ""),
    ],
)
def test_of_several_encodings_a_text_takes_the_first_in_which_it_reads(encoding, stored, text):
    source = Source("file", lambda: io.BytesIO(stored), named=False)
    assert "".join(source.text(encoding)) == text


@given(st.text(st.sampled_from("ab é‘👍"), max_size=30), st.sampled_from(["utf-8", "cp1252"]))
def test_all_of_a_text_is_read_before_its_encoding_is_chosen(text, stored_in):
    stored = text.encode(stored_in, "ignore")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BLOCK", 5)
        source = Source("file", lambda: io.BytesIO(stored), named=False)
        try:
            expected = stored.decode()
        except UnicodeDecodeError:
            expected = stored.decode("cp1252")
        assert "".join(source.text("utf-8/cp1252")) == expected


def test_no_more_is_read_than_it_takes_to_choose():
    blocks = iter([b"ice", b"\xe9t\xe9", b"more"])
    assert first_that_fits(blocks, ["utf-8", "cp1252"]) == "cp1252"
    assert next(blocks) == b"more"


def test_the_last_of_several_encodings_refuses_what_does_not_fit():
    with pytest.raises(CorpusError, match=r"^file is not CP1252 text: byte 1 \(0x81\) does not fit\."):
        text_of(b"\xe9\x81", "utf-8/cp1252")


@pytest.mark.parametrize("encoding", ["utf-8/utf-9", "/utf-8", "utf-8/"])
def test_each_of_several_encodings_must_be_one(encoding):
    with pytest.raises(OptionError, match="no text encoding"):
        check_encoding(encoding)


# Bytes that are no text


def test_bytes_that_are_no_text_may_be_read_as_a_replacement():
    assert text_of(b"one \xff bad, caf\xc3\xa9", errors="replace") == "one \ufffd bad, café"
    assert text_of(b"cut \xc3", errors="replace") == "cut \ufffd"
    assert text_of(b"\xe9\x81", "utf-8/cp1252", errors="replace") == "é\ufffd"


# NULs that went astray, as where a machine lost its power while it wrote a log

LOG = b"12:00:01 harbour sshd: a boat came in\n" * 300
WENT_WRONG = "If it is a byte that went wrong, --dataset text:errors=replace reads it as U+FFFD"


def test_a_text_in_which_nuls_went_astray_says_so_and_is_read_with_replacements():
    stored = LOG + b"\0" * 20 + LOG
    assert message(stored) == f"file is not text: byte {len(LOG):,} is NUL.  {WENT_WRONG}"
    assert text_of(stored, errors="replace") == stored.decode().replace("\0", "\ufffd")


@pytest.mark.parametrize("encoding", ["auto", "utf-8/cp1252", "utf-8/utf-16-le", "cp1252/utf-8"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8], ids=["", "marked"])
def test_a_text_with_nuls_keeps_its_encoding(encoding, mark):
    expected = "né " * 20 + "\ufffd" * 4 + "\n"
    if encoding != "cp1252/utf-8" or mark:
        stored = mark + expected.replace("\ufffd", "\0").encode()
        assert text_of(stored, encoding, errors="replace") == expected
    if "cp1252" in encoding and not mark:
        assert text_of(expected.replace("\ufffd", "\0").encode("cp1252"), encoding, errors="replace") == expected


def test_bytes_of_which_some_went_wrong_otherwise_may_have_nuls_too():
    assert text_of(LOG + b"\xff\0\xfe" + LOG, errors="replace") == f"{LOG.decode()}\ufffd\ufffd\ufffd{LOG.decode()}"


def test_a_file_of_a_folder_that_begins_with_nuls_astray_is_text_where_they_are_replaced():
    assert is_binary(LOG[:50] + b"\0" + LOG)
    assert not is_binary(LOG[:50] + b"\0" + LOG, errors="replace")
    assert not is_binary(LOG[:50] + b"\0" + LOG, "utf-16-le/utf-8", errors="replace")
    assert not is_binary(codecs.BOM_UTF8 + b"\0" + LOG, errors="replace")


@pytest.mark.parametrize(
    "stored",
    [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0", b"\0" * 100 + b"a log", bytes(range(256)) * 40],
    ids=["png", "nuls", "all bytes"],
)
@pytest.mark.parametrize("encoding", ["auto", "latin-1"])
def test_what_is_no_text_without_its_nuls_either_is_binary_all_the_same(stored, encoding):
    assert is_binary(stored, encoding, errors="replace")
    assert "not text, but binary" in message(stored, encoding, errors="replace")
    assert WENT_WRONG not in message(stored, encoding)


def test_utf_16_without_a_mark_is_advised_and_not_read_in_another_encoding():
    stored = "동해 물과 백두산이 마르고 닳도록 하느님이 보우하사 우리나라 만세\n".encode("utf-16-le")
    for errors in ("strict", "replace"):
        assert message(stored, "cp1252", errors).endswith("If it is UTF-16: --dataset text:encoding=utf-16-le")


# Binary


def test_a_text_in_utf_16_without_a_mark_is_binary_unless_that_is_named():
    stored = "the ice".encode("utf-16-le")
    assert is_binary(stored)
    assert is_binary(stored, "utf-8/utf-32-le")
    assert not is_binary(stored, "utf-8/utf-16-le")
    assert is_binary(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "utf-8/utf-16-le")


# Advice


@pytest.mark.parametrize(
    ("stored", "advised"),
    [
        (b"caf\xe9 au lait", "latin-1"),
        (b"\x93caf\xe9\x94", "cp1252"),
        (RUSSIAN.encode("cp1251"), "cp1251 (or cp1253, cp1256, cp866, ...)"),
        ("Märchen für Kinder aus Åbo".encode("mac_roman"), "mac_roman (or cp850, ...)"),
    ],
)
def test_an_encoding_is_advised_that_suits_the_bytes(stored, advised):
    assert refused(stored) == f"Name its encoding, for example --dataset text:encoding={advised}"


def test_what_was_tried_is_not_advised():
    advice = refused("日本語".encode("euc_jp")[:-1], "euc_jp/utf-8")
    assert advice == "Name its encoding, for example --dataset text:encoding=gb18030"


@pytest.mark.parametrize(
    ("stored", "encoding", "reading"),
    [
        (
            b"a menu:\ncaf\xe9 au lait\nand more of the same",
            "auto",
            "As latin-1 it would read 'café au lait and more of th'",
        ),
        (RUSSIAN.encode("koi8-r"), "auto", "As koi8-r it would read 'Все счастливые семьи пох'"),
        ("Kadıköy'de, ağaç".encode("cp1254"), "auto", 'As cp1254 it would read "Kadıköy\'de, ağaç"'),
        ("the “ice”".encode(), "ascii", "As utf-8 it would read '“ice”'"),
        (b"\x93caf\xe9\x94", "utf-8", "As cp1252 it would read '“café”'"),
    ],
)
def test_the_message_shows_how_the_first_characters_would_read_so_that_a_wrong_guess_is_seen(stored, encoding, reading):
    assert f"does not fit.  {reading}.  Name its encoding, " in message(stored, encoding)
    assert f"does not fit.  {reading}.  The encoding holds for all files; " in message(stored, encoding, alone=False)


def test_where_nothing_would_read_otherwise_no_reading_is_shown():
    assert "would read" not in message(b"ice", "utf-16-le")


@pytest.mark.parametrize(
    "stored",
    [
        "naïve café, ".encode() * 9 + b"\xff",
        b"a log of plain words, but \xff, went on\n",
        "é".encode() + b"\n" * files.BLOCK + b"caf\xe9 au lait, \xe9t\xe9",
        RUSSIAN.encode() + b"\xe9\n" + RUSSIAN.encode(),
        codecs.BOM_UTF8 + b"caf\xe9, \xe9t\xe9",
        codecs.BOM_UTF16_LE + b"a\0b",
    ],
)
def test_where_a_single_byte_went_wrong_no_other_encoding_is_advised(stored):
    assert refused(stored) == "If it is a byte that went wrong, --dataset text:errors=replace reads it as U+FFFD"


@pytest.mark.parametrize(
    ("stored", "encoding", "advised"),
    [
        (b"caf\xe9, \xe9t\xe9", "auto", "utf-8/cp1252"),
        ("an ‘apple’, naïve".encode("cp1252"), "utf-8", "utf-8/cp1252"),
        (RUSSIAN.encode("cp1251"), "auto", "utf-8/cp1251 (or cp1253, cp1256, cp866, ...)"),
        ("Æ’".encode() + b"\x9d", "cp1252", None),
        ("the “ice”".encode(), "cp1252", "utf-8/cp1252"),
        (b"ice", "utf-16-le", "utf-8/utf-16-le"),
    ],
)
def test_beside_other_files_encodings_are_advised_that_suit_those_too(stored, encoding, advised):
    advice = refused(stored, encoding, alone=False)
    if advised is None:
        assert advice.startswith("If it is a byte that went wrong")
    else:
        assert advice == (
            f"The encoding holds for all files; of several, each takes the first that fits it: --dataset text:encoding={advised}"
        )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["the ice", RUSSIAN, "天地玄黃\n宇宙洪荒\n"])
def test_utf_16_and_utf_32_without_a_mark_are_recognised_in_the_advice_which_reads_them(text, encoding):
    stored, name = text.encode(encoding), encoding[:6].upper()
    assert message(stored).endswith(f".  If it is {name}: --dataset text:encoding={encoding}")
    assert message(stored, alone=False).endswith(f".  If it is {name}: --dataset text:encoding=utf-8/{encoding}")
    assert text_of(stored, f"utf-8/{encoding}") == text_of(stored, encoding) == text


@given(
    st.binary(min_size=1, max_size=24) | st.text(max_size=12).map(lambda text: text.encode("utf-16-le")),
    st.sampled_from(["auto", "ascii", "cp1252", "shift_jis", "utf-16-le", "utf-8/cp1252", "cp1252/utf-8"]),
    st.booleans(),
)
@example(stored=b"\x00\x00\x01", encoding="auto", alone=True)
def test_advice_never_runs_in_a_circle(stored, encoding, alone):
    """Whoever follows it comes to a text, or to what is binary; never to the same message."""
    seen, errors = set(), "strict"
    while (said := message(stored, encoding, errors, alone=alone)) and (
        advice := re.search(r"--dataset text:(encoding|errors)=([^ ,]+)", said)
    ):
        assert (encoding, errors) not in seen, said
        seen.add((encoding, errors))
        if advice[1] == "encoding":
            encoding = advice[2]
        else:
            errors = advice[2]
