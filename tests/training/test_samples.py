"""Samples that are kept with a model, and that a stranger may have written."""

from __future__ import annotations

import json

import pytest

from seqgen.core.errors import DamagedModelError
from seqgen.training.samples import SavedSamples, as_texts


def test_they_are_read_as_they_were_written(tmp_path):
    samples = SavedSamples(("a\n“b”", b"\x00MThd"), 3, ("Greedy()",), "200c")
    (tmp_path / "samples.json").write_text(json.dumps(samples.to_json()))
    assert SavedSamples.read(tmp_path / "samples.json", where="") == samples
    assert as_texts(samples) == ["a\n“b”"]


def test_a_model_may_have_none(tmp_path):
    assert SavedSamples.read(tmp_path / "samples.json", where="") is None
    assert as_texts(None) == []


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": 2},
        {"samples": 3},
        {"samples": [3]},
        {"samples": ["text"]},
        {"samples": [{"text": 3}]},
        {"samples": [{"base64": "*"}]},
        {"samplers": 3},
        {"samplers": [3]},
        {"random_seed": "0"},
        {"length": None},
    ],
    ids=str,
)
def test_what_is_none_is_damaged(tmp_path, change):
    value = SavedSamples(("a",), 0, (), "1").to_json() | change
    (tmp_path / "samples.json").write_text(json.dumps(value))
    with pytest.raises(DamagedModelError, match="novel:1/samples.json: these are no samples"):
        SavedSamples.read(tmp_path / "samples.json", where="novel:1/samples.json")


def test_a_large_file_is_not_read(tmp_path):
    (tmp_path / "samples.json").write_bytes(b" " * 300_000)
    with pytest.raises(DamagedModelError, match="300,000 bytes are more"):
        SavedSamples.read(tmp_path / "samples.json", where="x")
