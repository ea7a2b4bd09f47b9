from __future__ import annotations

import numpy as np

from seqgen.samplers.greedy import Greedy


def test_only_the_most_likely_token_of_each_row_is_left():
    logits = np.array([[1.0, 3.0, 2.0], [0.5, -1.0, 0.25]], np.float32)
    left = [[-np.inf, 3.0, -np.inf], [0.5, -np.inf, -np.inf]]
    np.testing.assert_array_equal(Greedy().adjust(logits), left)


def test_among_equals_the_smallest_id_is_left():
    logits = np.array([[1.0, 2.0, 2.0, 2.0]], np.float32)
    np.testing.assert_array_equal(Greedy().adjust(logits), [[-np.inf, 2.0, -np.inf, -np.inf]])
