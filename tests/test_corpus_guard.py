"""How much a source has, told without opening a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seqgen.core.files import find_sources
from seqgen.corpus_guard import files_of


@pytest.fixture
def folder(tmp_path):
    """Texts of different sizes, a hidden one, and links."""
    names = ("a.txt", "b.md", "deep/c.txt", "deep/er/d.txt", "else/e.md", ".hidden", ".git/f.txt", "deep/.g.txt")
    for size, name in enumerate(names, 1):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x" * size)
    (tmp_path.parent / "elsewhere.md").write_text("x" * 10)
    (tmp_path / "link.txt").symlink_to(tmp_path.parent / "elsewhere.md")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "deep" / "pipe")
    return tmp_path


@pytest.mark.parametrize("source", ["", "a.txt", "link.txt", "*.txt", "*", "d*", "d*/er/**/*.txt", "[de]*"])
def test_what_is_counted_is_what_would_be_read(folder, source):
    found = find_sources([f"{folder}/{source}"])
    expected = sorted(Path(each.name).stat().st_size for each in found)
    assert sorted(status.st_size for status in files_of(f"{folder}/{source}")) == expected


def test_where_a_link_of_the_same_name_leads_nowhere_a_glob_finds_files(folder):
    (folder / "[a]*").symlink_to(folder / "gone")
    (found,) = find_sources([f"{folder}/[a]*"])
    assert found.name == f"{folder}/a.txt"
    assert [status.st_size for status in files_of(f"{folder}/[a]*")] == [1]


def test_what_is_not_there_has_nothing(folder):
    assert [list(files_of(f"{folder}/{source}")) for source in ("none.txt", "*.none")] == [[], []]
