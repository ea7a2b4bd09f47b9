"""Logits and loss in one, without ever holding the logits of a whole batch.

Logits are (N, V) for N scored targets, and with large vocabularies they dwarf everything else: 205 MB for V = 50,000 and
batches of 16 x 64, and PyTorch's cross-entropy and its gradient hold three such arrays.  Where they are large, targets are
taken a chunk at a time, and of each chunk the gradients are computed at once, while its logits are there ("FusedLinear-
CrossEntropy" of Liger kernel, Hsu et al. 2024, arXiv:2410.10989; Cut Your Losses, Wijmans et al. 2024, arXiv:2411.09009, go
further with kernels of their own).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

LARGE = 2**22
"""Logits that are computed at once; from as many on, chunks take no more time on a CPU than all at once."""

ROWS = 256
"""Targets in a chunk, at least: with fewer, adding up the weight's gradient takes longer than computing it."""


def summed_nats(
    outputs: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, target_weights: Tensor | None = None
) -> Tensor:
    """The cross-entropy of ``outputs @ weight.T + bias``, summed; in chunks where the logits are many, and more than the outputs.

    Products are computed in the precision of ``outputs``, all else in float32.  The same to the rounding of that precision
    with chunks and without, and the same bits each time.  It may be differentiated once.

    Args:
        outputs: (N, H), float32 or bfloat16.
        weight: (V, H).
        bias: (V).
        targets: (N) ids.
        target_weights: (N), by which the nats of each target are multiplied; None takes them as they are.
    """
    vocab_size, hidden_size = weight.shape
    if targets.shape[0] * vocab_size < LARGE or vocab_size < hidden_size:
        logits = F.linear(outputs, weight.to(outputs.dtype), bias.to(outputs.dtype)).float()  # (N, V)
        if target_weights is None:
            return F.cross_entropy(logits, targets, reduction="sum")
        return F.cross_entropy(logits, targets, reduction="none").mul(target_weights).sum()
    if torch.is_grad_enabled():
        nats: Tensor = _NatsWithGradients.apply(outputs, weight, bias, targets, target_weights)  # type: ignore[no-untyped-call]
        return nats
    total = weight.new_zeros(())
    for part, wanted, scale in _chunks(outputs, targets, target_weights, vocab_size=vocab_size):
        _, _, nats = _exponentials(part, weight, bias, wanted)
        total += (nats * scale).sum()
    return total


class _NatsWithGradients(torch.autograd.Function):
    """Sum of nats; the gradients of outputs, weight and bias are computed with it, for a gradient of 1."""

    @staticmethod
    def forward(
        context: Any, outputs: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, target_weights: Tensor | None
    ) -> Tensor:
        total = weight.new_zeros(())
        gradients = [torch.empty_like(outputs), torch.zeros_like(weight), torch.zeros_like(bias)]
        of_outputs, of_weight, of_bias = gradients
        product_weight, product_bias = weight.to(outputs.dtype), bias.to(outputs.dtype)
        start = 0
        for part, wanted, scale in _chunks(outputs, targets, target_weights, vocab_size=weight.shape[0]):
            ends = slice(start, start := start + part.shape[0])
            values, sums, nats = _exponentials(part, product_weight, product_bias, wanted)
            total += (nats * scale).sum()
            # The gradient of the logits is (softmax - one-hot) * scale = (values - one-hot * sums) * scale / sums.
            # Rows are scaled where they are H long, not V.
            values.scatter_add_(1, wanted, -sums)
            factors = scale / sums
            of_bias.addmv_(values.T, factors[:, 0])
            values = values.to(outputs.dtype)
            torch.mm(values, product_weight, out=of_outputs[ends])
            of_outputs[ends] *= factors
            _add_product(of_weight, values.T, (part * factors).to(outputs.dtype))
            del values  # before the next chunk's are made
        context.save_for_backward(*gradients)
        return total

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        # In place, for the weight's is large.  A second backward is refused, since what was saved has changed.
        of_outputs, of_weight, of_bias = (saved.mul_(gradient) for saved in context.saved_tensors)
        return of_outputs, of_weight, of_bias, None, None


def _chunks(
    outputs: Tensor, targets: Tensor, target_weights: Tensor | None, *, vocab_size: int
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Equal chunks of outputs (R, H), targets (R, 1) and the factors of their nats (R, 1)."""
    ones = torch.ones((), device=outputs.device, dtype=torch.float32).expand(targets.shape)
    scales = ones if target_weights is None else target_weights
    count = math.ceil(targets.shape[0] / max(ROWS, LARGE // vocab_size))
    return list(zip(outputs.chunk(count), targets[:, None].chunk(count), scales[:, None].chunk(count), strict=True))


def _exponentials(outputs: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(exp(logits - their largest) (R, V), the sums of its rows (R, 1), nats of the targets (R, 1)), in the memory of one."""
    values = torch.addmm(bias, outputs, weight.T).float()
    values -= values.amax(1, keepdim=True)
    chosen = values.gather(1, targets)
    values.exp_()
    sums = values.sum(1, keepdim=True)
    return values, sums, sums.log() - chosen


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """``total`` (float32) += ``left @ right``, which may be in lower precision."""
    if left.dtype == total.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right
