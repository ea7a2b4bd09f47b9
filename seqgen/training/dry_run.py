"""What a training would be, from a few measured steps: sizes, memory, pace and time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seqgen.core.canonical import GATES
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Batch
from seqgen.ngrams.counting import LONGEST, MAX_TOKENS, MOST_NGRAMS
from seqgen.training.memory import with_fewer_rows
from seqgen.training.mixing import MOST_WEIGHED
from seqgen.training.pace import Pace, measure
from seqgen.training.preparation import Preparation


@dataclass(frozen=True)
class Memory:
    """Bytes: of the weights, their gradients and the optimizer counted, the others estimated.

    Attributes:
        optimizer: its moments, and the running average of the weights, where one is kept.
        activations: what the layers keep of one batch for the backward pass; see ``activation_bytes``.
        logits: those of one batch and their gradients, if all are held at once; see ``logit_bytes``.
        ngrams: what counting and weighing n-grams takes after training; see ``ngram_bytes``.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    ngrams: int

    @property
    def total(self) -> int:
        """The most that is taken at a time; the framework itself and its scratch space come on top."""
        # N-grams are counted when the last batch is gone.
        return self.weights + self.gradients + self.optimizer + max(self.activations + self.logits, self.ngrams)


@dataclass(frozen=True)
class DryRun:
    """What a training would be.

    Attributes:
        prepared: the model and its batches.
        memory: as it follows from the sizes.
        process_memory: bytes of main memory that this process has had at most, framework and all; None where that is not told.
        pace: as measured.
    """

    prepared: Preparation
    memory: Memory
    process_memory: int | None
    pace: Pace

    @property
    def seconds_per_epoch(self) -> float:
        """Of training alone: evaluations and checkpoints come on top."""
        return self.pace.seconds_per_step * self.prepared.training.steps_per_epoch

    @property
    def expected_steps(self) -> int:
        """Steps in which the budget is used up at this pace."""
        budget = self.prepared.budget
        limits = [] if budget.max_seconds is None else [max(1, round(budget.max_seconds / self.pace.seconds_per_step))]
        return min([*limits, *([budget.max_steps] if budget.max_steps else [])])

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able value."""
        prepared = self.prepared
        steps_per_epoch = prepared.training.steps_per_epoch
        return {
            "model": prepared.name,
            "parameters": prepared.parameters,
            "backend": prepared.config.parts["backend"].name,
            "device": prepared.model.device,
            "precision": prepared.model.precision,
            "memory": {**asdict(self.memory), "total": self.memory.total},
            "process_memory": self.process_memory,
            "training_tokens": len(prepared.training.part.tokens),
            "validation_tokens": len(prepared.validation.part.tokens) if prepared.validation else 0,
            "vocab_size": prepared.config.model.vocab_size,
            "steps_per_epoch": steps_per_epoch,
            "measured_steps": self.pace.steps,
            "seconds_per_step": self.pace.seconds_per_step,
            "seconds_per_epoch": self.seconds_per_epoch,
            "tokens_per_second": self.pace.tokens_per_second,
            "characters_per_second": self.pace.tokens_per_second * prepared.characters_per_token.training,
            "expected": {
                "steps": self.expected_steps,
                "epochs": self.expected_steps / steps_per_epoch,
                "seconds": self.expected_steps * self.pace.seconds_per_step,
            },
            "training": dict(prepared.config.training),
            "origins": dict(prepared.config.origins),
        }


def dry_run(prepared: Preparation, *, clock: Callable[[], float] = time.perf_counter) -> DryRun:
    """Measure a few steps of a model, which is trained a little by it.

    Args:
        prepared: the model and its batches.
        clock: seconds, from any origin.
    """
    model, training = prepared.model, prepared.training
    pace = with_fewer_rows(
        lambda: measure(model, training, learning_rate=lambda step: prepared.schedule.at(step, 0.0), clock=clock),
        model,
        training.batch_size,
        auto_batch=prepared.options.auto_batch,
    )
    process_memory = _process_memory()  # before what follows, which copies
    moments = [
        tensor.nbytes
        for name, tensor in model.training_state().items()
        if name != "step" and not name.startswith(("carry.", "random."))
    ]
    weights = sum(tensor.nbytes for tensor in model.weights().values())
    spec, together = prepared.config.model, training.batch(0, 0).rows(slice(0, model.micro_batch_size))
    memory = Memory(
        weights=weights,
        gradients=weights,
        optimizer=sum(moments),
        activations=activation_bytes(spec, together, model.precision),
        logits=logit_bytes(spec, together),
        ngrams=ngram_bytes(prepared),
    )
    return DryRun(prepared=prepared, memory=memory, process_memory=process_memory, pace=pace)


def activation_bytes(spec: ModelSpec, batch: Batch, precision: str) -> int:
    """An estimate of what the layers need kept of a batch for the backward pass.

    For each of B x T tokens the input, and in each layer the gates (G x H), the output and, for lstm, the cell; in two
    bytes for bfloat16, else four.  Architectures without a canonical form count as one gate.
    """
    rows, steps = map(int, batch.inputs.shape)
    gates = GATES.get(spec.architecture, 1)
    in_layer = (gates + (2 if spec.architecture == "lstm" else 1)) * spec.hidden_size
    return rows * steps * (spec.input_size + spec.num_layers * in_layer) * (2 if precision == "bfloat16" else 4)


def logit_bytes(spec: ModelSpec, batch: Batch) -> int:
    """The logits of a batch and their gradients, all held at once: 2 x V for each scored token in four bytes.

    Where they are many, a backend may compute a few at a time, as torch does, and has no need to tell: so it may be far less.
    """
    rows, steps = map(int, batch.inputs.shape)
    return (rows if batch.last_step_only else rows * steps) * 2 * spec.vocab_size * 4


def ngram_bytes(prepared: Preparation) -> int:
    """An estimate of what counting n-grams after training takes, or weighing them where that takes more; 0 where it is not done.

    How many different n-grams there are is known only when they are counted.  Up to ``LONGEST`` tokens long, they are taken to be
    half as many as the tokens, as in a small corpus.  Of corpora of 50,000 to 9 million tokens, 60 to 4,000 of them different, it
    gives 0.75 to 1.2 times what was measured; up to 1.5 times where an order is given and a long corpus repeats much.
    """
    order, validation = prepared.options.ngram_order, prepared.validation
    if order == 0 or validation is None:
        return 0
    tokens, vocab_size = len(prepared.training.part.tokens), prepared.config.model.vocab_size
    weighed = validation.targets * vocab_size
    if order is None and (tokens > MAX_TOKENS or weighed > MOST_WEIGHED):
        return 0
    different = min(tokens // 2, MOST_NGRAMS) if order is None else tokens * order // (2 * LONGEST)
    # Two numbers for each of so many probabilities are held, and several for those that are worked on.
    held, at_once = min(weighed, 1 << 24), min(validation.batch(0, 0).inputs.size * vocab_size, 1 << 20)
    return max(25 * tokens + 50 * different, 8 * held + 25 * at_once + 75 * different)


def _process_memory() -> int | None:
    """Bytes of main memory that this process has had at most."""
    status = Path("/proc/self/status")  # only Linux has it
    most = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text("utf-8"), re.MULTILINE) if status.exists() else None
    return 1024 * int(most[1]) if most else None
