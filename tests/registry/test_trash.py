"""What is removed can be restored until it is freed; what processes left is freed, and never what one is filling."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import filelock
import pytest

from seqgen.core.errors import ModelNotFoundError, OutputError, SeqgenWarning, UsageError
from seqgen.registry import moving, trash
from seqgen.registry.folders import lock_of
from seqgen.registry.labels import Labels

FILLS = """
import pathlib, sys
from seqgen.registry import Registry
with Registry(pathlib.Path(sys.argv[1])).new_folder() as folder:
    (folder / "model.safetensors").write_bytes(b"x" * 1000)
    print(folder, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def filling(registry):
    """A process that is filling a new folder: the process, and the folder."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", FILLS, registry.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, Path(process.stdout.readline().strip())

    yield start
    for process in started:
        process.communicate("\n", timeout=60) if process.poll() is None else process.wait()
        process.stdout.close()
        process.stdin.close()


def test_what_is_removed_comes_back_as_it_was(registry, publish):
    first, second = publish(), publish()
    registry.change_labels("novel", lambda labels: labels.with_alias("prod", 1).with_tags(1, add=["good"]))
    before = first.identity()
    trash.remove(registry, [first])
    assert [str(version) for version in registry.all()] == [str(second)]
    assert [str(version) for version in trash.trashed(registry)] == ["novel:1"]
    assert [str(version) for version in trash.restore(registry, "novel:1")] == ["novel:1"]
    assert registry.find("novel@prod").identity() == before
    assert registry.labels("novel").tags == {1: ("good",)}
    assert trash.trashed(registry) == []


def test_a_number_is_never_given_twice(registry, publish):
    publish(), trash.remove(registry, [publish()])
    assert str(publish()) == "novel:3"
    trash.remove(registry, [registry.find("novel:3"), registry.find("novel:1")])
    trash.collect(registry)
    assert registry.names() == []
    assert str(publish()) == "novel:4"


def test_what_another_user_removed_keeps_nobody_from_freeing_what_is_theirs(registry, publish, monkeypatch):
    trash.remove(registry, [publish("mine"), publish("theirs")])
    delete = trash._delete

    def refusing(path):
        if "theirs" in path.parts:
            raise OutputError(f"{path} cannot be written: Permission denied.")
        delete(path)

    monkeypatch.setattr(trash, "_delete", refusing)
    with pytest.warns(SeqgenWarning, match="theirs:1 is not freed: .*theirs/1 cannot be written: Permission denied"):
        freed = trash.collect(registry)
    assert [each.what for each in freed] == ["mine:1"]
    assert [str(each) for each in trash.trashed(registry)] == ["theirs:1"]


def test_labels_are_written_once_for_all_versions_that_are_removed_together(registry, publish, monkeypatch):
    versions = [publish() for _ in range(4)]
    other = publish("tale")
    written = []
    write = Labels.write
    monkeypatch.setattr(Labels, "write", lambda labels, folder: (written.append(folder.name), write(labels, folder)))
    trash.remove(registry, [*versions[::-1], other])
    assert sorted(written) == ["novel", "tale"]
    trash.collect(registry)
    assert [str(publish()), str(publish("tale"))] == ["novel:5", "tale:2"]


def test_on_a_full_disk_room_can_be_made_and_the_number_is_not_given_again(registry, publish):
    publish(), publish()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        trash.remove(registry, [registry.find("novel:2")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(publish()) == "novel:3"
    trash.remove(registry, [registry.find("novel:3")])
    (registry.folder / "novel" / "labels.json").unlink()
    trash.collect(registry)
    assert str(publish()) == "novel:4"


def test_all_of_a_name_is_restored_at_once(registry, publish):
    trash.remove(registry, [publish(), publish()])
    with pytest.raises(ModelNotFoundError, match='No model "novel": it is in the trash.  seqgen models restore novel'):
        registry.find("novel")
    assert [str(version) for version in trash.restore(registry, "novel")] == ["novel:1", "novel:2"]


def test_what_is_not_in_the_trash_cannot_be_restored(registry, publish):
    with pytest.raises(ModelNotFoundError, match="novel:1 is not in the trash.  It is empty."):
        trash.restore(registry, "novel:1")
    trash.remove(registry, [publish()])
    with pytest.raises(ModelNotFoundError, match="novel:2 is not in the trash.  It has: novel:1"):
        trash.restore(registry, "novel:2")
    with pytest.raises(UsageError, match="named by version"):
        trash.restore(registry, "novel@best")


def test_nothing_is_written_over(registry, publish):
    version = publish()
    trash.remove(registry, [version])
    shutil.copytree(trash.trashed(registry)[0].folder, version.folder)  # as a synchronisation may bring it back
    with pytest.raises(UsageError, match="there is a version of that number"):
        trash.restore(registry, "novel:1")
    with pytest.raises(UsageError, match="is in the trash already"):
        trash.remove(registry, [version])


def test_the_trash_is_freed_with_what_was_said_of_it(registry, publish):
    publish()
    version = publish()
    registry.change_labels("novel", lambda labels: labels.with_note(1, "stays").with_note(2, "goes").with_alias("x", 2))
    trash.remove(registry, [version])
    would = trash.collect(registry, dry_run=True)
    assert [each.what for each in would] == ["novel:2"]
    assert trash.trashed(registry)
    assert trash.collect(registry) == would
    assert would[0].size > 500
    assert trash.collect(registry) == []
    assert registry.labels("novel") == Labels(notes={1: "stays"}, highest=2)
    assert sorted(path.name for path in registry.folder.iterdir()) == [".lock", ".trash", "novel"]


def test_only_what_has_lain_long_enough_is_freed(registry, publish):
    old, new = publish(), publish()
    trash.remove(registry, [old, new])
    os.utime(trash.trashed(registry)[0].folder, (0, time.time() - 3600))
    assert [each.what for each in trash.collect(registry, older_than=1800)] == ["novel:1"]
    assert [str(each) for each in trash.trashed(registry)] == ["novel:2"]


def test_a_model_that_is_old_has_not_lain_there_for_as_long(registry, publish):
    version = publish()
    yesterday = time.time() - 86_400
    os.utime(version.folder, (yesterday, yesterday))
    trash.remove(registry, [version])
    assert trash.collect(registry, older_than=3600) == []
    assert [str(each) for each in trash.trashed(registry)] == ["novel:1"]


def test_what_was_removed_before_the_clock_was_put_back_is_freed_too(registry, publish):
    trash.remove(registry, [publish()])
    an_hour_back = time.time() - 3600
    assert trash.collect(registry, older_than=60, now=an_hour_back) == []
    assert [each.what for each in trash.collect(registry, now=an_hour_back)] == ["novel:1"]


def test_what_a_killed_process_was_filling_is_freed_and_what_another_is_filling_is_not(registry, filling):
    (killed, left), (_, used) = filling(), filling()
    assert trash.collect(registry) == []
    killed.send_signal(signal.SIGKILL)
    killed.wait(timeout=60)
    assert [each.folder for each in trash.collect(registry)] == [left]
    assert used.is_dir()
    assert lock_of(used).exists()
    assert not left.exists()
    assert not lock_of(left).exists()


@pytest.mark.parametrize("name", ["novel/.new-other", ".pull-0123"])
def test_what_may_be_gone_on_with_is_left_alone_for_a_day(registry, publish, name):
    publish()
    folder = registry.folder / name
    folder.mkdir()
    (folder / "model.safetensors").write_text("half")
    assert trash.collect(registry) == []
    assert [each.folder for each in trash.collect(registry, now=time.time() + 86_500)] == [folder]


def test_what_is_gone_before_it_is_looked_at_does_not_matter(registry, publish, monkeypatch):
    publish()
    find = Path.glob

    def vanishing(folder, pattern):
        found = [*find(folder, pattern)]
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return found

    (registry.folder / ".new-0123").mkdir()
    (registry.folder / ".new-index-x").touch()
    monkeypatch.setattr(Path, "glob", vanishing)
    assert trash.collect(registry) == []


def test_asking_whether_a_folder_is_in_use_leaves_no_lock(registry, publish, monkeypatch):
    publish()
    folder = registry.folder / ".new-0123"
    folder.mkdir()
    lock_of(folder).touch()
    asked = trash._is_locked

    def published_meanwhile(lock):
        folder.rmdir()
        lock.unlink()
        return asked(lock)

    monkeypatch.setattr(trash, "_is_locked", published_meanwhile)
    assert trash.collect(registry) == []
    assert sorted(path.name for path in registry.folder.iterdir()) == [".lock", "novel"]


def test_a_lock_whose_folder_is_gone_is_freed_after_a_day_unless_it_is_held(registry, publish):
    publish()
    left, held = (registry.folder / name for name in (".new-left.lock", ".pull-held.lock"))
    left.touch()
    with filelock.FileLock(held):
        assert trash.collect(registry) == []
        assert [each.folder for each in trash.collect(registry, now=time.time() + 86_500)] == [left]
    assert not left.exists()
    assert held.exists()


def test_what_was_half_deleted_is_freed(registry, publish):
    publish().folder.rename(registry.folder / ".old-abc")
    (registry.folder / "novel" / ".new-labels.json").write_text("{")
    left = {each.folder.name for each in trash.collect(registry)}
    assert left == {".old-abc", ".new-labels.json"}
    assert not (registry.folder / ".old-abc").exists()


def test_a_link_in_the_trash_is_removed_and_not_what_it_leads_to(registry, publish, tmp_path):
    version = publish()
    version.folder.rename(tmp_path / "elsewhere")
    version.folder.symlink_to(tmp_path / "elsewhere")
    trash.remove(registry, [version])
    trash.collect(registry)
    assert (tmp_path / "elsewhere" / "manifest.json").exists()


def test_a_registry_that_is_not_there_has_nothing_to_free(registry):
    assert trash.collect(registry) == []
    assert not registry.folder.exists()


def test_a_name_in_the_trash_is_found_there_though_another_model_had_it_before(registry, publish):
    publish("mine")
    moving.rename(registry, "mine", "other")
    trash.remove(registry, [publish("mine")])
    with pytest.raises(ModelNotFoundError, match='No model "mine": it is in the trash.  seqgen models restore mine'):
        registry.find("mine")


def test_what_another_process_has_removed_meanwhile_is_told_and_the_others_stay(registry, publish):
    first, second = publish(), publish()
    trash.remove(registry, [second])
    with pytest.raises(ModelNotFoundError, match="^novel:2 was removed or renamed meanwhile, by another process.$"):
        trash.remove(registry, [first, second])
    assert [str(version) for version in registry.all()] == ["novel:1"]
    assert [str(version) for version in trash.trashed(registry)] == ["novel:2"]


def test_what_another_user_lets_nobody_look_at_is_not_freed(registry, publish, closed):
    for name in ("novel", "private"):
        trash.remove(registry, [publish(name)])
    closed(registry.folder / ".trash" / "private")
    assert [str(version) for version in trash.trashed(registry)] == ["novel:1"]
    assert [each.what for each in trash.collect(registry)] == ["novel:1"]


@pytest.mark.parametrize("highest", [1, 3])
def test_where_the_labels_are_of_a_newer_seqgen_no_number_is_given_twice(registry, publish, highest):
    versions = [publish(), publish(), publish()]
    path = registry.folder / "novel" / "labels.json"
    newer = {"format_version": 2, "highest": highest, "colours": {}}
    path.write_text(json.dumps(newer))
    trash.remove(registry, versions[1:])
    with contextlib.ExitStack() as told:
        if highest < 3:
            told.enter_context(
                pytest.warns(SeqgenWarning, match=r"^novel:3 stays in the trash, .*: novel/labels.json: .*Upgrade")
            )
        freed = trash.collect(registry)
    assert [each.what for each in freed] == ["novel:2", "novel:3"][: 1 if highest < 3 else 2]
    assert str(publish()) == "novel:4"
    assert json.loads(path.read_text()) == newer


def test_a_model_on_another_disk_goes_to_the_trash_and_comes_back(registry, publish, other_disk):
    (other_disk / "novel").mkdir()
    registry.folder.mkdir()
    (registry.folder / "novel").symlink_to(other_disk / "novel")
    version = publish()
    before = version.identity()
    trash.remove(registry, [version])
    assert registry.versions("novel") == []
    assert [path.name for path in (other_disk / "novel").iterdir()] == ["labels.json"]
    assert [str(each) for each in trash.restore(registry, "novel")] == ["novel:1"]
    assert registry.find("novel").identity() == before
    assert trash.trashed(registry) == []


def test_what_a_move_to_another_disk_left_is_freed(registry, publish):
    publish()
    left = [registry.folder / "novel" / ".old-1", registry.folder / ".trash" / "novel" / ".new-1"]
    for folder in left:
        folder.mkdir(parents=True)
    assert [each.folder for each in trash.collect(registry, now=time.time() + 86_500)] == left[::-1]


@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter there")
def test_the_trash_is_for_whoever_may_write_the_registry(registry, publish):
    version = publish()
    registry.folder.chmod(0o2775)
    trash.remove(registry, [version])
    assert stat.S_IMODE((registry.folder / ".trash").stat().st_mode) == 0o2775
    assert stat.S_IMODE((registry.folder / ".lock").stat().st_mode) == 0o664


def test_where_the_time_of_a_folder_cannot_be_set_a_version_lies_in_the_trash_from_its_removal_on_all_the_same(
    registry, publish, monkeypatch
):
    versions = [publish(), publish()]
    for each in versions:
        os.utime(each.folder, (0, 0))

    def refuse(*_, **__):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "utime", refuse)
    trash.remove(registry, versions)
    assert [str(each) for each in trash.trashed(registry)] == ["novel:1", "novel:2"]
    assert trash.collect(registry, older_than=3600) == []
    assert not [*registry.folder.rglob(".new-*")]
