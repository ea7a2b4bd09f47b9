"""A list says what the folders say, whatever is remembered from the last time."""

from __future__ import annotations

import json
import os
import resource
import shutil
import stat
from datetime import UTC, datetime

import pytest

from seqgen import manifest
from seqgen.registry import Registry, trash
from seqgen.registry.index import INDEX, SETTLED_NS
from seqgen.registry.summary import FACTS, selected, summaries


def listed(registry):
    found, faults = summaries(registry)
    assert faults == []
    return {each.reference: each for each in found}


@pytest.fixture
def remembering(monkeypatch):
    """As if all that was changed had been changed long ago: what is read is remembered at once."""
    monkeypatch.setattr("seqgen.registry.index.SETTLED_NS", -SETTLED_NS)


@pytest.fixture
def reads(monkeypatch):
    """The versions whose manifests are read, and not remembered."""
    seen = []

    def read(folder, *, where):
        seen.append(where)
        return manifest.read_lineage(folder, where=where)

    for module in ("summary", "order"):
        monkeypatch.setattr(f"seqgen.registry.{module}.read_lineage", read)
    return seen


def test_a_line_says_what_the_folder_says(registry, publish):
    publish(bits=1.9)
    publish()
    registry.change_labels(
        "novel", lambda labels: labels.with_alias("prod", 1).with_tags(1, add=["good"]).with_note(1, "x")
    )
    one, two = listed(registry).values()
    assert (one.aliases, one.tags, one.note) == (("best", "prod"), ("good",), "x")
    assert two.aliases == ("latest",)
    assert (one.corpus, one.fingerprint, one.corpus_characters) == (("/texts/sea.txt",), "f" * 64, 500)
    assert (one.tokenizer, one.backend, one.architecture, one.hidden_size, one.num_layers) == (
        "char",
        "torch",
        "lstm",
        8,
        2,
    )
    assert (one.parameters, one.bits_per_character, one.damaged) == (1200, 1.9, "")
    assert one.bytes == sum(path.stat().st_size for path in one.path.iterdir())
    assert one.age(datetime(2026, 1, 2, tzinfo=UTC)) == 86400


def test_what_is_remembered_is_not_read_again(registry, publish, remembering, reads):
    publish(), publish()
    first = listed(registry)
    assert reads == ["novel:1", "novel:2"]
    assert listed(registry) == first
    publish()
    assert len(listed(registry)) == 3
    assert reads == ["novel:1", "novel:2", "novel:3"]


def test_the_latest_is_found_among_what_is_remembered(registry, publish, remembering, reads):
    publish("novel", created="2026-02-01"), publish("novel", created="2026-01-01")
    publish("words", created="2026-01-15")
    assert str(registry.latest()) == "novel:1"
    assert reads == ["novel:1", "novel:2", "words:1"]
    assert str(registry.latest()) == "novel:1"
    publish("words", created="2026-02-02")
    assert str(registry.latest()) == "words:2"
    assert reads[3:] == ["words:2"]


def test_what_has_just_been_changed_is_read_again(registry, publish, reads, monkeypatch):
    monkeypatch.setattr("seqgen.registry.index.SETTLED_NS", 3600 * 10**9)
    publish()
    assert listed(registry) == listed(registry)
    assert reads == ["novel:1", "novel:1"]


def test_a_version_that_is_replaced_by_one_of_the_same_size_and_time_is_read_again(
    registry, publish, remembering, fill
):
    version = publish(bits=2.1)
    listed(registry)
    times = (version.folder / "manifest.json").stat()
    new = version.folder.with_name("new")
    new.mkdir()
    fill(new, bits=1.1)
    for path in new.iterdir():  # as rsync --times does it
        os.utime(path, ns=(times.st_atime_ns, (version.folder / path.name).stat().st_mtime_ns))
        path.replace(version.folder / path.name)
    new.rmdir()
    assert listed(registry)["novel:1"].bits_per_character == 1.1


def test_a_version_that_is_written_over_in_place_is_read_again(registry, publish, remembering):
    version = publish(bits=2.1)
    listed(registry)
    path = version.folder / "manifest.json"
    status = path.stat()
    while path.stat().st_ctime_ns == status.st_ctime_ns:  # which some systems count in steps of milliseconds
        path.write_bytes(path.read_bytes().replace(b"2.1", b"1.1"))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert listed(registry)["novel:1"].bits_per_character == 1.1


def test_an_index_that_came_along_with_a_copy_says_nothing_of_it(registry, publish, remembering, reads, tmp_path):
    publish(bits=2.1)
    listed(registry)
    shutil.copytree(registry.folder, tmp_path / "copy")
    path = tmp_path / "copy" / "novel" / "1" / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"2.1", b"1.1"))
    assert listed(Registry(tmp_path / "copy"))["novel:1"].bits_per_character == 1.1


def test_what_is_gone_is_forgotten(registry, publish, remembering):
    versions = [publish(), publish()]
    listed(registry)
    trash.remove(registry, versions[:1])
    assert list(listed(registry)) == ["novel:2"]
    assert list(json.loads((registry.folder / INDEX).read_text())["versions"]) == ["novel:2"]


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", '{"format_version": 3}', '{"format_version": 3, "versions": []}', "[" * 100_000),
        *(json.dumps({"format_version": 3, "fields": FACTS, "versions": each}) for each in (3, {"novel:1": 3})),
        '{"format_version": 2, "versions": {"novel:1": [[], {"corpus": []}]}}',
    ],
    ids=lambda content: content[:50],
)
def test_an_index_that_is_none_does_not_matter(registry, publish, remembering, content):
    publish()
    expected = listed(registry)
    (registry.folder / INDEX).write_text(content)
    assert listed(registry) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index["fields"].reverse(),
        lambda index: index["fields"].pop(),
        lambda index: index.pop("fields"),
        lambda index: index["versions"]["novel:1"].pop(),
        lambda index: index["versions"]["novel:1"].append(1),
    ],
    ids=["another order", "a field less", "no fields", "a fact less", "a fact more"],
)
def test_facts_of_another_seqgen_are_read_again(registry, publish, remembering, change):
    publish()
    expected = listed(registry)
    index = json.loads((registry.folder / INDEX).read_text())
    change(index)
    (registry.folder / INDEX).write_text(json.dumps(index))
    assert listed(registry) == expected


