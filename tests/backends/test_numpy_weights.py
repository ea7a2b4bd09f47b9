"""The layout in which NumPy steps fastest."""

from __future__ import annotations

import numpy as np
import pytest

from seqgen.backends.numpy.weights import prepare
from seqgen.core.canonical import initial_weights
from seqgen.core.spec import ModelSpec

LINE, LARGE_PAGE = 64, 2 << 20


@pytest.mark.parametrize(("hidden_size", "boundary"), [(10, LINE), (32, LINE), (256, LARGE_PAGE)])
@pytest.mark.parametrize("architecture", ["lstm", "gru", "rnn"])
def test_what_each_step_reads_begins_with_a_line_of_the_cache_or_where_it_is_large_with_a_large_page(
    architecture, hidden_size, boundary
):
    spec = ModelSpec(vocab_size=65, architecture=architecture, hidden_size=hidden_size, num_layers=2)
    above = prepare(initial_weights(spec, 0), spec).layers[1]
    for weight in (above.input_weight, above.recurrent_weight):
        assert weight.flags.c_contiguous
        assert weight.ctypes.data % boundary == 0


def test_a_layout_has_the_numbers_of_the_canonical_form():
    spec = ModelSpec(vocab_size=5, architecture="rnn", hidden_size=3)
    weights = initial_weights(spec, 0)
    (layer,) = prepare(weights, spec).layers
    np.testing.assert_array_equal(layer.recurrent_weight, weights["layers.0.recurrent_weight"].T)


@pytest.mark.parametrize("input_encoding", ["embedding", "scalar"])
def test_weights_of_a_training_that_diverged_are_laid_out_without_a_warning_of_numpy(input_encoding):
    spec = ModelSpec(vocab_size=5, hidden_size=3, input_encoding=input_encoding)
    huge = {name: np.full_like(weight, 3e38) for name, weight in initial_weights(spec, 0).items()}
    assert not np.isfinite(prepare(huge, spec).table).all()  # pytest makes errors of warnings
