"""``seqgen models alias``, ``tag`` and ``note``."""

from __future__ import annotations

import json

import pytest

from seqgen.registry import Registry


def only(seqgen):
    (model,) = json.loads(seqgen("models", "list", "--json").stdout)
    return model


def test_an_alias_names_a_version_wherever_a_model_is_named(seqgen, novel):
    outcome = seqgen("models", "alias", "novel", "prod", "stable")
    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert outcome.stderr == "novel@prod is novel:1.\nnovel@stable is novel:1.\n"
    assert only(seqgen)["aliases"] == ["latest", "best", "prod", "stable"]
    assert seqgen("generate", "--model", "novel@prod", "--length", 3).exit_code == 0
    assert seqgen("models", "alias", "novel", "stable", "--remove").stderr == "novel@stable is removed.\n"
    assert only(seqgen)["aliases"] == ["latest", "best", "prod"]


def test_an_alias_that_moves_says_where_from(seqgen, novel):
    novel.rename(novel.with_name("2"))
    seqgen("models", "alias", "novel:2", "prod")
    novel.with_name("2").rename(novel.with_name("3"))
    assert seqgen("models", "alias", "novel:3", "prod").stderr == ("novel@prod is novel:3, and not novel:2 any more.\n")


def test_what_another_process_moves_meanwhile_is_not_taken_away(seqgen, refused, novel, monkeypatch):
    seqgen("models", "alias", "novel:1", "prod")
    seqgen("models", "tag", "novel:1", "good")
    alone = Registry.alone

    def overtaken(registry):
        labels = registry.labels("novel").with_alias("prod", 2).with_tags(1, remove=["good"])
        labels.write(registry.folder / "novel")
        return alone(registry)

    monkeypatch.setattr(Registry, "alone", overtaken)
    assert refused("models", "alias", "novel:1", "prod", "--remove", exit_code=1) == 'novel:1 has no alias "prod".'
    assert refused("models", "tag", "novel:1", "good", "--remove", exit_code=1).startswith('novel:1 has no tag "good".')
    assert Registry(novel.parents[1]).labels("novel").aliases == {"prod": 2}
    assert seqgen("models", "alias", "novel:1", "prod").stderr == "novel@prod is novel:1, and not novel:2 any more.\n"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        (("alias", "novel", "best"), 2, "@best follows from the versions that there are and cannot be set."),
        (("alias", "novel", "A b"), 2, '"A b" cannot be an alias: lower-case letters'),
        (("alias", "novel", "prod", "--remove"), 1, 'novel:1 has no alias "prod".'),
        (("alias", "moby", "prod"), 1, 'No model "moby".  All: seqgen models list'),
        (
            ("tag", "./novel", "good"),
            2,
            '"./novel" is not a model: write NAME, NAME:VERSION or NAME@ALIAS.  Here only ',
        ),
        (("tag", "novel", "good", "--remove"), 1, 'novel:1 has no tag "good".  It has: none'),
        (("tag", "novel", "../x"), 2, '"../x" cannot be a tag: lower-case letters'),
        (("note", "novel", "x" * 2001), 2, "A note has at most 2000 characters."),
        (("note", "novel", "x", "--remove"), 2, "--remove takes the note away"),
        (("note", "novel", "--remove"), 1, "novel:1 has no note."),
    ],
)
def test_what_cannot_be_is_refused(refused, novel, arguments, exit_code, sentence):
    assert refused("models", *arguments, exit_code=exit_code).startswith(sentence)
    assert not (novel.parent / "labels.json").exists()


def test_tags_find_a_version(seqgen, novel):
    assert seqgen("models", "tag", "novel", "good", "winter").stderr == "novel:1 has the tags: good, winter.\n"
    assert [each["tags"] for each in json.loads(seqgen("models", "list", "--tag", "good", "--json").stdout)] == [
        ["good", "winter"]
    ]
    assert seqgen("models", "tag", "novel", "good", "winter", "--remove").stderr == "novel:1 has the tags: none.\n"
    assert seqgen("models", "list", "--tag", "good", "--json").stdout == "[]\n"


def test_a_note_is_kept_shown_and_taken_away(seqgen, novel):
    assert seqgen("models", "note", "novel", "for the reading\x1b[2J").stderr == "novel:1 has the note.\n"
    assert seqgen("models", "note", "novel").stdout == "for the reading\\x1b[2J\n"
    assert "for the reading" in seqgen("models", "list").stdout
    assert seqgen("models", "note", "novel", "--remove").stderr == "novel:1 has no note any more.\n"
    assert only(seqgen)["note"] == ""


def test_bytes_that_are_no_utf8_are_kept_in_a_note(seqgen, novel):
    assert seqgen("models", "note", "novel", "caf\udce9").stderr == "novel:1 has the note.\n"
    assert only(seqgen)["note"] == "caf\udce9"
