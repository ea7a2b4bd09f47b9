"""What holds in a session for the texts to come, and what of it a line changes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from seqgen.core.errors import UsageError
from seqgen.core.options import PartSpec
from seqgen.generation.length import Length
from seqgen.generation.selection import shorthand

OFF = "off"
"""The value that takes a setting away."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What holds for the texts to come."""

    length: Length
    stop: tuple[str, ...] = ()
    samplers: tuple[PartSpec, ...] = ()
    random_seed: int | None = None
    strict: bool = False
    backend: str | None = None
    device: str = "auto"

    def changed(self, name: str, value: str) -> Settings:
        """The settings with one of them as a person writes it.

        Args:
            name: ``length``, ``stop``, ``random-seed``, ``backend``, ``device``, ``sampler``, or that of a bundled sampler.
            value: as after the command; ``OFF`` takes the setting away.

        Raises:
            UsageError, OptionError: it is no such value.
        """
        match name:
            case "length":
                return replace(self, length=Length() if value == OFF else Length.parse(value))
            case "stop":
                return replace(self, stop=() if value == OFF else (*self.stop, text_of(value)))
            case "random-seed":
                if value != OFF and not (value.isascii() and value.isdigit() and int(value[:20]) < 2**63):
                    raise UsageError(
                        f'/random-seed is "{value}", but must be a whole number from 0 to 2^63 - 1, or off.'
                    )
                return replace(self, random_seed=None if value == OFF else int(value))
            case "backend":
                return replace(self, backend=None if value == OFF else value)
            case "device":
                return replace(self, device="auto" if value == OFF else value)
            case "sampler" if value == OFF:
                return replace(self, samplers=())
            case "sampler":
                return replace(self, samplers=_placed(self.samplers, PartSpec.parse(value)))
        if value == OFF:
            return replace(self, samplers=tuple(each for each in self.samplers if _bare(each) != name))
        return replace(self, samplers=_placed(self.samplers, shorthand(name.replace("-", "_"), value)))


def text_of(argument: str) -> str:
    """The text itself, or what it says between quotation marks, with JSON's escapes.

    Raises:
        UsageError: what begins with a quotation mark is no text in quotation marks.
    """
    if not argument.startswith('"'):
        return argument
    try:
        text = json.loads(argument)
    except ValueError as error:
        raise UsageError(
            f'{argument} is no text in quotation marks.  Write it as "...", with \\n for a new line.'
        ) from error
    return str(text)


def _bare(spec: PartSpec) -> str:
    """A sampler's name without its distribution."""
    return spec.name.rpartition("/")[2]


def _placed(chain: tuple[PartSpec, ...], new: PartSpec) -> tuple[PartSpec, ...]:
    """The chain with a sampler in the place of the first of its name, and no other of it, or else at the end."""
    names = [_bare(each) for each in chain]
    if _bare(new) not in names:
        return (*chain, new)
    first = names.index(_bare(new))
    return (*chain[:first], new, *(each for each in chain[first:] if _bare(each) != _bare(new)))
