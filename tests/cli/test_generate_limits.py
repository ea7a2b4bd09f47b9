"""``seqgen generate`` at its limits: a prompt of 10 MB, and samplers that leave nothing to draw."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("novel")

MEASURED = """
import sys
from pathlib import Path
from seqgen.cli.app import main
try:
    main(sys.argv[1:])
finally:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    Path("peak.txt").write_text(status["VmHWM"].split()[0])
"""
"""A command that leaves the most memory it had, in KiB.  Not that of getrusage, which counts the process it was forked from."""

PLUGIN = '''
from dataclasses import dataclass, field

import numpy as np

from seqgen.core.hookspecs import hookimpl
from seqgen.core.sampler import Sampler, Stage

SEQGEN_CONTRACT = "1.0"


@hookimpl
def register_samplers(register):
    register("short", "seqgen_short:Short", summary="so many tokens and no more")


@dataclass(kw_only=True)
class Short(Sampler):
    """Leave nothing after so many tokens."""

    stage = Stage.CONSTRAINT
    tokens: int = 3
    _seen: int = field(default=0, init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self._seen = 0

    def adjust(self, logits):
        return logits if self._seen < self.tokens else np.full_like(logits, -np.inf)

    def accept(self, ids):
        self._seen += 1
'''

NOTHING_LEFT = (
    "error: Token 4 of sample 0: Short(tokens=3) leaves no token that may be drawn.  Loosen it, or leave it out\n"
)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_prompt_of_10_mb_is_read_in_little_memory(run_python, tmp_path):
    (tmp_path / "long.txt").write_text("the ice " * 1_250_000, "utf-8")
    command = ("generate", "--seed-file", "long.txt", "--length", "5c", "--output", "out.txt")
    outcome = run_python(MEASURED, *command, timeout=600)
    note = "note: the model reads 10,000,000 tokens of the prompt before it writes\n"
    assert (outcome.exit_code, outcome.stderr) == (0, note)
    assert (tmp_path / "out.txt").stat().st_size == 10_000_006
    # 156 MB were measured: 43 for any prompt, and 8 bytes for each id beside the text itself.
    assert int((tmp_path / "peak.txt").read_text()) < 250 * 1024


@pytest.mark.parametrize("options", [("--no-stream",), ("--num-samples", 2), ("--json",), ("--beam", 3)], ids=str)
def test_a_sampler_that_leaves_nothing_is_named_with_the_place(seqgen, install, options):
    install("seqgen_short", PLUGIN)
    outcome = seqgen("generate", "--sampler", "short", "--length", 9, *options)
    assert (outcome.exit_code, outcome.stderr) == (1, NOTHING_LEFT)


@pytest.mark.parametrize("length", [10**12, f"{10**12}c"], ids=str)
@pytest.mark.parametrize(
    "options",
    [
        ("--json",),
        ("--jsonl",),
        ("--no-stream",),
        ("--best-of", 2),
        ("--num-samples", 2),
        ("--beam", 2),
        ("--show-probabilities",),
        ("--show-probabilities", "--output", "page.html"),
    ],
    ids=str,
)
def test_a_text_that_could_not_be_held_is_refused_where_it_is_not_streamed(refused, options, length):
    sentence = refused("generate", "--length", length, *options, exit_code=2)
    assert sentence.startswith("length is too large")
    assert sentence.endswith("can be.  Ask for less, or let one text be streamed")


def test_more_samples_than_could_be_held_are_refused_where_all_are_printed_together(refused):
    assert refused("generate", "--num-samples", 10**12, "--json", exit_code=2).startswith(
        "length is too large for 1,000,000,000,000 texts: 400,000,000,000,000 tokens or characters would be held at once"
    )


def test_what_was_streamed_by_then_stays(seqgen, install):
    install("seqgen_short", PLUGIN)
    command = ("generate", "--seed", "the ice", "--sampler", "short", "--random-seed", 4, "--length")
    three = seqgen(*command, 3)
    assert three.exit_code == 0
    outcome = seqgen(*command, 9)
    assert (outcome.exit_code, outcome.stderr) == (1, NOTHING_LEFT)
    assert outcome.stdout == three.stdout.removesuffix("\n")


def test_a_line_that_is_given_needs_nothing_that_samplers_leave(seqgen, install, tmp_path):
    install("seqgen_short", PLUGIN)
    (tmp_path / "starts.txt").write_text("the ice", "utf-8")
    outcome = seqgen("generate", "--prefix-lines", "starts.txt", "--sampler", "short", "--length", 4)
    assert outcome.stdout == "the ice"
    assert "Token 8 of sample 0" in outcome.stderr
