"""A model keeps all that is its own under another name, whatever happens meanwhile, and a copy is the same to the byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seqgen import files
from seqgen.core.errors import ModelNotFoundError, OutputError, UsageError
from seqgen.registry import moving, trash
from seqgen.registry.labels import Labels


def test_a_model_is_renamed_with_all_that_is_its_own(registry, publish):
    removed, kept = publish(), publish()
    registry.change_labels("novel", lambda labels: labels.with_alias("prod", 2).with_tags(1, add=["a"]))
    trash.remove(registry, [removed])
    before = kept.identity()
    assert [str(version) for version in moving.rename(registry, "novel", "winter")] == ["winter:2"]
    assert registry.find("winter@prod").identity() == before
    assert [str(each) for each in trash.restore(registry, "winter")] == ["winter:1"]
    assert registry.labels("winter").tags == {1: ("a",)}
    with pytest.raises(ModelNotFoundError, match='No model "novel": it was renamed to winter.'):
        registry.find("novel")
    assert str(publish("winter")) == "winter:3"


def test_a_name_that_is_taken_or_none_is_refused(registry, publish):
    publish(), publish("winter")
    with pytest.raises(UsageError, match='"winter" is taken'):
        moving.rename(registry, "novel", "winter")
    for name in ("../x", "a/b", ".x", ""):
        with pytest.raises(UsageError, match="is not a model name"):
            moving.rename(registry, "novel", name)
        with pytest.raises(UsageError, match="is not a model name"):
            moving.copy(registry, registry.find("novel"), name)
    with pytest.raises(ModelNotFoundError, match='No model "nvel".  Nearest: novel'):
        moving.rename(registry, "nvel", "x")


def test_where_the_disk_tells_no_capitals_apart_a_name_may_get_some(registry, publish, monkeypatch):
    publish()
    monkeypatch.setattr(Path, "exists", lambda path: path.name.lower() in listed(path.parent))
    monkeypatch.setattr(Path, "samefile", lambda one, other: str(one).lower() == str(other).lower())
    assert [str(version) for version in moving.rename(registry, "novel", "Novel")] == ["Novel:1"]
    publish("winter")
    with pytest.raises(UsageError, match='"winter" is taken'):
        moving.rename(registry, "Novel", "winter")


def listed(folder):
    """The names in a folder, in lower case."""
    return [each.name.lower() for each in os.scandir(folder)] if folder.is_dir() else []


def test_a_copy_is_the_same_to_the_byte_and_may_be_changed_alone(registry, publish):
    version = publish()
    registry.change_labels("novel", lambda labels: labels.with_note(1, "mine").with_tags(1, add=["good"]))
    made = moving.copy(registry, version, "winter")
    assert (str(made), made.identity()) == ("winter:1", version.identity())
    assert {path.name: path.read_bytes() for path in made.folder.iterdir()} == {
        path.name: path.read_bytes() for path in version.folder.iterdir()
    }
    assert registry.labels("winter") == Labels(notes={1: "mine"}, tags={1: ("good",)})
    assert str(moving.copy(registry, version, "winter")) == "winter:2"


def test_a_rename_that_is_killed_half_way_is_finished_by_the_same_command(registry, publish, monkeypatch):
    removed, _ = publish(), publish()
    registry.change_labels("novel", lambda labels: labels.with_tags(1, add=["a"]))
    trash.remove(registry, [removed])
    move = files.move

    def killed(source, target, **options):
        move(source, target, **options)
        if target.name == "winter":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(files, "move", killed)
        moving.rename(registry, "novel", "winter")
    assert [str(version) for version in moving.rename(registry, "novel", "winter")] == ["winter:2"]
    assert [str(version) for version in trash.restore(registry, "winter")] == ["winter:1"]
    assert registry.labels("winter") == Labels(tags={1: ("a",)}, highest=1, former_names=("novel",))


def test_a_rename_that_fails_half_way_leaves_all_of_the_model_its_name(registry, publish, monkeypatch):
    removed, _ = publish(), publish()
    trash.remove(registry, [removed])
    move = files.move

    def overtaken(source, target, **options):
        if target == registry.folder / "winter":  # of which another process publishes the first version just now
            (target / "1").mkdir(parents=True)
        move(source, target, **options)

    with monkeypatch.context() as patch, pytest.raises(OutputError, match="winter cannot be written: "):
        patch.setattr(files, "move", overtaken)
        moving.rename(registry, "novel", "winter")
    assert [str(version) for version in trash.restore(registry, "novel")] == ["novel:1"]
    assert [str(version) for version in registry.versions("novel")] == ["novel:1", "novel:2"]


def test_a_folder_without_a_version_as_a_killed_process_leaves_it_takes_no_name(registry, publish):
    trash.remove(registry, [publish()])
    publish()
    for folder in (registry.folder, registry.folder / ".trash"):
        (folder / "winter").mkdir()
    assert [str(version) for version in moving.rename(registry, "novel", "winter")] == ["winter:2"]
    assert [str(version) for version in trash.restore(registry, "winter")] == ["winter:1"]
