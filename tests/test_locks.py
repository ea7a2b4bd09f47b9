"""A lock is held by one process at a time, for whoever may write its folder, and a disk that has none is told."""

from __future__ import annotations

import errno
import os
import stat
import warnings

import filelock
import pytest

from seqgen import locks
from seqgen.core.errors import OutputError
from tests.conftest import Result


@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter there")
@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("folder", "lock"), [(0o2775, 0o664), (0o777, 0o666), (0o755, 0o644), (0o700, 0o600)])
def test_a_lock_is_for_whoever_may_write_its_folder(tmp_path, folder, lock):
    tmp_path.chmod(folder)
    with locks.locked(tmp_path / ".lock", "It is held."):
        assert stat.S_IMODE((tmp_path / ".lock").stat().st_mode) == lock


def test_a_lock_that_may_not_be_written_is_named_itself(tmp_path):
    (tmp_path / ".lock").mkdir()
    with (
        pytest.raises(OutputError, match=r"\.lock cannot be written: "),
        locks.locked(tmp_path / ".lock", "It is held."),
    ):
        pass


def without_locks(monkeypatch, code):
    fcntl = pytest.importorskip("fcntl")

    def flock(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.skipif(
    filelock.__version__.startswith("3."), reason="earlier ones take it that another process holds the lock"
)
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_told(tmp_path, monkeypatch, code):
    without_locks(monkeypatch, code)
    told = rf"\.lock cannot be locked: {os.strerror(code)}\.  It needs a disk that has locks: put SEQGEN_HOME, "
    with pytest.raises(OutputError, match=told), locks.locked(tmp_path / ".lock", "It is held."):
        pass


@pytest.mark.skipif(filelock.__version__.startswith("3."), reason="earlier ones do not make do")
def test_a_system_without_locks_makes_do_without_a_word(run_python):
    pytest.importorskip("fcntl")
    code = """
import errno, fcntl, pathlib
def flock(*_):
    raise OSError(errno.ENOSYS, "none")
fcntl.flock = flock
from seqgen import locks
with locks.locked(pathlib.Path(".lock"), "It is held."):
    print(locks.hold(pathlib.Path(".lock")))
"""
    assert run_python(code) == Result(0, "None\n", "")


@pytest.mark.skipif(filelock.__version__.startswith("3."), reason="earlier ones do not make do")
@pytest.mark.filterwarnings("ignore:flock not supported")
def test_where_there_are_no_locks_an_empty_file_that_came_along_with_a_copy_is_named_at_once(tmp_path, monkeypatch):
    without_locks(monkeypatch, errno.ENOSYS)
    lock = tmp_path / ".lock"
    lock.touch()
    assert locks.hold(lock) is None  # another process may be about to write there which it is
    os.utime(lock, (0, 0))
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waited for a process that there is not"))
    told = rf"^{lock} stands for a lock, .*\.  If no other process is at work in {tmp_path}, remove that file\.$"
    with pytest.raises(OutputError, match=told):
        locks.hold(lock, patience=60)
    lock.unlink()
    with locks.locked(lock, "It is held.", patience=60):
        assert lock.stat().st_size > 0


def test_to_lock_does_not_let_python_forget_what_it_has_warned_of(tmp_path):
    def warn():
        warnings.warn("this once", UserWarning, stacklevel=1)

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        warn()
        with locks.locked(tmp_path / ".lock", "It is held."):
            warn()
    assert len(warned) == 1


def test_a_lock_that_somebody_has_just_opened_stays(tmp_path, monkeypatch):
    lock = tmp_path / ".lock"
    locks.remove(lock)  # it is gone already
    lock.touch()

    def refuse(path):
        raise PermissionError(errno.EACCES, "The process cannot access the file", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        locks.remove(lock)
    assert lock.exists()
    locks.remove(lock)
    assert not lock.exists()
