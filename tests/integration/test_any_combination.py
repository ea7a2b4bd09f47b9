"""Every tokenizer, dataset, backend and sampler works with every other, those of third parties included."""

from __future__ import annotations

import json

import pytest

from seqgen.core.catalog import load_catalog

TOY = {"tokenizer": "case", "dataset": "paragraphs", "backend": "counting", "sampler": "no-stutter"}


def names(kind):
    """All bundled parts of a kind, whichever there are, and the toy plugin's."""
    return [*(entry.name for entry in load_catalog().entries(kind)), TOY[kind]]


@pytest.mark.slow
@pytest.mark.usefixtures("toy_plugin", "steps_plugin")
def test_any_registered_combination_trains_and_generates(seqgen_main):
    result = seqgen_main("doctor", "--combinations", "--json")
    matrix = json.loads(result.stdout)
    assert result.exit_code == 0, [cell for cell in matrix["cells"] if cell["outcome"] == "fails"]
    assert (matrix["unusable"], matrix["failed"]) == ([], False)
    assert {*names("sampler")} <= {*matrix["samplers"]}
    works = {
        (cell["tokenizer"], cell["dataset"], cell["backend"]) for cell in matrix["cells"] if cell["outcome"] == "works"
    }
    for backend in names("backend"):
        assert ("steps", "walks", backend) in works
        for tokenizer in names("tokenizer"):
            for dataset in names("dataset"):
                assert (tokenizer, dataset, backend) in works
    # Whatever else is installed here has media and samplers of its own.
    tokenizers, datasets = [*names("tokenizer"), "steps"], [*names("dataset"), "walks"]
    ours = [cell for cell in matrix["cells"] if cell["tokenizer"] in tokenizers and cell["dataset"] in datasets]
    refused = [cell for cell in ours if cell["outcome"] == "refused"]
    assert len(refused) + sum(cell["outcome"] == "works" for cell in ours) == len(ours)
    assert all((cell["tokenizer"] == "steps") != (cell["dataset"] == "walks") for cell in refused)
    assert all({*names("sampler")} <= {*cell["samplers"]} for cell in ours if cell["outcome"] == "works")
