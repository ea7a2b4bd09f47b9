"""Archives and remotes of strangers: refused, or the model that they say, soon and in little memory; nothing leaves the folder."""

from __future__ import annotations

import struct
import zipfile
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqgen.checkpoint import SavedModel
from seqgen.core.catalog import load_catalog
from seqgen.registry import ModelVersion, Registry
from seqgen.sharing.exchange import pull, push
from seqgen.sharing.formats import export_model
from seqgen.sharing.importing import import_model
from tests.conftest import sealed

from .conftest import BYTES, NAMES, mutations
from .test_model_folders import make_model  # noqa: F401  a fixture

FILES = ("model.safetensors", "config.json", "tokenizer.json", "manifest.json")


@pytest.fixture
def archive(make_model, tmp_path):  # noqa: F811
    path = tmp_path / "m.zip"
    export_model(SavedModel.open(make_model(), where="m:1"), path, catalog=load_catalog())
    return path


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "theirs")


def entries_of(path):
    with zipfile.ZipFile(path) as file:
        return [(entry, file.read(entry)) for entry in file.infolist()]


def scrambled(entries, random):
    """One to three entries renamed, doubled, left out, packed, linked, encrypted or lied about."""
    entries = list(entries)
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(entries))
        entry, content = entries[place]
        match random.randrange(8):
            case 0:
                entry.filename = random.choice(NAMES)
            case 1:
                entries.append((entry, content))
            case 2:
                del entries[place]
                entries.append((zipfile.ZipInfo("new"), b""))
            case 3:
                entry.compress_type = random.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
            case 4:
                entry.external_attr = random.getrandbits(32)
            case 5:
                entry.flag_bits |= 1 << random.randrange(16)
            case 6:
                entries[place] = (entry, b"\0" * random.choice([0, 1, 10**5]))
            case 7:
                entries[place] = (entry, random.choice(BYTES)(content, random))
    return entries


def rewritten(path, entries):
    with zipfile.ZipFile(path, "w") as file:
        for entry, content in entries:
            try:
                file.writestr(entry, content)
            except (ValueError, UnicodeEncodeError, struct.error):
                continue  # what zipfile cannot write, the mutations of bytes do


def run_archives(archive, registry, watch, count, start=0):
    whole = archive.read_bytes()
    for seed in range(start, start + count):
        random = Random(seed)
        if seed % 2:
            rewritten(archive, scrambled(entries_of(archive), random))
        else:  # near the end is the directory of entries
            size = random.choice([len(whole), 400])
            archive.write_bytes(whole[:-size] + random.choice(BYTES)(whole[-size:], random))
        try:
            with watch(memory=seed % 50 == 0):
                import_model(archive, registry, name="m")
        except Exception as error:
            error.add_note(f"case {seed}: {archive.read_bytes()[-300:]!r}")
            raise
        archive.write_bytes(whole)
    assert {path.name for path in registry.folder.iterdir()} <= {"m", ".lock"}
    versions = registry.versions("m")
    assert all(version.manifest() == versions[0].manifest() for version in versions)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_tampered_archive_is_refused_or_is_the_model(archive, registry, watch):
    run_archives(archive, registry, watch, 100)
    assert watch.refused > 50


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_thousands_of_tampered_archives_are_refused_or_are_the_model(archive, registry, watch):
    run_archives(archive, registry, watch, 4000, start=1000)
    assert watch.refused > 2000


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=400),
    front=st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"PK\x05\x06" + b"\0" * 8]),
)
def test_bytes_of_any_kind_are_no_archive(registry, watch, content, front):
    (watch.root / "x.zip").write_bytes(front + content)
    with watch():
        import_model(watch.root / "x.zip", registry)
    assert watch.refused == watch.cases


def run_remotes(folder, tmp_path, watch, count, start=0):
    push(ModelVersion("m", 1, folder).open(), str(tmp_path / "team"), progress=lambda *_: None)
    there = tmp_path / "team" / "m" / "1"
    whole = {name: (there / name).read_bytes() for name in FILES}
    for seed in range(start, start + count):
        random = Random(seed)
        name = random.choice([*FILES, "manifest.json"])
        (there / name).write_bytes(random.choice(mutations(name))(whole[name], random))
        if name != "manifest.json" and random.random() < 0.5:
            sealed(there)
        registry = Registry(tmp_path / f"theirs-{seed}")
        try:
            with watch(memory=seed % 50 == 0):
                pull(str(tmp_path / "team"), "m", registry, progress=lambda *_: None)
        except Exception as error:
            error.add_note(f"case {seed}, {name}: {(there / name).read_bytes()[:300]!r}")
            raise
        if registry.folder.exists():
            assert all(path.name == "m" or path.name.startswith(".pull-") for path in registry.folder.iterdir())
        for each in FILES:
            (there / each).write_bytes(whole[each])


def test_a_tampered_remote_is_refused_or_is_the_model(make_model, tmp_path, watch):  # noqa: F811
    run_remotes(make_model(), tmp_path, watch, 60)
    assert watch.refused > 20


@pytest.mark.slow
def test_thousands_of_tampered_remotes_are_refused_or_are_the_model(make_model, tmp_path, watch):  # noqa: F811
    run_remotes(make_model(), tmp_path, watch, 2000, start=1000)
    assert watch.refused > 700
