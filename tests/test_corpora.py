"""Corpora by name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from seqgen import corpora
from seqgen.core.errors import UsageError

ROOT = Path(__file__).parent.parent


def test_the_bundled_corpora_are_there_and_read_as_utf_8():
    bundled = {corpus.name: corpus for corpus in corpora.available() if corpus.source == "bundled"}
    assert {name: corpus.dataset for name, corpus in bundled.items()} == {
        "ice": "text",
        "names": "lines",
        "songs": "songs",
        "tunes": "abc",
    }
    for corpus in bundled.values():
        assert corpora.locate(corpus.name) == corpus.path
        files = sorted(corpus.path.iterdir()) if corpus.path.is_dir() else [corpus.path]
        assert sum(len(file.read_bytes()) for file in files) == corpus.size
        assert all(file.read_text(encoding="utf-8").strip() for file in files)


def test_the_names_are_about_a_thousand_different_ones():
    names = corpora.locate("names").read_text(encoding="utf-8").splitlines()
    assert 900 <= len(names) <= 1_100
    assert len(set(names)) == len(names)


def test_public_corpora_are_pinned_by_commit_size_and_checksum():
    public = [corpus for corpus in corpora.available() if corpus.source == "public"]
    assert len(public) >= 5
    for corpus in public:
        assert corpus.url.startswith("https://"), corpus
        assert any(len(piece) == 40 and int(piece, 16) for piece in corpus.url.split("/")[5:6]), corpus.url
        assert len(corpus.sha256) == 64
        assert corpus.size > 0


def test_the_yardstick_is_the_file_that_everybody_measures_on():
    shakespeare = {corpus.name: corpus for corpus in corpora.available()}["shakespeare"]
    assert shakespeare.size == 1_115_394
    assert shakespeare.sha256 == "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


def test_every_listed_corpus_says_its_licence_and_dataset():
    listed = tomllib.loads((ROOT / "corpora" / "corpora.toml").read_text(encoding="utf-8"))
    assert [corpus.name for corpus in corpora.available()] == list(listed)
    for corpus in corpora.available():
        assert corpus.summary
        assert corpus.licence
        assert corpus.dataset in {"text", "lines", "songs", "abc"}


def test_a_public_corpus_is_located_once_it_lies_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path))
    assert corpora.locate("sonnets") is None
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora" / "sonnets.txt").write_text("From fairest creatures")
    assert corpora.locate("sonnets") == tmp_path / "corpora" / "sonnets.txt"


def test_an_unknown_corpus_is_answered_with_the_nearest_names():
    with pytest.raises(
        UsageError, match=r'No corpus "sonets"\.  Nearest: sonnets, songs, tunes\.  All: seqgen corpora list'
    ):
        corpora.locate("sonets")


def test_downloading_a_bundled_corpus_finds_it_where_it_is(tmp_path):
    assert corpora.download("names", tmp_path) == corpora.locate("names")
    assert not list(tmp_path.iterdir())
