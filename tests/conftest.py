"""What the tests of seqgen share: the command line in this process and in one of its own."""

from __future__ import annotations

import contextlib
import errno
import gc
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Models of 16 units gain nothing from a second thread, and on a busy machine they wait for it.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def _the_pace_is_measured_in_a_few_steps() -> Iterator[None]:
    """And not for a share of the time besides, as for a machine that is held up; see ``tests/training/test_preparation.py``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqgen.training.preparation.PACE_SECONDS", 0.0)
        yield


@pytest.fixture
def overtaken(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """A catalog of a plugin that takes its time, for which another thread waits just before this one would; give its hooks."""
    from seqgen.core.catalog import Catalog
    from seqgen.core.plugin import Plugin

    monkeypatch.setattr(Plugin.usable, "__defaults__", (0.0,))
    may_end = threading.Event()

    class Overtaken(Catalog):
        def wait(self) -> None:
            may_end.set()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(super().wait).result(9)
            super().wait()

    return lambda hooks: Overtaken([Plugin("slow", "slow", "seqgen-slow", "1", lambda: may_end.wait(9) and hooks)])


@pytest.fixture
def seqgen_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ``SEQGEN_HOME``, for this test alone."""
    home = tmp_path / "home"
    monkeypatch.setenv("SEQGEN_HOME", str(home))
    return home


@dataclass(frozen=True)
class Result:
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str


def run_here(
    *arguments: object,
    stdin: bytes | io.TextIOBase = b"",
    stdout: io.TextIOBase | None = None,
    stderr: io.TextIOBase | None = None,
) -> Result:
    """``seqgen ARGUMENTS`` by the command's own entry, in this process: frameworks are imported once for all tests.

    Args:
        stdin: what standard input holds, or a stream in its place.
        stdout, stderr: streams in place of those that are read afterwards.
    """
    from seqgen.cli.app import main

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(stdout or out),
        contextlib.redirect_stderr(stderr or err),
        pytest.raises(SystemExit) as ended,
    ):
        given = io.TextIOWrapper(io.BytesIO(stdin), "utf-8") if isinstance(stdin, bytes) else stdin
        patch.setattr(sys, "stdin", given)
        main([*map(str, arguments)])
    return Result(ended.value.code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode())


@pytest.fixture
def run_python(tmp_path: Path, seqgen_home: Path) -> Callable[..., Result]:
    """``python -c CODE ARGUMENTS`` in a process of its own, in the folder ``tmp_path``, with an empty ``SEQGEN_HOME``."""

    def run(code: str, *arguments: object, **options: object) -> Result:
        return run_process([sys.executable, "-c", code, *map(str, arguments)], tmp_path, seqgen_home, **options)

    return run


@pytest.fixture
def seqgen_cli(tmp_path: Path, seqgen_home: Path) -> Callable[..., Result]:
    """``seqgen ARGUMENTS`` in a process of its own, in the folder ``tmp_path``, with an empty ``SEQGEN_HOME``."""

    def run(*arguments: object, **options: object) -> Result:
        return run_process([sys.executable, "-m", "seqgen", *map(str, arguments)], tmp_path, seqgen_home, **options)

    return run


@pytest.fixture
def threads_take_turns_often() -> Iterator[None]:
    """After hundredths of a millisecond, so that in a short test they meet in the middle of things."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def without_privileges() -> Sequence[str]:
    """What a command is run ``through`` so that permissions hold for it, also where root runs the tests."""
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions are another matter here")
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root may read and write everywhere")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes a folder another user's, who lets nobody look into it, also for root: ``closed(folder)``."""
    folders: list[Path] = []

    def refusing(name: str, *, within: bool) -> None:
        does = getattr(os, name)

        def do(path: object = ".", *rest: object, **named: object) -> object:
            if isinstance(path, str | Path) and (Path(path).parent if within else Path(path)) in folders:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return does(path, *rest, **named)

        monkeypatch.setattr(os, name, do)

    for name in ("scandir", "listdir"):
        refusing(name, within=False)
    for name in ("stat", "lstat", "mkdir"):
        refusing(name, within=True)
    return folders.append


@pytest.fixture
def other_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder from and to which nothing can be renamed, as on another disk."""
    folder = tmp_path / "other_disk"
    folder.mkdir()

    def guarded(name: str) -> None:
        does = getattr(os, name)

        def do(*paths: str | Path, **folders: int | None) -> None:
            if len({Path(path).parent.resolve().is_relative_to(folder.resolve()) for path in paths}) > 1:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            does(*paths, **folders)

        monkeypatch.setattr(os, name, do)

    for name in ("rename", "replace"):
        guarded(name)
    return folder


@pytest.fixture
def umask() -> Iterator[None]:
    """The umask that most users have."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[int | str]:
    """The inodes of what is flushed to the disk from now on, with ``"renamed"`` between them where a path is renamed."""
    told: list[int | str] = []
    fsync, rename = os.fsync, Path.rename
    monkeypatch.setattr(os, "fsync", lambda descriptor: told.append(os.fstat(descriptor).st_ino) or fsync(descriptor))
    monkeypatch.setattr(Path, "rename", lambda *paths: told.append("renamed") or rename(*paths))
    return told


@pytest.fixture
def as_on_windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Nothing that this process has open or mapped, and no folder above it, is renamed, replaced or removed; gives what was refused.

    What nobody uses any more is let go of only by its last reference: collecting comes when it comes.
    """
    if not Path("/proc/self/maps").exists():
        pytest.skip("what a process has open is not told here")
    refused: list[str] = []

    def held() -> set[str]:
        found = set()
        for descriptor in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # that of the listing itself
                if stat.S_ISREG(descriptor.stat().st_mode):
                    found.add(str(descriptor.readlink()))
        lines = (line.split(maxsplit=5) for line in Path("/proc/self/maps").read_text().splitlines())
        return found | {line[5] for line in lines if len(line) == 6}

    def guarded(name: str) -> None:
        does = getattr(os, name)

        def do(*paths: str | Path, **folders: int | None) -> None:
            above = [Path(f"/proc/self/fd/{each}").readlink() for each in folders.values() if each is not None]
            for path in map(Path(*above).joinpath, paths):
                place = str(path.parent.resolve() / path.name)
                if any(each == place or each.startswith(f"{place}/") for each in held()):
                    refused.append(f"{name} {place}")
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), place)
            does(*paths, **folders)

        monkeypatch.setattr(os, name, do)

    for name in ("rename", "replace", "unlink", "remove", "rmdir"):
        guarded(name)
    gc.collect()
    gc.disable()
    yield refused
    gc.enable()


def sealed(folder: Path) -> None:
    """Bring the manifest of a model folder in line with its files, as whoever tampers with it would."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    for name, entry in manifest["files"].items():
        content = (folder / name).read_bytes()
        entry |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    path.write_text(json.dumps(manifest))


@pytest.fixture(scope="session")
def _s3_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_bucket(_s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty bucket, on a server on this machine that speaks S3; slow, for s3fs reads a description of all of Amazon's services."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", _s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ada")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3").create_bucket(Bucket=(bucket := f"team-{uuid.uuid4()}"))
    return f"s3://{bucket}"


def run_process(
    command: list[str],
    folder: Path,
    home: Path,
    *,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 120,
    through: Sequence[str] = (),
) -> Result:
    done = subprocess.run(
        [*through, *command],
        input=stdin,
        capture_output=True,
        # COLUMNS: errors and tables are not broken into lines of whatever width the tests run in.
        env={**os.environ, "SEQGEN_HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1", **(env or {})},
        cwd=cwd or folder,
        timeout=timeout,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())
