"""The PyTorch backend: trains and generates."""

from __future__ import annotations

import os

# Read when torch loads OpenMP.  Its threads wait for each other by spinning, by default some 10 ms at each barrier: on a
# machine that others use too, they hold the core from the very thread that they wait for (benchmarks/threads.py).
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
