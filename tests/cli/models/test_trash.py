"""``seqgen models rm``, ``restore``, ``gc``, ``rename`` and ``copy``."""

from __future__ import annotations

import json
import os
import re
import shutil
import time

import pytest


def names(seqgen):
    return [f"{each['model']}:{each['version']}" for each in json.loads(seqgen("models", "list", "--json").stdout)]


def test_what_is_removed_can_be_restored(seqgen, novel):
    yesterday = time.time() - 86_400
    os.utime(novel, (yesterday, yesterday))  # so that it is not for being new that it was removed just now
    assert seqgen("models", "rm", "novel:1").stderr == (
        "novel:1 is in the trash.  To have it back: seqgen models restore novel:1\n"
    )
    assert names(seqgen) == []
    assert re.search(r"novel:1 +\d+kB +now", seqgen("models", "restore").stdout)
    assert [each["version"] for each in json.loads(seqgen("models", "restore", "--json").stdout)] == [1]
    assert seqgen("models", "restore", "novel").stderr == "novel:1 is back.\n"
    assert seqgen("models", "restore").stderr == "The trash is empty.\n"
    assert names(seqgen) == ["novel:1"]
    assert seqgen("models", "verify").stdout == "novel:1  ok\n"


def test_what_is_back_is_told_as_json_too(seqgen, novel):
    seqgen("models", "rm", "novel:1")
    outcome = seqgen("models", "restore", "novel:1", "--json")
    assert json.loads(outcome.stdout) == [{"model": "novel", "version": 1, "path": str(novel)}]


def test_nothing_is_back_where_one_name_is_wrong(seqgen, refused, novel):
    seqgen("models", "rm", "novel:1")
    for wrong, sentence in {
        "novel:7": "novel:7 is not in the trash.  It has: novel:1",
        "novel@best": "novel@best: what is in the trash is named by version, as novel:3, or by name alone.",
    }.items():
        code = 2 if "@" in wrong else 1
        assert refused("models", "restore", "novel:1", wrong, "--json", exit_code=code) == sentence
        assert names(seqgen) == []


def test_what_is_named_twice_is_back_once(seqgen, novel):
    seqgen("models", "rm", "novel:1")
    outcome = seqgen("models", "restore", "novel:1", "novel", "novel:1", "--json")
    assert (outcome.exit_code, outcome.stderr) == (0, "novel:1 is back.\n")
    assert [each["version"] for each in json.loads(outcome.stdout)] == [1]


def test_a_bare_name_is_not_enough_to_remove(seqgen, refused, novel):
    shutil.copytree(novel, novel.with_name("2"))
    assert refused("models", "rm", "novel", exit_code=2) == (
        "Which version of novel?  There is novel:1, novel:2.  All of them: seqgen models rm novel --all"
    )
    assert refused("models", "rm", "novel:1", "--all", exit_code=2).startswith("--all removes every version of a NAME")
    assert seqgen("models", "rm", "novel@latest", "novel:2").exit_code == 0
    assert names(seqgen) == ["novel:1"]
    assert seqgen("models", "rm", "novel", "--all").exit_code == 0
    assert names(seqgen) == []


def test_gc_says_what_it_frees(seqgen, novel):
    assert seqgen("models", "gc").stderr == "There is nothing to remove.\n"
    seqgen("models", "rm", "novel:1")
    assert seqgen("models", "gc", "--older-than", "1h").stderr == "There is nothing to remove.\n"
    assert re.fullmatch(
        r"would be removed  novel:1  \((\d+kB)\)\n\1 would be free.\n", seqgen("models", "gc", "--dry-run").stderr
    )
    (freed,) = json.loads(seqgen("models", "gc", "--json").stdout)
    assert (freed["what"], freed["bytes"] > 10_000) == ("novel:1", True)
    assert seqgen("models", "restore").stderr == "The trash is empty.\n"


def test_how_old_must_be_a_duration(refused, novel):
    assert refused("models", "gc", "--older-than", "soon", exit_code=2) == (
        "--older-than is soon, but must be a duration such as 12h or 30d."
    )


def test_a_renamed_model_is_the_same_under_its_new_name(seqgen, novel):
    text = seqgen("generate", "--model", "novel", "--random-seed", 1, "--length", 20).stdout
    assert seqgen("models", "rename", "novel", "winter").stderr == "novel is called winter now: winter:1.\n"
    record = json.loads(seqgen("generate", "--model", "winter", "--random-seed", 1, "--length", 20, "--json").stdout)
    assert (record["model"], record["version"]) == ("winter", 1)
    assert record["samples"][0]["text"] + "\n" == text
    outcome = seqgen("generate", "--model", "novel")
    assert (outcome.exit_code, outcome.stderr) == (1, 'error: No model "novel": it was renamed to winter.\n')


def test_a_copy_is_the_next_version_of_another_name(seqgen, novel):
    outcome = seqgen("models", "copy", "novel@best", "winter")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "winter:1\n", "")
    second = json.loads(seqgen("models", "copy", "novel", "winter", "--json").stdout)
    assert second == {"model": "winter", "version": 2, "path": str(novel.parents[1] / "winter" / "2")}
    assert names(seqgen) == ["novel:1", "winter:1", "winter:2"]
    seqgen("models", "rm", "winter:2")
    assert seqgen("models", "verify", "winter").stdout == "winter:1  ok\n"


@pytest.mark.parametrize("name", ["../x", "/tmp/x", ".x", "a/b"])
@pytest.mark.parametrize("command", ["rename", "copy"])
def test_no_name_leads_out_of_the_registry(refused, novel, command, name):
    assert "is not a model name" in refused("models", command, "novel", name, exit_code=2)


@pytest.mark.parametrize("path", ["./ice", "."])
def test_a_model_folder_of_elsewhere_is_not_removed(refused, novel, tmp_path, path):
    (tmp_path / "ice").mkdir()
    assert refused("models", "rm", path, exit_code=2) == (
        f'"{path}" is not a model: write NAME, NAME:VERSION or NAME@ALIAS.  Here only models of the registry are taken, no paths.'
    )
