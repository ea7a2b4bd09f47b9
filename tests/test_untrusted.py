"""What JSON and Python read differently, or without a bound, is refused before anybody computes with it."""

from __future__ import annotations

import json
import struct

import pytest

from seqgen.core.errors import DamagedModelError
from seqgen.untrusted import MAX_DIMENSIONS, is_figure, parse_json, read_header


@pytest.mark.parametrize("content", [b"NaN", b"[-Infinity]", b"1e999", b'{"a": -1e999}', b'{"a": 1, "a": 2}'])
def test_what_json_lacks_is_refused(content):
    with pytest.raises(ValueError, match="not a number|larger than any number|occurs twice"):
        parse_json(content)


def test_what_json_has_is_read():
    assert parse_json(b'{"a": [1, 1.5, -1e308, 1E-999, "\\udce9"]}') == {"a": [1, 1.5, -1e308, 0.0, "\udce9"]}


@pytest.mark.parametrize("value", [10**400, -(2**128), float("inf"), float("nan"), True, "1", None, []])
def test_no_figure(value):
    assert not is_figure(value)


@pytest.mark.parametrize("value", [0, -1, 2**63, 0.5, -3e38])
def test_figures(value):
    assert is_figure(value)


def test_a_shape_of_more_dimensions_than_any_tensor_has_is_refused_before_it_is_multiplied(tmp_path):
    def write(dimensions):
        header = json.dumps({"x": {"dtype": "F32", "shape": [1] * dimensions, "data_offsets": [0, 4]}}).encode()
        (tmp_path / "x").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))

    write(MAX_DIMENSIONS)
    assert read_header(tmp_path / "x", where="x").keys() == {"x"}
    write(MAX_DIMENSIONS + 1)
    with pytest.raises(DamagedModelError, match='^x: tensor "x" is described wrongly'):
        read_header(tmp_path / "x", where="x")
