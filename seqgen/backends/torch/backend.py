"""What the PyTorch backend offers."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from seqgen.backends.allocation import keep_freed_memory
from seqgen.backends.choice import check_architecture, choose_device, choose_precision
from seqgen.backends.gpus import usable_gpus
from seqgen.backends.torch.deterministic import DeterministicModel
from seqgen.backends.torch.model import TorchModel
from seqgen.backends.torch.network import LAYERS
from seqgen.core.backend import Backend
from seqgen.core.canonical import initial_weights
from seqgen.core.spec import ModelSpec, OptimizerSpec, Precision


@dataclass(frozen=True, kw_only=True)
class TorchBackend(Backend):
    """Trains and generates on CUDA, ROCm, Apple MPS, Intel XPU and the CPU."""

    def devices(self) -> Sequence[str]:
        """The devices here: CUDA (ROCm goes by the same name), then MPS, XPU and the CPU."""
        found = [f"cuda:{number}" for number in usable_gpus(torch.cuda, rocm=torch.version.hip is not None)]
        if torch.backends.mps.is_available():
            found.append("mps")
        if torch.xpu.is_available():
            found += [f"xpu:{number}" for number in range(torch.xpu.device_count())]
        return (*found, "cpu")

    def architectures(self) -> Sequence[str]:
        """The recurrent networks of :mod:`seqgen.core.canonical`."""
        return tuple(LAYERS)

    def build(
        self,
        spec: ModelSpec,
        *,
        device: str = "auto",
        precision: Precision = "auto",
        random_seed: int = 0,
        deterministic: bool = False,
        optimizer: OptimizerSpec | None = None,
        weights: Mapping[str, npt.NDArray[np.float32]] | None = None,
    ) -> TorchModel:
        """A model that generates, evaluates and, with an optimizer, trains; see :class:`seqgen.core.backend.Backend`.

        For the whole process hold the memory that is kept between steps of training on a CPU, and on CUDA float32 in place of
        TF32.  PyTorch's switch for ``deterministic``, which is one for all models, is on only while this one computes.
        """
        check_architecture("torch", spec.architecture, self.architectures())
        device = choose_device("torch", device, self.devices())
        family = device.partition(":")[0]
        computed = choose_precision("torch", precision, _precisions(device), device=device, where=f"on {device}")
        made = TorchModel
        if family == "cuda":
            # From Ampere on cuDNN takes TF32 for its recurrent layers, whose 10 bits are not the float32 that is promised.
            torch.backends.cudnn.allow_tf32 = False
        if deterministic and family != "cpu":
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by cuBLAS
            made = DeterministicModel
        if family == "cpu" and optimizer is not None:
            keep_freed_memory()
        return made(
            spec,
            initial_weights(spec, random_seed) if weights is None else weights,
            device=device,
            precision=computed,
            random_seed=random_seed,
            optimizer=optimizer,
        )


def _precisions(device: str) -> Sequence[str]:
    """What a device can compute in, fast or not.

    On CUDA float32 alone: autocast to bfloat16 there runs cuDNN's recurrent layers in float16 (``_cudnn_rnn_cast_reflatten`` of
    PyTorch's AutocastRNN.cpp knows no other type), whose gradients may vanish without a scaled loss.  Casting weights and state by hand
    instead, for cuDNN's layers in bfloat16, is left until it can be measured on a GPU.
    """
    family = device.partition(":")[0]
    if family in ("cuda", "mps"):
        return ("float32",)
    # On x86, oneDNN has an LSTM in bfloat16 from AVX-512 on, and raises without.
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    if family == "cpu" and x86 and not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
        return ("float32",)
    return ("float32", "bfloat16")
