"""Holds a part against its laws, or measures parts, in a process: ``python -m seqgen.testing.worker REQUEST``.

Nothing that a part does there, be it a crash or a print, reaches the process that asked.  The request is JSON, and the
answers are lines of JSON on standard output:

    {"kind": "tokenizer", "check": [distribution, name]}

        {"laws": [{"name", "statement", "reason"}, ...]}        what is going to be checked, in this order
        {"law": "test_...", "outcome": "passed", "message": ""}
        {"deprecated": ["parts.py:7: ..."]}                     what it uses although it is deprecated, if anything
        {"problem": "..."}                                      instead of both: the part cannot be checked

    {"kind": "tokenizer", "measure": [[distribution, name], ...]}

        {"speed": {"part", "measure", "value", "unit", "problem"}}

The last line is ``{"done": true}``; without it, the process ended by itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import hypothesis
import numpy as np
from hypothesis import strategies as st

from seqgen.core.errors import OptionError, SeqgenError
from seqgen.core.kinds import Kind
from seqgen.core.options import options_of
from seqgen.core.types import Content
from seqgen.testing.backend import BackendContract
from seqgen.testing.callback import CallbackContract
from seqgen.testing.dataset import DatasetContract
from seqgen.testing.deprecations import deprecations
from seqgen.testing.examples import example_documents
from seqgen.testing.find import catalog_of
from seqgen.testing.laws import Contract, check_laws, laws_of, no_default
from seqgen.testing.sampler import SamplerContract
from seqgen.testing.speed import speeds
from seqgen.testing.tokenizer import TokenizerContract

CONTRACTS: Mapping[Kind, Any] = {  # type[Contract], which mypy allows of concrete classes only
    "tokenizer": TokenizerContract,
    "dataset": DatasetContract,
    "backend": BackendContract,
    "sampler": SamplerContract,
    "callback": CallbackContract,
}


def main() -> None:
    """Answer one request."""
    # From here on, what anybody else writes to standard output goes to standard error.
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # The same examples each time, and no database of them in the folder.
    hypothesis.settings.register_profile("check-plugin", derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("check-plugin")
    request = json.loads(sys.argv[1])
    kind = request["kind"]
    for answer in _watched(kind, *request["check"]) if "check" in request else _measure(kind, request["measure"]):
        stream.write(json.dumps(answer) + "\n")
        stream.flush()
    stream.write('{"done": true}\n')
    stream.close()


def contract_of(kind: Kind, part: type[Any], documents: Sequence[Content] = ()) -> Contract:
    """The contract of a part, which it makes with its default options.

    Args:
        kind: of the part.
        part: its class.
        documents: to check a tokenizer on, instead of any text.
    """

    def make(_: Contract, *sources: tuple[str, ...]) -> Any:
        return part(sources=sources[0]) if kind == "dataset" else part()

    attributes = {"make": make, **({"documents": st.sampled_from(documents)} if documents else {})}
    checked: type[Contract] = type(part.__name__, (CONTRACTS[kind],), attributes)
    return checked()


def why_not_made(contract: Contract, part: Any) -> str:
    """Why a part cannot be made with its default options, without which no law can be held against it; empty where it can."""
    with contextlib.suppress(NameError):  # a type that cannot be read, of which a law tells
        for option in options_of(part):
            if option.default is dataclasses.MISSING and isinstance(contract, CallbackContract):
                return f"Option {option.name} has no default.  Write a test with CallbackContract, whose make gives it a value."
            if option.default is dataclasses.MISSING:
                return no_default(option)
    try:
        contract.instance()
    except SeqgenError as error:
        return f"It cannot be made with its default options: {error}"
    except Exception as error:  # noqa: BLE001  a part may raise anything
        return f"It cannot be made with its default options: {type(error).__name__}: {error}"
    return ""


def refuses_letters(contract: Contract) -> str:
    """Why a sampler takes another tokenizer than its contract gives; empty where it takes it, and of other kinds."""
    if isinstance(contract, SamplerContract):
        with contextlib.suppress(Exception):  # of which the laws tell
            try:
                contract.make().begin(np.zeros((1, 0), np.int64), contract.tokenizer(2))
            except OptionError as error:
                return str(error).rstrip(".")
    return ""


def _watched(kind: Kind, distribution: str, name: str) -> Iterator[dict[str, Any]]:
    with warnings.catch_warnings(record=True, action="default", category=DeprecationWarning) as warned:
        yield from _check(kind, distribution, name)
    for entry in catalog_of(distribution).entries(kind):
        if (entry.plugin.distribution, entry.name) == (distribution, name) and (found := deprecations(warned, entry)):
            yield {"deprecated": found}


def _check(kind: Kind, distribution: str, name: str) -> Iterator[dict[str, Any]]:
    try:
        part = catalog_of(distribution).find(kind, f"{distribution}/{name}").load()
        other_media = kind == "tokenizer" and part.media_type != "text/plain"
        documents = example_documents(part.media_type, distribution) if other_media else ()
    except SeqgenError as error:
        yield {"problem": str(error)}
        return
    contract = contract_of(kind, part, documents)
    if problem := why_not_made(contract, part):
        yield {"problem": problem}
        return
    if refusal := refuses_letters(contract):
        yield {
            "problem": f"It refuses the tokenizer of letters that samplers are checked with: {refusal}.  Write a test with "
            "SamplerContract, whose tokenizer(vocab_size) gives one that it takes."
        }
        return
    yield {"laws": [dataclasses.asdict(law) for law in laws_of(type(contract))]}
    for verdict in check_laws(contract):
        outcome: str = verdict.outcome
        if outcome == "excepted" and verdict.law.name not in part.exceptions:
            outcome = "inapplicable"  # skipped by the law itself
        yield {"law": verdict.law.name, "outcome": outcome, "message": verdict.message}


def _measure(kind: Kind, wanted: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    parts = {
        f"{distribution}/{name}": catalog_of(distribution).find(kind, f"{distribution}/{name}").load()
        for distribution, name in wanted
    }
    for speed in speeds(kind, parts):
        yield {"speed": dataclasses.asdict(speed)}


if __name__ == "__main__":
    main()
