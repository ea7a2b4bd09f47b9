"""Options that contradict each other, or that would change nothing, as far as they tell by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqgen.core.errors import OptionError
from seqgen.training.mixing import check_mixing


def check_options(values: Mapping[str, Any], origins: Mapping[str, str], *, fresh: bool) -> None:
    """Refuse options that contradict each other, or that change nothing.

    Args:
        values: every option of ``TrainingOptions``.
        origins: where each came from.
        fresh: whether the training starts from no model.

    Raises:
        OptionError: one does.
    """
    _check_patience(values)
    if fresh:
        check_used(values, origins)
    check_mixing(values)


def _check_patience(values: Mapping[str, Any]) -> None:
    """Refuse patience where every evaluation would be the best.

    Raises:
        OptionError: nothing is held out to measure on.
    """
    if values["patience"] is not None and not values["validation_fraction"]:
        raise OptionError("patience counts evaluations on held-out text: set validation_fraction above 0.")


def check_used(values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    """Refuse what a person says of a training that starts fresh, and that would change nothing.

    Raises:
        OptionError: names it, and what it needs.
    """
    if values["unseen"] != "refuse" and origins["unseen"] == "command line":
        msg = f"unseen is {values['unseen']}, but only a training that starts from a model (seqgen train --from MODEL) can meet unseen symbols."
        raise OptionError(msg)
    both = origins["embedding_size"] == origins["input_encoding"] == "command line"
    if both and values["input_encoding"] != "embedding":
        msg = f"embedding_size needs input_encoding embedding, not {values['input_encoding']}.  Leave it out."
        raise OptionError(msg)
