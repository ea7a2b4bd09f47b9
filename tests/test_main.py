"""Where ``seqgen`` and ``python -m seqgen`` begin."""

from __future__ import annotations

import subprocess
import sys

import pytest

INTERRUPTED = """if True:
    import os, runpy, signal, sys

    class Interrupting:
        def find_spec(self, name, path=None, target=None):
            if name == "typer":  # in the midst of what seqgen.cli.app imports
                os.kill(os.getpid(), signal.SIGINT)

    sys.meta_path.insert(0, Interrupting())
"""

BY_SCRIPT = """
from seqgen.__main__ import main
sys.exit(main())
"""

BY_MODULE = """
runpy.run_module("seqgen", run_name="__main__")
"""


@pytest.mark.parametrize("start", [BY_SCRIPT, BY_MODULE], ids=["script", "module"])
def test_ctrl_c_while_all_is_still_being_imported_ends_it_quietly(start):
    command = [sys.executable, "-c", INTERRUPTED.replace("\n    ", "\n").replace("if True:\n", "") + start, "--version"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
