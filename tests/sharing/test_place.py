"""A folder at a URL: what is written into one of this machine is on its disk before it has its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from seqgen.sharing.place import Place


@pytest.mark.parametrize("form", ["{}", "file://{}"])
@pytest.mark.parametrize("how", ["put", "put_whole"])
def test_a_file_is_on_the_disk_before_it_has_its_name_which_then_is_too(tmp_path, flushed, monkeypatch, form, how):
    (tmp_path / "team").mkdir()
    (tmp_path / "source").write_bytes(b"weights")
    move = LocalFileSystem.mv
    monkeypatch.setattr(LocalFileSystem, "mv", lambda *paths: flushed.append("renamed") or move(*paths))
    target = Place.at(form.format(tmp_path / "team")) / "weights"
    if how == "put":
        target.put(tmp_path / "source", lambda _: None)
    else:
        target.put_whole(b"weights")
    written = Path(tmp_path / "team" / "weights")
    assert written.read_bytes() == b"weights"
    assert flushed == [written.stat().st_ino, "renamed", written.parent.stat().st_ino]
