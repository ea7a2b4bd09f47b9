"""A model of characters that needs no training: it has read a text, and goes on as that does after the same characters."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from seqgen.core.backend import Model
from seqgen.core.spec import ModelSpec

LONGEST = 8  # characters that are looked back at
KEPT = 0.9  # of the probability that a longer context has, where it was read


class Reader(Model):
    """Interpolated n-grams of the ids of a text; its state is the last ids, and a row depends on nothing else."""

    device = "cpu"
    precision = "float32"

    def __init__(self, ids, vocab_size):
        self.spec = ModelSpec(vocab_size=vocab_size)
        self.read = defaultdict(Counter)
        self.known = {}
        ids = np.asarray(ids).tolist()
        for place, token in enumerate(ids):
            for size in range(min(place, LONGEST) + 1):
                self.read[tuple(ids[place - size : place])][token] += 1

    def initial_state(self, batch_size):
        return {"last": np.full((batch_size, LONGEST), -1)}

    def next_logits(self, ids, state):
        last = np.hstack([state["last"][:, 1:], np.asarray(ids)[:, None]])
        return np.stack([self.logits(tuple(row)) for row in last.tolist()]), {"last": last}

    def logits(self, last):
        if last not in self.known:
            chances = np.full(self.spec.vocab_size, 1 / self.spec.vocab_size)
            for size in range(LONGEST + 1):
                counts = self.read.get(last[LONGEST - size :])
                if counts is not None:
                    chances *= 1 - KEPT
                    chances[list(counts)] += KEPT * np.array(list(counts.values())) / counts.total()
            self.known[last] = np.log(chances).astype(np.float32)
        return self.known[last]

    def evaluate(self, batch):
        raise TypeError("it only generates")

    def weights(self):
        return {}

    def load_weights(self, weights):
        raise TypeError("it only generates")
