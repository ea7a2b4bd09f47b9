"""Links in a folder: which lead to files, and which are told of and not followed."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from seqgen.core.errors import CorpusError, SeqgenWarning
from seqgen.core.files import find_sources
from seqgen.core.folders import below


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("t/a.txt", "more/b.txt", "other/c.txt"):
        Path(name).parent.mkdir()
        Path(name).write_text(name)


def found(*named):
    return [source.name for source in find_sources(named)]


def linked(*names):
    for name in names:
        Path("t", name).symlink_to(f"../{name}")


def test_a_link_that_leads_round_to_itself_is_passed_over_as_one_that_leads_nowhere():
    Path("t/self").symlink_to("self")
    Path("t/one").symlink_to("two")
    Path("t/two").symlink_to("one")
    Path("t/gone.txt").symlink_to("nowhere")
    assert found("t") == ["t/a.txt"]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["more"], "{}: 1 linked folder is not followed: t/more.  Name it too, if it is to be read"),
        (
            ["other", "more"],
            "{}: 2 linked folders are not followed, the first: t/more.  Name it too, if it is to be read",
        ),
    ],
)
def test_of_linked_folders_a_warning_says_that_they_are_not_followed(names, sentence):
    linked(*names)
    for folder in ("t", "t*"):
        with pytest.warns(SeqgenWarning, match=f"^{re.escape(sentence.format(folder))}$"):
            assert found(folder) == ["t/a.txt"]


def test_one_that_is_named_too_is_read():
    linked("more")
    with pytest.warns(SeqgenWarning, match="linked folder"):
        assert found("t", "t/more") == ["t/a.txt", "t/more/b.txt"]


def test_a_folder_of_nothing_else_names_it():
    Path("links").mkdir()
    Path("links/more").symlink_to("../more")
    with pytest.raises(CorpusError) as error:
        find_sources(["links"])
    assert str(error.value) == (
        "Folder links is empty, but 1 linked folder is not followed: links/more.  Name it itself"
    )


def test_a_link_to_a_folder_within_or_around_is_nothing_to_tell():
    Path("t/u").mkdir()
    Path("t/u/d.txt").write_text("d")
    Path("t/again").symlink_to("u")
    Path("t/u/round").symlink_to("..")
    Path("t/u/far").symlink_to("../..")
    with warnings.catch_warnings(action="error"):
        assert found("t") == ["t/a.txt", "t/u/d.txt"]
    assert below("t") == (["t/a.txt", "t/u/d.txt"], [])


def test_of_the_current_folder_the_paths_have_no_folder_in_front():
    assert below("") == (["more/b.txt", "other/c.txt", "t/a.txt"], [])


def test_a_link_to_a_hidden_folder_inside_the_same_one_is_told():
    Path("t/.store").mkdir()
    Path("t/.store/b.txt").write_text("b")
    Path("t/books").symlink_to(".store")
    with pytest.warns(SeqgenWarning, match=r"1 linked folder is not followed: t/books\."):
        assert found("t") == ["t/a.txt"]
