"""Versions appear whole, count up, and are found by every name a person may use."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest

from seqgen.core.errors import ModelNotFoundError, OutputError, UsageError
from seqgen.manifest import faults
from seqgen.registry import Registry, moving, trash
from seqgen.registry.store import best
from seqgen.registry.summary import summaries

PUBLISHES = """
import importlib.util, pathlib, sys
spec = importlib.util.spec_from_file_location("shared", sys.argv[1])
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)
registry = shared.Registry(pathlib.Path(sys.argv[2]))
sys.stdin.readline()  # all begin at once
shared.publish_one(registry, content=sys.argv[3])
"""


@pytest.fixture
def made(publish):
    """Publishes what was made just now, at some time by the clock: ``made("novel", "2026-01-01")``."""
    return lambda name, created: publish(name, created=created, made_now=True)


def test_versions_count_up(publish):
    assert [str(publish()) for _ in range(3)] == ["novel:1", "novel:2", "novel:3"]


def test_the_registry_at_home_is_where_models_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path / "elsewhere"))
    assert Registry.at_home().folder == tmp_path / "elsewhere" / "models"


def test_the_record_of_a_version_says_which_it_is_and_where(registry, publish):
    publish()
    assert publish().record() == {"model": "novel", "version": 2, "path": str(registry.folder / "novel" / "2")}


def test_a_model_is_found_by_name_version_and_alias(registry, publish):
    for bits in (2.2, 1.9, 2.0):
        publish(bits=bits)
    registry.change_labels("novel", lambda labels: labels.with_alias("mine", 1))
    references = ("novel", "novel:1", "novel@latest", "novel@best", "novel@mine")
    assert [str(registry.find(each)) for each in references] == ["novel:3", "novel:1", "novel:3", "novel:2", "novel:1"]


def test_a_name_of_one_letter_with_a_version_is_no_path_on_windows_either(registry, publish, monkeypatch):
    publish("n")
    monkeypatch.setattr("seqgen.registry.store.Path", PureWindowsPath)
    assert PureWindowsPath("n:1").parts == ("n:", "1")
    assert str(registry.locate("n:1")) == "n:1"


def test_a_version_that_is_published_is_on_the_disk(publish, flushed):
    folder = publish().folder
    renamed = flushed.index("renamed")
    assert {path.stat().st_ino for path in (folder, folder / "manifest.json")} <= {*flushed[:renamed]}
    after = flushed[renamed:]
    assert {folder.parent.stat().st_ino, folder.parents[1].stat().st_ino} <= {*after}


def test_the_best_is_that_of_the_newest_corpus_measured_on_held_out_text(registry, publish):
    other = {"corpus": {"sources": [], "fingerprint": "0" * 64}}
    publish(bits=1.0, **other)
    publish(bits=2.3)
    publish(bits=2.1)
    publish(bits=2.1)
    publish(results={"bits_per_character": 0.5, "validation_loss": None})  # on what it was trained on
    assert str(registry.find("novel@best")) == "novel:3"
    publish(bits=1.5, **other)
    assert registry.find("novel@best").name == "novel"


@pytest.mark.parametrize(
    ("facts", "place"),
    [
        ([("a", 2.0)], 0),
        ([("a", 2.0), ("a", 2.0)], 0),
        ([("a", 2.0), ("a", None)], 0),
        ([("b", 1.0), ("a", None)], 1),
        ([(None, 1.0), (None, 0.5), (None, 2.0)], 1),
    ],
)
def test_which_is_best(facts, place):
    assert best(facts) == place


def test_the_latest_of_all_is_the_one_published_last(registry, publish):
    publish("zebra", created="2026-03-01")
    publish("apple", created="2026-02-01")
    assert str(registry.latest()) == "zebra:1"


def test_an_older_model_of_a_higher_number_hides_neither_the_latest_nor_when_it_was_made(registry, made, publish):
    made("words", "2026-02-01")
    mine = made("novel", "2026-03-01")
    publish("novel", created="2025-01-01")  # copied, pulled or imported
    assert registry.latest() == mine
    assert made("tale", "2026-02-15") == registry.latest()  # after novel:1, though the clock was put back since
    trash.remove(registry, registry.versions("tale"))
    publish("tale", created="2025-01-01")
    trash.remove(registry, registry.versions("tale"))
    made("words", "2026-02-20")
    trash.restore(registry, "tale")
    assert str(registry.latest()) == "words:2"


def test_of_equal_times_the_higher_number_is_the_latest(registry, publish):
    publish()
    assert publish() == registry.latest()


def test_what_is_made_after_the_clock_was_put_back_is_the_latest_all_the_same(registry, made):
    made("zebra", "2036-01-01T00:00:00+00:00")
    for name, created in [("apple", "2026-01-02T00:00:00+00:00"), ("mango", "2026-01-01T00:00:00+00:00")]:
        version = made(name, created)
        assert registry.latest() == version
        assert version.manifest()["created"] == created
        assert faults(version.folder, where=name) == []
    made("zebra", "2026-01-03T00:00:00+00:00")
    trash.remove(registry, [registry.find("zebra")])  # what is left of it was made first of all
    assert str(registry.latest()) == "mango:1"
    shutil.copytree(registry.folder, copied := registry.folder.with_name("copied"))  # without the times of its files
    assert str(Registry(copied).latest()) == "mango:1"
    moving.rename(registry, "mango", "banana")
    assert str(registry.latest()) == "banana:1"


def test_as_long_as_the_clock_goes_on_a_version_holds_what_its_manifest_says_and_nothing_else(made):
    for created in ("2026-01-01", "2026-01-02T00:00:00", "2026-01-02T00:00:01+00:00"):
        version = made("novel", created)
        assert {path.name for path in version.folder.iterdir()} == {*version.manifest()["files"], "manifest.json"}


def test_what_comes_from_elsewhere_is_as_old_as_it_says(registry, made, publish):
    made("mine", "2026-02-01")
    publish("theirs", created="2025-01-01")
    assert str(registry.latest()) == "mine:1"


@pytest.mark.parametrize("content", ["", "x", "9" * 100, "9999-12-31T23:59:59+00:00", "\0", "é"])
def test_a_time_that_is_none_leaves_that_of_the_manifest(registry, made, content):
    version = made("novel", "2026-01-02")
    made("other", "2026-01-03")
    (version.folder / ".order").write_text(content)
    assert str(registry.latest()) == "other:1"


@pytest.mark.parametrize("created", ["", "soon", "9999-12-31T23:59:59.999999+00:00", "0001-01-01T00:00:00+14:00"])
def test_a_manifest_without_a_time_of_this_world_comes_before_all_others(registry, made, publish, created):
    publish("theirs", created=created)
    made("mine", "2026-01-01")
    assert str(registry.latest()) == "mine:1"


def test_after_the_last_time_that_a_stranger_may_claim_others_are_made_all_the_same(registry, made, publish):
    publish("theirs", created="9998-12-31T23:59:59.999999+00:00")
    for name in ("mine", "yours", "mine"):
        assert made(name, "2026-01-01") == registry.latest()


def test_an_empty_registry_says_how_to_train(registry):
    with pytest.raises(ModelNotFoundError, match=r"No model has been trained yet .*seqgen train"):
        registry.latest()


def test_an_unknown_name_gets_the_nearest(registry, publish):
    publish()
    with pytest.raises(ModelNotFoundError, match='No model "nvoel".  Nearest: novel.  All: seqgen models list'):
        registry.find("nvoel")
    with pytest.raises(ModelNotFoundError, match="Model novel has no version 7.  It has: 1"):
        registry.find("novel:7")
    registry.change_labels("novel", lambda labels: labels.with_alias("first", 1))
    with pytest.raises(ModelNotFoundError, match='Model novel has no alias "mine".  It has: @latest, @best, @first'):
        registry.find("novel@mine")


@pytest.mark.parametrize(
    "reference",
    [
        *("", "..", ".", "-novel", "novel:x", "novel@", "novel@a b", "a b", "../novel", "novel/../../etc", "novel\n"),
        *("novel:1/..", "novel@../x", "/etc", "~", "C:x:1", "novel:0000000001", "\x00", "novel@latest:1"),
    ],
)
def test_what_cannot_be_a_model_is_wrong_use(registry, publish, reference):
    publish()
    with pytest.raises(UsageError, match="is not a model: write NAME"):
        registry.find(reference)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "a\nb", "x" * 101, "é", "-x", "/x", "a\\b"])
def test_a_name_cannot_leave_the_folder(registry, publish, name, tmp_path):
    with pytest.raises(UsageError, match="is not a model name"):
        publish(name)
    assert [path.name for path in registry.folder.iterdir()] == []
    assert {path.name for path in tmp_path.iterdir()} == {"models"}
    assert registry.versions(name) == []


def test_a_folder_is_what_only_a_folder_is_called_or_what_is_written_as_a_path(
    registry, publish, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    version = publish("novel")
    for name in ("novel", "ice"):
        (tmp_path / name).mkdir()
    assert registry.locate("novel") == registry.locate("novel:1") == registry.locate("novel@best") == version
    for name in ("ice", "./novel", str(tmp_path / "novel")):
        assert registry.locate(name) == Path(name)
    with pytest.raises(ModelNotFoundError, match=r"^There is no model folder ./typo\.$"):
        registry.locate("./typo")
    with pytest.raises(ModelNotFoundError, match="Model novel has no version 7"):
        registry.locate("novel:7")
    with pytest.raises(UsageError, match='"" is not a model'):
        registry.locate("")


def test_half_written_folders_and_strangers_are_not_models(registry, publish):
    publish()
    (registry.folder / "novel" / ".new-abc").mkdir()
    (registry.folder / "novel" / "notes").mkdir()
    (registry.folder / "novel" / "2").write_text("x")
    (registry.folder / "file").write_text("x")
    (registry.folder / "empty").mkdir()
    assert [str(version) for version in registry.all()] == ["novel:1"]
    assert registry.names() == ["novel"]


def test_a_folder_that_is_being_filled_is_not_there_afterwards(registry):
    with pytest.raises(ZeroDivisionError), registry.new_folder() as folder:
        (folder / "model.safetensors").write_text("half")
        raise ZeroDivisionError
    assert list(registry.folder.iterdir()) == []


def test_a_registry_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "models").write_text("a file")
    with pytest.raises(OutputError, match="models cannot be written"), Registry(tmp_path / "models").new_folder():
        pass


def test_sixteen_processes_that_publish_at_once_make_versions_1_to_16_and_lose_nothing(registry):
    shared = Path(__file__).with_name("conftest.py")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISHES, str(shared), str(registry.folder), f"weights of process {number}"],
            stdin=subprocess.PIPE,
        )
        for number in range(16)
    ]
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0] * 16
    versions = registry.versions("novel")
    assert [version.version for version in versions] == list(range(1, 17))
    contents = {(version.folder / "model.safetensors").read_text() for version in versions}
    assert contents == {f"weights of process {number}" for number in range(16)}
    assert [faults(version.folder, where=str(version)) for version in versions] == [[]] * 16
    assert sorted(path.name for path in registry.folder.iterdir()) == ["novel"]  # nothing is left of publishing


def test_what_a_version_is_recognised_by_is_its_manifest(publish):
    one, same, another = publish(), publish(), publish(content="others")
    assert one.identity() == same.identity() != another.identity()
    assert json.loads((one.folder / "manifest.json").read_text())["name"] == "novel"


def test_listing_needs_neither_numpy_nor_a_lock(run_python, registry, publish):
    publish()
    assert importlib.util.find_spec("numpy")
    code = (
        "import sys, pathlib; from seqgen.registry import Registry; from seqgen.registry.summary import summaries\n"
        "print(summaries(Registry(pathlib.Path(sys.argv[1])))[0][0].reference)\n"
        "print({'numpy', 'filelock', 'rich'} & sys.modules.keys())"
    )
    assert run_python(code, registry.folder).stdout == "novel:1\nset()\n"


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_number_that_is_taken_by_what_is_no_folder_is_passed_over(registry, publish, kind):
    publish()
    taken = registry.folder / "novel" / "2"
    taken.touch() if kind == "file" else taken.symlink_to("/a/disk/that/is/not/there")
    assert str(publish()) == "novel:3"
    assert [str(version) for version in registry.all()] == ["novel:1", "novel:3"]


@pytest.mark.parametrize(("number", "kept"), [(10**8, 10**8), (10**8 + 1, 1), (999_999_999, 1), (10**9, 1)])
def test_a_number_of_elsewhere_is_kept_where_it_leaves_enough_for_others(registry, fill, number, kept):
    with registry.new_folder() as folder:
        fill(folder)
        assert registry.publish("novel", folder, number=number).version == kept


def test_after_the_last_number_a_sentence_says_how_to_go_on(registry, publish):
    first = publish()
    first.folder.rename(first.folder.with_name("999999999"))
    with pytest.raises(OutputError, match=r"^novel:999999999 is or was the last version .* models rename novel OTHER$"):
        publish()
    assert [path.name for path in registry.folder.iterdir()] == ["novel"]
    moving.rename(registry, "novel", "other")
    assert str(publish()) == "novel:1"


def test_only_the_digits_of_ascii_are_a_version(registry, publish):
    publish()
    (registry.folder / "novel" / "1\u0663").mkdir()
    assert [str(version) for version in registry.all()] == ["novel:1"]
    with pytest.raises(UsageError):
        registry.find("novel:\u0661")


def test_what_another_user_lets_nobody_look_at_hides_nothing_else(registry, publish, closed):
    for name in ("novel", "private"):
        publish(name)
    closed(registry.folder / "private")
    assert registry.names() == ["novel"]
    assert [str(version) for version in registry.all()] == ["novel:1"]
    assert str(registry.latest()) == "novel:1"
    assert [each.reference for each in summaries(registry)[0]] == ["novel:1"]
    with pytest.raises(ModelNotFoundError, match='No model "tale"'):
        registry.find("tale")
    with pytest.raises(PermissionError):
        registry.find("private")
    assert str(publish("novel", made_now=True)) == "novel:2"
    with pytest.raises(OutputError, match="private cannot be written: Permission denied"):
        publish("private", made_now=True)


def test_a_version_that_another_user_lets_nobody_look_at_hides_nothing_else(registry, publish, closed):
    publish(), publish()
    closed(registry.folder / "novel" / "2")
    assert str(registry.latest()) == "novel:1"
    assert registry.find("novel@best").name == "novel"
    assert "novel:1" in [each.reference for each in summaries(registry)[0]]
    assert str(publish("novel", made_now=True)) == "novel:3"


def test_where_models_are_made_must_be_writable_too(registry, publish, monkeypatch):
    publish()
    mkdir = os.mkdir

    def refusing(path, *rest):
        if Path(path).parent == registry.folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        mkdir(path, *rest)

    monkeypatch.setattr(os, "mkdir", refusing)
    with pytest.raises(OutputError, match="models cannot be written: Permission denied"):
        registry.check_writable("novel")


def test_a_link_to_where_nobody_may_look_is_no_model(registry, publish, tmp_path, without_privileges):
    publish()
    (tmp_path / "private" / "tale").mkdir(parents=True)
    (registry.folder / "tale").symlink_to(tmp_path / "private" / "tale")
    (tmp_path / "private").chmod(0)
    names = (
        "import pathlib, sys; from seqgen.registry import Registry; print(Registry(pathlib.Path(sys.argv[1])).names())"
    )
    command = [*without_privileges, sys.executable, "-c", names, registry.folder]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    (tmp_path / "private").chmod(0o700)
    assert (found.stdout, found.stderr) == ("['novel']\n", "")


def test_a_model_may_lie_on_another_disk(registry, publish, other_disk):
    (other_disk / "novel").mkdir()
    registry.folder.mkdir()
    (registry.folder / "novel").symlink_to(other_disk / "novel")
    version = publish()
    assert (str(version), faults(version.folder, where="novel:1")) == ("novel:1", [])
    assert [path.name for path in (other_disk / "novel").iterdir()] == ["1"]
    assert [path.name for path in registry.folder.iterdir()] == ["novel"]


def test_where_a_version_could_not_be_published_is_told_before_it_is_made(registry, publish, closed):
    registry.check_writable("novel")
    publish()
    registry.check_writable("novel")
    assert [path.name for path in (registry.folder / "novel").iterdir()] == ["1"]
    closed(registry.folder / "novel")
    with pytest.raises(OutputError, match="novel cannot be written: Permission denied"):
        registry.check_writable("novel")
    (registry.folder / "tale").symlink_to("nowhere")
    with pytest.raises(OutputError, match="tale cannot be written"):
        registry.check_writable("tale")
