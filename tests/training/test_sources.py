"""What a person names as a corpus becomes paths that can be read again, from any folder."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqgen.core.errors import CorpusError, UsageError
from seqgen.corpora import locate
from seqgen.training.sources import named_here, resolve_sources, source_names

from .conftest import Reporter


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


def test_standard_input_is_read_as_it_comes_so_that_a_signal_need_not_wait_for_more(seqgen_home, monkeypatch):
    arriving = iter([b"one ", b"two\n", b""])
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=SimpleNamespace(read1=lambda _size: next(arriving))))
    assert Path(resolve_sources(["-"]).paths[0]).read_bytes() == b"one two\n"


def test_standard_input_is_on_the_disk_before_it_has_its_name_which_then_is_too(
    seqgen_home, stdin, flushed, monkeypatch
):
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda *paths: flushed.append("renamed") or replace(*paths))
    stdin(b"one\n")
    (path,) = map(Path, resolve_sources(["-"]).paths)
    assert flushed == [path.stat().st_ino, "renamed", path.parent.stat().st_ino]


def test_an_empty_standard_input_is_said_and_not_kept(seqgen_home, stdin):
    stdin(b"")
    with pytest.raises(CorpusError, match=r"^Standard input is empty\.$"):
        resolve_sources(["-"])
    assert not list((seqgen_home / "corpora" / "stdin").iterdir())


def test_standard_input_is_kept_also_where_no_file_is_renamed_that_is_open(seqgen_home, stdin, monkeypatch):
    opened, replace, begin = [], Path.replace, Path.open

    def kept_open(path, *given, **how):
        opened.append(file := begin(path, *given, **how))
        return file

    def as_on_windows(path, target):
        if any(Path(file.name) == path and not file.closed for file in opened):
            raise PermissionError(13, "Access is denied", str(path))
        return replace(path, target)

    monkeypatch.setattr(Path, "open", kept_open)
    monkeypatch.setattr(Path, "replace", as_on_windows)
    stdin(b"one\n")
    assert Path(resolve_sources(["-"]).paths[0]).read_bytes() == b"one\n"
    assert opened


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_comes_through_a_pipe_is_kept_like_standard_input(seqgen_home, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"the ice",))
    writer.start()
    (path,) = resolve_sources([str(tmp_path / "pipe")]).paths
    writer.join()
    assert Path(path).read_bytes() == b"the ice"
    assert Path(path).parent == seqgen_home / "corpora" / "pipe"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_run_of_what_came_through_a_pipe_is_gone_on_with_without_it(start, resume, corpus, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(corpus.read_bytes(),))
    writer.start()
    start(sources=[str(tmp_path / "pipe")], reporter=Reporter(signal_at=1), max_steps=12, eval_every=4, ngram_order=0)
    writer.join()
    assert resume().version.open().manifest["results"]["steps"] == 12


def test_each_source_is_taken_once(seqgen_home, tmp_path, monkeypatch, stdin):
    monkeypatch.chdir(tmp_path)
    stdin(b"one")
    found = resolve_sources(["-", "a.txt", "ice", "./a.txt", "-", "https://x.example/", "ice", "https://x.example/"])
    assert found.sources == ("-", "a.txt", "ice", "./a.txt", "https://x.example/")
    assert found.paths[1:] == (str(tmp_path / "a.txt"), str(locate("ice")), "https://x.example/")


def test_a_source_that_is_empty_text_is_not_this_folder(seqgen_home):
    with pytest.raises(UsageError, match=r"^A source is empty text: name a file, a folder, "):
        resolve_sources([""])


@pytest.mark.parametrize(
    ("source", "meant"), [("shakespear", "shakespeare"), ("ICE", "ice"), ("Moby-Dick", "moby-dick"), ("nams", "names")]
)
def test_what_is_nearly_the_name_of_a_corpus_is_said_to_be(seqgen_home, tmp_path, monkeypatch, source, meant):
    monkeypatch.chdir(tmp_path)
    said = f"{tmp_path / source} does not exist.  Nearest: "
    with pytest.raises(CorpusError) as raised:
        resolve_sources([source])
    assert str(raised.value) == f"{said}the corpus {meant} (seqgen corpora list)"
    near = tmp_path / f"{source}.txt"
    near.write_text("near")
    with pytest.raises(CorpusError) as raised:
        resolve_sources([source])
    assert str(raised.value) == f"{said}{near} or the corpus {meant} (seqgen corpora list)"
    assert resolve_sources([f"./texts/{source}"]).paths == (str(tmp_path / "texts" / source),)


@pytest.mark.skipif(os.name != "posix", reason="a folder in use can be removed")
def test_a_current_folder_that_was_removed_is_said(seqgen_home, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    (tmp_path / "a.txt").write_text("a")
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(
        UsageError, match=r"^a.txt is looked for in the current folder, which was removed\.  Go to another"
    ):
        resolve_sources(["a.txt"])
    assert resolve_sources([str(tmp_path / "a.txt")]).paths == (str(tmp_path / "a.txt"),)


def test_a_path_is_named_shorter_only_where_that_means_the_same(seqgen_home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ice, names = (str(locate(name)) for name in ("ice", "names"))
    assert [*named_here([ice], dataset="text"), *named_here([names], dataset="lines")] == ["ice", "names"]
    assert named_here([ice, "a.txt"], dataset="text:encoding=utf-8") == ["ice", "a.txt"]
    assert named_here([names], dataset="text") == [names]  # by its name it would be read as lines
    (tmp_path / "ice").symlink_to("nowhere")
    assert named_here([ice], dataset="text") == [ice]


@pytest.mark.parametrize("named", [["s1.txt", "two.txt"], b"one.txt", 1, None])
def test_what_is_neither_text_nor_a_path_names_no_source(named):
    with pytest.raises(UsageError) as caught:
        source_names(["one.txt", named])
    assert str(caught.value) == f"{named!r} is no file's name.  Name files one by one; of a list, as *files"


@pytest.mark.parametrize(
    "text",
    [
        "It was a dark night. " * 300,
        "It was a dark night.\n",
        "It was a dark night. 暗い夜だった" + "暗" * 80,
        "It was a dark night./" * 300,
    ],
)
def test_a_text_is_told_from_the_name_of_a_file(tmp_path, text):
    with pytest.raises(UsageError) as caught:
        source_names([text])
    said = str(caught.value)
    assert said.startswith("'It was a dark night.")
    assert said.endswith(" is a text and no file's name.  Write it to a file, or give it to standard input, and name -")
    assert len(said) < 140


def test_names_of_any_length_that_sources_may_have_are_taken(tmp_path):
    names = [Path("one.txt"), "a" * 255, "a/" * 1000, "*.txt", f"https://example.org/?signature={'a' * 5000}"]
    assert source_names(names) == [str(name) for name in names]


@pytest.mark.skipif(os.name != "posix", reason="names of files have one line")
def test_a_file_that_is_there_may_have_several_lines_in_its_name(tmp_path):
    (tmp_path / "one\ntwo").touch()
    assert source_names([tmp_path / "one\ntwo"]) == [str(tmp_path / "one\ntwo")]
