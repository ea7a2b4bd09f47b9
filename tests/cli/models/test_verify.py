"""``seqgen models verify``, also while other processes remove and rename."""

from __future__ import annotations

import json
import shutil

import pytest

from seqgen import manifest
from seqgen.registry import Registry, moving, trash


def test_verify_finds_a_changed_bit_and_what_does_not_belong(seqgen, novel):
    shutil.copytree(novel, novel.with_name("2"))
    weights = bytearray((novel / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (novel / "model.safetensors").write_bytes(weights)
    (novel / "more.txt").write_text("x")
    outcome = seqgen("models", "verify")
    assert outcome.exit_code == 1
    assert outcome.stdout.splitlines() == [
        "novel:1  damaged",
        "    novel:1/model.safetensors: its bytes are not those that were written; the model was altered or damaged.",
        "    novel:1/more.txt: the manifest does not list it.",
        "novel:2  ok",
    ]
    assert seqgen("models", "verify", "novel:2").exit_code == 0
    first, second = json.loads(seqgen("models", "verify", "novel", "--json").stdout)
    assert (len(first["faults"]), second) == (2, {"model": "novel:2", "faults": []})
    assert seqgen("models", "verify", str(novel.with_name("2"))).stdout == f"{novel.with_name('2')}  ok\n"


def test_verify_takes_a_model_as_the_other_commands_do(seqgen, refused, novel, tmp_path):
    for name in ("novel", "ice"):
        shutil.copytree(novel, tmp_path / name)
    assert [seqgen("models", "verify", name).stdout for name in ("novel", "ice", "./novel")] == [
        "novel:1  ok\n",
        "ice  ok\n",
        "./novel  ok\n",
    ]
    assert refused("models", "verify", "./typo", exit_code=1) == "There is no model folder ./typo."


@pytest.fixture
def meanwhile(novel, monkeypatch):
    """Lets another process do something once: ``meanwhile("faults", "novel:1", do)``, when this of ``novel:1`` has been found."""
    registry = Registry(novel.parents[1])

    def arrange(found, version, do):
        find, left = getattr(manifest, found), [do]

        def watched(*arguments, where):
            said = find(*arguments, where=where)
            if where == version and left:
                left.pop()(registry)
            return said

        monkeypatch.setattr(manifest, found, watched)

    return arrange


def remove(version):
    return lambda registry: trash.remove(registry, [registry.find(version)])


def test_what_is_removed_meanwhile_is_not_damaged(seqgen, novel, meanwhile):
    shutil.copytree(novel, novel.with_name("2"))
    meanwhile("faults", "novel:1", remove("novel:2"))
    outcome = seqgen("models", "verify", "--json")
    assert (outcome.exit_code, json.loads(outcome.stdout)) == (0, [{"model": "novel:1", "faults": []}])
    assert outcome.stderr == "novel:2 was removed or renamed meanwhile, by another process.\n"


@pytest.mark.parametrize("sound", [True, False])
def test_what_is_renamed_meanwhile_is_verified_under_its_new_name(seqgen, novel, meanwhile, sound):
    tale = shutil.copytree(novel, novel.parents[1] / "tale" / "1")
    if not sound:
        (tale / "more.txt").touch()
    meanwhile("faults", "novel:1", lambda registry: moving.rename(registry, "tale", "winter"))
    outcome = seqgen("models", "verify")
    expected = (
        ["winter:1  ok"] if sound else ["winter:1  damaged", "    winter:1/more.txt: the manifest does not list it."]
    )
    assert (outcome.exit_code, outcome.stdout.splitlines()) == (0 if sound else 1, ["novel:1  ok", *expected])
    assert outcome.stderr == "tale:1 was removed or renamed meanwhile, by another process.\n"


def test_what_is_removed_while_it_is_hashed_takes_no_result_away(seqgen, novel, meanwhile):
    shutil.copytree(novel, novel.with_name("2"))
    meanwhile("verify", "novel:1", remove("novel:1"))
    outcome = seqgen("models", "verify")
    assert (outcome.exit_code, outcome.stdout) == (0, "novel:2  ok\n")
    assert outcome.stderr == "novel:1 was removed or renamed meanwhile, by another process.\n"


def test_of_what_was_named_it_is_a_failure_that_it_went_meanwhile(seqgen, novel, meanwhile):
    meanwhile("verify", "novel:1", remove("novel:1"))
    outcome = seqgen("models", "verify", "novel:1")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.stderr == "novel:1 was removed or renamed meanwhile, by another process.\n"


def test_so_a_program_reads_it_too(seqgen, novel, meanwhile):
    meanwhile("verify", "novel:1", remove("novel:1"))
    outcome = seqgen("models", "verify", "novel:1", "--json")
    gone = "novel:1 was removed or renamed meanwhile, by another process."
    assert (outcome.exit_code, json.loads(outcome.stdout)) == (1, [{"model": "novel:1", "faults": [gone]}])
