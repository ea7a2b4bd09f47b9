"""The PyTorch backend: trains and generates."""

from __future__ import annotations

import os

# Read when torch loads OpenMP.  Its threads wait for each other by spinning, by default some 10 ms at each barrier: on a
# machine that others use too, they hold the core from the very thread that they wait for.  Training on two cores beside
# six busy processes became 2.5 times faster with this count, and on idle ones not slower (with 1,000: 4 to 10 times
# faster beside others, and a fifth slower alone).
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
