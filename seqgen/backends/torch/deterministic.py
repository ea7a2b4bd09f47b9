"""A model that gives the same bits each time, also on a GPU."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import torch
from torch import Tensor

from seqgen.backends.torch.model import TorchModel
from seqgen.core.types import Array, Batch, Ids, State


class Switch:
    """PyTorch's choice of operations that give the same bits each time, one for the whole process: on while it is needed, and then as it was.

    Where several threads need it at once, the first turns it on and the last puts it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = (False, False)

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        """It is on within."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._before = (
                    torch.are_deterministic_algorithms_enabled(),
                    torch.is_deterministic_algorithms_warn_only_enabled(),
                )
                torch.use_deterministic_algorithms(mode=True)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    mode, warn_only = self._before
                    torch.use_deterministic_algorithms(mode=mode, warn_only=warn_only)


SWITCH = Switch()
"""That of this process."""


class DeterministicModel(TorchModel):
    """A ``TorchModel`` that computes with operations alone that give the same bits each time.

    What else the program computes does as before: PyTorch raises for an operation that has no such form.
    """

    def next_logits(self, ids: Ids, state: State) -> tuple[Array, State]:
        """One step; see :meth:`seqgen.core.backend.Model.next_logits`."""
        with SWITCH.on():
            return super().next_logits(ids, state)

    def prefill(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read T tokens at once; see :meth:`seqgen.core.backend.Model.prefill`."""
        with SWITCH.on():
            return super().prefill(ids, state)

    def forward(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read T tokens; see :meth:`seqgen.core.backend.Model.forward`."""
        with SWITCH.on():
            return super().forward(ids, state)

    def evaluate(self, batch: Batch) -> tuple[Tensor, int]:
        """(sum of nats, scored targets); see :meth:`seqgen.core.backend.Model.evaluate`."""
        with SWITCH.on():
            return super().evaluate(batch)

    def train_step(self, batch: Batch, learning_rate: float) -> Tensor:
        """One update; see :meth:`seqgen.core.backend.Model.train_step`."""
        with SWITCH.on():
            return super().train_step(batch, learning_rate)
