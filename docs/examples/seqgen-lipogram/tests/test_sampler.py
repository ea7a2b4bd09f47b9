import numpy as np
from seqgen_lipogram.sampler import Lipogram

from seqgen.tokenizers.char import CharTokenizer


def test_tokens_with_the_letter_are_excluded_in_either_case() -> None:
    tokenizer = CharTokenizer().fit(["A bEe"])  # ids: space, A, E, b, e, end
    sampler = Lipogram(letters="e")
    sampler.begin(np.zeros((1, 0), int), tokenizer)
    logits = np.zeros((1, 6), np.float32)
    assert np.isfinite(sampler.adjust(logits)).tolist() == [[True, True, False, True, False, True]]
