"""Versions appear whole, count up, and are found by every name a person may use."""

from __future__ import annotations

import multiprocessing

import pytest

from seqgen.core.errors import ModelNotFoundError, UsageError
from seqgen.files import new_folder, write_json
from seqgen.registry import Registry


def publish(registry, name, *, created="2026-01-01", bits=2.0):
    with new_folder(registry.folder / name) as folder:
        write_json(folder / "manifest.json", {"created": created, "results": {"bits_per_character": bits}})
        return registry.publish(name, folder)


def publish_in_process(folder, number):
    publish(Registry(folder), "novel", created=str(number))


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "models")


def test_versions_count_up(registry):
    assert [str(publish(registry, "novel")) for _ in range(3)] == ["novel:1", "novel:2", "novel:3"]


def test_a_model_is_found_by_name_version_and_alias(registry):
    for bits in (2.2, 1.9, 2.0):
        publish(registry, "novel", bits=bits)
    found = {
        reference: str(registry.find(reference)) for reference in ("novel", "novel:1", "novel@latest", "novel@best")
    }
    assert found == {"novel": "novel:3", "novel:1": "novel:1", "novel@latest": "novel:3", "novel@best": "novel:2"}


def test_the_latest_of_all_is_the_one_published_last(registry):
    publish(registry, "zebra", created="2026-03-01")
    publish(registry, "apple", created="2026-02-01")
    assert str(registry.latest()) == "zebra:1"


def test_an_empty_registry_says_how_to_train(registry):
    with pytest.raises(ModelNotFoundError, match="Train one: seqgen train"):
        registry.latest()


def test_an_unknown_name_gets_the_nearest(registry):
    publish(registry, "novel")
    with pytest.raises(ModelNotFoundError, match='No model "nvoel".  Nearest: novel.'):
        registry.find("nvoel")
    with pytest.raises(ModelNotFoundError, match="no version 7.  It has: 1"):
        registry.find("novel:7")
    with pytest.raises(ModelNotFoundError, match='no alias "mine"'):
        registry.find("novel@mine")


@pytest.mark.parametrize(
    "reference", ["", "../novel", "a/b", "novel:x", "novel:", "novel@", ".hidden", "a b", "n" * 200]
)
def test_what_cannot_be_a_model_is_wrong_use(registry, reference):
    with pytest.raises(UsageError):
        registry.find(reference)


def test_half_written_folders_and_strangers_are_not_models(registry):
    publish(registry, "novel")
    (registry.folder / "novel" / ".new-abc").mkdir()
    (registry.folder / "novel" / "notes").mkdir()
    (registry.folder / "file").write_text("x")
    assert [str(version) for version in registry.all()] == ["novel:1"]


def test_processes_that_publish_at_once_lose_nothing(registry):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=publish_in_process, args=(registry.folder, number)) for number in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [version.version for version in registry.versions("novel")] == list(range(1, 9))
    assert sorted(version.manifest()["created"] for version in registry.versions("novel")) == list("01234567")
