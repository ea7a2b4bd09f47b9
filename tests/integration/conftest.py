"""The whole program in this process, and the toy plugin installed as a third party's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Result, run_here

ROOT = Path(__file__).parents[2]


@pytest.fixture
def seqgen_main(seqgen_home: Path) -> Callable[..., Result]:
    """``run_here`` with an empty ``SEQGEN_HOME``."""
    return run_here


@pytest.fixture(scope="module")
def shared_main(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Result]]:
    """``run_here`` with one ``SEQGEN_HOME`` for all tests of a module, which share its models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGEN_HOME", str(tmp_path_factory.mktemp("home")))
        yield run_here


def installed(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed a plugin, from its own folder and without the network."""
    target = tmp_path_factory.mktemp("site-packages")
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", target, ROOT / "tests" / name]
    subprocess.run(command, check=True)
    return target


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the toy plugin."""
    return installed("toy_plugin", tmp_path_factory)


@pytest.fixture(scope="module")
def toy_plugin(toy_folder: Path) -> Iterator[None]:
    """The toy plugin is installed in this process, for the tests of a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(toy_folder)])
        yield


@pytest.fixture
def steps_plugin(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin with a binary medium of its own is installed in this process, for one test."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(installed("steps_plugin", tmp_path_factory))])


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 6,000 characters of the bundled narrative: some thirty paragraphs, more lines."""
    path = tmp_path_factory.mktemp("corpus") / "north.txt"
    path.write_text((ROOT / "corpora" / "ice.txt").read_text("utf-8")[:6000], "utf-8")
    return path
