"""The batches and the model of a training, made as its options say."""

from __future__ import annotations

import contextlib
import reprlib
from collections.abc import Iterator
from functools import partial

from seqgen.core.backend import Backend, Model
from seqgen.core.canonical import check_weights
from seqgen.core.errors import CorpusError, DamagedModelError, PluginError
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.core.types import Weights
from seqgen.data.batching import EVALUATED_TARGETS, Batching, TooShortError, make_batching
from seqgen.data.store import Part
from seqgen.training.options import SettledOptions, TrainingOptions


def make_batches(parts: tuple[Part, Part], options: SettledOptions) -> tuple[Batching, Batching | None]:
    """The batches of the training part, and those of the validation part to measure on, if anything is held out."""
    training_part, validation_part = parts
    make = partial(
        make_batching,
        options.batching,
        seq_len=options.seq_len,
        batch_size=options.batch_size,
        random_seed=options.random_seed,
    )
    with _long_enough("Take more text, or --seq-len {} or less"):
        training = make(training_part)
    if len(validation_part.tokens) == 0:
        return training, None
    advice = "It is what is held out.  Take more text, a larger --validation-fraction, or --seq-len {} or less"
    with _long_enough(advice):
        return training, make(validation_part, for_evaluation=True, at_most=EVALUATED_TARGETS)


@contextlib.contextmanager
def _long_enough(advice: str) -> Iterator[None]:
    """Say what to do where a part is shorter than one window; the advice takes the longest one."""
    try:
        yield
    except TooShortError as error:
        msg = f"{error}  {advice.format(error.longest)}"
        raise CorpusError(msg) from error


def build_model(
    backend: Backend, spec: ModelSpec, options: TrainingOptions, *, weights: Weights | None = None
) -> Model:
    """The model of a shape, built to train by these options; with these weights, or fresh ones.

    Raises:
        PluginError: the backend gives no model, or weights that it does not state, which nothing could load.
    """
    model = backend.build(
        spec,
        device=options.device,
        precision=options.precision,
        random_seed=options.random_seed,
        deterministic=options.deterministic,
        optimizer=OptimizerSpec(
            name=options.optimizer,
            beta_2=options.beta_2,
            weight_decay=options.weight_decay,
            grad_clip=options.grad_clip,
            weight_average=options.weight_average,
        ),
        weights=weights,
    )
    own = type(backend).__name__
    if not isinstance(model, Model):
        raise PluginError(
            f"{own}.build gives {reprlib.repr(model)}, but must give a Model.  seqgen check-plugin tells more"
        )
    try:
        check_weights(model.weights(), backend.weight_shapes(spec), where=own)
    except DamagedModelError as error:
        raise PluginError(
            f"{error}  It must give the weights that weight_shapes states.  seqgen check-plugin tells more"
        ) from None
    return model
