"""How fast a part is, beside the bundled parts of its kind: the same work for each, in turn, medians of repeats."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np

from seqgen import corpora, home
from seqgen.core.arrays import on_host
from seqgen.core.kinds import Kind
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.core.types import Batch
from seqgen.testing.letters import LettersTokenizer

REPEATS = 5
SHORTEST = 0.03
"""Seconds that each repeat takes at least."""

PLAIN_TEXT = "text/plain"

Unit: TypeAlias = Literal["tokens/s", "characters/s", "documents/s", "µs"]

_CHARACTERS = 200_000  # of the bundled narrative, for tokenizers
_VOCAB, _HIDDEN, _ROWS, _STEPS = 65, 64, 16, 64  # of a small model on characters


@dataclass(frozen=True)
class Speed:
    """How fast one part does one thing.

    Attributes:
        measure: what is done.
        value: in this unit.
        problem: why there is none, instead.
    """

    part: str
    measure: str = ""
    value: float | None = None
    unit: Unit | None = None
    problem: str = ""


@dataclass(frozen=True)
class Work:
    """Something to do again and again; a call does ``amount`` of what the unit counts."""

    measure: str
    call: Callable[[], Any]
    amount: int
    unit: Unit

    def value(self, seconds: float) -> float:
        """The speed of a call that takes so long."""
        return seconds * 1e6 / self.amount if self.unit == "µs" else self.amount / seconds


def speeds(kind: Kind, parts: Mapping[str, type[Any]]) -> Iterator[Speed]:
    """The speeds of parts of one kind, with their default options, on the CPU."""
    works: dict[tuple[str, Unit], dict[str, Work]] = {}
    for name, part in parts.items():
        if (media := getattr(part, "media_type", PLAIN_TEXT)) != PLAIN_TEXT:
            yield Speed(name, problem=f"it is for {media}, and the others are measured on {PLAIN_TEXT}.")
            continue
        try:
            found = MEASURED[kind](part)
            for work in found:
                work.call()  # what is compiled or read the first time
        except Exception as error:  # noqa: BLE001  a part may raise anything, and the others are measured all the same
            yield Speed(name, problem=f"{type(error).__name__}: {error}")
        else:
            for work in found:
                works.setdefault((work.measure, work.unit), {})[name] = work
    for (measure, unit), group in works.items():
        for name, seconds in _medians({name: work.call for name, work in group.items()}).items():
            yield Speed(name, measure, group[name].value(seconds), unit)


def _medians(calls: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """Seconds of a call of each, which take turns so that a busy machine is unfair to none."""
    counts = {name: max(1, round(SHORTEST / max(_seconds(call, 1), 1e-7))) for name, call in calls.items()}
    rounds = [{name: _seconds(call, counts[name]) for name, call in calls.items()} for _ in range(REPEATS)]
    return {name: statistics.median(each[name] for each in rounds) for name in calls}


def _seconds(call: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def _tokenizer(part: type[Any]) -> list[Work]:
    path = corpora.download("ice", home.corpora_folder())
    text = path.read_text("utf-8")[:_CHARACTERS]
    tokenizer = part().fit([text])
    ids = tokenizer.encode(text)
    return [
        Work("encode", lambda: tokenizer.encode(text), len(ids), "tokens/s"),
        Work("decode", lambda: tokenizer.decode(ids), len(ids), "tokens/s"),
    ]


def _dataset(part: type[Any]) -> list[Work]:
    sources = (str(corpora.download("ice", home.corpora_folder())),)

    def read() -> tuple[int, int]:
        documents = list(part(sources=sources).documents())
        return sum(each.final for each in documents), sum(len(each.content) for each in documents)

    documents, characters = read()
    return [Work("read", read, documents, "documents/s"), Work("read", read, characters, "characters/s")]


def _sampler(part: type[Any]) -> list[Work]:
    works = []
    for rows, tokens in ((1, _VOCAB), (_ROWS, 8192)):
        sampler = part()
        sampler.begin(np.zeros((rows, 4), np.int64), LettersTokenizer(tokens))
        logits = np.random.default_rng(0).normal(size=(rows, tokens)).astype(np.float32)
        works.append(Work(f"adjust {rows} x {tokens}", partial(sampler.adjust, logits), 1, "µs"))
    return works


def _backend(part: type[Any]) -> list[Work]:
    backend = part()
    architectures = backend.architectures()
    architecture = "lstm" if "lstm" in architectures else architectures[0]
    spec = ModelSpec(vocab_size=_VOCAB, architecture=architecture, hidden_size=_HIDDEN)
    ids = np.random.default_rng(0).integers(0, _VOCAB, (_ROWS, _STEPS + 1))  # (B, T + 1)
    batch = Batch(ids[:, :-1], ids[:, 1:])
    model = backend.build(spec, device="cpu", precision="float32")

    def generate() -> None:
        state = model.initial_state(1)
        for token in ids[0]:
            logits, state = model.next_logits(np.array([token]), state)
            on_host(logits)

    works = [Work("generate", generate, ids.shape[1], "tokens/s")]
    if backend.can_train:
        pupil = backend.build(spec, device="cpu", precision="float32", optimizer=OptimizerSpec())
        works.append(Work("train", lambda: float(pupil.train_step(batch, 1e-3)), batch.scored, "tokens/s"))
    return works


MEASURED: Mapping[Kind, Callable[[type[Any]], list[Work]]] = {
    "tokenizer": _tokenizer,
    "dataset": _dataset,
    "sampler": _sampler,
    "backend": _backend,
}
"""What is measured of a part, for each kind that can be measured."""
