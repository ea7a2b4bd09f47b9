import os

import numpy as np
import pytest

from seqgen import files
from seqgen.data.arrays import ArrayWriter, read_array


def written(path, *pieces, dtype=np.uint16):
    with ArrayWriter(path, dtype) as writer:
        for piece in pieces:
            writer.write(np.array(piece, dtype))


def test_an_array_written_in_pieces_is_read_back_read_only(tmp_path):
    written(tmp_path / "a.bin", [1, 2], [], [65535])
    read = read_array(tmp_path / "a.bin", np.uint16)
    assert read.tolist() == [1, 2, 65535]
    assert not read.flags.writeable
    assert isinstance(read.base, np.memmap)


def test_a_file_that_is_not_whole_yet_has_a_name_by_which_it_is_known_where_a_kill_leaves_it(tmp_path):
    with ArrayWriter(tmp_path / "a.bin", np.uint16) as writer:
        writer.write(np.arange(3))
        (half,) = tmp_path.iterdir()
        (tmp_path / "killed").mkdir()
        (tmp_path / "killed" / half.name).touch()
    os.utime(tmp_path / "killed" / half.name, (0, 0))
    files.remove_left(tmp_path / "killed")
    assert [*(tmp_path / "killed").iterdir()] == []


def test_the_format_is_little_endian_numbers_and_their_crc_32(tmp_path):
    written(tmp_path / "a.bin", [1, 2])
    assert (tmp_path / "a.bin").read_bytes() == b"\x01\x00\x02\x00" + (0xABCEDAFB).to_bytes(4, "little")


def test_an_empty_array_is_an_array(tmp_path):
    written(tmp_path / "a.bin")
    assert read_array(tmp_path / "a.bin", np.uint16).size == 0


def test_a_file_that_is_missing_truncated_longer_or_altered_is_none(tmp_path):
    path = tmp_path / "a.bin"
    assert read_array(path, np.uint16) is None
    written(path, range(100))
    whole = path.read_bytes()
    for damaged in (b"", whole[:3], whole[:-1], whole[:-2], whole + b"\0\0", b"\xff" + whole[1:], whole[:-1] + b"\xff"):
        path.write_bytes(damaged)
        assert read_array(path, np.uint16) is None
    path.write_bytes(whole)
    assert read_array(path, np.uint16) is not None


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    def fail():
        with ArrayWriter(tmp_path / "a.bin", np.uint16) as writer:
            writer.write(np.ones(3))
            assert not (tmp_path / "a.bin").exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []
