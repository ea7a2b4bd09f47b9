"""Every option of a training run, declared once.

``None`` means that seqgen chooses, from the corpus, the parts and the machine (:mod:`seqgen.training.defaults`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

from annotated_doc import Doc
from annotated_types import Ge, Gt, Le, Lt

from seqgen.core.errors import DamagedModelError, OptionError
from seqgen.core.options import ReadAs, checked
from seqgen.core.spec import (
    Architecture,
    Beta2,
    Dropout,
    EmbeddingSize,
    HiddenSize,
    InputEncoding,
    NumLayers,
    Optimizer,
    Precision,
    TieEmbeddings,
    WeightAverage,
    WeightDecay,
)
from seqgen.ngrams import MAX_ORDER

BatchingMode: TypeAlias = Annotated[
    Literal["stream", "documents", "windows"],
    Doc("parallel streams with carried state, separate documents, or windows scored at their last step"),
]
LrSchedule: TypeAlias = Annotated[
    Literal["cosine", "linear", "constant"], Doc("how the learning rate falls over the budget")
]

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
    backend: Annotated[str, Doc("what computes: torch, keras, NAME:key=value; default: the first installed")] | None = (
        None
    )
    tokenizer: Annotated[str, Doc("how text becomes tokens: char, byte, word, bpe, NAME:key=value")] = "char"
    dataset: Annotated[str, Doc("how files become documents: text, lines, rows, NAME:key=value")] = "text"

    # Model
    architecture: Architecture = "lstm"
    embedding_size: EmbeddingSize | None = None
    hidden_size: HiddenSize | None = None
    num_layers: NumLayers | None = None
    dropout: Dropout | None = None
    tie_embeddings: TieEmbeddings = False
    input_encoding: InputEncoding = "embedding"
    output_bias: (
        Annotated[
            Literal["frequencies", "zero"],
            Doc(
                "where the logits' biases begin: at the logarithms of the tokens' frequencies, or at zero; default: at the "
                "frequencies where the corpus is read fewer than eight times"
            ),
        ]
        | None
    ) = None
    ngram_order: (
        Annotated[
            int,
            Ge(0),
            Le(MAX_ORDER),
            Doc(
                "mix the network with counts of n-grams of up to so many tokens, weighed on the held-out part; 0: none; "
                "default: up to 7, where they lower the loss by 1 %"
            ),
        ]
        | None
    ) = None

    # Data
    seq_len: Annotated[int, Ge(1), Doc("time steps in one training batch")] | None = None
    batch_size: Annotated[int, Ge(1), Doc("sequences in one training batch")] | None = None
    batching: BatchingMode | None = None
    validation_fraction: Annotated[float, Ge(0), Lt(1), Doc("share of the corpus held out to measure on")] = 0.1
    unseen: Annotated[
        Literal["refuse", "extend", "nearest"],
        Doc(
            "with --from, symbols that the model lacks: refuse the corpus, extend the vocabulary, or take what is nearest"
        ),
    ] = "refuse"

    # Budget
    epochs: Annotated[float, Gt(0), Le(1e9), Doc("passes over the training part")] | None = None
    max_steps: Annotated[int, Ge(1), Doc("optimiser updates")] | None = None
    max_time: Annotated[Duration, Doc("wall-clock time of training: 90s, 5m, 1h30m")] | None = None

    # Optimisation
    optimizer: Optimizer = "adamw"
    learning_rate: Annotated[float, Gt(0), Doc("the schedule's highest learning rate")] | None = None
    lr_schedule: LrSchedule = "linear"
    warmup_steps: Annotated[
        int,
        Ge(0),
        Doc("updates in which the learning rate rises from zero; if not given, at most a tenth of a counted run"),
    ] = 50
    grad_clip: Annotated[float, Gt(0), Doc("largest global norm of the gradient")] = 1.0
    beta_2: Beta2 = 0.99
    weight_decay: WeightDecay = 0.01
    weight_average: WeightAverage = 0.1

    # Measuring and saving
    eval_every: (
        Annotated[
            Annotated[int, Ge(1)] | Literal["epoch"],
            Doc(
                "updates between evaluations, or epoch for one after each; default: 20 in a run, or fewer where they would take long"
            ),
        ]
        | None
    ) = None
    patience: Annotated[int, Ge(1), Doc("end after so many evaluations without a better one")] | None = None
    checkpoint_every: Annotated[Duration, Doc("time between checkpoints, from which a run can go on")] = 60.0
    keep: Annotated[int, Ge(1), Doc("checkpoints that stay, the newest ones; older ones go once those are safe")] = 2

    # Machine
    device: Annotated[str, Doc("where it runs: auto, cpu, cuda, cuda:1, mps, xpu")] = "auto"
    precision: Precision = "auto"
    auto_batch: Annotated[
        bool, Doc("where memory does not suffice, compute fewer sequences of a batch at a time, with the same updates")
    ] = False
    random_seed: Annotated[int, Ge(0), Lt(2**63), Doc("fixes every random draw of the run")] = 0
    deterministic: Annotated[bool, Doc("only operations that give the same bits each time, also where slower")] = False


@dataclass(frozen=True, kw_only=True)
class SettledOptions(TrainingOptions):
    """The options of a run: those that every run has a value of, given or chosen, are not None."""

    backend: str = field()
    batching: BatchingMode = field()
    seq_len: int = field()
    batch_size: int = field()
    learning_rate: float = field()
    hidden_size: int = field()
    embedding_size: int = field()
    num_layers: int = field()
    dropout: float = field()


SETTLED = tuple(SettledOptions.__annotations__)
"""The names of those."""


OPTIONS_OF_BEFORE: Mapping[str, Any] = MappingProxyType(
    {
        "auto_batch": False,
        "beta_2": 0.99,
        "keep": 2,
        "ngram_order": 0,
        "output_bias": "zero",
        "unseen": "refuse",
        "weight_average": 0.0,
    }
)
"""Options that runs of before do not have, each with the value of what was done then; the default may be another."""

USED_WITH: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "embedding_size": ("input_encoding", ("embedding",)),
        "beta_2": ("optimizer", ("adamw", "adam", "rmsprop")),
        "weight_decay": ("optimizer", ("adamw",)),
    }
)
"""Options that change something only with some values of another option: that one, and those values."""


def unused(values: Mapping[str, Any]) -> set[str]:
    """Names of the options that change nothing, whatever they are, with these values of others.

    Args:
        values: of options by name; of those of ``USED_WITH`` that are missing, the default counts.
    """
    defaults = TrainingOptions()
    return {
        name for name, (other, used) in USED_WITH.items() if values.get(other, getattr(defaults, other)) not in used
    }


def recorded(training: Mapping[str, Any], *names: str, where: str) -> dict[str, Any]:
    """Options of a training, as a model folder has them, which may come from a stranger.

    Args:
        training: what the folder's ``config.json`` says under that name.
        *names: of the options that are asked for.
        where: how messages name the folder, for example ``novel:3``.

    Raises:
        DamagedModelError: one of them is missing, or has a value that no training has.
    """
    where = f"{where}/config.json: training"
    if missing := [name for name in names if training.get(name) is None]:
        raise DamagedModelError(f"{where}.{missing[0]} is missing.")
    try:
        return checked(TrainingOptions, {name: training[name] for name in names}, where=where)
    except OptionError as error:
        raise DamagedModelError(str(error)) from error


PANELS = {
    "Parts": ("backend", "tokenizer", "dataset"),
    "Model": (
        "architecture",
        "embedding_size",
        "hidden_size",
        "num_layers",
        "dropout",
        "tie_embeddings",
        "input_encoding",
        "output_bias",
        "ngram_order",
    ),
    "Data": ("seq_len", "batch_size", "batching", "validation_fraction", "unseen"),
    "Budget: the first reached ends the run": ("epochs", "max_steps", "max_time"),
    "Optimisation": (
        "optimizer",
        "learning_rate",
        "lr_schedule",
        "warmup_steps",
        "grad_clip",
        "beta_2",
        "weight_decay",
        "weight_average",
    ),
    "Measuring and saving": ("eval_every", "patience", "checkpoint_every", "keep"),
    "Machine": ("device", "precision", "auto_batch", "random_seed", "deterministic"),
}
"""The options by the panels of ``seqgen train --help``."""


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
        "output_bias": "zero",
        "ngram_order": 0,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "lr_schedule": "constant",
        "warmup_steps": 0,
        "grad_clip": 1e9,
        "beta_2": 0.999,
        "weight_average": 0.0,
        "epochs": 20.0,
        "eval_every": "epoch",
        "batch_size": 128,
        "precision": "float32",
    },
}
"""Named sets of options.  ``tutorial`` is the classic Keras character-LSTM tutorial (Brownlee 2016, "Text Generation With
LSTM Recurrent Neural Networks in Python with Keras"): lower case, many-to-one windows of 100, ids divided by the
vocabulary size, one LSTM of 256, dropout 0.2, Adam with Keras's rate and betas, 20 epochs of batches of 128, no clipping
(``grad_clip`` is beyond any gradient), the best epoch kept.  It agrees with the plain Keras code but for the weights it
starts from and for Adam's epsilon, which Keras adds before the bias correction."""
