"""A network that is trained on what n-grams leave: to its logits a share of the logarithm of what they expect is added.

So it need not learn what they know (Li et al. 2022, N-gram Is Back: Residual Learning of Neural Text Generation with n-gram
Language Model).  What they expect of a part of the training text is counted in the others, or they would know it by heart.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from seqgen.backends.torch.model import TorchModel
from seqgen.core.types import Batch, Ids
from seqgen.data.batching import Batching
from seqgen.ngrams.counting import affordable_order, count_ngrams
from seqgen.ngrams.table import NOTHING, NgramTable
from seqgen.training import mixing
from seqgen.training.trainer import Trainer

_PARTS = 8
_SMALLEST = 1e-7
_BLOCK = 8192


def expected(table: NgramTable, tokens: Ids, start: int, stop: int) -> npt.NDArray[np.float16]:
    """The logarithms (stop - start, V) of what n-grams expect at these places of a text (N,)."""
    length = table.order - 1
    before = np.concatenate([np.full(length, NOTHING), tokens.astype(np.int64)])
    contexts = np.lib.stride_tricks.sliding_window_view(before, length)  # the one at i ends before token i
    blocks = [range(first, min(first + _BLOCK, stop)) for first in range(start, stop, _BLOCK)]
    found = [table.after(contexts[block.start : block.stop]).probabilities for block in blocks]
    return np.concatenate([np.log(np.maximum(each, _SMALLEST)).astype(np.float16) for each in found])


def of_training(tokens: Ids, vocab_size: int, order: int) -> npt.NDArray[np.float16]:
    """The same for all of a text (N,), of which each part is left out where its own n-grams are counted; (N, V)."""
    edges = np.linspace(0, len(tokens), _PARTS + 1).astype(int).tolist()
    found = []
    for start, stop in itertools.pairwise(edges):
        others = np.concatenate([tokens[:start], tokens[stop:]])
        found.append(expected(count_ngrams(others, vocab_size, order), tokens, start, stop))
    return np.concatenate(found)


@contextlib.contextmanager
def on_what_ngrams_leave(share: float) -> Iterator[None]:
    """Train and measure with this share of the n-grams' logarithms; the mixture is weighed as ever, and always kept."""
    gather, run, nats = Batching._gather, Trainer.run, TorchModel._nats  # noqa: SLF001
    priors: dict[int, npt.NDArray[np.float16]] = {}  # of what is trained and measured on, by its id
    latest: list[npt.NDArray[np.float16]] = []  # of the batch that was given last, which is used before the next

    def gather_too(self: Batching, first: npt.NDArray[np.int64], length: int, **how: Any) -> Batch:
        if id(self) in priors:
            prior = priors[id(self)]
            latest[:] = [prior[np.minimum(first[:, None] + 1 + np.arange(length), len(prior) - 1)]]
        return gather(self, first, length, **how)

    def run_with_priors(self: Trainer) -> None:
        vocab_size, tokens = self.model.spec.vocab_size, np.asarray(self.training.part.tokens)
        order = affordable_order(tokens, vocab_size)
        priors[id(self.training)] = of_training(tokens, vocab_size, order)
        if self.validation is not None:
            held_out = np.asarray(self.validation.part.tokens)
            table = count_ngrams(tokens, vocab_size, order)
            priors[id(self.validation)] = expected(table, held_out, 0, len(held_out))
        run(self)
        priors.clear()
        latest.clear()

    def nats_with_priors(self: TorchModel, batch: Batch, state: Any, dropout: Any) -> tuple[Tensor, Any]:
        if not latest:
            return nats(self, batch, state, dropout)
        lower = dropout is not None and self.precision == "bfloat16"
        with torch.autocast(self.device, torch.bfloat16, enabled=lower):
            outputs, after = self._network(torch.from_numpy(batch.inputs.T), state, dropout)  # (T, B, H)
        output = self._network.output
        logits = F.linear(outputs, output.weight.to(outputs.dtype), output.bias.to(outputs.dtype)).float()
        logits = logits + share * torch.from_numpy(latest[0].transpose(1, 0, 2).astype(np.float32))  # (T, B, V)
        found = F.cross_entropy(logits.flatten(0, 1), torch.from_numpy(batch.targets.T).flatten(), reduction="none")
        if batch.weights is not None:
            found = found * torch.from_numpy(batch.weights.T.copy()).flatten()
        return found.sum(), after

    with (
        mock.patch.object(Batching, "_gather", gather_too),
        mock.patch.object(Trainer, "run", run_with_priors),
        mock.patch.object(TorchModel, "_nats", nats_with_priors),
        mock.patch.object(mixing, "GAIN", -1.0),
    ):
        yield
