"""Files of strangers, read in a process that the system gives 200 MB more than an honest file needed, and no byte beyond."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from seqgen.core.catalog import load_catalog
from seqgen.data.store import open_or_build
from seqgen.manifest import MANIFEST
from seqgen.registry.index import INDEX
from seqgen.tokenizers.char import CharTokenizer
from seqgen.training.metrics import MAX_BYTES
from seqgen.untrusted import MAX_HEADER_BYTES, MAX_JSON_BYTES
from tests.conftest import sealed

from .conftest import NASTY
from .test_model_folders import make_model  # noqa: F401  a fixture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says how much a process has mapped"),
]

MEGABYTES = 200
"""More than the honest file needed, of address space: everything that is allocated or mapped, touched or not."""

LARGE, HEADER = MAX_JSON_BYTES - 100, MAX_HEADER_BYTES - 100
"""Bytes of JSON, and of the header of safetensors: nearly as many as are read."""


def full(unit: bytes, size: int = LARGE) -> bytes:
    """A JSON object that is one list of a unit, again and again."""
    return b'{"a": [' + b",".join([unit] * (size // (len(unit) + 1) - 10)) + b"]}"


def headed(header: bytes, size: int = 0) -> bytes:
    """The beginning of a file of safetensors."""
    return struct.pack("<Q", size or len(header)) + header


HUNGRY = [
    full(b"1.5"),
    full(b"0"),
    full(b'"a"'),
    full(b"[]"),
    full(b'{"b":1}'),
    b'{"a": "' + b"x" * LARGE + "\U0001f600".encode() + b'"}',
    ('{"a": "' + "x" * 10**6 + '"}').encode("utf-32"),
    b"{" + b",".join(b'"%06x":0' % number for number in range(LARGE // 12)) + b"}",
    headed(full(b"1.5", HEADER)),
    headed(
        b"{"
        + b",".join(b'"%06x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % n for n in range(HEADER // 60))
        + b"}"
    ),
    headed(b'{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}'),
    headed(b'{"a":{"dtype":"F32","shape":' + b"[" + b"1," * (HEADER // 2 - 50) + b"1]" + b',"data_offsets":[0,4]}}')
    + b"\0" * 4,
]
"""Whole files that would take much more memory than their own size, if they were believed."""

SPARSE = 10**11
"""Bytes that a file claims and has, though none of them is on the disk."""


@pytest.fixture
def cases(tmp_path):
    """Copies of a folder in each of which one file is another: ``cases(folder, ["config.json"])``."""

    numbers = itertools.count()

    def make(folder, names, *, sealing=False):
        made = []
        for name in names:
            for content in (*NASTY, *HUNGRY, None):
                case = tmp_path / "cases" / f"{next(numbers)}"
                shutil.copytree(folder, case)
                (path,) = case.rglob(name)
                if content is None:
                    os.truncate(path, SPARSE)
                else:
                    path.write_bytes(content)
                if sealing and name != MANIFEST:
                    seal(path.parent, name)
                made.append(case)
        return made

    return make


def seal(folder, changed):
    """Bring the manifest in line; of a file that is too large to be hashed, with its size."""
    if (folder / changed).stat().st_size < SPARSE:
        sealed(folder)
        return
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][changed]["bytes"] = SPARSE
    (folder / MANIFEST).write_text(json.dumps(manifest))


def assert_bounded(kind, honest, cases, tmp_path, *, refused):
    """Read all cases in one process; none may fail, take a second more than the honest one, or end for want of memory."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("bounded.py")), kind, str(MEGABYTES)],
        input="\n".join(map(str, [*honest, *cases])),
        capture_output=True,
        text=True,
        env={**os.environ, "SEQGEN_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, *others = map(json.loads, done.stdout.splitlines())
    assert first["ended"] == "read", first
    assert len(others) == len(cases)
    wrong = [
        each
        for each in others
        if each["ended"] == "failed"
        or any("MemoryError" in cause or "memory" in cause.lower() for cause in each["causes"])
        or each["seconds"] >= 1 + first["seconds"]
    ]
    assert not wrong, "\n".join(map(str, wrong))
    assert sum(each["ended"] == "refused" for each in others) >= refused * len(others), [
        each["case"] for each in others if each["ended"] == "read"
    ]


MODEL_FILES = ("model.safetensors", "ngrams.safetensors", "config.json", "tokenizer.json", MANIFEST)


@pytest.fixture
def registry_folder(make_model, tmp_path):  # noqa: F811
    """A registry with one model, ``m``."""
    folder = make_model()
    shutil.move(folder.parent, folder.parents[1] / "m")
    return folder.parents[1]


def test_models(registry_folder, cases, tmp_path):
    made = cases(registry_folder, MODEL_FILES, sealing=True)
    assert_bounded("model", [registry_folder] * 2, made, tmp_path, refused=0.99)
    (registry_folder / INDEX).write_bytes(b"{}")
    made += cases(registry_folder, [INDEX])
    made[-2].joinpath(INDEX).write_bytes(b'{"x":[' + b"[]," * (20 * 2**20) + b"1]}")  # as large as one may be
    assert_bounded("list", [registry_folder] * 2, made, tmp_path, refused=0)


def test_metrics(tmp_path):
    honest = tmp_path / "honest.jsonl"
    honest.write_text('{"step": 1, "train_loss": 2.5}\n' * 9)
    names = b",".join(b'"%05x":1' % number for number in range(6000))
    lists = b",".join([b"[]"] * 20_000)
    made = []
    for line in (b"", b"{}", b'{"step":1}', b'{"step":1,%s}' % names, b'{"step":1,"a":[%s]}' % lists, b'{"a":' * 900):
        made.append(tmp_path / f"{len(made)}.jsonl")
        made[-1].write_bytes((line + b"\n") * (MAX_BYTES // (len(line) + 1)))
    assert_bounded("metrics", [honest] * 2, made, tmp_path, refused=0)


def test_archives(registry_folder, cases, tmp_path):
    def packed(folder, archive):
        (model,) = folder.rglob(MANIFEST)
        with zipfile.ZipFile(archive, "w") as file:
            for path in sorted(model.parent.iterdir()):
                file.write(path, path.name)
        return archive

    honest = packed(registry_folder, tmp_path / "honest.zip")
    folders = [
        each
        for each in cases(registry_folder, MODEL_FILES, sealing=True)
        if all(path.stat().st_size < SPARSE for path in each.rglob("*"))
    ]
    made = [packed(each, each.with_suffix(".zip")) for each in folders]
    for number, content in enumerate((*NASTY, *HUNGRY, None)):
        made.append(tmp_path / f"whole-{number}.zip")
        made[-1].write_bytes(content or honest.read_bytes()[:100])
        if content is None:
            os.truncate(made[-1], SPARSE)
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file, file.open("model.safetensors", "w") as entry:
        for _ in range(400):
            entry.write(b"\0" * 2**20)
    assert_bounded("archive", [honest] * 2, [*made, bomb], tmp_path, refused=0.5)


def test_models_of_a_remote(registry_folder, cases, tmp_path):
    made = [
        each
        for each in cases(registry_folder, MODEL_FILES, sealing=True)
        if (each / "m/1/ngrams.safetensors").stat().st_size < SPARSE  # a download of so many bytes would begin
    ]
    assert_bounded("remote", [registry_folder] * 2, made, tmp_path, refused=0.5)


def test_models_of_other_programs(tmp_path):
    h5py = pytest.importorskip("h5py")
    symbols = [*"the quickbrownfxjmpsvlazydg\n"]
    (tmp_path / "vocabulary.json").write_text(json.dumps(symbols))
    size = len(symbols)
    shapes = {"embedding.weight": (size, 4), "lstm.weight_ih_l0": (16, 4), "lstm.weight_hh_l0": (16, 4)}
    shapes |= {"lstm.bias_ih_l0": (16,), "lstm.bias_hh_l0": (16,), "fc.weight": (size, 4), "fc.bias": (size,)}
    honest = tmp_path / "honest.safetensors"
    save_file({name: np.ones(shape, np.float32) for name, shape in shapes.items()}, honest)
    made = []
    for suffix in (".safetensors", ".h5", ".keras"):
        for number, content in enumerate((*NASTY, *HUNGRY, None)):
            made.append(tmp_path / f"{number}{suffix}")
            made[-1].write_bytes(content or b"")
            if content is None:
                os.truncate(made[-1], SPARSE)
    made.append(tmp_path / "claims.weights.h5")
    with h5py.File(made[-1], "w") as file:
        file.create_dataset("layers/embedding/vars/0", (10**9, 100), np.float32, chunks=(1000, 100))
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("config.json", "model.weights.h5"):
            with file.open(name, "w") as entry:
                for _ in range(300):
                    entry.write(b" " * 2**20)
    for number, kind in enumerate((zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)):  # of which zipfile unpacks all it has read
        made.append(tmp_path / f"bomb-{number}.keras")
        with zipfile.ZipFile(made[-1], "w", kind) as file:
            file.writestr("config.json", bytes(300 * 2**20))
        content, claimed = bytearray(made[-1].read_bytes()), struct.pack("<L", 100)
        content[22:26] = content[(place := content.find(b"PK\x01\x02") + 24) : place + 4] = claimed
        made[-1].write_bytes(content)
    assert_bounded("foreign", [honest] * 2, [*made, tmp_path / "bomb.keras"], tmp_path, refused=1)


def test_token_stores(cases, tmp_path):
    corpus = tmp_path / "sea.txt"
    corpus.write_text("abc cab\n" * 9)
    honest = tmp_path / "store"
    dataset = load_catalog().make("dataset", "text", sources=(str(corpus),))
    open_or_build(dataset, CharTokenizer().fit(["abc\n"]), honest)
    made = cases(honest, ["tokens.bin", "documents.bin"])
    (tmp_path / "cases" / "sea.txt").write_text(corpus.read_text())
    assert_bounded("store", [honest] * 2, made, tmp_path, refused=0)


def test_training_states(cases, tmp_path, seqgen_cli):
    (tmp_path / "sea.txt").write_text("The sea is wide and the ice is white.  " * 9)
    tiny = ("--hidden-size", 8, "--embedding-size", 4, "--seq-len", 8, "--batch-size", 4, "--max-steps", 2)
    tiny += ("--checkpoint-every", "0.001s", "--keep", 1)
    code = (
        "import sys; from seqgen.training import session\n"
        "session.Run.remove = session.Run.close\n"  # so that there is a run to go on with
        "from seqgen.cli.app import main; main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, ("train", "sea.txt", "--backend", "torch", *tiny, "--name", "m", "-q"))],
        cwd=tmp_path,
        env={**os.environ, "SEQGEN_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    honest = tmp_path / "home" / "training"
    (run,) = honest.glob("m/1")
    names = sorted({path.name for path in run.rglob("*") if path.is_file() and not path.name.startswith(".")})
    assert "training_state.safetensors" in names
    made = cases(honest, names)
    whole = [shutil.copytree(honest, tmp_path / f"honest-{number}") for number in range(2)]
    assert_bounded("run", whole, made, tmp_path, refused=0.5)
