"""How frequent each token is: the least that a model must know, and what a fresh one begins with."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seqgen.core.canonical import GATES, initial_weights
from seqgen.core.errors import OptionError
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Ids, Weights
from seqgen.data.arrays import release
from seqgen.training.options import TrainingOptions

RUNS = 256
"""Places at which the tokens of a large corpus are counted."""


def token_counts(tokens: Ids, vocab_size: int, most: int = 1 << 22) -> npt.NDArray[np.int64]:
    """How often each token occurs, (V,).

    Args:
        tokens: of the training part.
        vocab_size: V.
        most: how many of them, in evenly spread runs, are counted.
    """
    run = max(1, most // RUNS)
    counts = np.zeros(vocab_size, np.int64)
    for start in range(0, len(tokens), max(run, len(tokens) // RUNS)):
        counts += np.bincount(tokens[start : start + run], minlength=vocab_size)
        release(tokens)
    return counts


def token_entropy(counts: npt.NDArray[np.int64]) -> float:
    """Nats per token of a model that knows only how frequent each token is."""
    shares = counts / max(counts.sum(), 1)
    return 0.0 - math.fsum(share * math.log(share) for share in shares.tolist() if share)  # 0.0 and not -0.0


def fresh_loss(spec: ModelSpec) -> float:
    """Nats per token above which no model with fresh weights begins, but for a tenth: log V.  Infinite where its backend decides.

    With output biases of zero it is where a model begins.  With the frequencies of tokens that is lower, but only on average
    over the corpus: its first pages may be of another language.
    """
    return math.log(spec.vocab_size) if spec.architecture in GATES else math.inf


def check_output_bias(options: TrainingOptions) -> None:
    """Refuse frequencies for a model that would not begin with them.

    Raises:
        OptionError: its architecture has no canonical form.
    """
    if options.output_bias == "frequencies" and options.architecture not in GATES:
        msg = (
            f"output_bias frequencies is for {', '.join(GATES)}: what a model of architecture {options.architecture} begins with is "
            "its backend's to choose.  Leave it out"
        )
        raise OptionError(msg)


def fresh_weights(spec: ModelSpec, options: TrainingOptions, tokens: Ids) -> Weights | None:
    """Weights of a model that is to be trained on these tokens; None to leave them to the backend.

    With ``output_bias`` ``frequencies`` the logits' biases are the logarithms of how frequent each token is, one added to each count
    (Karpathy 2019, A Recipe for Training Neural Networks, "init well"; Lin et al. 2017, Focal Loss for Dense Object
    Detection, section 3.3).  Otherwise the first updates teach the whole network what a bias can say.

    Args:
        spec: an architecture without a canonical form is left to its backend.
        options: of the training.
        tokens: of the training part.
    """
    if options.output_bias != "frequencies" or spec.architecture not in GATES:
        return None
    weights = initial_weights(spec, options.random_seed)
    counts = token_counts(tokens, spec.vocab_size) + 1
    weights["output.bias"] = np.log(counts / counts.sum()).astype(np.float32)
    return weights
