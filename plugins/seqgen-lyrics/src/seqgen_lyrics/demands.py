"""What the samplers of this plugin in one chain demand together."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from seqgen.core.errors import OptionError
from seqgen_lyrics.scheme import UNRHYMED

DEFAULT_LINES = 4
"""Lines of a section where neither a scheme nor a pattern says."""


@dataclass(frozen=True, kw_only=True)
class Demands:
    """What is demanded; the defaults demand nothing.

    Attributes:
        scheme: letters, one a line; empty: no rhyme.
        slant: a slant rhyme will do.
        identical: a word may rhyme with itself, or with what sounds the same.
        look_ahead: words that rhyme which are looked at, at most.
        seconds: that the look-ahead for one token may take.
        pattern: syllables of each line.
        foot: of the metre; empty: none.
        sections: names, in order; empty: no form.
        headings: a section begins with a line such as ``[Verse]``.
        lines: of a section, where a person says so; 0: as the scheme or pattern has.
        unique: no line comes twice.
    """

    scheme: str = ""
    slant: bool = False
    identical: bool = False
    look_ahead: int = 1000
    seconds: float = 5.0
    pattern: tuple[int, ...] = ()
    foot: str = ""
    sections: tuple[str, ...] = ()
    headings: bool = True
    lines: int = 0
    unique: bool = False

    def __post_init__(self) -> None:
        """Refuse what excludes one another."""
        own = {
            f"rhyme:scheme={self.scheme}": len(self.scheme),
            f"syllables:pattern={'-'.join(map(str, self.pattern))}": len(self.pattern) if len(self.pattern) > 1 else 0,
            f"form:lines={self.lines}": self.lines,
        }
        given = [(what, lines) for what, lines in own.items() if lines]
        for (one, lines), (other, others) in itertools.combinations(given, 2):
            fits = lines == others
            if other.startswith("syllables"):  # a pattern may come several times in a stanza
                fits = lines % others == 0
            elif one.startswith("syllables"):
                fits = others % lines == 0
            if not fits:
                raise OptionError(
                    f"{one} and {other} exclude each other: a stanza of the one has {lines} lines, of the other {others}.  "
                    "Give both as many lines, or leave one out"
                )

    @property
    def steers_words(self) -> bool:
        """Whether it matters which words a line has, not only where lines end."""
        return bool(self.scheme or self.pattern or self.foot)

    @property
    def stanza(self) -> int | None:
        """How many lines a stanza has; None where the model may choose."""
        cycle = len(self.pattern) if len(self.pattern) > 1 else 0
        fallback = DEFAULT_LINES if self.sections else 0
        return self.lines or len(self.scheme) or cycle or fallback or None

    def syllables(self, index: int) -> int | None:
        """How many syllables a line of the stanza has; None: any number."""
        return self.pattern[index % len(self.pattern)] if self.pattern else None

    def partners(self, index: int) -> tuple[list[int], list[int]]:
        """The lines of the stanza that a line rhymes with: those before it, those after it."""
        letter = self.scheme[index : index + 1]
        if not letter or letter == UNRHYMED:
            return [], []
        alike = [place for place, other in enumerate(self.scheme) if other == letter]
        return [place for place in alike if place < index], [place for place in alike if place > index]

    def unlike(self, index: int) -> list[int]:
        """The lines of the stanza before a line that it must not rhyme with: those of other letters, and of X all."""
        letter = self.scheme[index : index + 1]
        before = self.scheme[:index] if letter else ""
        return [place for place, other in enumerate(before) if other != letter or letter == UNRHYMED]
