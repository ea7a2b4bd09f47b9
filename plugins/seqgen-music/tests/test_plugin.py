"""What seqgen finds of the plugin."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys


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


def test_help_of_the_group_imports_no_numpy():
    code = "import sys; from seqgen_music.commands.group import music; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
