"""Files that hold text or music in a form of their own: what is said of them, and what is text all the same."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest

from seqgen.core.errors import CorpusError, SeqgenWarning
from seqgen.core.files import find_sources
from seqgen.core.formats import format_of

PROSE = b"The harbour was quiet, and every boat lay still.\n" * 20


def zipped(name="OEBPS/a.xhtml"):
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr(name, PROSE)
    return stored.getvalue()


def tarred(form=tarfile.PAX_FORMAT):
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w", format=form) as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = len(PROSE)
        archive.addfile(member, io.BytesIO(PROSE))
    return stored.getvalue()


PDF = b"%PDF-1.4\n4 0 obj<</Length 9>>stream\nBT (" + PROSE + b") Tj ET\nendstream endobj\n%%EOF\n"
MIDI = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\4\0\xff\x2f\0"

FORMATS = {
    "a.pdf": (PDF, "a PDF and not text.  Make text of it, for example with pdftotext"),
    "a.rtf": (
        rb"{\rtf1\ansi " + PROSE + b"}",
        "RTF and not text.  Save it as plain text, or make that of it with pandoc -t plain",
    ),
    "a.epub": (
        zipped(),
        "a zip archive, as EPUB, DOCX and ODT are, and not text.  Unpack it; of a book or a document make text, for example with pandoc -t plain",
    ),
    "a.tar": (tarred(), "a tar archive and not text.  Unpack it, and name the folder"),
    "b.tar": (tarred(tarfile.GNU_FORMAT), "a tar archive and not text.  Unpack it, and name the folder"),
    "a.tar.gz": (gzip.compress(tarred()), "a tar archive and not text.  Unpack it, and name the folder"),
    "a.7z": (b"7z\xbc\xaf'\x1c\0\4" + PROSE, "a 7z archive and not text.  Unpack it, and name the folder"),
    "a.rar": (b"Rar!\x1a\7\1\0" + PROSE, "a RAR archive and not text.  Unpack it, and name the folder"),
    "a.doc": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + PROSE,
        "a document of an older Office and not text.  Save it as plain text",
    ),
    "a.mid": (
        MIDI,
        "MIDI and not text.  Name what reads it, where a plugin has that (seqgen list-plugins): --dataset midi --tokenizer midi",
    ),
}


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, (content, _) in FORMATS.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("encoding", ["auto", "utf-8/cp1252", "cp866"])
@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_named_is_told_to_be_in_its_format_with_what_makes_text_of_it(name, encoding):
    [source] = find_sources([name])
    for errors in ("strict", "replace"):
        with pytest.raises(CorpusError) as error:
            list(source.text(encoding, errors=errors))
        assert str(error.value) == f"{name} is {FORMATS[name][1]}"


def test_of_a_folder_such_files_are_left_out(stored):
    (stored / "a.txt").write_bytes(PROSE)
    with pytest.warns(
        SeqgenWarning,
        match=rf"^\.: {len(FORMATS)} of {len(FORMATS) + 1} files .* left out\.  a\.7z is {FORMATS['a.7z'][1]}$",
    ):
        assert [source.name for source in find_sources(["."])] == ["a.txt"]


def test_of_a_folder_with_no_other_files_it_is_told_what_the_first_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tunes").mkdir()
    for name in ("b.mid", "a.mid"):
        (tmp_path / "tunes" / name).write_bytes(MIDI)
    with pytest.raises(CorpusError) as error:
        find_sources(["tunes"])
    said = f"Folder tunes has no text file (2 of other kinds).  tunes/a.mid is {FORMATS['a.mid'][1]}"
    assert str(error.value) == said
    assert len(find_sources(["tunes"], suffixes=(".mid",))) == 2


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"PDF",
        b"% PDF-1.4 is a format\n",
        b"\\rtf is a word",
        b"PK is a name\n",
        b"7z, zip and tar\n",
        b"Rar! cried the bird\n",
        b"MThd begins a file\n",
        b" " * 257 + b"ustar, the archive",
    ],
)
def test_a_text_that_begins_nearly_so_is_text(text):
    assert format_of(text) is None


def test_text_in_which_the_mark_of_a_tar_archive_stands_where_it_has_it_is_text():
    assert format_of(b"x" * 257 + b"ustar is a word of five letters\n") is None
