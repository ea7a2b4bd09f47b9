"""Would a network train better with other kinds of dropout, with Muon, with shorter sequences at first, or with other gates?  Each in place of
a part of the torch backend.

    python benchmarks/alternatives.py sonnets.txt --steps 1700 --seeds 0 1
    python benchmarks/alternatives.py tinyshakespeare.txt --steps 15200 --only "nothing changed" "weight-drop 0.3"

After equal numbers of steps, which read as much text, by the loss on the last tenth of the text, with n-grams mixed in and of the network
alone; all else is as the defaults have it.

* weight-drop: a share of the recurrent weights is zeroed, another at each step (Merity, Keskar and Socher 2018, section 2).
* one mask for all time steps of a batch, in place of one for each (Gal and Ghahramani 2016).
* dropout of the embeddings.
* noise: a share of the tokens that are read, though not of those to be predicted, is replaced by others of the batch, so at their
  frequencies (Xie et al. 2017, Data Noising as Smoothing in Neural Network Language Models, section 3).
* activations: the mean square of what the output layer reads, times a factor, is added to the loss (Merity, McCann and Socher 2017,
  Revisiting Activation Regularization for Language RNNs).
* Muon for the recurrent weights, each gate's matrix by itself (Jordan et al. 2024): their momentum, orthogonalised by five steps of Newton
  and Schulz, times the learning rate and a factor; AdamW for the rest.
* T grows: in a first share of the run each batch is two, of half as many time steps, and each of them an update.
* layer norm: of the two products that the gates are made of, and of what the cell carries (Ba, Kiros and Hinton 2016, equations 20 to 22).
* Mogrifier: input and state gate each other in five rounds before each time step (Melis, Kocisky and Blunsom 2020).

* earlier tokens: what the first layer reads is a sum of the embeddings of the last few tokens, each with a matrix of its own, so a
  convolution over time; in training those before a batch count as none.
* forget bias 0 or 2: in place of one.
* forget biases of many lengths: the logarithms of numbers between one and 63, and the input gates' their negatives (Tallec and Ollivier 2018).

* trained on what n-grams leave: a share of what they expect is added to the logits (Li et al. 2022).
* one-cycle: the rate rises from a 25th for three tenths of the run, and falls to nothing along a cosine (Smith and Topin 2018).
* warm-up-stable-decay: the rate stays, and falls along a line in the last fifth of the run (Hu et al. 2024, MiniCPM).
* tied embeddings: those that are read are also the output weights (Press and Wolf 2017), so as wide as the 512 units.

For layer norm and Mogrifier the time steps run one after another in Python, as *stepped* does with an unchanged network, so that their times
compare.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from recurrences import Mogrified, Normed, Stepped, earlier_tokens, recurrence
from residual import on_what_ngrams_leave
from rich.console import Console
from rich.table import Table
from side_by_side import write_results
from torch import Tensor, nn

import seqgen
from seqgen.backends.torch import model as torch_model
from seqgen.backends.torch import network as torch_network
from seqgen.backends.torch.network import _drop as drop
from seqgen.backends.torch.optimizer import Updater
from seqgen.core.canonical import initial_weights
from seqgen.core.types import Batch, Weights
from seqgen.corpora import locate
from seqgen.training import frequencies
from seqgen.training.schedule import Schedule

_MOMENTUM = 0.95
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # Jordan et al. 2024
_ROUNDS = 5


def dropped(values: Tensor, share: float) -> Tensor:
    """The values with a share of them zeroed, as the torch backend does it."""
    return drop(values, share, torch.default_generator)


class WeightDropped(nn.LSTM):
    """An LSTM that trains without a share of its recurrent weights."""

    share = 0.0

    def forward(self, inputs: Tensor, state: Any = None) -> Any:
        """As the one of PyTorch, which also evaluates."""
        if not torch.is_grad_enabled():
            return super().forward(inputs, state)
        input_weight, recurrent_weight, *biases = self._flat_weights
        weights = [input_weight, dropped(recurrent_weight, self.share), *biases]
        outputs, hidden, cell = torch._VF.lstm(inputs, state, weights, True, 1, 0.0, True, False, False)  # noqa: FBT003, SLF001
        return outputs, (hidden, cell)


def weight_drop(share: float) -> AbstractContextManager[Any]:
    """Recurrent layers with weight-drop."""
    layer = type("Dropped", (WeightDropped,), {"share": share})
    return mock.patch.object(torch_network, "LAYERS", {"lstm": layer})


def one_mask() -> AbstractContextManager[Any]:
    """Dropout by one mask for all time steps."""

    def drop_alike(values: Tensor, share: float, generator: torch.Generator) -> Tensor:
        return values * drop(torch.ones_like(values[:1]), share, generator)

    return mock.patch.object(torch_network, "_drop", drop_alike)


def of_embeddings(share: float) -> AbstractContextManager[Any]:
    """Dropout of what the first layer reads."""
    encode = torch_network.Network.encode

    def encode_and_drop(self: Any, ids: Tensor) -> Tensor:
        inputs = encode(self, ids)
        return dropped(inputs, share) if torch.is_grad_enabled() else inputs

    return mock.patch.object(torch_network.Network, "encode", encode_and_drop)


def noise(share: float) -> AbstractContextManager[Any]:
    """A share of the inputs replaced by others of the batch."""
    train_step = torch_model.TorchModel.train_step
    random = np.random.default_rng(0)

    def with_noise(self: Any, batch: Batch, learning_rate: float) -> Tensor:
        inputs = np.asarray(batch.inputs)
        others = random.choice(inputs.ravel(), inputs.shape)
        noisy = np.where(random.random(inputs.shape) < share, others, inputs)
        return train_step(self, replace(batch, inputs=noisy), learning_rate)

    return mock.patch.object(torch_model.TorchModel, "train_step", with_noise)


def small_activations(factor: float) -> AbstractContextManager[Any]:
    """The mean square of what the output layer reads, with a factor."""
    summed_nats = torch_model.summed_nats

    def with_squares(outputs: Tensor, *others: Any) -> Tensor:
        nats = summed_nats(outputs, *others)
        return nats + factor * len(outputs) * outputs.float().square().mean() if torch.is_grad_enabled() else nats

    return mock.patch.object(torch_model, "summed_nats", with_squares)


class Muon(Updater):
    """Muon for the recurrent weights, and what was asked for for the rest."""

    factor = 1.0

    def __init__(self, spec: Any, slots: Any) -> None:
        super().__init__(spec, slots)
        self._recurrent = [slot.parameter for name, slot in slots.items() if name.endswith("recurrent_weight")]
        self._momenta = [torch.zeros_like(parameter) for parameter in self._recurrent]

    def _change(self, learning_rate: float) -> None:
        directions = []
        for parameter, momentum in zip(self._recurrent, self._momenta, strict=True):
            assert parameter.grad is not None
            momentum.lerp_(parameter.grad, 1 - _MOMENTUM)
            ahead = parameter.grad.lerp(momentum, _MOMENTUM)
            size = parameter.shape[1]
            directions.append(orthogonalised(ahead.view(-1, size, size)).view_as(parameter))
            parameter.grad.zero_()  # AdamW then only decays them
        super()._change(learning_rate)
        with torch.no_grad():
            for parameter, direction in zip(self._recurrent, directions, strict=True):
                parameter.add_(direction, alpha=-learning_rate * self.factor)


def orthogonalised(matrices: Tensor) -> Tensor:
    """The nearest matrices (N, H, H) whose singular values all are about one."""
    one, three, five = _NEWTON_SCHULZ
    found = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(_ROUNDS):
        squares = found @ found.mT
        found = one * found + (three * squares + five * squares @ squares) @ found
    return found


def muon(factor: float) -> AbstractContextManager[Any]:
    """Recurrent weights by Muon."""
    return mock.patch.object(torch_model, "Updater", type("Scaled", (Muon,), {"factor": factor}))


def growing(share: float, steps: int) -> AbstractContextManager[Any]:
    """Half as many time steps an update in a first share of the run of so many steps."""
    train_step = torch_model.TorchModel.train_step
    done = 0

    def halves(self: Any, batch: Batch, learning_rate: float) -> Tensor:
        nonlocal done
        done += 1
        if done > share * steps:
            return train_step(self, batch, learning_rate)
        middle = batch.inputs.shape[1] // 2
        parts = (slice(None, middle), slice(middle, None))
        first, second = (replace(batch, inputs=batch.inputs[:, part], targets=batch.targets[:, part]) for part in parts)
        return (
            train_step(self, first, learning_rate) + train_step(self, replace(second, carry=True), learning_rate)
        ) / 2

    return mock.patch.object(torch_model.TorchModel, "train_step", halves)


def gate_biases(made: Callable[[int], tuple[Any, Any]]) -> AbstractContextManager[Any]:
    """Other biases of input and forget gates, made for so many units."""

    def changed(spec: Any, random_seed: int) -> Weights:
        weights, size = initial_weights(spec, random_seed), spec.hidden_size
        for layer in range(spec.num_layers):
            bias = weights[f"layers.{layer}.bias"]
            bias[:size], bias[size : 2 * size] = made(size)
        return weights

    return mock.patch.object(frequencies, "initial_weights", changed)


def falling(fall: Callable[[float], float]) -> AbstractContextManager[Any]:
    """Another course of the learning rate: from the share of the run that is done to the share of the rate."""

    def at(self: Schedule, step: int, progress: float) -> float:
        return self.learning_rate * min(1.0, (step + 1) / (self.warmup_steps + 1)) * fall(progress)

    return mock.patch.object(Schedule, "at", at)


def one_cycle(progress: float) -> float:
    """Up for three tenths, then down to nothing."""
    if progress < 0.3:
        return 0.04 + 0.96 * progress / 0.3
    return 0.5 * (1 + math.cos(math.pi * (progress - 0.3) / 0.7))


def stable(progress: float) -> float:
    """Level, and at last down to a tenth."""
    return 1 - 0.9 * max(0.0, progress - 0.8) / 0.2


def tied() -> AbstractContextManager[Any]:
    """Embeddings that are the output weights, too."""
    options = {"TIE_EMBEDDINGS": "true", "EMBEDDING_SIZE": "512", "HIDDEN_SIZE": "512"}
    return mock.patch.dict(os.environ, {f"SEQGEN_{name}": value for name, value in options.items()})


def many_lengths(size: int) -> tuple[Any, Any]:
    """Biases for memories of different lengths."""
    lengths = np.random.default_rng(0).uniform(1, 63, size)
    return -np.log(lengths), np.log(lengths)


CHANGES: dict[str, Callable[[int], AbstractContextManager[Any]]] = {
    "nothing changed": lambda _: contextlib.nullcontext(),
    "weight-drop 0.3": lambda _: weight_drop(0.3),
    "weight-drop 0.5": lambda _: weight_drop(0.5),
    "one mask for all time steps": lambda _: one_mask(),
    "embeddings dropout 0.1": lambda _: of_embeddings(0.1),
    "noise 0.05": lambda _: noise(0.05),
    "noise 0.1": lambda _: noise(0.1),
    "noise 0.2": lambda _: noise(0.2),
    "activations 0.5": lambda _: small_activations(0.5),
    "activations 2": lambda _: small_activations(2.0),
    "Muon, 1 times the rate": lambda _: muon(1.0),
    "Muon, 5 times the rate": lambda _: muon(5.0),
    "T 32 in the first quarter": lambda steps: growing(0.25, steps),
    "T 32 in the first half": lambda steps: growing(0.5, steps),
    "T 32 all the time": lambda steps: growing(1.0, steps),
    "stepped": lambda _: recurrence(Stepped),
    "layer norm": lambda _: recurrence(Normed),
    "Mogrifier": lambda _: recurrence(Mogrified),
    "2 earlier tokens": lambda _: earlier_tokens(2),
    "4 earlier tokens": lambda _: earlier_tokens(4),
    "forget bias 0": lambda _: gate_biases(lambda _: (0.0, 0.0)),
    "forget bias 2": lambda _: gate_biases(lambda _: (0.0, 2.0)),
    "forget biases of many lengths": lambda _: gate_biases(many_lengths),
    "a quarter of what n-grams expect": lambda _: on_what_ngrams_leave(0.25),
    "half of what n-grams expect": lambda _: on_what_ngrams_leave(0.5),
    "all that n-grams expect": lambda _: on_what_ngrams_leave(1.0),
    "one-cycle": lambda _: falling(one_cycle),
    "one-cycle, 1.5 times the rate": lambda _: falling(lambda progress: 1.5 * one_cycle(progress)),
    "warm-up-stable-decay": lambda _: falling(stable),
    "tied embeddings": lambda _: tied(),
}
"""By what they are called: from how many steps there will be to what makes the change."""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=locate("ice"))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", default=list(CHANGES), choices=list(CHANGES))
    arguments = parser.parse_args()
    title = f"{arguments.corpus.name}, {arguments.steps:,} steps"
    table = Table("", "nats/character", "the network alone", "time beside the first", title=title)
    rows: list[dict[str, Any]] = []
    first = None
    with tempfile.TemporaryDirectory() as home:
        os.environ["SEQGEN_HOME"] = home
        for name in arguments.only:
            losses: list[tuple[float, float]] = []
            seconds = []
            for seed in arguments.seeds:
                torch.manual_seed(seed)
                start = time.monotonic()
                with CHANGES[name](arguments.steps):
                    model = seqgen.train(
                        arguments.corpus,
                        backend="torch",
                        device="cpu",
                        max_steps=arguments.steps,
                        random_seed=seed,
                        progress=False,
                    )
                seconds.append(time.monotonic() - start)
                record = model.training_record
                nats = record["bits_per_character"] * math.log(2)
                losses.append(
                    (nats, nats * record.get("network_loss", record["validation_loss"]) / record["validation_loss"])
                )
                rows.append({"name": name, "seed": seed, "nats": losses[-1], "seconds": seconds[-1]})
            first = first or statistics.median(seconds)
            of_all = [
                f"{statistics.mean(each):.3f} ± {statistics.stdev(each) if len(each) > 1 else 0.0:.3f}"
                for each in zip(*losses, strict=True)
            ]
            table.add_row(name, *of_all, f"{statistics.median(seconds) / first:.2f}")
    Console().print(table)
    write_results("alternatives", rows, corpus=str(arguments.corpus), steps=arguments.steps)


if __name__ == "__main__":
    main()
