"""The command line in this process, where frameworks are imported once, and small models that were trained with it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from typing import Any

import pytest

from seqgen.core import declared
from tests.conftest import Result, run_here

CORPORA = Path(__file__).parents[2] / "corpora"

MIXED = ("--hidden-size", 16, "--embedding-size", 8, "--seq-len", 16, "--batch-size", 4, "--max-steps", 6)
"""Options of a training that takes half a second, with n-grams."""

TINY = (*MIXED, "--eval-every", 3, "--ngram-order", 0)
"""Options of a training that takes a fraction of that."""


OWN_PLUGINS = {"seqgen-music", "seqgen-lyrics"}
"""Installed beside seqgen where the tests run; what a bare seqgen lists is tested without them."""


def entry_points_of_others(**selected: str) -> Any:
    """The entry points that there are, but for those of our own plugins where a group of them is asked for."""
    found = entry_points(**selected)
    return EntryPoints(point for point in found if point.dist.name not in OWN_PLUGINS) if selected else found


def run_main(*arguments: object, **streams: Any) -> Result:
    """``seqgen ARGUMENTS`` in this process, as where our own plugins are not installed; ``streams`` as of ``run_here``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("importlib.metadata.entry_points", entry_points_of_others)
        return run_here(*arguments, **streams)


def without_pauses(held: Any) -> None:
    """Have pexpect wait little before it sends, for which a prompt has been waited, and after it closes or signals."""
    held.delaybeforesend = 0.005
    held.delayafterterminate = held.ptyproc.delayafterclose = held.ptyproc.delayafterterminate = 0.01


@pytest.fixture
def seqgen(tmp_path: Path, seqgen_home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """``run_main`` in the folder ``tmp_path``, with an empty ``SEQGEN_HOME`` and wide lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return run_main


@pytest.fixture
def refused(seqgen: Callable[..., Result]) -> Callable[..., str]:
    """The one sentence with which a command is refused: nothing on standard output, and no traceback."""

    def run(*arguments: object, exit_code: int, **options: object) -> str:
        outcome = seqgen(*arguments, **options)
        assert (outcome.exit_code, outcome.stdout) == (exit_code, ""), outcome
        assert outcome.stderr.startswith("error: "), outcome.stderr
        assert "Traceback" not in outcome.stderr
        return outcome.stderr.removeprefix("error: ").removesuffix("\n")

    return run


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A small text, ``novel.txt`` in ``tmp_path``."""
    path = tmp_path / "novel.txt"
    path.write_text((CORPORA / "ice.txt").read_text("utf-8")[:6000], "utf-8")
    return path


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("trained")
    corpus = folder / "novel.txt"
    corpus.write_text((CORPORA / "ice.txt").read_text("utf-8")[:6000], "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGEN_HOME", str(folder / "home"))
        outcome = run_main(
            *("train", corpus, "--backend", "torch", *MIXED, "-q"),
            *("--max-steps", 40, "--learning-rate", 0.02, "--warmup-steps", 50),
        )
    assert outcome == Result(0, "", "")
    return folder / "home"


@pytest.fixture
def novel(_trained: Path, seqgen_home: Path) -> Path:
    """The folder of version 1 of the model ``novel``, trained for 40 steps and this test's own to spoil."""
    shutil.copytree(_trained, seqgen_home)
    return seqgen_home / "models" / "novel" / "1"


@pytest.fixture
def terminal(seqgen: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """``run_main`` with its streams on a pseudo-terminal of 80 columns: all that is shown in ``stdout``."""
    import fcntl
    import pty
    import struct
    import termios
    import threading

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(*arguments: object) -> Result:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        shown = bytearray()

        def read() -> None:
            with contextlib.suppress(OSError):  # Linux's sign that the other end is closed
                while piece := os.read(ours, 4096):
                    shown.extend(piece)

        reader = threading.Thread(target=read)
        reader.start()
        with (
            os.fdopen(os.dup(theirs), encoding="utf-8") as stdin,
            io.TextIOWrapper(io.FileIO(theirs, "w"), "utf-8", write_through=True) as stream,
        ):
            outcome = seqgen(*arguments, stdin=stdin, stdout=stream, stderr=stream)
        reader.join()
        os.close(ours)
        return Result(outcome.exit_code, shown.decode(), "")

    return run


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Install a plugin of one module, as a distribution of its own; half of it, without its module, where code is None."""
    folder = tmp_path / "site-packages"

    def write(name: str, code: str | None, version: str = "1.2", requires: str = "seqgen") -> Path:
        about = folder / f"{name}-{version}.dist-info"
        about.mkdir(parents=True)
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: {requires}\n"
        (about / "METADATA").write_text(head)
        (about / "entry_points.txt").write_text(f"[seqgen]\n{name} = {name}\n")
        if code is not None:
            (folder / f"{name}.py").write_text(code)
        monkeypatch.syspath_prepend(folder)
        return folder

    yield write
    for module in [name for name, module in sys.modules.items() if str(folder) in str(getattr(module, "__file__", ""))]:
        del sys.modules[module]
    for remembered in (declared._class_options, declared._source):  # of modules of these names
        remembered.cache_clear()
