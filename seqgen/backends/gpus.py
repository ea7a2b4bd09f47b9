"""Which GPUs of a computer PyTorch can compute on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any


def usable_gpus(cuda: Any, *, rocm: bool) -> Sequence[int]:
    """The numbers of the GPUs that PyTorch can compute on.

    Its count has those too whose driver is too old, and those that it was not built for.  What was built for an architecture runs on
    later ones of the same major version; what is translated when it is loaded (``compute_``), on all later ones (NVIDIA, CUDA
    programming guide, Application compatibility).

    Args:
        cuda: the module ``torch.cuda``.
        rocm: whether it stands for AMD's GPUs, whose architectures are not numbered so.
    """
    if not cuda.is_available():
        return ()
    numbers = range(cuda.device_count())
    built = re.findall(r"(sm|compute)_(\d+)", " ".join(cuda.get_arch_list()))  # as sm_86: capability 8.6
    if rocm or not built:
        return numbers
    programs = [(kind, divmod(int(number), 10)) for kind, number in built]

    def runs(capability: tuple[int, int]) -> bool:
        return any(least <= capability and (kind == "compute" or least[0] == capability[0]) for kind, least in programs)

    return [number for number in numbers if runs(cuda.get_device_capability(number))]
