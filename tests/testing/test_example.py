"""The test file that docs/reference/conformance.md shows passes."""

import importlib.util
from pathlib import Path

PATH = Path(__file__).parents[2] / "docs" / "examples" / "test_laws.py"
SPEC = importlib.util.spec_from_file_location("test_laws_of_the_page", PATH)
MODULE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(MODULE)

TestWords, TestLines = MODULE.TestWords, MODULE.TestLines
