"""Files appear whole, and what the system refuses is tried again only where that helps."""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import sys
import time
import uuid
import weakref
from pathlib import Path

import pytest

from seqgen import files
from seqgen.core.errors import OutputError


class Holder:
    """What holds itself, so that only collecting lets go of it."""

    def __init__(self):
        self.itself = self


@pytest.fixture
def refusing(monkeypatch):
    """Lets the system refuse so many renames; gives how many there were, at the end also those that it did."""

    def refuse(times):
        tried = []
        rename = os.rename

        def attempt(*paths):
            tried.append(paths)
            if len(tried) <= times:
                raise PermissionError(errno.EACCES, "Access is denied")
            rename(*paths)

        monkeypatch.setattr(os, "rename", attempt)
        return tried

    return refuse


@pytest.fixture
def windows(monkeypatch):
    """What is open stays where it is."""
    monkeypatch.setattr(files, "HELD_WHERE_OPEN", True)
    monkeypatch.setattr(files, "RENAME_SECONDS", 60.0)
    monkeypatch.setattr(files, "_RENAME_PAUSE", 0.001)


@pytest.mark.usefixtures("windows")
def test_on_windows_a_folder_that_is_read_by_a_scanner_is_renamed_a_moment_later(tmp_path, refusing):
    (tmp_path / "old").mkdir()
    held = weakref.ref(Holder())
    tried = refusing(3)
    files.move(tmp_path / "old", tmp_path / "new")
    assert ((tmp_path / "new").is_dir(), len(tried)) == (True, 4)
    assert held() is None


@pytest.mark.usefixtures("windows")
def test_on_windows_a_folder_that_stays_open_is_refused_at_last(tmp_path, refusing, monkeypatch):
    monkeypatch.setattr(files, "RENAME_SECONDS", 0.1)
    (tmp_path / "old").mkdir()
    tried = refusing(10**6)
    with pytest.raises(PermissionError):
        files.move(tmp_path / "old", tmp_path / "new")
    assert tried


@pytest.mark.usefixtures("windows")
def test_what_is_in_the_way_is_told_at_once(tmp_path, refusing):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    tried = refusing(0)
    with pytest.raises(OSError, match="not empty"):
        files.move(tmp_path / "old", tmp_path / "new")
    assert len(tried) == 1


def test_elsewhere_a_folder_that_may_not_be_renamed_is_refused_at_once(tmp_path, refusing, monkeypatch):
    monkeypatch.setattr(files, "HELD_WHERE_OPEN", False)
    (tmp_path / "old").mkdir()
    tried = refusing(1)
    with pytest.raises(PermissionError):
        files.move(tmp_path / "old", tmp_path / "new")
    assert len(tried) == 1


def test_a_file_takes_the_place_of_another_only_where_that_is_meant(tmp_path):
    (tmp_path / "old").write_text("new text")
    (tmp_path / "there").write_text("old text")
    files.move(tmp_path / "old", tmp_path / "there", over=True)
    assert (tmp_path / "there").read_text() == "new text"
    assert not (tmp_path / "old").exists()


@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter there")
def test_a_new_folder_is_for_whom_other_new_folders_are(tmp_path):
    before = os.umask(0o027)
    try:
        with files.new_folder(tmp_path / "parent") as folder:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o750
            (folder / "file").touch()
    finally:
        os.umask(before)
    assert list((tmp_path / "parent").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="folders are not flushed there")
