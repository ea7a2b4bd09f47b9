"""The benchmark of samplers leaves none out."""

from __future__ import annotations

import ast
from pathlib import Path

from seqgen.core.catalog import load_catalog
from seqgen.core.options import PartSpec

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "samplers.py"


def test_every_bundled_sampler_is_measured():
    (specs,) = [
        ast.literal_eval(line.value)
        for line in ast.parse(BENCHMARK.read_text("utf-8")).body
        if isinstance(line, ast.Assign) and line.targets[0].id == "SPECS"
    ]
    assert {PartSpec.parse(spec).name for spec in specs} == {entry.name for entry in load_catalog().entries("sampler")}
