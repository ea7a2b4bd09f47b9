"""What every dataset of files has: its files, found once, and what tells that they have not changed."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from seqgen.core.errors import OptionError
from seqgen.core.file_dataset import FileDataset, TextFileDataset
from seqgen.core.types import Document

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
