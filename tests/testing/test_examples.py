"""Tokenizers and datasets of other media than plain text, by ``seqgen check-plugin``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqgen.core.errors import CorpusError
from seqgen.testing import DatasetContract
from seqgen.testing.examples import example_documents
from seqgen.testing.find import as_installed
from seqgen.testing.speed import speeds

STEPS = Path(__file__).parents[1] / "steps_plugin"
MEDIA_TYPE = "application/x-steps"

TOKENIZER_ALONE = """
import seqgen


@seqgen.hookimpl
def register_tokenizers(register):
    register("hops", "hops_parts:HopsTokenizer", summary="steps, from another distribution")
"""


@pytest.fixture
def alone(tmp_path):
    """A plugin with a tokenizer of the medium, whose dataset is another plugin's."""
    folder = tmp_path / "hops"
    folder.mkdir()
    (folder / "hops.py").write_text(TOKENIZER_ALONE)
    (folder / "hops_parts.py").write_text(
        "from seqgen_steps.tokenizer import StepsTokenizer\n\n\nclass HopsTokenizer(StepsTokenizer):\n    pass\n"
    )
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "hops"\nversion = "1.0"\n[project.entry-points.seqgen]\nhops = "hops"\n'
    )
    return folder


@pytest.mark.slow
def test_parts_of_a_binary_medium_are_checked_on_what_its_dataset_writes(seqgen_cli):
    result = seqgen_cli("check-plugin", STEPS, "--no-speed", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 0, [
        law for part in report["parts"] for law in part["laws"] if law["outcome"] == "failed"
    ]
    assert [(part["kind"], part["problem"]) for part in report["parts"]] == [("tokenizer", None), ("dataset", None)]
    for part in report["parts"]:
        assert {law["outcome"] for law in part["laws"]} == {"passed"}


def test_parts_of_another_medium_are_not_measured_on_text(steps_plugin):
    from seqgen_steps.tokenizer import StepsTokenizer

    (speed,) = speeds("tokenizer", {"steps": StepsTokenizer})
    assert (speed.value, speed.problem) == (
        None,
        f"it is for {MEDIA_TYPE}, and the others are measured on text/plain.",
    )


@pytest.mark.slow
def test_a_tokenizer_of_a_medium_that_no_dataset_gives_is_told_what_to_add(seqgen_cli, alone):
    result = seqgen_cli("check-plugin", alone, env={"PYTHONPATH": str(STEPS / "src")})
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("cannot be checked")]
    assert line.partition("  ")[2] == (
        f"It takes {MEDIA_TYPE}, and no dataset here has documents of that type to check it on.  Add one to the plugin whose "
        "classmethod example(folder, size) writes some, or write a test with TokenizerContract and its documents."
    )


@pytest.fixture
def steps_plugin():
    with as_installed(STEPS) as distribution:
        yield distribution


def test_examples_are_the_whole_documents_of_a_dataset_of_the_same_distribution(steps_plugin):
    documents = example_documents(MEDIA_TYPE, steps_plugin)
    assert documents[:2] == [bytes(n * n % 10 for n in range(21)), bytes(n * n // 2 % 10 for n in range(22))]
    assert 900 < sum(map(len, documents)) < 1100


def test_examples_of_another_distribution_are_taken_where_the_own_has_none(steps_plugin, alone):
    with as_installed(alone) as distribution:
        assert example_documents(MEDIA_TYPE, distribution) == example_documents(MEDIA_TYPE, steps_plugin)


def test_a_dataset_that_fails_is_named(steps_plugin, monkeypatch):
    from seqgen_steps.dataset import WalksDataset

    def example(cls, folder, size):
        raise ValueError("out of breath")

    monkeypatch.setattr(WalksDataset, "example", classmethod(example))
    with pytest.raises(CorpusError, match="Dataset walks failed: ValueError: out of breath"):
        example_documents(MEDIA_TYPE, steps_plugin)


def test_so_is_one_whose_example_has_no_documents(steps_plugin, monkeypatch):
    from seqgen_steps.dataset import WalksDataset

    monkeypatch.setattr(WalksDataset, "documents", lambda _: iter(()))
    with pytest.raises(CorpusError, match="Dataset walks failed: CorpusError: The corpus is empty"):
        example_documents(MEDIA_TYPE, steps_plugin)


def test_without_an_example_one_law_of_a_dataset_says_so_and_those_about_reading_are_not_for_it(steps_plugin):
    from seqgen_steps.dataset import WalksDataset

    class Silent(WalksDataset):
        @classmethod
        def example(cls, folder, size):
            return ()

    class Laws(DatasetContract):
        def make(self, sources):
            return Silent(sources=sources)

    with pytest.raises(
        AssertionError, match="Silent.example writes nothing, but plain text does not do for application/x-"
    ):
        Laws().test_the_example_corpus_can_be_read()
    with pytest.raises(pytest.skip.Exception, match="there is no example corpus of application/x-steps"):
        Laws().test_two_readings_give_the_same()
