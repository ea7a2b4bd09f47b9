"""One file of a model: the same bytes each time, and read back as it was or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import stat
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqgen.checkpoint import SavedModel
from seqgen.core.errors import DamagedModelError, ModelNotFoundError, OutputError, UsageError
from seqgen.sharing import arrival
from seqgen.sharing.formats import export_model
from seqgen.sharing.importing import import_model

from .conftest import CATALOG, edit_manifest, files_of, write_model


@pytest.fixture
def archive(saved, tmp_path):
    export_model(saved, tmp_path / "novel.zip", catalog=CATALOG)
    return tmp_path / "novel.zip"


@pytest.fixture
def refused(registry, tmp_path):
    """The sentence with which an archive of these entries is refused; nothing of it stays."""

    def refuse(entries, *, compression=zipfile.ZIP_STORED, name="bad.zip"):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", compression) as file:
            for entry, content in entries:
                file.writestr(entry, content)
        return refuse_file(path)

    def refuse_file(path):
        with pytest.raises(DamagedModelError) as raised:
            import_model(path, registry)
        assert not registry.folder.exists() or list(registry.folder.iterdir()) == []
        return str(raised.value)

    refuse.file = refuse_file
    return refuse


def entries_of(archive):
    with zipfile.ZipFile(archive) as file:
        return [(name, file.read(name)) for name in file.namelist()]


def test_exporting_twice_gives_the_same_bytes_whatever_the_clock_and_the_modes_say(saved, tmp_path):
    export_model(saved, tmp_path / "first.zip", catalog=CATALOG)
    for path in saved.folder.iterdir():
        os.utime(path, (1e9, 1e9))
        path.chmod(0o600)
    export_model(saved, tmp_path / "second.zip", catalog=CATALOG)
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_the_form_of_the_archive_does_not_drift(saved, archive):
    with zipfile.ZipFile(archive) as file:
        assert file.namelist() == ["manifest.json", "README.md", "config.json", "model.safetensors", "tokenizer.json"]
        for entry in file.infolist():
            assert (entry.date_time, entry.external_attr >> 16) == ((1980, 1, 1, 0, 0, 0), stat.S_IFREG | 0o644)
            assert (entry.compress_type, entry.flag_bits, entry.extra) == (zipfile.ZIP_STORED, 0, b"")
        assert {name: file.read(name) for name in file.namelist()} == files_of(saved.folder)


def test_what_was_exported_is_imported_as_it_was(saved, archive, registry):
    arrival = import_model(archive, registry)
    assert (str(arrival.version), arrival.new) == ("novel:1", True)
    assert files_of(arrival.version.folder) == files_of(saved.folder)
    assert arrival.version.open().tokenizer(CATALOG).vocab_size == saved.config.model.vocab_size


def test_importing_again_makes_no_second_version_and_another_name_a_first_one(archive, registry):
    import_model(archive, registry)
    again = import_model(archive, registry)
    assert (str(again.version), again.new) == ("novel:1", False)
    assert str(import_model(archive, registry, name="tale").version) == "tale:1"
    assert [str(version) for version in registry.all()] == ["novel:1", "tale:1"]


def test_an_archive_that_a_zip_program_made_without_compression_is_read(archive, registry, tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        for name, content in reversed(entries_of(archive)):
            file.writestr(name, content)
    assert str(import_model(tmp_path / "other.zip", registry).version) == "novel:1"


def test_a_damaged_model_is_not_exported_and_what_was_there_stays(saved, tmp_path):
    (tmp_path / "novel.zip").write_bytes(b"older")
    path = saved.folder / "tokenizer.json"
    path.write_bytes(path.read_bytes().replace(b"a", b"b"))
    with pytest.raises(DamagedModelError, match="novel:1/tokenizer.json: its bytes are not those"):
        export_model(saved, tmp_path / "novel.zip", catalog=CATALOG)
    assert (tmp_path / "novel.zip").read_bytes() == b"older"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "name",
    [
        *("../evil.json", "/etc/cron.d/evil", "a/../../evil", "sub/file", "c:\\evil", "..\\evil", "..", ".hidden"),
        *("evil\0.json", "model.safetensors/", "nul", "COM1.txt", "n" * 200, "é.json", ""),
    ],
)
def test_an_entry_that_names_no_plain_file_of_the_folder_is_refused(archive, refused, tmp_path, name):
    sentence = refused([*entries_of(archive), (zipfile.ZipInfo("placeholder"), b"x")], name="plain.zip")
    assert "the manifest does not list it" in sentence  # so that the next refusal is for the name's sake
    entry = zipfile.ZipInfo("placeholder")
    entry.filename = name
    assert "is not a plain file of the model's folder" in refused([*entries_of(archive), (entry, b"x")])
    assert not list(tmp_path.rglob("evil*"))


def test_a_link_is_refused(archive, refused):
    entry = zipfile.ZipInfo("README.md")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    others = [(name, content) for name, content in entries_of(archive) if name != "README.md"]
    assert 'entry "README.md" is not a plain file' in refused([*others, (entry, b"/etc/passwd")])


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_is_there_twice_is_refused(archive, refused):
    assert 'entry "config.json" is there twice' in refused([*entries_of(archive), ("config.json", b"{}")])


def test_an_entry_that_the_manifest_does_not_list_is_refused(archive, refused):
    assert "run.py: the manifest does not list it" in refused([*entries_of(archive), ("run.py", b"")])


def test_a_file_that_is_not_in_the_archive_is_named(archive, refused):
    entries = [(name, content) for name, content in entries_of(archive) if name != "README.md"]
    assert refused(entries) == "bad.zip/README.md: the file is missing."


def test_a_compressed_bomb_is_refused_unread(archive, refused):
    entries = [
        (name, b"\0" * 10**7 if name == "model.safetensors" else content) for name, content in entries_of(archive)
    ]
    assert 'entry "' in refused(entries, compression=zipfile.ZIP_DEFLATED)


def test_entries_that_lie_over_each_other_cannot_claim_more_than_the_file_has(archive, refused, tmp_path):
    # A hundred entries of the directory that are all the same local file (Fifield 2019, A better zip bomb).
    with zipfile.ZipFile(tmp_path / "overlap.zip", "w") as file:
        file.writestr("manifest.json", b"x" * 10_000)
        for number in range(90):
            entry = zipfile.ZipInfo(f"file{number}")
            entry.header_offset, entry.CRC = 0, file.filelist[0].CRC
            entry.file_size = entry.compress_size = 10_000
            file.filelist.append(entry)
            file.NameToInfo[entry.filename] = entry
    assert "claim more bytes than" in refused.file(tmp_path / "overlap.zip")


def test_a_directory_of_very_many_entries_is_refused_unread(refused, tmp_path):
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as file:
        for number in range(3000):
            entry = zipfile.ZipInfo(f"{number:050}")
            entry.header_offset = entry.CRC = entry.file_size = entry.compress_size = 0
            file.filelist.append(entry)
        file._didModify = True
    assert "directory claims" in refused.file(tmp_path / "many.zip")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "README.md"])
def test_bytes_that_are_not_those_of_the_manifest_are_refused(archive, refused, name):
    def altered(content):
        return bytes([content[0] ^ 1]) + content[1:]

    entries = [(each, altered(content) if each == name else content) for each, content in entries_of(archive)]
    assert f"bad.zip/{name}: its bytes are not those of the manifest" in refused(entries)


@pytest.mark.parametrize(("change", "words"), [(b"x", "it has more than the"), (b"", "it ends after")])
def test_a_file_of_another_size_is_refused(archive, refused, change, words):
    entries = [
        (each, (content + b"x" if change else content[:-1]) if each == "README.md" else content)
        for each, content in entries_of(archive)
    ]
    assert f"bad.zip/README.md: {words}" in refused(entries)


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ({"../../evil": {"sha256": "0" * 64, "bytes": 1}}, '"../../evil" is not a file of this folder'),
        ({"manifest.json": {"sha256": "0" * 64, "bytes": 1}}, '"manifest.json" is not a file of this folder'),
        ({"x": {"sha256": "0" * 64, "bytes": -1}}, "the size of x is -1, which is none"),
        ({"x": {"sha256": "0" * 64, "bytes": True}}, "the size of x is True, which is none"),
        ({"x": {"sha256": "../" * 21 + "a", "bytes": 1}}, "the sha256 of x is none"),
        ({"x": "y"}, "the size of x is None"),
        ({"Readme.md": {"sha256": "0" * 64, "bytes": 1}}, "names files that differ only in case"),
        ({"Manifest.json": {"sha256": "0" * 64, "bytes": 1}}, "names files that differ only in case"),
        ({"config.json.": {"sha256": "0" * 64, "bytes": 1}}, '"config.json." is not a file of this folder'),
        ({str(n): {"sha256": "0" * 64, "bytes": 1} for n in range(100)}, "lists 104 files, more than the 100"),
    ],
    ids=["outside", "itself", "negative", "bool", "digest", "text", "case", "itself but for its case", "dot", "many"],
)  # fmt: skip
def test_a_manifest_that_lists_what_no_model_has_is_refused(archive, refused, listed, words):
    entries = dict(entries_of(archive))
    manifest = json.loads(entries["manifest.json"])
    manifest["files"] |= listed
    assert words in refused([*entries.items(), ("manifest.json", json.dumps(manifest))][1:])


def test_a_manifest_without_the_weights_is_refused(archive, refused):
    entries = dict(entries_of(archive))
    manifest = json.loads(entries["manifest.json"])
    del manifest["files"]["model.safetensors"]
    entries["manifest.json"] = json.dumps(manifest)
    assert refused(entries.items()) == "bad.zip/manifest.json: the list of files is incomplete."


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\x05\x06" + b"\xff" * 18, b"x" * 100_000, b"PK\x05\x06" + b"\0" * 18]
)
def test_a_file_that_is_no_archive_is_refused(refused, tmp_path, content):
    (tmp_path / "bad.zip").write_bytes(content)
    assert "bad.zip is not an archive of a model" in refused.file(tmp_path / "bad.zip")


def test_a_cut_archive_is_refused(archive, refused):
    whole = archive.read_bytes()
    for length in range(0, len(whole) - 1, 997):
        archive.write_bytes(whole[:length])
        refused.file(archive)


def test_a_model_that_the_disk_has_no_room_for_is_refused_before_it_is_unpacked(archive, registry, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=9))
    with pytest.raises(OutputError, match="and .* has 9 bytes free"):
        import_model(archive, registry)


def test_what_is_no_model_file_says_what_is(registry, tmp_path):
    (tmp_path / "novel.txt").write_text("x")
    with pytest.raises(UsageError, match="novel.txt is not a file that is read here: .zip"):
        import_model(tmp_path / "novel.txt", registry)
    with pytest.raises(ModelNotFoundError, match="There is no file"):
        import_model(tmp_path / "none.zip", registry)


def test_a_name_from_a_stranger_cannot_leave_the_registry(saved, registry, tmp_path):
    edit_manifest(saved.folder, name="../../evil")
    export_model(SavedModel.open(saved.folder, where="x"), tmp_path / "evil.zip", catalog=CATALOG)
    with pytest.raises(UsageError, match='"../../evil" is not a model name'):
        import_model(tmp_path / "evil.zip", registry)
    assert str(import_model(tmp_path / "evil.zip", registry, name="tame").version) == "tame:1"


def test_the_folder_goes_out_and_comes_back(saved, registry, tmp_path):
    export_model(saved, tmp_path / "copy", catalog=CATALOG)
    assert files_of(tmp_path / "copy") == files_of(saved.folder)
    assert str(import_model(tmp_path / "copy", registry).version) == "novel:1"
    with pytest.raises(UsageError, match="copy is a folder that is there already"):
        export_model(saved, tmp_path / "copy", catalog=CATALOG)


def test_a_folder_that_is_there_and_empty_becomes_the_model_s_also_where_nothing_takes_a_folder_s_place(
    saved, tmp_path, monkeypatch
):
    (tmp_path / "copy").mkdir()
    replace = Path.replace

    def as_windows_does(path, target):
        if target.is_dir():
            raise PermissionError(13, "Access is denied")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", as_windows_does)
    export_model(saved, tmp_path / "copy", catalog=CATALOG)
    assert files_of(tmp_path / "copy") == files_of(saved.folder)


@pytest.mark.parametrize("name", ["copy", "copy.zip"])
def test_what_is_exported_is_for_whom_other_new_files_are(saved, tmp_path, name):
    before = os.umask(0o027)
    try:
        export_model(saved, tmp_path / name, catalog=CATALOG)
    finally:
        os.umask(before)
    path = tmp_path / name
    assert stat.S_IMODE(path.stat().st_mode) == (0o750 if path.is_dir() else 0o640)
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.glob("*")} <= {0o640}


@pytest.mark.parametrize("write", [export_model, import_model])
def test_a_folder_that_the_disk_has_no_room_for_is_refused_before_it_is_copied(
    saved, registry, tmp_path, monkeypatch, write
):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=9))
    arguments = (saved, tmp_path / "copy") if write is export_model else (saved.folder, registry)
    with pytest.raises(OutputError, match=r"takes [\d,]+ bytes, and .* has 9 bytes free\.  Free some space\."):
        write(*arguments, **({"catalog": CATALOG} if write is export_model else {}))
    assert not (tmp_path / "copy").exists()
    assert not registry.folder.exists() or list(registry.folder.iterdir()) == []


def test_large_weights_are_streamed(tmp_path, registry):
    saved = SavedModel.open(write_model(tmp_path / "big", hidden_size=400), where="big")
    export_model(saved, tmp_path / "big.zip", catalog=CATALOG)
    arrived = import_model(tmp_path / "big.zip", registry).version.folder
    digests = [hashlib.sha256((each / "model.safetensors").read_bytes()).digest() for each in (saved.folder, arrived)]
    assert digests[0] == digests[1]


def test_an_unknown_form_says_which_there_are(saved, tmp_path):
    with pytest.raises(UsageError, match=r'--format is "tar", but must be one of: zip \(.zip\), safetensors'):
        export_model(saved, tmp_path / "x", catalog=CATALOG, form="tar")
    assert export_model(saved, tmp_path / "x", catalog=CATALOG, form="zip").name == "zip"
    assert zipfile.is_zipfile(tmp_path / "x")


def test_a_disk_that_is_full_is_told_and_the_archive_is_not_blamed(archive, registry):
    """The small files are still in a buffer when they are closed."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # the manifest fits, the weights do not
    try:
        with pytest.raises(OutputError, match=r"model.safetensors cannot be written: File too large\."):
            import_model(archive, registry)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(registry.folder.iterdir()) == []


