"""What seqgen finds of the plugin."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys


def test_the_plugin_is_found_and_usable():
    listed = subprocess.run(
        [sys.executable, "-m", "seqgen", "list-plugins"], capture_output=True, text=True, check=True
    )
    version = importlib.metadata.version("seqgen-music")
    assert "seqgen-music" in listed.stdout
    assert version in listed.stdout
    assert listed.stderr == ""


def test_help_of_the_group_imports_no_numpy():
    code = "import sys; from seqgen_music.commands.group import music; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
