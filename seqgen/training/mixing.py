"""After training: n-grams of the training part, weighted against the network on the validation part."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.core.backend import Model
from seqgen.core.bits import shown_bits
from seqgen.core.catalog import Catalog
from seqgen.core.errors import OptionError, SeqgenError
from seqgen.core.memory import out_of_memory
from seqgen.core.plugin import in_a_line
from seqgen.core.types import Weights
from seqgen.data.batching import Batching
from seqgen.evaluation import bits_per_character
from seqgen.ngrams.counting import affordable_order, check_countable, count_ngrams
from seqgen.ngrams.mixture import Mixture, weights_shape
from seqgen.training.interruption import Interruption
from seqgen.training.options import TrainingOptions
from seqgen.training.progress import Reporter
from seqgen.training.trainer import Trainer


@dataclass(frozen=True)
class Mixed:
    """What is published beside the weights.

    Attributes:
        tensors: of the n-grams and of the weights, for ``ngrams.safetensors``.
        loss: nats per token of the mixture, on the validation part, which its weights were fitted to.
        unseen: the same with weights that were not fitted to what they predict; see :class:`seqgen.ngrams.mixture.Fitted`.
        order: the length of the longest n-grams.
    """

    tensors: dict[str, npt.NDArray[Any]]
    loss: float
    unseen: float
    order: int


GAIN = 0.01
"""By how much of the network's loss the mixture's must be lower, to be kept where no order is given.

On text that the weights were not fitted to: to a few hundred held-out tokens fitting itself gains more than this, also where n-grams
are worth nothing."""


MOST_WEIGHED = 1 << 31
"""Probabilities of held-out tokens that are weighed where no order is given, at most: that takes a minute or two."""

MANY_COUNTED, MANY_WEIGHED = 2_000_000, 1 << 28
"""From so many tokens or probabilities on, which take some seconds, it is said what is being done."""


def check_mixing(options: TrainingOptions) -> None:
    """Refuse options by which there will be no mixture, before anything is read.

    Raises:
        OptionError: nothing to count, or nothing held out to weigh on.
    """
    if not options.ngram_order:
        return
    if options.ngram_order == 1:
        raise OptionError(
            "ngram_order is 1, but must be at least 2, or 0 for no n-grams: single tokens know no context."
        )
    if not options.validation_fraction:
        raise OptionError(
            "ngram_order weighs n-grams against the network on held-out text: set validation_fraction above 0."
        )


def check_counting(options: TrainingOptions, *, tokens: int, vocab_size: int) -> None:
    """Refuse n-grams that cannot be counted, before anything is trained.

    Raises:
        OptionError: there are too many, or they are too long.
    """
    if options.ngram_order:
        check_countable(options.ngram_order, tokens=tokens, vocab_size=vocab_size)


def mixed_in(
    trainer: Trainer,
    order: int | None,
    reporter: Reporter,
    asked: Interruption,
    *,
    catalog: Catalog,
    characters_per_token: float,
) -> Mixed | None:
    """The n-grams to publish with the best weights, if any are asked for or worth it.

    A signal, memory that does not suffice, or a mistake leaves them out: what was trained is published all the same.

    Args:
        trainer: has trained.
        order: the length of the longest; None: as many as are worth it, if they are.
        reporter: is told.
        asked: whether to end.
        catalog: tells whose code made a mistake.
        characters_per_token: of the validation part, for what is told.
    """
    weights, validation, alone = trainer.best_weights, trainer.validation, trainer.counters.best_loss
    if order == 0 or weights is None or validation is None or alone is None:
        return None
    if order is None and _weighed(trainer.model, validation) > MOST_WEIGHED:
        return None
    try:
        asked.at_once = True
        counted, held_out = len(trainer.training.part.tokens), validation.targets
        if counted >= MANY_COUNTED or _weighed(trainer.model, validation) >= MANY_WEIGHED:
            reporter.note(
                f"n-grams  being counted in {counted:,} tokens and weighed on {held_out:,}; Ctrl-C leaves them out"
            )
        mixed = _mix(trainer.model, weights, order, trainer.training, validation)
    except KeyboardInterrupt:
        reporter.warn("The n-grams are left out.")
        return None
    except BaseException as error:  # of a plugin's backend, or our own: what was trained must not suffer
        if not isinstance(error, Exception) and catalog.owner(error) is None:
            raise
        if isinstance(error, Exception) and out_of_memory(error):
            reporter.warn("There is not enough memory to count n-grams, so they are left out.")
        else:
            reporter.warn(f"The n-grams are left out: {_told(error, catalog)}")
        return None
    if mixed is None:
        return None
    kept = order is not None or mixed.unseen <= alone * (1 - GAIN)
    told = mixed.loss if kept else mixed.unseen
    before, after = (shown_bits(bits_per_character(loss, characters_per_token)) for loss in (alone, told))
    reporter.note(
        f"n-grams  of up to {mixed.order} tokens bring validation from {before} to {after} bits/character"
        + ("" if kept else ": too little to keep them")
    )
    return mixed if kept else None


def _told(error: BaseException, catalog: Catalog) -> str:
    """What went wrong, and where it is no matter of the person's, whose mistake it is and whom to tell."""
    if isinstance(error, SeqgenError):
        return str(error)
    what = in_a_line(error).rstrip(".")
    if plugin := catalog.owner(error):
        return f"{what}.  Please tell the authors of plugin {plugin.distribution} {plugin.version}"
    steps = ((str(frame.f_globals.get("__name__")), line) for frame, line in traceback.walk_tb(error.__traceback__))
    *_, (module, line) = (step for step in steps if step[0].startswith("seqgen."))
    unless = "".join(
        f", unless seqgen check-plugin {entry.plugin.distribution} finds one in backend {entry.name}"
        for entry in catalog.used
        if entry.kind == "backend"
    )
    return f"{what} ({module}, line {line}).  That is a mistake in seqgen{unless}: please report it"


def _weighed(model: Model, validation: Batching) -> int:
    """How many probabilities of held-out tokens there are."""
    return validation.targets * model.spec.vocab_size


def _mix(model: Model, weights: Weights, order: int | None, training: Batching, validation: Batching) -> Mixed | None:
    """Count and weigh; None where there is nothing to count.

    Args:
        model: computes; its own weights are as before afterwards.
        weights: the network's, that are published.
        order: the length of the longest n-grams; None: as many as are worth it.
        training: what is counted.
        validation: what is weighed on.
    """
    tokens, vocab_size = training.part.tokens, model.spec.vocab_size
    end = int(tokens[0]) if training.part.has_ends else None  # with which its first document begins
    order = order or affordable_order(tokens, vocab_size, end)
    if not order:
        return None
    own = model.weights()
    model.load_weights(weights)
    try:
        table = count_ngrams(tokens, vocab_size, order, end)
        mixture = Mixture(model, table, np.ones(weights_shape(table.order), np.float32))
        fitted = mixture.fit(
            lambda: (validation.batch(0, step) for step in range(validation.steps_per_epoch)), crossed=order is None
        )
    finally:
        model.load_weights(own)
    return Mixed(mixture.tensors(), fitted.loss, fitted.unseen, table.order)
