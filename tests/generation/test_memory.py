"""Memory that does not suffice, for real: processes that the system gives so much and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux says here how much memory a process has"
)

ALIKE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
"""Each thread takes memory of its own, and how many there are is a machine's."""

LIMITED = '''
import re, resource
from pathlib import Path

import numpy as np

from seqgen.core.canonical import canonical_shapes
from seqgen.core.catalog import load_catalog
from seqgen.core.errors import GenerationError
from seqgen.core.spec import ModelSpec
from seqgen.generation.beam import beam_search
from seqgen.generation.generate import generate, stream
from seqgen.testing.letters import LettersTokenizer

PROMPT = np.array([1, 2, 3])
np.dot(np.ones((512, 512), np.float32), np.ones((512, 512), np.float32))  # BLAS takes its own at the first product


def model(hidden_size):
    spec = ModelSpec(vocab_size=13, hidden_size=hidden_size, num_layers=1)
    weights = {name: np.zeros(shape, np.float32) for name, shape in canonical_shapes(spec).items()}
    for weight in weights.values():
        weight.flags.writeable = False  # as those of a file, of which nothing is copied before it is used
    return load_catalog().make("backend", "numpy").build(spec, weights=weights, device="cpu")


def limit(megabytes):
    """Let the process take so much more than it has now."""
    size = int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (size + megabytes * 2**20,) * 2)


def refusal(write):
    try:
        write()
    except GenerationError as error:
        print(error)
'''


def test_where_memory_does_not_suffice_for_all_side_by_side_fewer_are_and_the_texts_are_the_same(run_python):
    outcome = run_python(
        LIMITED
        + """
wide, letters = model(1024), LettersTokenizer(13)
options = {"length": 2, "random_seed": 5}
alone = ["".join(stream(wide, letters, PROMPT, sample=number, **options)) for number in (0, 1_900, 3_999)]
limit(90)  # the gates and input products of 4,000 sequences alone take 131
handed, steps = [], []
options |= {"on_sample": lambda sample: handed.append(sample.number), "on_step": steps.append}
samples = generate(wide, letters, PROMPT, num_samples=4_000, batch_size=4_000, **options)
assert [samples[number].text for number in (0, 1_900, 3_999)] == alone
print(len(samples), sorted(handed) == list(range(4_000)), min(steps) < max(steps) == 4_000)
""",
        env=ALIKE,
    )
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "4000 True True\n", "")


@pytest.mark.slow
def test_where_it_does_not_suffice_for_one_a_sentence_says_for_what(run_python):
    outcome = run_python(
        LIMITED
        + """
large, wide, letters = model(6000), model(2048), LettersTokenizer(13)
list(stream(wide, letters, PROMPT, length=1))
limit(20)  # the large one's weights, as they are used, take 576
for each in (stream, generate, beam_search):
    options = {"width": 1} if each is beam_search else {}
    refusal(lambda: each(large, letters, PROMPT, length=3, **options))
refusal(lambda: beam_search(wide, letters, PROMPT, length=5, width=13**3))
""",
        env=ALIKE,
    )
    prompt = (
        "There is not enough memory on cpu for this model to read a prompt of 3 tokens.  "
        "Use a smaller model, or another --device\n"
    )
    beam = "There is not enough memory on cpu for a beam of 2,197 texts.  Reduce --beam\n"
    assert (outcome.stdout, outcome.stderr) == (prompt * 3 + beam, "")


@pytest.mark.slow
def test_a_file_that_does_not_fit_into_memory_is_told_without_a_traceback(run_python, tmp_path):
    with (tmp_path / "long.txt").open("wb") as file:
        file.truncate(300 * 2**20)
    outcome = run_python(
        LIMITED
        + """
from seqgen.cli.app import main

limit(100)
main(["generate", "--seed-file", "long.txt"])
""",
        env=ALIKE,
    )
    assert outcome.exit_code == 1
    assert outcome.stderr == (
        "error: There is not enough memory for this (MemoryError).  Give it less at a time, or use a smaller model\n"
    )
