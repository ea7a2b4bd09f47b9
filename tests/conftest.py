"""What the tests of seqgen share: the command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest


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
) -> Result:
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        # COLUMNS: errors and tables are not broken into lines of whatever width the tests run in.
        env={**os.environ, "SEQGEN_HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1", **(env or {})},
        cwd=cwd or folder,
        timeout=timeout,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())
