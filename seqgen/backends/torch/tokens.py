"""Tokens of a corpus that stay on a GPU: a batch then takes B places there, and no ids are copied from step to step."""

from __future__ import annotations

import weakref

import numpy as np
import torch
from torch import Tensor

from seqgen.backends.torch.network import on_device
from seqgen.core.types import Batch, Ids

MOST = 1 << 30
"""Bytes of tokens that are kept on a device at most: of a larger corpus, most is not read in the time that moving it takes."""

SHARE = 0.1
"""How much of the memory that is free at first they may take; the rest is for what training needs."""

_BLOCK = 1 << 24  # tokens that are moved at a time


class TokensOnDevice:
    """The ids of batches on a device, from a copy of their corpus there where it fits, and else from the batches themselves.

    A copy is there as long as the array that it was made of.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._room: int | None = None
        self._copies: dict[int, tuple[weakref.ref[Ids], Tensor]] = {}

    def of(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Inputs and targets of a batch, (T, B) int64 each, time first as the kernels want it."""
        origin = batch.origin
        tokens = None if origin is None else self._copy(origin.tokens)
        if origin is None or tokens is None:
            return on_device(batch.inputs.T, self._device), on_device(batch.targets.T, self._device)
        steps = torch.arange(batch.inputs.shape[1] + 1, device=self._device)
        places = on_device(origin.first, self._device) + steps[:, None]  # (T + 1, B)
        ids = tokens[places.clamp_(0, len(tokens) - 1)].long()
        return ids[:-1], ids[1:]

    def _copy(self, tokens: Ids) -> Tensor | None:
        """All of a part's tokens, made at its first batch; None where they do not fit."""
        number = id(tokens)
        if number in self._copies:
            return self._copies[number][1]
        dtype = torch.uint8 if tokens.dtype.itemsize == 1 else torch.int32  # it indexes no other unsigned integers
        if self._room is None:
            self._room = room(self._device)
        if tokens.size * dtype.itemsize > self._room - sum(copy.nbytes for _, copy in self._copies.values()):
            return None
        here = weakref.ref(self)  # a copy must keep neither the model nor the corpus in memory

        def gone(_: object) -> None:
            if (still := here()) is not None:
                still.forget(number)

        copy = _moved(tokens, dtype, self._device)
        self._copies[number] = weakref.ref(tokens, gone), copy
        return copy

    def forget(self, number: int) -> None:
        """Drop the copy of the array that had this number (``id``)."""
        self._copies.pop(number, None)


@torch.inference_mode(mode=False)  # the first batch may be one of an evaluation, and training goes on with the copy
def _moved(tokens: Ids, dtype: torch.dtype, device: str) -> Tensor:
    copy = torch.empty(tokens.size, dtype=dtype, device=device)
    for start in range(0, tokens.size, _BLOCK):  # so that there is never a second copy of a large corpus on the host
        block = tokens[start : start + _BLOCK]
        copy[start : start + _BLOCK] = torch.from_numpy(block.astype(np.uint8 if dtype == torch.uint8 else np.int32))
    return copy


def room(device: str) -> int:
    """Bytes of tokens for which there is room on a device; none where it shares the computer's memory."""
    if not device.startswith("cuda"):
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    return min(MOST, int(free * SHARE))
