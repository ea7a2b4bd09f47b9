"""Sources that are named twice, not at all, or that are not there."""

import os
import re
from pathlib import Path

import fsspec
import pytest

from seqgen.core.errors import CorpusError, UsageError
from seqgen.core.files import find_sources


@pytest.fixture(autouse=True)
def texts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("t").mkdir()
    for name in ("t/a.txt", "t/b.txt", "c.txt"):
        Path(name).write_text(name)


def found(*named):
    return [source.name for source in find_sources(named)]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (("c.txt", "c.txt"), ["c.txt"]),
        (("c.txt", "./c.txt", "{here}/c.txt"), ["c.txt"]),
        (("t", "t/a.txt"), ["t/a.txt", "t/b.txt"]),
        (("t/b.txt", "t"), ["t/b.txt", "t/a.txt"]),
        (("*.txt", "c.txt", "t/*", "**/*.txt"), ["c.txt", "t/a.txt", "t/b.txt"]),
        (
            ("http://x.example/a", "http://x.example/b", "http://x.example/a"),
            ["http://x.example/a", "http://x.example/b"],
        ),
        (("-", "c.txt", "-"), ["-", "c.txt"]),
        (("file://{here}/c.txt", "c.txt"), ["file://{here}/c.txt"]),
    ],
)
def test_what_is_named_twice_is_found_once_where_it_is_named_first(tmp_path, named, expected):
    here = {"here": tmp_path}
    assert found(*(each.format(**here) for each in named)) == [each.format(**here) for each in expected]


def test_a_link_to_a_file_that_is_there_too_is_the_same_file():
    Path("t/link.txt").symlink_to("a.txt")
    os.link("t/b.txt", "t/same.txt")
    assert found("t") == found("t", "t/link.txt") == ["t/a.txt", "t/b.txt"]


def test_files_of_the_same_content_are_two():
    Path("t/b.txt").write_text("t/a.txt")
    assert found("t") == ["t/a.txt", "t/b.txt"]


def test_a_file_of_a_remote_file_system_is_found_once():
    system = fsspec.filesystem("memory")
    system.pipe({"/twice/a.txt": b"a", "/twice/b.txt": b"b"})
    assert found("memory://twice/b.txt", "memory://twice") == ["memory:///twice/b.txt", "memory:///twice/a.txt"]
    system.rm("/twice", recursive=True)


def test_empty_text_is_not_this_folder():
    for named in ([""], ["c.txt", ""]):
        with pytest.raises(
            UsageError, match=r"^A source is empty text: name a file, a folder, a URL, or - for standard"
        ):
            find_sources(named)


@pytest.mark.parametrize("target", ["gone.txt", "link.txt"])
def test_a_link_to_nothing_is_said_to_be_one(target):
    Path("link.txt").symlink_to(target)
    with pytest.raises(CorpusError, match=f"^link.txt is a link to {target}, which is not there.$"):
        find_sources(["link.txt"])


def test_the_nearest_file_is_found_whatever_its_case():
    with pytest.raises(CorpusError, match=r"^C.TXT does not exist.  Nearest: c.txt$"):
        find_sources(["C.TXT"])


# Devices


@pytest.mark.skipif(not Path("/dev/zero").is_char_device(), reason="needs a device without end")
@pytest.mark.parametrize("named", ["/dev/zero", "link", "/dev/zer[o]"])
def test_a_device_is_refused_before_it_is_opened(named):
    Path("link").symlink_to("/dev/zero")
    path = "link" if named == "link" else "/dev/zero"
    with pytest.raises(
        CorpusError, match=rf"^{path} is a device and no file.  Name a file, a folder, or - for standard"
    ):
        find_sources([named])


def test_the_null_device_is_an_empty_file():
    [source] = find_sources([os.devnull])
    with pytest.raises(CorpusError, match=re.escape(f"{os.devnull} is empty.")):
        list(source.blocks())
