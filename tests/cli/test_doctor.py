"""``seqgen doctor``."""

from __future__ import annotations

import json
import platform
import re

import pytest

import seqgen as package


@pytest.fixture
def lean(monkeypatch):
    """As where no framework is installed: asking which devices Keras has takes seconds."""
    monkeypatch.setattr("seqgen.core.catalog._installed", lambda name: name not in ("torch", "keras", "tokenizers"))


@pytest.mark.usefixtures("lean")
def test_doctor_says_versions_folders_and_what_is_missing(seqgen, seqgen_home):
    outcome = seqgen("--no-plugins", "doctor")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    for fact, value in [
        ("seqgen", package.__version__),
        ("python", platform.python_version()),
        ("home", seqgen_home),
        ("numpy", "yes +cpu +lstm, gru, rnn".replace("yes", "no")),
        ("torch", r"- .*pip install 'seqgen\[torch\]'"),
    ]:
        assert re.search(rf"^ *{fact} +{value}", outcome.stdout, re.MULTILINE), fact


@pytest.mark.usefixtures("lean")
def test_doctor_as_json(seqgen, seqgen_home):
    report = json.loads(seqgen("--no-plugins", "doctor", "--json").stdout)
    assert report["versions"]["seqgen"] == package.__version__
    assert report["folders"] == {"home": str(seqgen_home), "models": str(seqgen_home / "models")}
    backends = {backend.pop("name"): backend for backend in report["backends"]}
    assert backends["numpy"] == {
        "can_train": False,
        "devices": ["cpu"],
        "architectures": ["lstm", "gru", "rnn"],
        "problem": None,
    }
    assert backends["torch"]["problem"] == "pip install 'seqgen[torch]'"
    assert report["plugins"] == [{"distribution": "seqgen", "version": package.__version__, "problem": None}]


@pytest.mark.slow
def test_doctor_asks_every_framework_here_for_its_devices(seqgen_cli):
    result = seqgen_cli("doctor", "--json")
    assert result.exit_code == 0
    backends = {backend["name"]: backend for backend in json.loads(result.stdout)["backends"]}
    for name in ("torch", "keras"):
        assert backends[name]["can_train"]
        assert backends[name]["devices"][-1] == "cpu"
