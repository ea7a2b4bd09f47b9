"""How far a run is, in the units that people read."""

from __future__ import annotations

from dataclasses import dataclass

from seqgen.core.bits import shown_bits
from seqgen.training.metrics import CharactersPerToken
from seqgen.training.trainer import Tick


@dataclass(frozen=True)
class Status:
    """A tick in the units that people read.

    Attributes:
        tick: what the trainer reports.
        characters_per_token: turns nats per token into bits per character.
    """

    tick: Tick
    characters_per_token: CharactersPerToken

    @property
    def characters_per_second(self) -> float:
        """Characters of the corpus trained on, per second."""
        return self.tick.tokens_per_second * self.characters_per_token.training

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None before there is one."""
        if self.tick.progress <= 0.005:
            return None
        return self.tick.seconds * (1 - self.tick.progress) / self.tick.progress

    @property
    def bits(self) -> tuple[float | None, float | None]:
        """Training and validation loss in bits per character."""
        tick, characters = self.tick, self.characters_per_token
        return characters.training_bits(tick.train_loss), characters.validation_bits(tick.validation_loss)

    @property
    def losses(self) -> tuple[str, str]:
        """The same as people read them: a dash where there is none yet."""
        training, validation = ("-" if bits is None else shown_bits(bits) for bits in self.bits)
        return training, validation

    def fields(self, width: int) -> list[str]:
        """How far the run is: as many whole fields as fit into so many columns with a space before each."""
        tick = self.tick
        # By importance, the least first: where not all fit they go in this order.
        optional = {
            "pace": f"{self.characters_per_second:,.0f} characters/s",
            "epoch": f"epoch {tick.epoch:.1f}",
            "step": f"step {tick.step:,}",
            "left": f"{clock(self.seconds_left)} left",
        }
        shown = {"share": f"{tick.progress:.0%}", **optional}
        for name in optional:
            if sum(len(field) + 1 for field in shown.values()) <= width:
                break
            del shown[name]
        return [shown[name] for name in ("share", "left", "pace", "step", "epoch") if name in shown]

    def line(self) -> str:
        """Everything in one plain line."""
        tick = self.tick
        training, validation = self.losses
        return (
            f"{tick.progress:4.0%}  step {tick.step:,}  epoch {tick.epoch:.2f}  train {training}  "
            f"validation {validation} bits/character  {self.characters_per_second:,.0f} "
            f"characters/s  learning rate {tick.learning_rate:.2e}  {clock(self.seconds_left)} left"
        )


def clock(seconds: float | None) -> str:
    """A time as a clock shows it, with hours where there are some; dashes where it is not known."""
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
