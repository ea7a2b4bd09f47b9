"""What arrives is written up to the size that its manifest says, and not a byte further."""

from __future__ import annotations

import hashlib
import io
import os

import pytest

from seqgen.core.errors import DamagedModelError
from seqgen.sharing.arrival import Listed, receive

CONTENT = bytes(range(250)) * 4
LISTED = Listed(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.mark.parametrize("there", [0, 1, 999, 1000])
def test_what_a_source_gives_is_written_from_where_the_file_ends(tmp_path, there):
    target, told = tmp_path / "weights", []
    target.write_bytes(CONTENT[:there])
    receive(io.BytesIO(CONTENT[there:]), target, LISTED, where="there", told=told.append)
    assert (target.read_bytes(), sum(told)) == (CONTENT, 1000)


@pytest.mark.parametrize("there", [0, 1000])
def test_of_a_source_that_gives_more_than_the_manifest_says_not_a_byte_more_is_written(tmp_path, there):
    target, seen, told = tmp_path / "weights", tmp_path / "seen", []
    target.write_bytes(CONTENT[:there])
    os.link(target, seen)  # for the file is removed
    source = io.BytesIO(CONTENT[there:] + bytes(500))
    with pytest.raises(DamagedModelError, match=r"there: it has more than the 1,000 bytes of the manifest\."):
        receive(source, target, LISTED, where="there", told=told.append)
    assert not target.exists()
    assert (seen.read_bytes(), sum(told)) == (CONTENT, 1000)
    assert source.tell() == 1001 - there
