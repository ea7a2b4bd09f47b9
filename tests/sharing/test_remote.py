"""A team's registry: whole or not there, one of several wins, and what broke off goes on."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import resource
import shutil
import threading
from types import SimpleNamespace

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from seqgen.checkpoint import SavedModel
from seqgen.core.errors import (
    DamagedModelError,
    MissingDependencyError,
    ModelExistsError,
    ModelNotFoundError,
    OutputError,
    RemoteError,
    UsageError,
)
from seqgen.registry import ModelVersion, Registry
from seqgen.sharing.download import arriving
from seqgen.sharing.exchange import pull, push
from seqgen.sharing.place import Place
from seqgen.sharing.remote import CLAIM, Remote

from .conftest import edit_manifest, files_of, write_model


def quiet(done, total):
    """Progress that nobody looks at."""


@pytest.fixture(params=["folder", "file", "memory"])
def url(request, tmp_path):
    """An empty team registry."""
    if request.param == "memory":
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]
        return "memory://team/models"
    path = tmp_path / "team" / "models"
    return f"file://{path}" if request.param == "file" else str(path)


def remote_files(url):
    """The content of every file at a URL, by its path below."""
    place = Remote.at(url).place
    names = place.files.find(place.path, withdirs=False)
    root = place.files._strip_protocol(place.path)
    return {name.removeprefix(root).lstrip("/"): place.files.cat_file(name) for name in names}


def other(tmp_path, number):
    """Another model of the same sizes."""
    return ModelVersion("novel", 1, write_model(tmp_path / "other" / str(number), seed=number)).open()


def test_a_place_that_is_empty_text_is_not_this_folder(saved, registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    for run in (
        lambda: push(saved, "", progress=quiet, as_="novel:3"),
        lambda: pull("", "novel", registry, progress=quiet),
    ):
        with pytest.raises(UsageError, match=r"^A place is empty text: name a folder or a URL\.$"):
            run()
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_pushed_is_pulled_as_it_was_under_its_number(saved, url, registry):
    pushed = push(saved, url, progress=quiet, as_="novel:3")
    assert (pushed.where, pushed.new) == (f"{url}/novel/3", True)
    assert remote_files(url) == {f"novel/3/{name}": content for name, content in files_of(saved.folder).items()}
    arrival = pull(url, "novel", registry, progress=quiet)
    assert (str(arrival.version), arrival.new) == ("novel:3", True)
    assert files_of(arrival.version.folder) == files_of(saved.folder)
    assert [path.name for path in registry.folder.iterdir()] == ["novel"]


def test_pushing_and_pulling_again_changes_nothing(saved, url, registry):
    push(saved, url, progress=quiet)
    assert not push(saved, url, progress=quiet).new
    pull(url, "novel:1", registry, progress=quiet)
    assert not pull(url, "novel", registry, progress=quiet).new
    assert [str(version) for version in registry.all()] == ["novel:1"]


def test_another_model_of_the_same_version_is_told_which_is_free(saved, url, tmp_path):
    push(saved, url, progress=quiet)
    with pytest.raises(ModelExistsError, match="novel/1 is another model, .* --as novel:2"):
        push(other(tmp_path, 2), url, progress=quiet)
    assert remote_files(url).keys() == {f"novel/1/{name}" for name in files_of(saved.folder)}
    assert push(other(tmp_path, 3), url, progress=quiet, as_="novel:2").new


def test_a_number_that_is_taken_here_gives_the_next(saved, url, registry, tmp_path):
    registry.publish("novel", write_model(tmp_path / "mine" / "x", seed=7))
    push(saved, url, progress=quiet)
    assert str(pull(url, "novel:1", registry, progress=quiet).version) == "novel:2"
    assert str(pull(url, "novel:1", registry, progress=quiet, name="tale").version) == "tale:1"


def test_what_is_there_is_listed_to_who_does_not_know(saved, url, registry):
    with pytest.raises(UsageError, match="Say which model of .*  It has none."):
        pull(url, None, registry, progress=quiet)
    push(saved, url, progress=quiet)
    push(saved, url, progress=quiet, as_="tale:12")
    with pytest.raises(UsageError, match="It has: novel:1, tale:12$"):
        pull(url, None, registry, progress=quiet)
    with pytest.raises(ModelNotFoundError, match='has no model "nvoel".  It has: novel:1, tale:12'):
        pull(url, "nvoel", registry, progress=quiet)
    with pytest.raises(ModelNotFoundError, match="has no version 4 of novel.  It has: 1"):
        pull(url, "novel:4", registry, progress=quiet)


class CutError(Exception):
    """The line is cut."""


def cut_after(monkeypatch, method, count):
    """Let a method of the file systems fail from its call number ``count`` on."""
    calls = itertools.count(1)
    for system in (LocalFileSystem, MemoryFileSystem):
        whole = getattr(system, method)

        def failing(self, *arguments, whole=whole, **options):
            if next(calls) > count:
                raise CutError
            return whole(self, *arguments, **options)

        monkeypatch.setattr(system, method, failing)


@pytest.mark.parametrize("count", range(4))
def test_half_a_push_is_no_model_and_goes_on(saved, url, registry, monkeypatch, count):
    with monkeypatch.context() as patch:
        cut_after(patch, "put_file", count)
        with pytest.raises(RemoteError, match="cannot be written: CutError"):
            push(saved, url, progress=quiet)
    assert len(remote_files(url)) == 1 + count  # the claim
    with pytest.raises(ModelNotFoundError, match='has no model "novel"'):
        pull(url, "novel:1", registry, progress=quiet)
    written = []
    with monkeypatch.context() as patch:
        for system in (LocalFileSystem, MemoryFileSystem):
            whole = system.put_file
            patch.setattr(
                system,
                "put_file",
                lambda self, here, there, whole=whole, **options: (
                    written.append(there),
                    whole(self, here, there, **options),
                ),
            )
        assert push(saved, url, progress=quiet).new
    assert len(written) == 4 - count
    pull(url, "novel:1", registry, progress=quiet)


def test_while_one_model_is_being_pushed_another_is_told_by_whom(saved, url, tmp_path):
    target = Remote.at(url).place / "novel" / "1"
    (target / CLAIM).create({"manifest_sha256": "0" * 64, "by": "ada on engine", "since": "1843-09-05T12:00:00+00:00"})
    with pytest.raises(ModelExistsError, match=r"by ada on engine since 1843-09-05.* remove .*/novel/1$"):
        push(saved, url, progress=quiet)
    assert remote_files(url).keys() == {f"novel/1/{CLAIM}"}


def test_after_a_claim_is_removed_by_hand_nothing_of_the_other_model_stays(saved, url, registry, tmp_path):
    target = Remote.at(url).place / "novel" / "1"
    first = other(tmp_path, 2)
    (target / CLAIM).create({"manifest_sha256": "0" * 64})
    for name in ("model.safetensors", "config.json"):  # of the same size as ours
        (target / name).put(first.folder / name, lambda _: None)
    (target / CLAIM).remove()
    push(saved, url, progress=quiet)
    assert files_of(pull(url, "novel", registry, progress=quiet).version.folder) == files_of(saved.folder)


@pytest.mark.parametrize(
    "says", [True, False], ids=["its claim says what was there", "its claim is of an older seqgen"]
)
def test_nor_where_the_push_after_it_breaks_off(saved, url, registry, tmp_path, monkeypatch, says):
    target, first = Remote.at(url).place / "novel" / "1", other(tmp_path, 2)
    (target / CLAIM).create({"manifest_sha256": "0" * 64})
    (target / "model.safetensors").put(first.folder / "model.safetensors", lambda _: None)
    (target / CLAIM).remove()
    with monkeypatch.context() as patch:
        cut_after(patch, "put_file", 0)
        with pytest.raises(RemoteError):
            push(saved, url, progress=quiet)
    claim = json.loads(remote_files(url)[f"novel/1/{CLAIM}"])
    assert claim["files_before"] == ["model.safetensors"]
    if not says:
        del claim["files_before"]
        alter(url, CLAIM, json.dumps(claim).encode())
    push(saved, url, progress=quiet)
    assert files_of(pull(url, "novel", registry, progress=quiet).version.folder) == files_of(saved.folder)


def test_of_threads_that_push_at_once_one_wins_and_nothing_is_mixed(url, registry, tmp_path):
    models = [other(tmp_path, number) for number in range(6)]
    outcomes = {}
    start = threading.Barrier(len(models))

    def attempt(number):
        start.wait()
        try:
            outcomes[number] = push(models[number], url, progress=quiet).new
        except ModelExistsError as error:
            outcomes[number] = str(error)

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(len(models))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [number for number, outcome in outcomes.items() if outcome is True]
    assert all("another model" in outcome for number, outcome in outcomes.items() if number != winner)
    assert files_of(pull(url, "novel", registry, progress=quiet).version.folder) == files_of(models[winner].folder)


def push_in_process(url, folder, report):
    try:
        report.put((folder, push(ModelVersion("novel", 1, folder).open(), url, progress=quiet).new))
    except ModelExistsError as error:
        report.put((folder, str(error)))


@pytest.mark.filterwarnings(
    "ignore:.*fork:DeprecationWarning"
)  # Python 3.12 warns of it beside threads, of which pytest-xdist has some
def test_of_processes_that_push_at_once_one_wins_and_nothing_is_mixed(tmp_path, registry):
    url = str(tmp_path / "team")
    context = multiprocessing.get_context("fork")
    report = context.Queue()
    folders = [other(tmp_path, number).folder for number in range(8)]
    processes = [context.Process(target=push_in_process, args=(url, folder, report)) for folder in folders]
    for process in processes:
        process.start()
    outcomes = dict(report.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    (winner,) = [folder for folder, outcome in outcomes.items() if outcome is True]
    assert sum("another model" in str(outcome) for outcome in outcomes.values()) == 7
    assert files_of(pull(url, "novel", registry, progress=quiet).version.folder) == files_of(winner)


def test_the_same_model_pushed_twice_at_once_is_there_once(saved, url):
    threads = [threading.Thread(target=push, args=(saved, url), kwargs={"progress": quiet}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert remote_files(url) == {f"novel/1/{name}": content for name, content in files_of(saved.folder).items()}


def test_a_pull_that_broke_off_goes_on_with_the_next_byte(saved, registry, tmp_path, monkeypatch):
    big = ModelVersion("novel", 1, write_model(tmp_path / "big", hidden_size=300)).open()
    url = str(tmp_path / "team")
    push(big, url, progress=quiet)
    size = (big.folder / "model.safetensors").stat().st_size
    with monkeypatch.context() as patch:
        cut_reading(patch, after=1_000_000)
        with pytest.raises(RemoteError, match="model.safetensors cannot be read: CutError"):
            pull(url, "novel", registry, progress=quiet)
    (folder,) = registry.folder.glob(".pull-*[!k]")
    left = (folder / "model.safetensors").stat().st_size
    assert 500_000 < left < size
    assert list(registry.all()) == []
    started = []
    with monkeypatch.context() as patch:
        opened = LocalFileSystem._open

        def watched(self, path, mode="rb", **options):
            file = opened(self, path, mode, **options)
            seek = file.f.seek
            file.seek = lambda offset, *rest: (started.append((path.rsplit("/", 1)[1], offset)), seek(offset, *rest))[1]
            return file

        patch.setattr(LocalFileSystem, "_open", watched)
        through = []
        arrival = pull(url, "novel", registry, progress=lambda done, total: through.append((done, total)))
    assert ("model.safetensors", left) in started
    assert files_of(arrival.version.folder) == files_of(big.folder)
    assert [done for done, _ in through] == sorted(done for done, _ in through)
    assert through[-1][0] == through[-1][1]
    assert [path.name for path in registry.folder.iterdir()] == ["novel"]


def cut_reading(patch, *, after):
    """Let every reading of a local file break off after so many bytes in all."""
    opened = LocalFileSystem._open
    left = [after]

    def cut(self, path, mode="rb", **options):
        file = opened(self, path, mode, **options)
        read = file.f.read

        def reading(size=-1):
            if "r" in mode and path.endswith("safetensors"):
                if left[0] <= 0:
                    raise CutError
                left[0] -= size
            return read(size)

        file.read = reading
        return file

    patch.setattr(LocalFileSystem, "_open", cut)


def test_a_pull_that_the_disk_has_no_room_for_is_refused_before_it_is_fetched(saved, registry, tmp_path, monkeypatch):
    push(saved, url := str(tmp_path / "team"), progress=quiet)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=9))
    with pytest.raises(OutputError, match=r"/team/novel/1 takes [\d,]+ bytes, and .* has 9 bytes free\."):
        pull(url, "novel", registry, progress=quiet)
    (folder,) = registry.folder.glob(".pull-*[!k]")
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]


def test_a_pull_that_goes_on_needs_room_for_what_is_missing_alone(saved, registry, tmp_path, monkeypatch):
    push(saved, url := str(tmp_path / "team"), progress=quiet)
    folder = arriving(registry, (saved.folder / "manifest.json").read_bytes())
    folder.mkdir(parents=True)
    shutil.copy(saved.folder / "model.safetensors", folder)
    rest = sum(
        len(content)
        for name, content in files_of(saved.folder).items()
        if name not in {"manifest.json", "model.safetensors"}
    )
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=rest))
    assert pull(url, "novel", registry, progress=quiet).new


def test_a_beginning_of_something_else_is_thrown_away(saved, url, registry):
    push(saved, url, progress=quiet)
    folder = arriving(registry, (saved.folder / "manifest.json").read_bytes())
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"wrong")
    (folder / "config.json").write_bytes(b"x" * 100_000)
    assert files_of(pull(url, "novel", registry, progress=quiet).version.folder) == files_of(saved.folder)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="users have no numbers there")
def test_what_another_user_of_the_registry_began_to_fetch_keeps_nobody_from_the_model(
    saved, url, registry, monkeypatch
):
    push(saved, url, progress=quiet)
    monkeypatch.setattr(os, "getuid", lambda: 1001)
    begun = arriving(registry, (saved.folder / "manifest.json").read_bytes())
    begun.mkdir(parents=True)
    (begun / "model.safetensors").write_bytes(b"hers")
    monkeypatch.setattr(os, "getuid", lambda: 1002)
    assert files_of(pull(url, "novel", registry, progress=quiet).version.folder) == files_of(saved.folder)
    assert files_of(begun) == {"model.safetensors": b"hers"}


def alter(url, name, content):
    place = Remote.at(url).place / "novel" / "1" / name
    place.files.pipe_file(place.path, content)


def test_bytes_that_are_not_those_of_the_manifest_are_not_published(saved, url, registry):
    push(saved, url, progress=quiet)
    content = bytearray((saved.folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    alter(url, "model.safetensors", bytes(content))
    advice = r"  Whoever has the model whole: remove .*/novel/1 and push it again\.$"
    said = "novel/1/model.safetensors: its bytes are not those of the manifest; the model was altered or damaged."
    with pytest.raises(DamagedModelError, match=said + advice):
        pull(url, "novel", registry, progress=quiet)
    assert list(registry.all()) == []
    place = Remote.at(url).place / "novel" / "1"
    place.files.rm(place.path, recursive=True)
    assert push(saved, url, progress=quiet).new
    assert files_of(pull(url, "novel", registry, progress=quiet).version.folder) == files_of(saved.folder)


@pytest.mark.parametrize("content", [None, b"x" * 1_000_000])
def test_sizes_are_held_against_the_manifest_before_anything_is_fetched(saved, url, registry, content):
    push(saved, url, progress=quiet)
    if content is None:
        (Remote.at(url).place / "novel" / "1" / "tokenizer.json").remove()
    else:
        alter(url, "tokenizer.json", content)
    told = []
    found = "is missing" if content is None else "has 1,000,000 bytes, not the .* of the manifest"
    with pytest.raises(DamagedModelError, match=rf"tokenizer\.json: the file {found}; not fetched\.  Whoever has"):
        pull(url, "novel", registry, progress=lambda *through: told.append(through))
    assert (told, list(registry.folder.iterdir())) == ([], [])


def test_what_was_fetched_whole_is_kept_while_a_file_there_is_damaged(saved, url, registry):
    push(saved, url, progress=quiet)
    wrong = bytearray((saved.folder / "tokenizer.json").read_bytes())
    wrong[-2] ^= 1
    alter(url, "tokenizer.json", bytes(wrong))
    with pytest.raises(DamagedModelError, match="tokenizer.json: its bytes are not those of the manifest"):
        pull(url, "novel", registry, progress=quiet)
    assert list(registry.all()) == []
    alter(url, "tokenizer.json", (saved.folder / "tokenizer.json").read_bytes())
    alter(url, "model.safetensors", bytes((saved.folder / "model.safetensors").stat().st_size))  # not fetched again
    assert files_of(pull(url, "novel", registry, progress=quiet).version.folder) == files_of(saved.folder)
    assert [path.name for path in registry.folder.iterdir()] == ["novel"]


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"../../../evil": {"sha256": "0" * 64, "bytes": 4}}},
        {"files": {"/tmp/evil": {"sha256": "0" * 64, "bytes": 4}}},
        {"files": []},
        {"results": "x"},
    ],
)
def test_a_manifest_of_a_stranger_leads_nowhere(saved, url, registry, change, tmp_path):
    push(saved, url, progress=quiet)
    if isinstance(change.get("files"), dict):
        change = {"files": json.loads((saved.folder / "manifest.json").read_text())["files"] | change["files"]}
    edit_manifest(saved.folder, **change)
    alter(url, "manifest.json", (saved.folder / "manifest.json").read_bytes())
    with pytest.raises(DamagedModelError):
        pull(url, "novel", registry, progress=quiet)
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    "reference", ["../novel", "a/b", "novel:0", "novel:x", ":1", "", "novel@best", ".claim", "/etc"]
)
def test_a_reference_that_is_none_is_wrong_use(url, registry, reference):
    with pytest.raises(UsageError, match="is not a model of"):
        pull(url, reference, registry, progress=quiet)


def test_a_manifest_larger_than_any_is_not_read(saved, url, registry):
    push(saved, url, progress=quiet)
    alter(url, "manifest.json", b" " * (4 * 2**20 + 1))
    with pytest.raises(DamagedModelError, match="more than 4,194,304 bytes"):
        pull(url, "novel", registry, progress=quiet)


def test_a_damaged_model_is_not_pushed(saved, url):
    path = saved.folder / "tokenizer.json"
    path.write_bytes(path.read_bytes().replace(b"a", b"b"))
    with pytest.raises(DamagedModelError, match="novel:1/tokenizer.json: its bytes are not those"):
        push(saved, url, progress=quiet)
    assert remote_files(url) == {}


@pytest.mark.parametrize("where", [None, "novel:1"], ids=["by its path", "by what reads as a version"])
def test_a_folder_needs_a_name_to_be_pushed(folder, url, where):
    saved = SavedModel.open(folder, where=where or str(folder))
    with pytest.raises(UsageError, match="is a folder, so say what it is called there, for example --as novel:3"):
        push(saved, url, progress=quiet)
    with pytest.raises(UsageError, match='--as is "novel", but must be NAME:VERSION'):
        push(saved, url, progress=quiet, as_="novel")


def test_urls_of_no_file_system_and_of_one_that_is_not_installed_are_told(saved, monkeypatch):
    with pytest.raises(UsageError, match="gopher://team is not a URL that fsspec knows: Protocol not known: gopher"):
        push(saved, "gopher://team", progress=quiet)
    fsspec.register_implementation("missing", "no_such_package.FileSystem", errtxt="Install no-such-package")
    with pytest.raises(
        MissingDependencyError, match="missing://team needs a package that is not installed: Install no-such"
    ):
        push(saved, "missing://team", progress=quiet)


def test_a_place_that_cannot_be_written_is_a_sentence(saved, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RemoteError, match="file/novel/1/manifest.json cannot be read: Not a directory"):
        push(saved, f"{tmp_path}/file", progress=quiet)


def test_two_pulls_of_the_same_at_once_do_not_disturb_each_other(saved, url, tmp_path):
    import filelock

    push(saved, url, progress=quiet)
    registry = Registry(tmp_path / "theirs")
    registry.folder.mkdir()
    lock = arriving(registry, (saved.folder / "manifest.json").read_bytes()).with_suffix(".lock")
    with filelock.FileLock(lock), pytest.raises(OutputError, match="being fetched by another"):
        pull(url, "novel", registry, progress=quiet)
    assert pull(url, "novel", registry, progress=quiet).new


def arrive(saved, registry):
    """Let a model come into a registry by another way."""
    registry.publish("novel", shutil.copytree(saved.folder, registry.folder / ".new-other"))


def test_a_pull_that_another_overtakes_leaves_nothing(saved, url, registry):
    push(saved, url, progress=quiet)

    def overtaken(done, total):
        if not registry.versions("novel"):
            arrive(saved, registry)

    arrival = pull(url, "novel", registry, progress=overtaken)
    assert (str(arrival.version), arrival.new) == ("novel:1", False)
    assert [path.name for path in registry.folder.iterdir()] == ["novel"]


def test_what_came_before_the_lock_was_held_is_not_fetched_again(saved, url, registry):
    push(saved, url, progress=quiet)

    class Overtaken(Registry):
        """Just after the first look for the model, it is there."""

        def versions(self, name):
            found = super().versions(name)
            if not found:
                arrive(saved, registry)
            return found

    told = []
    arrival = pull(url, "novel", Overtaken(registry.folder), progress=lambda *through: told.append(through))
    assert (str(arrival.version), arrival.new, told) == ("novel:1", False, [])
    assert [path.name for path in registry.folder.iterdir()] == ["novel"]


def test_a_disk_that_is_full_while_a_pull_writes_is_told_and_the_remote_is_not_blamed(saved, url, registry):
    push(saved, url, progress=quiet)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"model.safetensors cannot be written: File too large\."):
            pull(url, "novel", registry, progress=quiet)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert pull(url, "novel", registry, progress=quiet).new


def damage(folder, how):
    """Spoil the weights of a model folder."""
    path = folder / "model.safetensors"
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if how == "cut" else content[:-1] + bytes([content[-1] ^ 1]))


@pytest.mark.parametrize("how", ["cut", "missing", "changed"])
def test_a_damaged_copy_here_is_mended_by_pulling_again(saved, url, registry, how):
    push(saved, url, progress=quiet)
    version = pull(url, "novel", registry, progress=quiet).version
    registry.change_labels("novel", lambda labels: labels.with_alias("mine", 1))
    damage(version.folder, how)
    arrival = pull(url, "novel", registry, progress=quiet)
    assert (str(arrival.version), arrival.new, arrival.repaired) == ("novel:1", False, True)
    assert files_of(registry.find("novel@mine").folder) == files_of(saved.folder)
    assert [str(each) for each in registry.all()] == ["novel:1"]
    assert sorted(path.name for path in registry.folder.iterdir()) == [".lock", "novel"]
    assert not pull(url, "novel", registry, progress=quiet).repaired


@pytest.mark.parametrize("content", [None, b"", b"more than there was" * 1000])
def test_a_damaged_copy_there_is_mended_by_pushing_again(saved, url, content):
    push(saved, url, progress=quiet)
    if content is None:
        (Remote.at(url).place / "novel" / "1" / "model.safetensors").remove()
    else:
        alter(url, "model.safetensors", content)
    pushed = push(saved, url, progress=quiet)
    assert (pushed.new, pushed.repaired) == (False, True)
    assert remote_files(url) == {f"novel/1/{name}": content for name, content in files_of(saved.folder).items()}
    assert not push(saved, url, progress=quiet).repaired


def test_what_killed_pushes_left_goes_when_the_model_is_there(saved, url):
    place = Remote.at(url).place
    place.files.makedirs(f"{place.path}/novel/1")
    part = f"{'0123456789abcdef' * 2}.part"
    for name in (f"model.safetensors.{part}", f"manifest.json.{part}", f"notes.txt.{part}", "model.safetensors.part"):
        alter(url, name, b"half")
    push(saved, url, progress=quiet)
    left = {name.rpartition("/")[2] for name in remote_files(url)} - files_of(saved.folder).keys()
    assert left == {f"notes.txt.{part}", "model.safetensors.part"}  # which no push has written


def test_the_claim_of_a_push_that_was_killed_at_its_end_goes_with_the_next(saved, url, monkeypatch):
    def killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Place, "remove", killed)
        push(saved, url, progress=quiet)
    assert f"novel/1/{CLAIM}" in remote_files(url)
    assert not push(saved, url, progress=quiet).new
    assert remote_files(url) == {f"novel/1/{name}": content for name, content in files_of(saved.folder).items()}


@pytest.mark.parametrize("overtaken", [None, "by the same model", "by another"])
def test_where_no_claim_may_be_removed_a_push_ends_as_it_would(saved, url, registry, tmp_path, monkeypatch, overtaken):
    create, remove = Place.create, Place.remove

    def refuse(place):
        if place.path.endswith(CLAIM):
            raise RemoteError(f"{place} cannot be removed: Access Denied.")
        remove(place)

    def create_late(place, value):
        monkeypatch.setattr(Place, "create", create)
        if overtaken:
            push(saved if overtaken == "by the same model" else other(tmp_path, 2), url, progress=quiet)
        monkeypatch.setattr(Place, "remove", refuse)
        return place.create(value)

    monkeypatch.setattr(Place, "create", create_late)
    if overtaken == "by another":
        with pytest.raises(ModelExistsError, match="novel/1 is another model"):
            push(saved, url, progress=quiet)
        return
    assert push(saved, url, progress=quiet).new is (overtaken is None)
    assert files_of(pull(url, "novel", registry, progress=quiet).version.folder) == files_of(saved.folder)
    assert not push(saved, url, progress=quiet).new


@pytest.mark.parametrize("claim", [b'{"manifest_sha256": "00"}', b"{", b"[]"])
def test_a_claim_that_is_not_for_the_model_that_is_there_stays(saved, url, claim):
    push(saved, url, progress=quiet)
    alter(url, CLAIM, claim)
    assert not push(saved, url, progress=quiet).new
    assert remote_files(url)[f"novel/1/{CLAIM}"] == claim


def test_who_is_overtaken_while_pushing_the_same_model_is_told_that_it_is_there(saved, url, monkeypatch):
    overtaken = []
    for system in (LocalFileSystem, MemoryFileSystem):
        whole = system.put_file

        def put_file(self, here, there, whole=whole, **options):
            whole(self, here, there, **options)
            if not overtaken:
                overtaken.append(there)
                assert push(saved, url, progress=quiet).new  # which removes the part that was just written

        monkeypatch.setattr(system, "put_file", put_file)
    assert not push(saved, url, progress=quiet).new
    assert remote_files(url) == {f"novel/1/{name}": content for name, content in files_of(saved.folder).items()}
