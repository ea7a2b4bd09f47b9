"""What whoever runs the tests has set for themselves changes none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

WITHOUT_A_HOME_OF_THEIR_OWN = (
    "tests/test_installed.py::test_a_part_is_found_by_the_name_that_a_person_writes",
    "tests/test_settings.py::test_the_nearer_place_wins_and_each_origin_is_kept",
)
IN_PLAIN_LETTERS = "tests/cli/test_help.py::test_every_command_has_help_with_an_example_in_80_columns[generate]"


def test_neither_settings_nor_a_wish_for_colours_reach_the_tests(tmp_path):
    (tmp_path / "config.toml").write_text("this is not TOML")
    own = {"SEQGEN_HOME": str(tmp_path), "SEQGEN_HIDDEN_SIZE": "none", "GITHUB_ACTIONS": "true", "FORCE_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *WITHOUT_A_HOME_OF_THEIR_OWN, IN_PLAIN_LETTERS],
        cwd=ROOT,
        env=os.environ | own,
        capture_output=True,
        check=False,
        text=True,
    )
    assert "3 passed" in done.stdout, done.stdout
