"""The options of a training while they are being chosen, each with where its value came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqgen import settings
from seqgen.origins import DEFAULT, is_of_model
from seqgen.training.options import PRESETS, SettledOptions, TrainingOptions


@dataclass(frozen=True)
class ChosenOptions:
    """What has been chosen so far.

    Attributes:
        options: every option; None where it is still to be chosen, or means something itself.
        origins: name to where the value came from, in the order in which ``config.json`` has the options.
    """

    options: TrainingOptions
    origins: Mapping[str, str]

    @property
    def values(self) -> dict[str, Any]:
        """Name to value, as ``config.json`` has them."""
        return {name: getattr(self.options, name) for name in self.origins}

    @property
    def settled(self) -> SettledOptions:
        """The options of a run; what every run has a value of has been chosen."""
        return SettledOptions(**self.values)

    @property
    def inherited(self) -> frozenset[str]:
        """Names of the options that were taken over from a model, and that nobody gave."""
        return frozenset(name for name, origin in self.origins.items() if is_of_model(origin))

    def given(self, name: str) -> bool:
        """Whether an option is not left at its default."""
        return self.origins[name] != DEFAULT

    def take(self, origin: str, **values: Any) -> ChosenOptions:
        """The same with these values, which come from there.

        Raises:
            TypeError: one is of no option.
        """
        return ChosenOptions(replace(self.options, **values), {**self.origins, **dict.fromkeys(values, origin)})


def resolve_options(
    given: Mapping[str, Any],
    *,
    preset: str | None,
    config: str | Path | None,
    environment: Mapping[str, str] | None = None,
) -> ChosenOptions:
    """Every option of a training that was given somewhere, and where.

    Args:
        given: on the command line or in the call; None means not given.
        preset: a named set of options.
        config: a TOML file of options.
        environment: variables to their texts; None: those of the process.

    Raises:
        OptionError: a value is not allowed; names the place it came from.
    """
    values, origins = settings.resolve(
        TrainingOptions,
        given,
        config_file=settings.named_config(config),
        presets=PRESETS,
        preset=preset,
        environment=environment,
    )
    return ChosenOptions(TrainingOptions(**values), origins)
