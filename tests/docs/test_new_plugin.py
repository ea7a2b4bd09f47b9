"""The path of docs/how-to/new-plugin.md leads where it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from seqgen.core.catalog import load_catalog
from seqgen.scaffold.plugin import SUMMARIES, NewPlugin

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/new-plugin.md").read_text("utf-8")
EXAMPLES = ROOT / "docs/examples"


def test_the_page_says_of_each_kind_what_is_written():
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert dict(rows[1:]) == dict(SUMMARIES)


def test_the_change_that_the_page_makes_gives_codons(tmp_path):
    folder = NewPlugin.of("dna", ["tokenizer"], load_catalog()).write(tmp_path)
    (change,) = re.findall(r"^\$ perl -pi -e (.*)$", PAGE, re.MULTILINE)
    before, after, file = re.fullmatch(r"'s/(.+)/(.+)/' (\S+)", change).groups()
    module = tmp_path / file
    text, count = re.subn(before, after, module.read_text("utf-8"))
    assert count == 1
    module.write_text(text, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES / "test_codons.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_genes_are_whole_codons_from_start_to_stop():
    genes = subprocess.run(
        [sys.executable, EXAMPLES / "genes.py"], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert len(genes) == 2000
    assert all(re.fullmatch(r"ATG(?:[ACGT]{3}){20,60}(?:TAA|TGA)", gene) for gene in genes)
