"""What seqgen raises on purpose."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import inspect
import pickle
import re
from pathlib import Path

import pytest

from seqgen.core.errors import SeqgenError

ARGUMENTS = {"int": 3, "float": 0.5, "object": "Novel:3 is damaged."}
"""For each annotation of an error's arguments, one."""


def modules_with_errors(package):
    """The modules of an importable package that define an exception; none where it is not installed."""
    spec = importlib.util.find_spec(package)
    for folder in spec.submodule_search_locations if spec else ():
        for path in sorted(Path(folder).rglob("*.py")):
            if re.search(r"^class \w+\(\w*Error\)", path.read_text("utf-8"), re.MULTILINE):
                yield ".".join([package, *path.relative_to(folder).with_suffix("").parts])


def all_errors():
    """Every kind of ``SeqgenError``, those of plugins that are installed here too."""
    for package in ("seqgen", "seqgen_lyrics", "seqgen_music"):
        for name in modules_with_errors(package):
            if "templates" not in name:  # of plugins that are yet to be written
                importlib.import_module(name)
    found = [SeqgenError]
    for kind in found:
        found += [each for each in kind.__subclasses__() if each not in found]
    return [each for each in found if each.__module__.startswith("seqgen")]


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_each_comes_out_of_another_process_as_it_was_raised_there(kind):
    parameters = inspect.signature(kind).parameters.values()
    error = kind(*(ARGUMENTS[each.annotation] for each in parameters))
    error.add_note("while training")
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (type(copied), str(copied), copied.args, vars(copied)) == (kind, str(error), error.args, vars(error))


def test_those_are_all_there_are():
    names = {kind.__name__ for kind in all_errors()}
    assert {"SeqgenError", "TooShortError", "DivergedError", "OutputError"} <= names