def test_a_registry_that_cannot_be_written_is_listed(registry, publish, remembering, monkeypatch):
    publish()
    monkeypatch.setattr("tempfile.mkstemp", lambda **_: (_ for _ in ()).throw(PermissionError()))
    assert list(listed(registry)) == ["novel:1"]


def test_an_index_that_is_a_pipe_is_not_waited_for(registry, publish):
    publish()
    os.mkfifo(registry.folder / INDEX)
    assert list(listed(registry)) == ["novel:1"]


@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter there")
@pytest.mark.usefixtures("umask", "remembering")
@pytest.mark.parametrize(
    ("registry_mode", "version_mode", "index_mode"),
    [(0o2775, 0o755, 0o644), (0o2775, 0o775, 0o644), (0o700, 0o755, 0o600), (0o2775, 0o700, 0o600)],
)
def test_an_index_is_for_whoever_may_look_at_what_it_says(registry, publish, registry_mode, version_mode, index_mode):
    publish().folder.chmod(version_mode)
    registry.folder.chmod(registry_mode)
    listed(registry)
    assert stat.S_IMODE((registry.folder / INDEX).stat().st_mode) == index_mode


def test_a_full_disk_leaves_nothing_of_an_index(registry, publish, remembering):
    publish()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        assert list(listed(registry)) == ["novel:1"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in registry.folder.iterdir()] == ["novel"]


@pytest.mark.parametrize(
    "figures",
    [
        *({"parameters": value} for value in (10**400, True)),
        {"bits_per_character": 10**400, "validation_loss": 1.0},
        *({name: 2**128} for name in ("steps", "seconds")),
    ],
    ids=lambda figures: next(iter(figures)),
)
def test_figures_that_no_machine_computes_with_are_damage(registry, publish, figures):
    publish()
    manifest_of = registry.folder / "novel" / "1" / "manifest.json"
    written = json.loads(manifest_of.read_text())
    written["results"] |= figures
    manifest_of.write_text(json.dumps(written))
    (one,) = listed(registry).values()
    assert one.damaged == (
        f"novel:1/manifest.json: {next(iter(figures))} is not what a manifest has there; the model was altered or damaged."
    )
    assert str(registry.find("novel@best")) == "novel:1"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: (folder / "manifest.json").write_text("{"), "not JSON"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json: the file is missing"),
        (lambda folder: (folder / "config.json").unlink(), "config.json: the file is missing"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors: the file is missing"),
        (lambda folder: (folder / "model.safetensors").write_text("half"), "4 bytes, but 7 were written"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json: the file is missing"),
        (lambda folder: (folder / "config.json").write_text('{"parts": 3}'), "names no shape or no tokenizer"),
    ],
)
def test_a_damaged_version_is_listed_as_such_and_hides_no_other(registry, publish, remembering, spoil, sentence):
    publish(), publish()
    listed(registry)
    spoil(registry.folder / "novel" / "1")
    one, two = listed(registry).values()
    assert sentence in one.damaged
    assert (two.damaged, two.aliases) == ("", ("latest", "best"))


def test_what_another_process_removes_while_it_is_read_is_not_damaged_and_is_left_out(registry, publish, monkeypatch):
    publish(), publish(), publish("tale")

    def read(folder, *, where):
        if where in ("novel:2", "tale:1"):
            trash.remove(registry, [registry.find(where)])
        return manifest.read_lineage(folder, where=where)

    monkeypatch.setattr("seqgen.registry.summary.read_lineage", read)
    assert {reference: each.damaged for reference, each in listed(registry).items()} == {"novel:1": ""}


def test_labels_that_cannot_be_read_are_told_and_hide_no_version(registry, publish):
    publish()
    (registry.folder / "novel" / "labels.json").write_text("{")
    found, faults = summaries(registry)
    assert [each.reference for each in found] == ["novel:1"]
    assert len(faults) == 1
    assert faults[0].startswith("novel/labels.json: not JSON")


def test_a_list_can_be_narrowed(registry, publish):
    publish("novel")
    publish("novella", corpus={"sources": ["/x/ice.txt", "/x/sea.txt"], "fingerprint": "0123" * 16})
    publish("tunes", results={"backend": "keras"})
    registry.change_labels("tunes", lambda labels: labels.with_tags(1, add=["good", "loud"]).with_alias("prod", 1))
    found, _ = summaries(registry)

    def chosen(**filters):
        return [each.model for each in selected(found, **filters)]

    assert chosen() == ["novel", "novella", "tunes"]
    assert chosen(names=["novel*"]) == ["novel", "novella"]
    assert chosen(names=["novel", "t?nes"]) == ["novel", "tunes"]
    assert chosen(corpus="ice") == chosen(corpus="01230123") == ["novella"]
    assert chosen(backend="keras") == chosen(tags=["good"]) == chosen(tags=["loud", "good"]) == ["tunes"]
    assert chosen(alias="prod") == chosen(alias="@prod") == ["tunes"]
    assert chosen(tags=["good", "quiet"]) == chosen(tokenizer="bpe") == chosen(architecture="gru") == []
    assert chosen(alias="best", names=["novel"]) == ["novel"]