def test_what_arrives_is_on_the_disk_before_it_is_a_version_which_then_is_too(archive, registry, flushed):
    folder = import_model(archive, registry).version.folder
    renamed = flushed.index("renamed")
    assert {path.stat().st_ino for path in (folder, *folder.iterdir())} <= {*flushed[:renamed]}
    assert folder.parent.stat().st_ino in flushed[renamed:]


@pytest.mark.parametrize("name", [".", "..", "new/.."])
def test_a_folder_that_has_no_name_there_is_not_written(saved, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="is a folder that is there already"):
        export_model(saved, Path(name), catalog=CATALOG)
    assert not (tmp_path / "new").exists()


def test_of_two_imports_of_the_same_at_once_one_makes_a_version(archive, registry, monkeypatch):
    both = threading.Barrier(2, timeout=1)
    looked = arrival.already_there

    def look(*arguments):
        found = looked(*arguments)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait()  # if both may look before one has published
        return found

    monkeypatch.setattr(arrival, "already_there", look)
    arrived = []
    threads = [threading.Thread(target=lambda: arrived.append(import_model(archive, registry))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((str(each.version), each.new) for each in arrived) == [("novel:1", False), ("novel:1", True)]
    assert [path.name for path in registry.folder.iterdir()] == ["novel"]
    assert [str(version) for version in registry.all()] == ["novel:1"]


def test_a_damaged_copy_is_mended_by_importing_again(archive, registry, saved):
    version = import_model(archive, registry).version
    (version.folder / "tokenizer.json").write_bytes(b"{}")
    again = import_model(archive, registry)
    assert (str(again.version), again.new, again.repaired) == ("novel:1", False, True)
    assert files_of(version.folder) == files_of(saved.folder)


def test_a_link_is_written_through(saved, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for name in ("old.zip", "new.zip"):
        (tmp_path / name).symlink_to(tmp_path / "elsewhere" / name)
    (tmp_path / "elsewhere" / "old.zip").write_bytes(b"older")
    for name in ("old.zip", "new.zip"):
        export_model(saved, tmp_path / name, catalog=CATALOG)
        assert (tmp_path / name).is_symlink()
        assert zipfile.is_zipfile(tmp_path / "elsewhere" / name)


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(saved, tmp_path):
    os.mkfifo(tmp_path / "pipe.zip")
    (tmp_path / "null.zip").symlink_to("/dev/null")
    for name in ("pipe.zip", "null.zip"):
        with pytest.raises(UsageError, match=f"{name} is a pipe or a device"):
            export_model(saved, tmp_path / name, catalog=CATALOG)
    assert stat.S_ISFIFO((tmp_path / "pipe.zip").stat().st_mode)
    assert stat.S_ISCHR((tmp_path / "null.zip").stat().st_mode)


def test_a_file_of_the_model_that_cannot_be_read_is_named_and_not_the_archive(saved, tmp_path):
    (saved.folder / "README.md").unlink()
    with pytest.raises(DamagedModelError, match=r"^novel:1/README.md cannot be read: No such file or directory\.$"):
        export_model(saved, tmp_path / "novel.zip", catalog=CATALOG)
    assert not (tmp_path / "novel.zip").exists()


def test_an_archive_is_on_the_disk_before_it_takes_the_place_of_another(saved, tmp_path, monkeypatch):
    flushed, fsync = [], os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino) or fsync(descriptor)
    )
    export_model(saved, tmp_path / "novel.zip", catalog=CATALOG)
    assert flushed == [path.stat().st_ino for path in (tmp_path / "novel.zip", tmp_path)]
