"""What a sweep searches: options of training, each with choices or a range."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from seqgen.core.errors import OptionError
from seqgen.core.options import checked
from seqgen.training.options import PANELS, TrainingOptions

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

FIXED = {
    "dataset": "trials are compared on the same held-out text, and another dataset holds out another",
    "max_time": "every trial has the same: --trial-time",
    "validation_fraction": "trials are compared by what they reach on the same part of the corpus",
}
"""Options that cannot be searched, and why."""

LOG_RATIO = 10
"""A range whose ends are this far apart is searched on a logarithmic scale."""

_DIGITS = 3  # of a searched number: what is shown is what was tried


@dataclass(frozen=True)
class Choices:
    """An option and the values to try."""

    name: str
    values: tuple[Any, ...]

    @property
    def distribution(self) -> BaseDistribution:
        """What the study draws from."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)

    def has(self, value: Any) -> bool:
        """Whether the value is one of them."""
        return value in self.values

    def suggest(self, trial: Trial) -> Any:
        """A value for a trial."""
        return trial.suggest_categorical(self.name, list(self.values))

    def __str__(self) -> str:
        texts = [str(value) for value in self.values]
        return f"{self.name}={('|' if any(',' in text for text in texts) else ',').join(texts)}"

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able value."""
        return {"name": self.name, "values": list(self.values)}


@dataclass(frozen=True)
class Range:
    """A numeric option and the numbers between which to try; whole ones where both ends are ``int``."""

    name: str
    low: float
    high: float

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are tried."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def logarithmic(self) -> bool:
        """Whether 1 to 10 is as far as 10 to 100."""
        return self.low > 0 and self.high / self.low >= LOG_RATIO

    @property
    def distribution(self) -> BaseDistribution:
        """What the study draws from."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.logarithmic)
        return FloatDistribution(self.low, self.high, log=self.logarithmic)

    def has(self, value: Any) -> bool:
        """Whether the value lies within it."""
        return _is_number(value) and self.low <= value <= self.high

    def suggest(self, trial: Trial) -> Any:
        """A number for a trial."""
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=self.logarithmic)
        number = trial.suggest_float(self.name, self.low, self.high, log=self.logarithmic)
        return min(max(_rounded(number), self.low), self.high)

    def __str__(self) -> str:
        return f"{self.name}={self.low}..{self.high}"

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able value."""
        return {"name": self.name, "low": self.low, "high": self.high}


Dimension: TypeAlias = Choices | Range


def from_json(value: Any) -> Dimension:
    """What ``to_json`` gave.

    Raises:
        OptionError: it is not that, or an option or a value that cannot be searched.
    """
    match value:
        case {"name": str(key), "values": [_, *_] as values}:
            pairs = [_value(key, each, where="space") for each in values]
            name = pairs[0][0]
            _refuse_fixed(name)
            # Parts as they were written: "none" is a name, too.
            return Choices(name, tuple(values if name in PANELS["Parts"] else (each for _, each in pairs)))
        case {"name": str(key), "low": low, "high": high}:
            (name, low), (_, high) = (_value(key, end, where="space") for end in (low, high))
            _refuse_fixed(name)
            if _is_number(low) and _is_number(high) and low < high:
                return Range(name, low, high)
    raise OptionError("space has something that no sweep searches")


def parse_search(texts: Sequence[str]) -> list[Dimension]:
    """Read ``OPTION=LOW..HIGH``, ``OPTION=VALUE,VALUE,...`` or ``OPTION=VALUE|VALUE|...``.

    In choices that are separated by commas, a piece of the form ``key=value`` belongs to the part named before it:
    ``tokenizer=char,bpe:vocab_size=512,min_count=2`` are two.

    Raises:
        OptionError: not of that form, no such option, a value that is not allowed, or an option that cannot be searched.
    """
    dimensions: dict[str, Dimension] = {}
    for text in texts:
        key, equals, rest = text.partition("=")
        if not equals or not key.strip() or not rest.strip():
            msg = (
                f'--search "{text}" is not OPTION=VALUES.  Write --search hidden-size=128,256 or '
                f"--search learning-rate=1e-3..1e-2"
            )
            raise OptionError(msg)
        dimension = _dimension(key, rest.strip())
        if dimension.name in dimensions:
            msg = f"--search names {dimension.name} twice.  Give all its values at once."
            raise OptionError(msg)
        _refuse_fixed(dimension.name)
        dimensions[dimension.name] = dimension
    return list(dimensions.values())


def _dimension(key: str, text: str) -> Dimension:
    if match := re.fullmatch(r"([^|,]*\d[^|,]*?)\.\.([^|,]*\d[^|,]*)", text):
        (name, low), (_, high) = (_value(key, end.strip()) for end in match.groups())
        if not (_is_number(low) and _is_number(high)):
            msg = f"--search {text} is a range, but {name} is no number.  Give choices: --search {key}=VALUE,VALUE"
            raise OptionError(msg)
        if not low < high:
            msg = f"--search {key}={text}: {low:g} is not below {high:g}."
            raise OptionError(msg)
        return Range(name, low, high)
    pieces = [piece.strip() for piece in (text.split("|") if "|" in text else _split(text))]
    name = _value(key, pieces[0])[0]
    if name in PANELS["Parts"]:
        return Choices(name, tuple(dict.fromkeys(pieces)))
    return Choices(name, tuple(dict.fromkeys(_value(key, piece)[1] for piece in pieces)))


def _split(text: str) -> list[str]:
    """At the commas that no backslash precedes, but not before the further options of a part."""
    pieces: list[str] = []
    for piece in re.split(r"(?<!\\),", text):
        if pieces and re.match(r"\s*[\w-]+=", piece):
            pieces[-1] += f",{piece}"
        else:
            pieces.append(piece)
    return pieces


def _value(key: str, value: Any, *, where: str = "sweep --search") -> tuple[str, Any]:
    ((name, value),) = checked(TrainingOptions, {key: value}, where=where).items()
    return name, value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse_fixed(name: str) -> None:
    if name in FIXED:
        msg = f"{name} cannot be searched: {FIXED[name]}."
        raise OptionError(msg)


def around(chosen: Mapping[str, Any], taken: set[str]) -> tuple[list[Dimension], dict[str, Any]]:
    """The space to search where none is named, and its centre: what seqgen itself chooses.

    Args:
        chosen: the options of a training, as seqgen chose them.
        taken: those that a person has settled.
    """
    size, rate, batch, seq_len = (chosen[name] for name in ("hidden_size", "learning_rate", "batch_size", "seq_len"))
    space: list[Dimension] = [
        Choices("hidden_size", tuple(sorted({max(1, size // 2), max(1, 3 * size // 4), size, 3 * size // 2}))),
        Range("learning_rate", _rounded(rate / 4), _rounded(rate * 4)),
        Range("dropout", 0.0, 0.6),
        Choices("batch_size", tuple(sorted({max(1, batch // 2), batch, 2 * batch}))),
        Choices("seq_len", tuple(sorted({max(1, seq_len // 2), seq_len, 2 * seq_len}))),
        Choices("num_layers", (1, 2)),
    ]
    space = [dimension for dimension in space if dimension.name not in taken]
    return space, {dimension.name: chosen[dimension.name] for dimension in space}


def _rounded(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")


def combinations(space: Sequence[Dimension], limit: int) -> list[dict[str, Any]] | None:
    """Every combination of values, where all are choices and there are at most ``limit``; otherwise None."""
    count = 1
    for dimension in space:
        if not isinstance(dimension, Choices):
            return None
        count *= len(dimension.values)
    if count > limit:
        return None
    names = [dimension.name for dimension in space]
    values = [dimension.values for dimension in space if isinstance(dimension, Choices)]
    return [dict(zip(names, each, strict=True)) for each in itertools.product(*values)]
