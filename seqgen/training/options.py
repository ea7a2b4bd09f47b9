"""Every option of a training run, declared once.

``None`` means that seqgen chooses, from the corpus, the parts and the machine (:mod:`seqgen.training.defaults`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from annotated_doc import Doc
from annotated_types import Ge, Gt, Lt

from seqgen.core.options import ReadAs
from seqgen.core.types import InputEncoding

Batching: TypeAlias = Literal["stream", "documents", "windows"]
Optimizer: TypeAlias = Literal["adamw", "adam", "sgd", "rmsprop"]
LrSchedule: TypeAlias = Literal["cosine", "linear", "constant"]
PrecisionName: TypeAlias = Literal["auto", "float32", "bfloat16"]

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def read_duration(text: str) -> float:
    """Seconds from ``90``, ``90s``, ``5m``, ``1h30m``.

    Raises:
        ValueError: not of that form.
    """
    if not re.fullmatch(r"(\d+(\.\d+)?[smhd])+|\d+(\.\d+)?", text.strip()):
        msg = f"{text} is not a duration"
        raise ValueError(msg)
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smhd]?)", text))


Duration: TypeAlias = Annotated[float, Gt(0), ReadAs(read_duration, "a duration above 0, such as 90s, 5m or 1h30m")]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Options of ``seqgen train`` and :func:`seqgen.train`, by their command-line panels."""

    # Parts
    backend: Annotated[str | None, Doc("what computes: torch, keras, NAME:key=value; default: the first installed")] = (
        None
    )
    tokenizer: Annotated[str, Doc("how text becomes tokens: char, byte, word, bpe, NAME:key=value")] = "char"
    dataset: Annotated[str, Doc("how files become documents: text, lines, NAME:key=value")] = "text"

    # Model
    architecture: Annotated[str, Doc("kind of network: lstm, gru, rnn")] = "lstm"
    embedding_size: Annotated[int | None, Ge(1), Doc("numbers in a token's learned vector")] = None
    hidden_size: Annotated[int | None, Ge(1), Doc("units in each recurrent layer")] = None
    num_layers: Annotated[int | None, Ge(1), Doc("recurrent layers")] = None
    dropout: Annotated[float | None, Ge(0), Lt(1), Doc("share of each layer's outputs zeroed while training")] = None
    tie_embeddings: Annotated[
        bool, Doc("use the embedding as output weights too (embedding and hidden size equal)")
    ] = False
    input_encoding: Annotated[
        InputEncoding, Doc("how a token enters: a learned vector, one-hot, or id / vocab_size")
    ] = "embedding"

    # Data
    seq_len: Annotated[int | None, Ge(1), Doc("time steps in one training batch")] = None
    batch_size: Annotated[int | None, Ge(1), Doc("sequences in one training batch")] = None
    batching: Annotated[Batching | None, Doc("parallel streams with carried state, separate documents, or windows")] = (
        None
    )
    validation_fraction: Annotated[float, Ge(0), Lt(1), Doc("share of the corpus held out to measure on")] = 0.1

    # Budget; the first reached ends the run
    epochs: Annotated[float | None, Gt(0), Doc("passes over the training part")] = None
    max_steps: Annotated[int | None, Ge(1), Doc("optimiser updates")] = None
    max_time: Annotated[Duration | None, Doc("wall-clock time of training: 90s, 5m, 1h30m")] = None

    # Optimisation
    optimizer: Annotated[Optimizer, Doc("how weights are updated")] = "adamw"
    learning_rate: Annotated[float | None, Gt(0), Doc("the schedule's highest learning rate")] = None
    lr_schedule: Annotated[LrSchedule, Doc("how the learning rate falls over the budget")] = "cosine"
    warmup_steps: Annotated[int, Ge(0), Doc("updates in which the learning rate rises from zero")] = 50
    grad_clip: Annotated[float, Gt(0), Doc("largest global norm of the gradient")] = 1.0
    weight_decay: Annotated[float, Ge(0), Doc("decoupled weight decay, for adamw")] = 0.01

    # Measuring and saving
    eval_every: Annotated[int | None, Ge(1), Doc("updates between evaluations; default: about 20 in a run")] = None
    patience: Annotated[int | None, Ge(1), Doc("end after so many evaluations without a better one")] = None
    checkpoint_every: Annotated[Duration, Doc("time between checkpoints, from which a run can go on")] = 60.0

    # Machine
    device: Annotated[str, Doc("where it runs: auto, cpu, cuda, cuda:1, mps, xpu")] = "auto"
    precision: Annotated[PrecisionName, Doc("of the products while training; weights are always float32")] = "auto"
    random_seed: Annotated[int, Ge(0), Lt(2**63), Doc("fixes every random draw of the run")] = 0
    deterministic: Annotated[bool, Doc("only operations that give the same bits each time, also where slower")] = False


PRESETS: dict[str, dict[str, object]] = {
    "default": {},
    "small": {"hidden_size": 256, "embedding_size": 32, "learning_rate": 6e-3},
    "large": {"hidden_size": 768, "embedding_size": 128, "num_layers": 2, "dropout": 0.2, "learning_rate": 2e-3},
    "tutorial": {
        "tokenizer": "char:lowercase=true",
        "batching": "windows",
        "seq_len": 100,
        "hidden_size": 256,
        "num_layers": 1,
        "dropout": 0.2,
        "input_encoding": "scalar",
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "lr_schedule": "constant",
        "warmup_steps": 0,
        "grad_clip": 1e9,
        "epochs": 20.0,
        "batch_size": 128,
        "precision": "float32",
    },
}
"""Named sets of options.  ``tutorial`` is the classic Keras character-LSTM tutorial (Brownlee 2016, "Text Generation With
LSTM Recurrent Neural Networks in Python with Keras"): lower case, many-to-one windows of 100, ids divided by the
vocabulary size, one LSTM of 256, dropout 0.2, Adam at its default rate, 20 epochs of batches of 128, no clipping."""
