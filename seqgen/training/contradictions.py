"""Options that contradict each other, or that would change nothing, as far as they tell by themselves."""

from __future__ import annotations

from seqgen.core.errors import OptionError
from seqgen.origins import COMMAND_LINE
from seqgen.training.chosen import ChosenOptions
from seqgen.training.mixing import check_mixing
from seqgen.training.options import TrainingOptions


def check_options(chosen: ChosenOptions, *, fresh: bool) -> None:
    """Refuse options that contradict each other, or that change nothing.

    Args:
        chosen: what was given, and where.
        fresh: whether the training starts from no model.

    Raises:
        OptionError: one does.
    """
    _check_patience(chosen.options)
    if fresh:
        check_used(chosen)
    check_mixing(chosen.options)


def _check_patience(options: TrainingOptions) -> None:
    """Refuse patience where every evaluation would be the best.

    Raises:
        OptionError: nothing is held out to measure on.
    """
    if options.patience is not None and not options.validation_fraction:
        raise OptionError("patience counts evaluations on held-out text: set validation_fraction above 0.")


def check_used(chosen: ChosenOptions) -> None:
    """Refuse what a person says of a training that starts fresh, and that would change nothing.

    Raises:
        OptionError: names it, and what it needs.
    """
    options, origins = chosen.options, chosen.origins
    if options.unseen != "refuse" and origins["unseen"] == COMMAND_LINE:
        msg = f"unseen is {options.unseen}, but only a training that starts from a model (seqgen train --from MODEL) can meet unseen symbols."
        raise OptionError(msg)
    both = origins["embedding_size"] == origins["input_encoding"] == COMMAND_LINE
    if both and options.input_encoding != "embedding":
        msg = f"embedding_size needs input_encoding embedding, not {options.input_encoding}.  Leave it out."
        raise OptionError(msg)
