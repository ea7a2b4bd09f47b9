"""The model card: Markdown with a YAML head that the Hugging Face Hub reads, of what is known and of nothing else."""

from __future__ import annotations

import pytest
import yaml

from seqgen.core.spec import ModelSpec
from seqgen.model_config import ModelConfig, PartRecord
from seqgen.training.card import model_card

CONFIG = ModelConfig(
    ModelSpec(vocab_size=50),
    {
        kind: PartRecord(name, "seqgen", "0.1.0")
        for kind, name in {"tokenizer": "char", "dataset": "text", "backend": "torch"}.items()
    },
    training={"max_steps": 12, "hidden_size": 512},
    origins={},
    has_ends=False,
)

LINEAGE = {
    "created": "2026-01-02T03:04:05+00:00",
    "results": {"bits_per_character": 2.0, "validation_loss": 1.386, "parameters": 1_300_000, "steps": 12},
    "corpus": {"sources": ["/home/ann/my novel.txt"], "fingerprint": "f" * 64, "characters": 1200},
    "parent": "sea:1",
}


def head(card):
    _, yaml_text, _ = card.split("---\n", 2)
    return yaml.safe_load(yaml_text)


def test_the_head_is_what_the_hub_reads():
    assert head(model_card("novel", CONFIG, LINEAGE)) == {
        "library_name": "seqgen",
        "pipeline_tag": "text-generation",
        "tags": ["seqgen", "lstm", "char"],
        "model-index": [
            {
                "name": "novel",
                "results": [
                    {
                        "task": {"type": "text-generation"},
                        "dataset": {"name": "my novel.txt", "type": "my novel.txt", "split": "validation"},
                        "metrics": [{"type": "bits_per_character", "name": "bits per character", "value": 2.0}],
                    }
                ],
            }
        ],
    }


@pytest.mark.parametrize("source", ['a: "b", {c}\n---\n# d', "- x", "'", "\\", "#", "&a *b !c |d", "\x07"])
def test_a_file_of_any_name_leaves_the_head_whole(source):
    card = model_card("novel", CONFIG, LINEAGE | {"corpus": {"sources": [source]}})
    assert head(card)["model-index"][0]["results"][0]["dataset"]["name"] == source


def test_where_the_corpus_lay_is_not_told():
    assert "/home/ann" not in model_card("novel", CONFIG, LINEAGE)
    assert "seqgen train 'my novel.txt' --from sea:1 --max-steps 12 --hidden-size 512" not in model_card(
        "novel", CONFIG, {}
    )


def test_a_sample_with_backticks_stays_in_its_block():
    card = model_card("novel", CONFIG, LINEAGE, samples=["a\n```\n# b", "c"])
    assert "````text\na\n```\n# b\n````\n\n```text\nc\n```" in card


def test_the_curve_is_drawn_where_losses_are_known():
    metrics = [
        {"step": step, "train_loss": 3 - step / 10, "validation_loss": 3.1 - step / 10, "bits_per_character": 4.0}
        for step in range(1, 11)
    ]
    assert "⠒⠒ training" in model_card("novel", CONFIG, LINEAGE, metrics=metrics)
    assert "How it learned" not in model_card("novel", CONFIG, LINEAGE)


def test_a_loss_that_was_measured_on_the_training_text_is_said_to_be_of_it():
    assert "| bits per character | 2.000 |" in model_card("novel", CONFIG, LINEAGE)
    card = model_card("novel", CONFIG, LINEAGE | {"results": LINEAGE["results"] | {"validation_loss": None}})
    assert "| bits per character of the training text | 2.000 |" in card
    assert head(card)["model-index"][0]["results"][0]["dataset"]["split"] == "train"


def test_the_loss_of_a_model_that_diverged_is_not_written_out():
    results = LINEAGE["results"] | {"bits_per_character": 3.3767e30}
    assert "| bits per character | 3.4e+30 |" in model_card("novel", CONFIG, LINEAGE | {"results": results})


def test_each_loss_of_the_curve_is_in_bits_per_character_of_its_own_part():
    metrics = [{"step": step, "train_loss": 2.773, "validation_loss": 0.6931 * (4 - step)} for step in (1, 2, 3)]
    results = LINEAGE["results"] | {"training_characters_per_token": 4.0}
    card = model_card("novel", CONFIG, LINEAGE | {"results": results}, metrics=metrics)
    assert ("\n2.00 ┤" in card, "\n1.00 ┤" in card) == (True, True)  # training is at 1, and validation falls to there


def test_what_is_not_known_is_left_out():
    card = model_card("novel", CONFIG, {})
    assert "# novel" in card
    for section in ("Samples", "Figures", "Training data", "Reproducing"):
        assert section not in card
    assert "model-index" not in head(card)
