"""What a person names as a corpus becomes paths that can be read again, from any folder."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqgen.core.errors import CorpusError
from seqgen.corpora import locate
from seqgen.training.sources import name_after, resolve_sources


@pytest.fixture
def stdin(monkeypatch):
    """Give standard input."""
    return lambda content: monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))


def test_without_a_corpus_it_is_the_bundled_one(seqgen_home):
    found = resolve_sources([])
    assert (found.sources, found.dataset) == (("ice",), "text")
    assert found.paths == (str(locate("ice")),)


def test_without_a_corpus_it_is_the_bundled_one_also_beside_a_file_of_its_name(seqgen_home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ice").write_text("my own")
    assert resolve_sources([]).paths == (str(locate("ice")),)
    assert resolve_sources(["ice"]).paths == (str(tmp_path / "ice"),)


def test_a_named_corpus_brings_the_dataset_that_suits_it(seqgen_home):
    found = resolve_sources(["names"])
    assert found.dataset == "lines"
    assert Path(found.paths[0]).is_file()


def test_a_file_comes_before_a_corpus_of_that_name(seqgen_home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names").write_text("my own")
    found = resolve_sources(["names"])
    assert (found.paths, found.dataset) == ((str(tmp_path / "names"),), None)


def test_a_corpus_that_is_not_downloaded_says_how_to_get_it(seqgen_home):
    with pytest.raises(CorpusError, match="Corpus shakespeare is not here yet.  seqgen corpora get shakespeare"):
        resolve_sources(["shakespeare"])


def test_a_downloaded_corpus_is_found(seqgen_home):
    (seqgen_home / "corpora").mkdir(parents=True)
    path = seqgen_home / "corpora" / "shakespeare.txt"
    path.write_text("First Citizen:")
    assert resolve_sources(["shakespeare"]).paths == (str(path),)


def test_paths_become_absolute_and_urls_stay(seqgen_home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "a.txt").write_text("a")
    named = ["a.txt", "*.txt", "missing.txt", "https://example.org/a.txt", "~/b.txt", "~/*.txt"]
    assert resolve_sources(named).paths == (
        str(tmp_path / "a.txt"),
        str(tmp_path / "*.txt"),
        str(tmp_path / "missing.txt"),
        "https://example.org/a.txt",
        str(tmp_path / "me" / "b.txt"),
        str(tmp_path / "me" / "*.txt"),
    )


def test_standard_input_is_kept_as_a_file_named_after_its_content(seqgen_home, stdin):
    paths = []
    for content in (b"one\n", b"two\n", b"one\n"):
        stdin(content)
        (path,) = resolve_sources(["-"]).paths
        assert Path(path).read_bytes() == content
        paths.append(path)
    assert paths[0] == paths[2] != paths[1]
    kept = seqgen_home / "corpora" / "stdin"
    assert sorted(map(str, kept.iterdir())) == sorted(set(paths))


def test_an_empty_standard_input_is_said_and_not_kept(seqgen_home, stdin):
    stdin(b"")
    with pytest.raises(CorpusError, match=r"^Standard input is empty\.$"):
        resolve_sources(["-"])
    assert not list((seqgen_home / "corpora" / "stdin").iterdir())


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("novel.txt", "novel"),
        ("novel.txt.gz", "novel"),
        ("texts/NOVEL.TXT.ZST", "NOVEL"),
        ("s3://bucket/novel.txt.gz?signature=1.txt", "novel"),
        ("chapters/", "chapters"),
        ("chapters/*", "chapters"),
        ("a.txtgz", "a.txtgz"),
        ("...", "model"),
    ],
)
def test_a_model_is_called_after_its_source_without_what_says_how_that_is_written(source, name):
    assert name_after(source) == name
