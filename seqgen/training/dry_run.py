"""What a training would be, from a few measured steps: sizes, memory, pace and time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from seqgen.core.canonical import GATES
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Batch
from seqgen.training.memory import with_fewer_rows
from seqgen.training.pace import Pace, measure
from seqgen.training.preparation import Preparation


@dataclass(frozen=True)
class Memory:
    """Bytes, of which those of the activations are estimated and the others counted.

    Attributes:
        optimizer: its moments.
        activations: what one batch keeps for the backward pass; see ``activation_bytes``.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """All of it; the framework itself and its scratch space come on top."""
        return self.weights + self.gradients + self.optimizer + self.activations


@dataclass(frozen=True)
class DryRun:
    """What a training would be.

    Attributes:
        prepared: the model and its batches.
        pace: as measured.
    """

    prepared: Preparation
    memory: Memory
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
            "training_tokens": len(prepared.training.part.tokens),
            "validation_tokens": len(prepared.validation.part.tokens) if prepared.validation else 0,
            "vocab_size": prepared.config.model.vocab_size,
            "steps_per_epoch": steps_per_epoch,
            "measured_steps": self.pace.steps,
            "seconds_per_step": self.pace.seconds_per_step,
            "seconds_per_epoch": self.seconds_per_epoch,
            "tokens_per_second": self.pace.tokens_per_second,
            "characters_per_second": self.pace.tokens_per_second * prepared.characters_per_token,
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
        auto_batch=prepared.config.training["auto_batch"],
    )
    moments = [
        tensor.nbytes
        for name, tensor in model.training_state().items()
        if name != "step" and not name.startswith(("carry.", "random."))
    ]
    weights = sum(tensor.nbytes for tensor in model.weights().values())
    together = training.batch(0, 0).rows(slice(0, model.micro_batch_size))
    activations = activation_bytes(prepared.config.model, together, model.precision)
    return DryRun(
        prepared=prepared,
        memory=Memory(weights, weights, sum(moments), activations),
        pace=pace,
    )


def activation_bytes(spec: ModelSpec, batch: Batch, precision: str) -> int:
    """An estimate of what the backward pass of a batch needs kept.

    For each of B x T tokens the input, and in each layer the gates (G x H), the output and, for lstm, the cell; in two
    bytes for bfloat16, else four.  For each scored token the logits and their gradient (2 x V), in four bytes.
    Architectures without a canonical form count as one gate.
    """
    rows, steps = map(int, batch.inputs.shape)
    gates = GATES.get(spec.architecture, 1)
    in_layer = (gates + (2 if spec.architecture == "lstm" else 1)) * spec.hidden_size
    hidden = rows * steps * (spec.input_size + spec.num_layers * in_layer)
    scored = rows if batch.last_step_only else rows * steps
    return hidden * (2 if precision == "bfloat16" else 4) + scored * 2 * spec.vocab_size * 4
