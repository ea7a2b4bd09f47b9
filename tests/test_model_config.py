"""``config.json`` is read only where it is what a seqgen of this format writes."""

from __future__ import annotations

import pytest

from seqgen.core.errors import DamagedModelError
from seqgen.core.spec import ModelSpec
from seqgen.files import write_json
from seqgen.manifest import CONFIG
from seqgen.model_config import ModelConfig, PartRecord, config_to_json, read_config

OURS = ModelConfig(
    model=ModelSpec(vocab_size=4, embedding_size=3, hidden_size=5),
    parts={"tokenizer": PartRecord("char", "seqgen", "0")},
    training={"epochs": 1.0},
    origins={"epochs": "default"},
    has_ends=False,
)


def test_what_was_written_is_read_back(tmp_path):
    write_json(tmp_path / CONFIG, config_to_json(OURS))
    assert read_config(tmp_path / CONFIG, where="m:1/config.json") == OURS


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c | {"surprise": 1}, "unknown key surprise"),
        (lambda c: {k: v for k, v in c.items() if k != "parts"}, "missing key parts"),
        (lambda c: c | {"format_version": 99}, "format version 99"),
        (lambda c: c | {"model": c["model"] | {"hidden_size": 0}}, "hidden_size is 0"),
        (lambda c: c | {"model": c["model"] | {"class": "os.system"}}, 'has no option "class"'),
        (lambda c: c | {"model": {}}, "vocab_size"),
        (lambda c: c | {"parts": {"tokenizer": {"name": "char"}}}, "parts.tokenizer is not"),
        (lambda c: c | {"parts": []}, "parts is not an object"),
    ],
)
def test_a_config_that_is_not_ours_is_refused_by_name(tmp_path, change, sentence):
    write_json(tmp_path / CONFIG, change(config_to_json(OURS)))
    with pytest.raises(DamagedModelError, match=sentence):
        read_config(tmp_path / CONFIG, where="m:1/config.json")
