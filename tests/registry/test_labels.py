"""Aliases, tags and notes: what may change beside versions that never do."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from seqgen.core.errors import DamagedModelError, ModelNotFoundError, UsageError
from seqgen.registry import trash
from seqgen.registry.labels import LABELS, Labels
from seqgen.registry.names import check_label


def test_what_was_said_is_there_for_the_next_process(registry, publish):
    publish(), publish()
    registry.change_labels(
        "novel",
        lambda labels: labels.with_alias("prod", 2).with_tags(1, add=["b", "a"]).with_note(1, "the one\nfor “reading”"),
    )
    labels = registry.labels("novel")
    assert labels == Labels(aliases={"prod": 2}, tags={1: ("a", "b")}, notes={1: "the one\nfor “reading”"})
    assert labels.aliases_of(2) == ["prod"]


def test_the_file_is_what_the_page_about_the_format_says(registry, publish):
    version = publish()
    registry.change_labels(
        "novel", lambda labels: labels.with_alias("prod", 1).with_tags(1, add=["good"]).with_note(1, "x")
    )
    assert json.loads((version.folder.parent / LABELS).read_text()) == {
        "format_version": 1,
        "aliases": {"prod": 1},
        "tags": {"1": ["good"]},
        "notes": {"1": "x"},
        "highest": 0,
        "former_names": [],
    }


def test_taking_away_leaves_nothing():
    labels = Labels().with_alias("prod", 1).with_tags(1, add=["a"]).with_note(1, "x")
    assert labels.with_alias("prod", None).with_tags(1, remove=["a"]).with_note(1, "") == Labels()


def test_an_alias_of_a_version_that_is_gone_says_where_it_went(registry, publish):
    first, _ = publish(), publish()
    registry.change_labels("novel", lambda labels: labels.with_alias("prod", 1))
    trash.remove(registry, [first])
    with pytest.raises(ModelNotFoundError, match="is in the trash.  seqgen models restore novel:1"):
        registry.find("novel@prod")
    trash.collect(registry)
    with pytest.raises(ModelNotFoundError, match='no alias "prod"'):
        registry.find("novel@prod")


@pytest.mark.parametrize("label", ["", "A", "-a", "a b", "é", "../x", "a" * 41, "a\n", "a@b", "a:1"])
def test_what_cannot_be_a_label_is_refused(label):
    with pytest.raises(UsageError, match="cannot be a tag"):
        check_label("tag", label)


@pytest.mark.parametrize("alias", ["latest", "best"])
def test_what_follows_from_the_versions_cannot_be_set(alias):
    with pytest.raises(UsageError, match=f"@{alias} follows from the versions"):
        check_label("alias", alias)
    check_label("tag", alias)


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": 0},
        {"more": 1},
        {"aliases": []},
        {"aliases": {"prod": "1"}},
        {"aliases": {"../x": 1}},
        {"aliases": {"prod": True}},
        {"tags": {"x": []}},
        {"tags": {"1": "good"}},
        {"tags": {"1": ["\x1b[31m"]}},
        {"notes": {"1": 2}},
        {"notes": {"1": "x" * 2001}},
        {"highest": -1},
        {"highest": 10**9},
        {"former_names": ["../x"]},
    ],
    ids=str,
)
def test_a_file_that_says_something_else_is_damaged(registry, publish, change):
    publish()
    registry.change_labels("novel", lambda labels: labels)
    path = registry.folder / "novel" / LABELS
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DamagedModelError, match=r"^novel/labels.json: .*Mend it, or remove it"):
        registry.labels("novel")
    assert str(registry.find("novel")) == "novel:1"
    assert str(publish()) == "novel:2"  # a model that was trained is published all the same


@pytest.mark.parametrize("more", [{}, {"colours": {}, "tags": []}], ids=str)
def test_a_file_of_a_newer_seqgen_is_not_to_be_thrown_away(registry, publish, more):
    publish()
    registry.change_labels("novel", lambda labels: labels.with_tags(1, add=["good"]))
    path = registry.folder / "novel" / LABELS
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 2, **more}))
    with pytest.raises(DamagedModelError) as refusal:
        registry.labels("novel")
    assert str(refusal.value) == (
        "novel/labels.json: format version 2 is not 1, the one this seqgen reads: a newer one wrote it.  Upgrade seqgen."
    )


@pytest.mark.parametrize(
    ("content", "highest"), [('{"highest": 7}', 7), ('{"highest": -1}', 0), ("{}", 0), ("x", 0), (None, 0)]
)
def test_the_highest_number_is_taken_from_whatever_says_it(tmp_path, content, highest):
    if content is not None:
        (tmp_path / LABELS).write_text(content)
    assert Labels.highest_said(tmp_path) == highest


def test_processes_that_label_at_once_lose_nothing(registry, publish):
    publish()
    code = (
        "import pathlib, sys; from seqgen.registry import Registry; sys.stdin.readline()\n"
        "for number in range(5): Registry(pathlib.Path(sys.argv[1])).change_labels(\n"
        "    'novel', lambda labels: labels.with_tags(1, add=[f'{sys.argv[2]}-{number}']))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, registry.folder, f"p{each}"], stdin=subprocess.PIPE)
        for each in range(4)
    ]
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
    assert len(registry.labels("novel").tags[1]) == 20


def test_what_could_not_be_read_again_is_not_written(registry, publish):
    publish()
    registry.change_labels("novel", lambda labels: labels.with_note(1, "the one"))
    with pytest.raises(UsageError, match=r"^What is said of novel would be more than seqgen reads again\."):
        registry.change_labels("novel", lambda labels: labels.with_note(1, "[" * 2000))
    assert registry.labels("novel").notes == {1: "the one"}
