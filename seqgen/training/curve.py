"""The loss of a run as a small curve for the terminal, kept while the run goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text

from seqgen.training.metrics import CharactersPerToken
from seqgen.training.plot import Series, plot

MOST = 512
"""Points that are kept; when there are twice as many, every second goes."""

LEAST = 8
"""Points below which a run that goes on has no curve yet."""

HEIGHT = 6
"""Lines of the curve, without its caption."""

TRAINING, VALIDATION = "cyan", "bold green"


@dataclass
class LossCurve:
    """Training and validation loss in bits per character, against steps.

    Attributes:
        least: points below which there is no curve yet.
    """

    least: int = LEAST
    _training: list[tuple[float, float]] = field(default_factory=list)
    _validation: list[tuple[float, float]] = field(default_factory=list)

    @classmethod
    def of(cls, metrics: Sequence[Mapping[str, Any]], characters_per_token: CharactersPerToken | None) -> LossCurve:
        """That of a run that has ended, from the lines of its metrics; none where it is not known what a token stands for."""
        curve = cls(least=2)
        if characters_per_token is None:
            return curve
        for line in metrics:
            training = characters_per_token.training_bits(line.get("train_loss"))
            curve.add(line["step"], training, characters_per_token.validation_bits(line.get("validation_loss")))
        return curve

    def add(self, step: int, training: float | None, validation: float | None) -> None:
        """The losses as they stand; a validation loss counts where it is another than before."""
        if training is not None and (not self._training or step > self._training[-1][0]):
            self._training = _thinned([*self._training, (step, training)])
        if validation is not None and (not self._validation or validation != self._validation[-1][1]):
            self._validation = _thinned([*self._validation, (step, validation)])

    def lines(self, width: int) -> list[Text]:
        """A caption and the curve; nothing where there are few points yet.

        The height is that of the losses after the first tenth of the run so far: before that they fall from so high
        that nothing could be seen of the rest.
        """
        if len(self._training) < self.least:
            return []
        first, last = self._training[0][0], self._training[-1][0]
        settled = first + (last - first) / 10
        low = min(loss for _, loss in [*self._training, *self._validation])
        high = max(loss for step, loss in [*self._training, *self._validation] if step >= settled)
        if high - low < 0.02:
            low, high = low - 0.01, high + 0.01
        caption = Text.assemble(
            ("bits/character  ", "dim"),
            ("⠒⠒", TRAINING),
            (" training  ", "dim"),
            ("●", VALIDATION),
            (" validation", "dim"),
        )
        series = [Series(self._training, TRAINING), Series(self._validation, VALIDATION, "●")]
        curve = plot(series, width=width, height=HEIGHT, x_range=(first, last), y_range=(low, high))
        return [caption, *curve]


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return points if len(points) < 2 * MOST else points[::2]
