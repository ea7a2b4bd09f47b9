"""What can be read only once, or at a price, is copied, and no copy outlives its process."""

import gzip
import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from seqgen.core.errors import CorpusError
from seqgen.core.files import BLOCK, Source, find_sources
from seqgen.core.temporary_copies import Copies

POSIX = os.name == "posix"


def once(content, **options):
    return Source("once", lambda: io.BytesIO(content), named=True, once=True, **options)


def open_files():
    """What this process has open, where the system tells."""
    return [str(each.readlink()) for each in Path("/proc/self/fd").glob("*") if each.is_symlink()]


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_can_be_read_again_however_often_it_is_named(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"the ice",))
    writer.start()
    [source] = find_sources([str(pipe), str(pipe)])
    assert ["".join(source.text()) for _ in range(2)] == ["the ice", "the ice"]
    writer.join()


def test_a_copy_has_no_name_and_its_file_is_closed_with_its_source(temporary):
    before = open_files()
    source = once(b"text")
    assert list(source.blocks()) == [b"text"]
    assert list(source.blocks()) == [b"text"]
    assert not POSIX or list(temporary.iterdir()) == []
    del source
    assert list(temporary.iterdir()) == []
    assert open_files() == before


HOLD = """
import sys, time
from seqgen.core.files import find_sources
[source] = find_sources(["-"])
print(*source.blocks(), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not POSIX, reason="signals")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_that_is_killed_leaves_no_copy(temporary, how):
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(b"the ice")
        process.stdin.close()
        assert process.stdout.readline() == b"b'the ice'\n"
        process.send_signal(how)
    assert list(temporary.iterdir()) == []


def test_the_copies_of_many_sources_hold_one_file_open(temporary):
    copies = Copies()
    sources = [once(b"%d " % number * 100_000, copies=copies) for number in range(30)]
    first = [b"".join(source.blocks()) for source in sources]
    assert [b"".join(source.blocks()) for source in reversed(sources)] == first[::-1]
    assert first[7] == b"7 " * 100_000
    assert len([name for name in open_files() if str(temporary) in name]) == (1 if open_files() else 0)


def test_two_readers_do_not_disturb_each_other():
    source = once(bytes(range(256)) * (BLOCK // 64))
    one, other = source.blocks(), source.blocks()
    interleaved = [block for pair in zip(one, other, strict=True) for block in pair]
    assert b"".join(interleaved[::2]) == b"".join(interleaved[1::2]) == bytes(range(256)) * (BLOCK // 64)


def test_a_copy_that_broke_off_leaves_nothing_for_the_next():
    def breaking():
        yield b"half of "
        raise OSError("gone")

    copies = Copies()
    kept = copies.add([b"one"])
    with pytest.raises(OSError, match="gone"):
        copies.add(breaking())
    other = copies.add([b"two"])
    assert [copy.open().read() for copy in (kept, other)] == [b"one", b"two"]


class Endless(io.RawIOBase):
    """As /dev/zero, or the image of a disk in a pipe; counts what is taken of it."""

    taken = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        self.taken += len(buffer)
        buffer[:] = bytes(len(buffer))
        assert self.taken < 10 * BLOCK
        return len(buffer)


def test_what_is_no_text_is_refused_before_it_is_copied():
    stream = Endless()
    source = Source("endless", lambda: io.BufferedReader(stream), named=True, once=True)
    with pytest.raises(CorpusError, match="endless is not text, but binary: byte 0 is NUL"):
        next(source.text())


@pytest.mark.parametrize(
    ("stored", "encoding"), [("né".encode("utf-16"), "auto"), ("né".encode("utf-16-le"), "utf-16-le")]
)
def test_what_is_text_with_nuls_is_copied(stored, encoding):
    assert "".join(once(stored).text(encoding)) == "né"


def test_what_is_compressed_is_copied_and_then_found_binary():
    with pytest.raises(CorpusError, match="once is not text, but binary: byte 1 is NUL"):
        next(once(gzip.compress(b"a\0b")).text())
    assert list(once(gzip.compress(b"a\0b")).blocks()) == [b"a\0b"]


def test_what_was_kept_of_standard_input_is_called_that():
    for folder, called in (
        ("stdin", "Standard input"),
        ("pipe", "The pipe"),
        ("texts", "/h/texts/" + "0" * 32 + ".txt"),
    ):
        source = Source(f"/h/{folder}/{'0' * 32}.txt", lambda: io.BytesIO(b"\xe9t"), named=True)
        with pytest.raises(CorpusError, match=f"^{called} is not UTF-8 text: byte 0"):
            list(source.text())


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs terminals")
def test_a_terminal_that_is_standard_input_is_read():
    leader, follower = os.openpty()
    code = "from seqgen.core.files import find_sources as f; print(*(''.join(s.text()) for s in f(['/dev/stdin'])))"
    with subprocess.Popen([sys.executable, "-c", code], stdin=follower, stdout=subprocess.PIPE) as process:
        os.write(leader, b"the ice\n\x04\x04\x04")  # a terminal that has ended is asked again
        assert process.stdout.read() == b"the ice\n\n"
    os.close(leader)
    os.close(follower)
