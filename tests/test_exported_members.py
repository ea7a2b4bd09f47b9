"""What ``import seqgen`` offers."""

from __future__ import annotations

import ast
from pathlib import Path

import seqgen


def test_all_names_what_is_offered_in_order_and_each_is_there():
    source = ast.parse(Path(seqgen.__file__).read_text("utf-8"))
    # What type checkers see, and what is set at once; the rest of the module are private imports.
    imported = {
        alias.asname or alias.name
        for block in source.body
        if isinstance(block, ast.If)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    assert {"load", "train"} <= imported
    assert seqgen.__all__ == sorted({*imported, "__version__"})
    assert [name for name in seqgen.__all__ if not hasattr(seqgen, name)] == []


def test_all_is_told_and_there_before_anything_was_used(run_python):
    code = "import seqgen, sys; print(*dir(seqgen)); print(*sys.modules); print(seqgen.api.dry_run.__name__)"
    told, imported, function = run_python(code).stdout.splitlines()
    assert told.split() == sorted([*seqgen.__all__, "api"])
    assert "seqgen.api" not in imported.split()
    assert function == "dry_run"