@pytest.mark.parametrize("code", [errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_that_flushes_no_folders_is_none_that_cannot_be_written(tmp_path, monkeypatch, code):
    flush = os.fsync

    def refuse(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    files.replace_bytes(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="folders are not flushed there")
def test_a_disk_that_fails_while_a_folder_is_flushed_is_told(tmp_path, monkeypatch):
    def fail(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    sentence = re.escape(f"{tmp_path} cannot be written: Input/output error.")
    for flush in (lambda: files.replace_bytes(tmp_path / "file", b"whole"), lambda: files.sync_folder(tmp_path)):
        with pytest.raises(OutputError, match=sentence):
            flush()


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="folders are not flushed there")
def test_a_folder_that_has_gone_before_it_is_flushed_is_told(tmp_path):
    with pytest.raises(OutputError, match=r"gone cannot be written: No such file or directory\.$"):
        files.sync_folder(tmp_path / "gone")


WRITE = """
import sys
from pathlib import Path
from seqgen import files
with files.new_folder(Path(sys.argv[1])) as new:
    (new / "model.zip").touch()
    files.move(new / "model.zip", Path(sys.argv[1], "model.zip"))
    files.sync_folder(Path(sys.argv[1]))
"""


def test_into_a_folder_that_may_be_written_but_not_listed_something_is_put(tmp_path, without_privileges):
    folder = tmp_path / "drop"
    folder.mkdir()
    folder.chmod(0o333)
    subprocess.run([*without_privileges, sys.executable, "-c", WRITE, folder], check=True)
    folder.chmod(0o755)
    assert [path.name for path in folder.iterdir()] == ["model.zip"]


def aged(path, seconds):
    """A path that was changed last so long ago."""
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def begun(parent, seconds, *, inside=None):
    """A temporary folder of a process that wrote into it last so long ago, or into the file in it where that is ``inside``."""
    folder = parent / f".new-{uuid.uuid4().hex}"
    folder.mkdir()
    (folder / "file").write_text("half")
    aged(folder / "file", seconds if inside is None else inside)
    return aged(folder, seconds)


def test_what_a_killed_process_has_left_goes_when_it_has_not_changed_for_a_day(tmp_path):
    at_work = [begun(tmp_path, 80_000.0), begun(tmp_path, 200_000.0, inside=80_000.0)]
    left = [begun(tmp_path, 90_000.0), tmp_path / f".new-{uuid.uuid4().hex}"]
    left[-1].write_text("half an array")
    aged(left[-1], 90_000.0)
    with files.new_folder(tmp_path) as new:
        assert sorted(tmp_path.iterdir()) == sorted([new, *at_work])


def test_what_others_have_left_and_what_has_a_lock_of_its_own_stays(tmp_path):
    named = [".new-document.txt", ".old-0123", "new", f".new-{uuid.uuid4()}", f".new-{uuid.uuid4().hex}.txt"]
    for name in named:
        (tmp_path / name).touch()
        aged(tmp_path / name, 10**6)
    locked = begun(tmp_path, 10**6)
    lock = locked.with_name(f"{locked.name}.lock")
    lock.touch()
    files.remove_left(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*named, locked.name, lock.name}


def test_where_there_is_no_folder_nothing_is_left(tmp_path):
    files.remove_left(tmp_path / "missing")


def test_what_moves_to_another_disk_appears_there_whole_and_goes_here(tmp_path, other_disk, flushed):
    source = tmp_path / "3"
    (source / "deeper").mkdir(parents=True)
    (source / "weights").write_bytes(b"weights")
    (source / "deeper" / "link").symlink_to("../weights")
    files.move(source, other_disk / "3")
    moved = other_disk / "3"
    assert (moved / "weights").read_bytes() == b"weights"
    assert (moved / "deeper" / "link").readlink() == Path("../weights")
    renamed = max(
        place
        for place, what in enumerate(flushed)
        if what == "renamed" and place < flushed.index(other_disk.stat().st_ino)
    )
    assert (moved / "weights").stat().st_ino in flushed[:renamed]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other_disk"]
    assert [path.name for path in other_disk.iterdir()] == ["3"]


def test_a_file_takes_the_place_of_another_on_another_disk_too(tmp_path, other_disk):
    (tmp_path / "new").write_text("new text")
    (other_disk / "there").write_text("old text")
    files.move(tmp_path / "new", other_disk / "there", over=True)
    assert [(path.name, path.read_text()) for path in other_disk.iterdir()] == [("there", "new text")]
    assert not (tmp_path / "new").exists()


def test_what_another_disk_does_not_take_stays_where_it_is(tmp_path, other_disk, monkeypatch):
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "weights").write_bytes(b"weights")
    monkeypatch.setattr(
        "shutil.copyfileobj", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device"))
    )
    with pytest.raises(OutputError, match=r"weights cannot be written: No space left on device\.$"):
        files.move(tmp_path / "3", other_disk / "3")
    assert (tmp_path / "3" / "weights").read_bytes() == b"weights"
    assert list(other_disk.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter there")
@pytest.mark.usefixtures("umask")
def test_a_folder_that_several_people_write_is_for_whoever_may_write_the_one_above(tmp_path):
    tmp_path.chmod(0o2775)
    files.make_folder(tmp_path / ".locks")
    assert stat.S_IMODE((tmp_path / ".locks").stat().st_mode) == 0o2775
    (tmp_path / ".locks").chmod(0o700)
    files.make_folder(tmp_path / ".locks")  # whoever has made it another one's has meant that
    assert stat.S_IMODE((tmp_path / ".locks").stat().st_mode) == 0o700


def test_of_what_may_not_be_looked_at_the_time_does_not_matter(tmp_path, closed):
    for name in ("mine", "another's"):
        (tmp_path / name / "1").mkdir(parents=True)
    closed(tmp_path / "another's")
    files.keep_newest(tmp_path / "mine" / "1", [tmp_path / "another's" / "1"])
