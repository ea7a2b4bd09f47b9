"""``manifest.json`` is written over what is there, or a sentence says why not."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat

import pytest

from seqgen import files
from seqgen.core.errors import OutputError
from seqgen.manifest import MANIFEST, write_manifest


@pytest.fixture
def folder(tmp_path):
    """A folder with one file, of which there is no manifest yet."""
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text("{}")
    return made


def test_it_says_of_each_file_its_sha256_and_its_size(folder):
    write_manifest(folder, {"created": "2026-01-01"})
    assert json.loads((folder / MANIFEST).read_text()) == {
        "format_version": 1,
        "files": {
            "config.json": {
                "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
                "bytes": 2,
            }
        },
        "created": "2026-01-01",
    }


def test_a_disk_that_does_not_give_back_what_was_written_is_told(folder, monkeypatch):
    def fail(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(files, "sha256", fail)
    with pytest.raises(OutputError, match=r"model cannot be written: Input/output error\.$"):
        write_manifest(folder, {})


def test_a_folder_that_vanishes_meanwhile_is_told(folder, monkeypatch):
    sha256 = files.sha256

    def vanish(path):
        shutil.rmtree(folder)
        return sha256(path)

    monkeypatch.setattr(files, "sha256", vanish)
    with pytest.raises(OutputError, match=r"model cannot be written: No such file or directory\.$"):
        write_manifest(folder, {})


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="folders are not flushed there")
def test_a_disk_that_fails_while_the_folder_is_flushed_is_told(folder, monkeypatch):
    def fail(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match=r"model cannot be written: Input/output error\.$"):
        write_manifest(folder, {})
