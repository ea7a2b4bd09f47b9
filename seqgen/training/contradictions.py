"""Options that contradict each other, or that would change nothing, as far as they tell by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqgen.core.errors import OptionError
from seqgen.origins import COMMAND_LINE, SWEEP, asked_for, in_brackets
from seqgen.training.chosen import ChosenOptions
from seqgen.training.mixing import check_mixing
from seqgen.training.options import USED_WITH, TrainingOptions


def check_options(chosen: ChosenOptions, *, fresh: bool) -> None:
    """Refuse options that contradict each other, or that change nothing.

    Args:
        chosen: what was given, and where.
        fresh: whether the training starts from no model.

    Raises:
        OptionError: one does.
    """
    _check_patience(chosen.options)
    check_used(chosen, fresh=fresh)
    check_mixing(chosen.options)


def _check_patience(options: TrainingOptions) -> None:
    """Refuse patience where every evaluation would be the best.

    Raises:
        OptionError: nothing is held out to measure on.
    """
    if options.patience is not None and not options.validation_fraction:
        raise OptionError("patience counts evaluations on held-out text: set validation_fraction above 0.")


def check_used(chosen: ChosenOptions, *, fresh: bool = True, tried: Mapping[str, Sequence[Any]] | None = None) -> None:
    """Refuse what a person says of a training, and that would change nothing.

    Said is what the command line has, and what a file, or the environment, has beside the very value that leaves it without use;
    a file may well have more than each of the trainings that read it has a use for.

    Args:
        chosen: what was given, and where.
        fresh: whether the training starts from no model; else the shape is the model's, which is held against what is given.
        tried: names to the values that a sweep is to try, one of which is enough to have a use for another option.

    Raises:
        OptionError: names it, and what it needs.
    """
    tried = tried or {}
    origins = {**chosen.origins, **dict.fromkeys(tried, COMMAND_LINE)}

    def values_of(name: str) -> Sequence[Any]:
        return tried.get(name, (getattr(chosen.options, name),))

    unseen = [value for value in values_of("unseen") if value != "refuse"]
    if fresh and unseen and origins["unseen"] == COMMAND_LINE:
        msg = f"unseen is {unseen[0]}, but only a training that starts from a model (seqgen train --from MODEL) can meet unseen symbols."
        raise OptionError(msg)
    for name, (other, used) in USED_WITH.items():
        own, values = origins[name], values_of(other)
        said = own == COMMAND_LINE or (own == origins[other] and asked_for(own))
        if not said or (not fresh and other == "input_encoding") or set(used) & set(values):
            continue
        if origins[other] != SWEEP:  # which tries others too
            beside = "" if own == origins[other] else in_brackets(origins[other])
            raise OptionError(
                f"{name}{in_brackets(own)} needs {other} {' or '.join(used)}, not {' or '.join(values)}{beside}.  Leave it out."
            )
