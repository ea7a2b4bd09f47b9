"""What ``seqgen music info`` tells of ABC, where nothing is installed that plays or engraves it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TUNES = "X:1\nT:Up\nM:4/4\nL:1/4\nK:G\nGABc|d2^cd|g4|]\nX:1\nM:3/4\nL:1/4\nK:C\nCEG|C2|c3|]\n"


def told_of(book: str, folder: Path) -> list[dict[str, object]]:
    (folder / "book.abc").write_text(book)
    code = (
        "import sys; sys.modules.update(symusic=None, verovio=None, miditok=None); "
        "from seqgen.cli.app import main; main(['music', 'info', 'book.abc', '--json'])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True)
    told: list[dict[str, object]] = json.loads(ran.stdout)
    return told


def test_key_metre_bars_range_pitches_and_faults_are_told(tmp_path):
    one, two = told_of(TUNES, tmp_path)
    assert one == {
        "piece": "book.abc:1",
        "title": "Up",
        "key": "G",
        "metre": "4/4",
        "bars": 3,
        "wrong_bars": 0,
        "notes": 8,
        "lowest": "G4",
        "highest": "G5",
        "pitch_classes": {"C": 1, "C#": 1, "D": 2, "G": 2, "A": 1, "B": 1},
    }
    # A tune may follow another without an empty line, and have its number.
    assert (two["piece"], two["key"], two["wrong_bars"]) == ("book.abc:7", "C", 1)
    assert two["faults"] == ["line 5: the bar has 4/8 of 6/8"]


def test_the_file_header_counts_and_lines_keep_their_numbers(tmp_path):
    (one,) = told_of("M:3/4\nL:1/4\n\nX:1\nK:C\nK:D\nCEG|C2|c3|]\n", tmp_path)
    assert (one["key"], one["metre"], one["faults"]) == ("D", "3/4", ["line 4: the bar has 4/8 of 6/8"])
