"""What a model is called where nobody says."""

from __future__ import annotations

import pytest

from seqgen.training.naming import name_after


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("novel.txt", "novel"),
        ("novel.txt.gz", "novel"),
        ("texts/NOVEL.TXT.ZST", "NOVEL"),
        ("novel.txt.bz2", "novel"),
        ("novel.xz", "novel"),
        ("s3://bucket/novel.txt.gz?signature=1.txt", "novel"),
        ("http://ada:lace@example.org/novel.txt", "novel"),
        ("http://ada:lace@example.org/", "example.org"),
        ("tune.MIDI", "tune"),
        ("songs.jsonl.zst", "songs"),
        ("v1.2", "v1.2"),
        ("mr.darcy.txt", "mr.darcy"),
        (".words", "words"),
        ("Émile.txt", "Emile"),
        ("ﬁnn, Łukasz.txt", "finn-ukasz"),
        ("1984.txt", "1984"),
    ],
)
def test_a_model_is_called_after_its_source_without_what_says_how_that_is_written(source, name):
    assert name_after(source) == name


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A folder of that name to be in, with a folder and files."""
    (tmp_path / "library" / "old.books").mkdir(parents=True)
    (tmp_path / "library" / "a[1].txt").touch()
    monkeypatch.chdir(tmp_path / "library")
    return tmp_path / "library"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("chapters/", "chapters"),
        ("chapters/*", "chapters"),
        ("chapters/*.md", "chapters"),
        ("chapters/**/part-?.txt", "chapters"),
        ("s3://bucket/chapters/[a-c].md", "chapters"),
        ("old.books", "old.books"),
        ("old.books/", "old.books"),
        ("a[1].txt", "a-1"),
        ("*.txt", "library"),
        (".", "library"),
        ("old.books/..", "library"),
    ],
)
def test_for_a_folder_or_a_glob_it_is_called_after_the_folder(library, source, name):
    assert name_after(source) == name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("红楼梦.txt", "library"),
        ("Война и мир 2.txt", "library"),
        ("tolstoy/Война и мир.txt", "tolstoy"),
        ("https://example.org/tolstoy/мир.txt", "tolstoy"),
        ("...", "library"),
        ("Мир/мир.txt", "model"),
        ("-", "model"),
        ("/dev/fd/63", "model"),
    ],
)
def test_what_has_no_name_in_letters_from_a_to_z_is_called_after_the_folder_around_it(library, source, name):
    assert name_after(source) == name
