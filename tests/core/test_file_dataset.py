"""What every dataset of files has: its files, found once, and what tells that they have not changed."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from seqgen.core.errors import CorpusError, OptionError, SeqgenWarning
from seqgen.core.file_dataset import FileDataset, TextFileDataset
from seqgen.core.types import Document
from seqgen.datasets.text import TextDataset

HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Whole(FileDataset):
    """Each file a document of bytes; of folders, those that end in ``.dat``."""

    suffixes = (".dat",)

    def documents(self) -> Iterator[Document]:
        """As the contract has it."""
        for file in self.files:
            yield Document(file.name, b"".join(file.blocks()))


@pytest.fixture
def folder(tmp_path):
    """Two files that were written an hour ago, and another kind of file."""
    for name in ("a.dat", "b.dat", "notes.md"):
        path = tmp_path / name
        path.write_bytes(name.encode())
        at = path.stat().st_mtime - HOUR
        os.utime(path, (at, at))
    return tmp_path


@pytest.fixture
def settled(monkeypatch):
    """Files whose status changed just now count as settled."""
    monkeypatch.setattr("seqgen.core.files.SETTLED_NS", 0)


def test_of_a_folder_the_files_with_its_suffixes_are_read(folder):
    assert [document.content for document in Whole(sources=(str(folder),)).documents()] == [b"a.dat", b"b.dat"]


def test_what_can_be_read_once_is_read_as_often_as_asked(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"once")))
    dataset = Whole(sources=("-",))
    assert list(dataset.documents()) == list(dataset.documents()) == [Document("-", b"once")]


@pytest.mark.usefixtures("settled")
def test_the_stamp_is_the_same_while_no_file_changes(folder):
    assert Whole(sources=(str(folder),)).stamp() == Whole(sources=(str(folder),)).stamp() is not None


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.dat").write_bytes(b"other"),
        lambda folder: (folder / "c.dat").write_bytes(b"new"),
        lambda folder: (folder / "b.dat").unlink(),
        lambda folder: (folder / "b.dat").rename(folder / "c.dat"),
        lambda folder: os.utime(folder / "a.dat", (0, 0)),
    ],
    ids=["written", "added", "removed", "renamed", "touched"],
)
def test_the_stamp_is_another_after_any_change(folder, change):
    before = Whole(sources=(str(folder),)).stamp()
    change(folder)
    assert Whole(sources=(str(folder),)).stamp() != before


def test_where_a_file_was_written_just_now_nothing_tells(folder):
    (folder / "c.dat").write_bytes(b"new")
    assert Whole(sources=(str(folder),)).stamp() is None


def test_a_corpus_without_anything_says_of_what(folder):
    assert str(Whole(sources=("a", "b")).empty("song")) == "The corpus is empty: there is no song in a, b."
    assert str(Whole().empty("song")) == "The corpus is empty: there is no song in no sources."


def test_text_refuses_an_encoding_that_is_none_when_it_is_made():
    @dataclass(frozen=True, kw_only=True)
    class Text(TextFileDataset):
        def documents(self):
            return iter(())

    with pytest.raises(OptionError, match='encoding is "utf-99"'):
        Text(encoding="utf-99")


# Files of text


@pytest.fixture
def texts(tmp_path, monkeypatch):
    """A folder of files in UTF-8, one of which is Latin-1, and one of which has bytes that are no text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t").mkdir()
    for name, content in {
        "a.txt": "naïve café\n".encode(),
        "b.txt": "été, forêt\n".encode("latin-1"),
        "c.txt": "naïve café ".encode() + b"\xff, \xfe\n",
    }.items():
        (tmp_path / "t" / name).write_bytes(content)


def contents(**options):
    return [document.content for document in TextDataset(sources=("t",), **options).documents()]


def test_a_folder_of_files_in_several_encodings_is_read(texts):
    with pytest.raises(CorpusError, match=r"t/b\.txt is not UTF-8 text.*--dataset text:encoding=utf-8/cp1252$"):
        contents()
    assert contents(encoding="utf-8/cp1252")[:2] == ["naïve café\n", "été, forêt\n"]


def test_bytes_that_are_no_text_are_read_as_a_replacement_and_a_warning_says_how_many(texts):
    with pytest.warns(SeqgenWarning) as told:
        assert contents(errors="replace") == [
            "naïve café\n",
            "\ufffdt\ufffd, for\ufffdt\n",
            "naïve café \ufffd, \ufffd\n",
        ]
    assert [str(each.message) for each in told] == [
        "5 characters are read as U+FFFD, which stands for bytes that are no text, in 2 files, the first of them t/b.txt"
    ]


def test_of_one_replacement_it_is_said_in_which_file(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"a log with \xff in it\n")
    with pytest.warns(SeqgenWarning) as told:
        list(TextDataset(sources=(str(path),), errors="replace").documents())
    assert [str(each.message) for each in told] == [
        f"1 character is read as U+FFFD, which stands for bytes that are no text, in {path}"
    ]


def test_what_was_told_is_remembered_until_another_reading_has_come_to_its_end(tmp_path):
    (tmp_path / "a.log").write_bytes(b"a log with \xff in it\n")
    dataset = TextDataset(sources=(str(tmp_path / "a.log"),), errors="replace")
    assert dataset.passed_over() == ()
    for _ in range(2):
        with pytest.warns(SeqgenWarning) as told:
            list(dataset.documents())
        next(dataset.documents())
        assert [*dataset.passed_over()] == [str(each.message) for each in told]
    (tmp_path / "a.log").write_bytes(b"a log without it\n")
    list(dataset.documents())
    assert dataset.passed_over() == ()


def test_nuls_that_went_astray_are_counted_too_wherever_they_are(tmp_path):
    log = b"12:00:01 a boat came in\n" * 1000
    (tmp_path / "a.log").write_bytes(log + b"\0" * 20 + log)
    (tmp_path / "b.log").write_bytes(b"\0\0" + log)
    with pytest.warns(SeqgenWarning) as told:
        read = [each.content for each in TextDataset(sources=(str(tmp_path),), errors="replace").documents()]
    assert read == [log.decode() + "\ufffd" * 20 + log.decode(), "\ufffd\ufffd" + log.decode()]
    assert [str(each.message)[:62] for each in told] == [
        "22 characters are read as U+FFFD, which stands for bytes that "
    ]


def test_a_replacement_character_that_a_text_holds_is_nothing_to_warn_of(tmp_path):
    (tmp_path / "a.txt").write_text("a \ufffd", "utf-8")
    with warnings.catch_warnings(action="error"):
        list(TextDataset(sources=(str(tmp_path / "a.txt"),)).documents())


def test_an_encoding_of_two_bytes_that_is_named_makes_files_of_a_folder_text(texts, tmp_path):
    (tmp_path / "t" / "d.txt").write_bytes("the ice".encode("utf-16-le"))
    for name in ("b.txt", "c.txt"):
        (tmp_path / "t" / name).unlink()
    assert contents(encoding="utf-8/utf-16-le") == ["naïve café\n", "the ice"]
