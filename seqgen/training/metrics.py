"""The losses on the way, ``metrics.jsonl``: a JSON object a line, a line an evaluation."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgen.evaluation import bits_per_character
from seqgen.untrusted import is_figure

MAX_LINE_BYTES = 2**16
"""No line of metrics is longer."""

MAX_BYTES = 16 * 2**20
"""A published file above this is not read; a line takes some 300 bytes."""

MAX_LINES = MAX_BYTES // 128
"""Nor is what comes after so many lines of one, for then they are none of ours."""

FIGURES = (
    "step",
    "epoch",
    "seconds",
    "tokens",
    "progress",
    "learning_rate",
    "train_loss",
    "validation_loss",
    "gradient_norm",
    "largest_gradient_norm",
    "bits_per_character",
)
"""What a line has."""


def metric_lines(path: Path, *, most: int | None = None) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The whole lines of a file of metrics, one at a time, as text and value; what is no line of metrics counts for nothing.

    Nor does what comes after a line that is longer than any.

    Args:
        path: the file, which need not be there.
        most: lines that are looked at; None: all.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        for text in itertools.islice(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), most):
            if len(text) > MAX_LINE_BYTES:
                return
            line = _line(text)
            if line is not None:
                yield text, line


def _line(text: bytes) -> dict[str, Any] | None:
    if b"[" in text or text.count(b"{") > 1 or not text.endswith(b"}\n"):  # a line has no lists and no further objects
        return None
    with contextlib.suppress(ValueError):
        line = json.loads(text)
        if isinstance(line, dict) and isinstance(line.get("step"), int):
            return line
    return None


def is_measurement(line: Mapping[str, Any]) -> bool:
    """Whether a line has what a run that goes on looks at, which one that somebody edited may not have."""
    losses = [line.get(key, "") for key in ("train_loss", "validation_loss")]
    figures = [line.get("progress"), *(value for value in [*losses, line.get("gradient_norm")] if value is not None)]
    return all(map(is_figure, figures))


def published_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a model folder's file, which may come from a stranger: of ``FIGURES`` those that are numbers."""
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        return []
    # With names of our own: those that a line was read with would be kept for each line anew.
    lines = (
        {key: line[key] for key in FIGURES if is_figure(line.get(key))}
        for _, line in metric_lines(path, most=MAX_LINES)
    )
    return [line for line in lines if "step" in line]


@dataclass(frozen=True)
class CharactersPerToken:
    """How many characters a token stands for, by which nats per token become bits per character.

    Each part has its own: where one is prose and the other figures, their tokens are of other lengths.

    Attributes:
        training: in the training part.
        validation: in the part that is measured on: the validation part, or where nothing is held out the training part.
    """

    training: float
    validation: float

    def training_bits(self, loss: float | None) -> float | None:
        """A training loss in nats per token as bits per character."""
        return None if loss is None else bits_per_character(loss, self.training)

    def validation_bits(self, loss: float | None) -> float | None:
        """A validation loss in nats per token as bits per character."""
        return None if loss is None else bits_per_character(loss, self.validation)


def characters_per_token(metrics: Sequence[Mapping[str, Any]], results: Mapping[str, Any]) -> CharactersPerToken | None:
    """How many characters a token stands for, as the figures of a model have it; None where they do not tell.

    Args:
        metrics: lines that may have ``validation_loss`` and ``bits_per_character``.
        results: of the manifest; its bits per character come from the validation loss, or else from the training loss.  Those
            of older models lack ``training_characters_per_token``: then it is taken to be as in the validation part.
    """
    validation = _of_validation(metrics, results)
    if validation is None:
        return None
    training = results.get("training_characters_per_token")
    return CharactersPerToken(training if is_figure(training) and training > 0 else validation, validation)


def _of_validation(metrics: Sequence[Mapping[str, Any]], results: Mapping[str, Any]) -> float | None:
    loss = results.get("validation_loss")
    known = [(line.get("validation_loss"), line.get("bits_per_character")) for line in metrics]
    known.append((results.get("train_loss") if loss is None else loss, results.get("bits_per_character")))
    for nats, bits in known:
        if is_figure(nats) and is_figure(bits) and nats > 0 and bits > 0:
            ratio = bits_per_character(nats, 1.0) / bits
            return ratio if ratio > 0 else None
    return None
