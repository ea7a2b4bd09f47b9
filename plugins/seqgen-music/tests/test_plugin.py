"""What seqgen finds of the plugin."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys

import pytest

import seqgen
from seqgen.cli.app import main


def test_the_plugin_is_found_and_usable():
    command = [sys.executable, "-m", "seqgen", "list-plugins", "--json"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert listed.stderr == ""
    found = json.loads(listed.stdout)
    (plugin,) = (each for each in found["plugins"] if each["distribution"] == "seqgen-music")
    version = importlib.metadata.version("seqgen-music")
    assert plugin == {"distribution": "seqgen-music", "version": version, "disabled": None, "problem": None}
    parts = [part for part in found["parts"] if part["distribution"] == "seqgen-music"]
    assert {part["name"] for part in parts} == {"abc", "abc-bars", "midi", "midi-grammar", "scale"}
    assert all(part["ready"] for part in parts)


def test_each_tune_of_several_has_a_number_and_an_empty_line_before_the_next(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path / "home"))
    tiny = {"hidden_size": 8, "embedding_size": 4, "max_steps": 2, "ngram_order": 0}
    seqgen.train("tunes", tokenizer="abc", name="tunes", **tiny)
    written = ["generate", "--seed", "X:1\nM:4/4\nL:1/8\nK:D", "--sampler", "abc-bars"]
    options = ["--length", "60", "--num-samples", "3", "--random-seed", "1", "--output", str(tmp_path / "new.abc")]
    with pytest.raises(SystemExit) as ended:
        main([*written, *options])
    assert ended.value.code == 0
    tunes = (tmp_path / "new.abc").read_text("utf-8").split("\n\n")
    assert [tune[:20] for tune in tunes] == [f"X:{number}\nM:4/4\nL:1/8\nK:D\n" for number in (1, 2, 3)]


def test_help_of_the_group_imports_no_numpy():
    code = "import sys; from seqgen_music.commands.group import music; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
