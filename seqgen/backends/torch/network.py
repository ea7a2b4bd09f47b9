"""The network that trains: PyTorch's own recurrent kernels (oneDNN, cuDNN) over whole sequences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqgen.core.spec import ModelSpec
from seqgen.core.types import Ids

Parts: TypeAlias = tuple[Tensor, ...]
"""What one layer carries, each (B, H): hidden and, for lstm, cell."""


class _Unset:
    """A module whose parameters are whatever lies in their memory: a model writes its own, and PyTorch's would be drawn from its global generator."""

    def reset_parameters(self) -> None:
        """Nothing."""


class _Lstm(_Unset, nn.LSTM):
    """PyTorch's."""


class _Gru(_Unset, nn.GRU):
    """PyTorch's."""


class _Rnn(_Unset, nn.RNN):
    """PyTorch's."""


class _Embedding(_Unset, nn.Embedding):
    """PyTorch's."""


class _Linear(_Unset, nn.Linear):
    """PyTorch's."""


LAYERS: Mapping[str, Callable[..., nn.RNNBase]] = MappingProxyType({"lstm": _Lstm, "gru": _Gru, "rnn": _Rnn})


class Network(nn.Module):
    """Token ids to outputs of the top recurrent layer, and those to logits.

    PyTorch gives each layer two biases.  The second is held at zero and does not train (for gru, all but its candidate
    part), so that gradients and updates are those of the canonical weights.

    Its parameters are not set until weights are written into them (:mod:`seqgen.backends.torch.weights`).
    """

    def __init__(self, spec: ModelSpec, device: str = "cpu") -> None:
        super().__init__()
        self.spec = spec
        # Said for each tensor, here and elsewhere: a program may have changed what PyTorch makes where nothing is said.
        where: dict[str, Any] = {"device": device, "dtype": torch.float32}
        if spec.input_encoding == "embedding":
            self.embedding = _Embedding(spec.vocab_size, spec.embedding_size, **where)
        sizes = [spec.input_size] + [spec.hidden_size] * (spec.num_layers - 1)
        self.layers = nn.ModuleList(LAYERS[spec.architecture](size, spec.hidden_size, **where) for size in sizes)
        for layer in self.layers:
            second_bias: Tensor = layer.get_parameter("bias_hh_l0")
            if spec.architecture == "gru":
                second_bias.register_hook(_only_candidate)  # type: ignore[no-untyped-call]
            else:
                second_bias.requires_grad = False
        self.output = _Linear(spec.hidden_size, spec.vocab_size, **where)
        if spec.tie_embeddings:
            self.output.weight = self.embedding.weight

    def forward(
        self, ids: Tensor, state: tuple[Parts, ...], dropout: torch.Generator | None = None
    ) -> tuple[Tensor, tuple[Parts, ...]]:
        """Read T tokens.

        Args:
            ids: (T, B), time first as the kernels want it.
            state: what each layer carries.
            dropout: where dropout draws from; None: no dropout.

        Returns:
            outputs of the top layer (T, B, H), with dropout, and the state after.
        """
        outputs = self.encode(ids)  # (T, B, in)
        after: list[Parts] = []
        for layer, parts in zip(self.layers, state, strict=True):
            carried = [part[None] for part in parts]  # (1, B, H)
            outputs, left = layer(outputs, tuple(carried) if len(carried) == 2 else carried[0])
            after.append(tuple(part[0] for part in (left if isinstance(left, tuple) else (left,))))
            if dropout is not None and self.spec.dropout:
                outputs = _drop(outputs, self.spec.dropout, dropout)
        return outputs, tuple(after)

    def logits(self, outputs: Tensor) -> Tensor:
        """(..., H) -> float32 (..., V)."""
        logits: Tensor = self.output(outputs.float())
        return logits

    def encode(self, ids: Tensor) -> Tensor:
        """Ids (...) -> the first layer's input (..., in)."""
        if self.spec.input_encoding == "embedding":
            return cast("Tensor", self.embedding(ids))
        if self.spec.input_encoding == "one-hot":
            return F.one_hot(ids, self.spec.vocab_size).float()
        return ids[..., None].float() / self.spec.vocab_size


def on_device(ids: Ids, device: torch.device | str) -> Tensor:
    """Ids (...) as a tensor of int64 there; see ``copied``."""
    return copied(ids, device, np.int64)


def copied(values: npt.NDArray[Any], device: torch.device | str, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Values (...) as a tensor there, of that type or their own: a copy in any case, for they may be a view of a read-only file.

    Only CUDA need not be waited for: it copies pageable memory into pinned memory of its own before the call returns.  Others would
    read the memory later, when it is another's (PyTorch's issues 189690 for MPS, intel/torch-xpu-ops 5217 for XPU).  It is not
    pinned here, which makes that copy too, usually slower (PyTorch's guide to pin_memory and non_blocking).  NVIDIA leaves open
    whether the driver waits for the stream before it (CUDA, API synchronization behavior); for the kilobytes of a batch that was not
    measured.
    """
    unawaited = torch.device(device).type == "cuda"
    return torch.from_numpy(np.array(values, dtype=dtype, order="C")).to(device, non_blocking=unawaited)


def _only_candidate(gradient: Tensor) -> Tensor:
    """The gradient of a gru's second bias (3H: r z n) with the parts of r and z zeroed."""
    size = gradient.shape[0] // 3
    return torch.cat((torch.zeros_like(gradient[: 2 * size]), gradient[2 * size :]))


def _drop(values: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Dropout (Srivastava et al. 2014), the rest scaled up, from a generator of our own so that it can be resumed.

    A comparison of uniform numbers takes a third of the time of ``bernoulli_`` on a CPU.
    """
    kept = torch.rand(values.shape, generator=generator, device=values.device, dtype=torch.float32) >= share
    return values * (kept.float() / (1.0 - share)).to(values.dtype)
