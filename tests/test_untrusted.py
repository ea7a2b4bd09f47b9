"""What JSON and Python read differently, or without a bound, is refused before anybody computes with it."""

from __future__ import annotations

import pytest

from seqgen.untrusted import is_figure, parse_json


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
