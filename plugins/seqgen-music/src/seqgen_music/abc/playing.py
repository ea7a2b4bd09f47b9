"""The order in which a tune is played: its repeats, and of their endings the one whose turn it is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from seqgen_music.abc.metre import WHOLE
from seqgen_music.abc.tempo import USUAL
from seqgen_music.abc.tune import Note, Sign

Event = Note | Sign

_PLAIN = ("|", ".|", "[|]")  # the bar lines that begin and end nothing but bars


@dataclass
class _Section:
    """What is repeated together.

    Attributes:
        opened: whether a sign says that it begins.
        times: how often it is played, if its endings do not say more.
        shared: what is played each time.
        endings: what is played at some times only, with their numbers, from 1.
    """

    opened: bool = False
    times: int = 1
    shared: list[Event] = field(default_factory=list)
    endings: list[tuple[frozenset[int], list[Event]]] = field(default_factory=list)

    def add(self, event: Event) -> None:
        (self.endings[-1][1] if self.endings else self.shared).append(event)

    def played(self, holds: dict[str, Sign]) -> Iterator[Event]:
        """It, as often as it is played, each time in the metre and tempo in which it began.

        Args:
            holds: the last sign of each letter that was played; those of the section are added.
        """
        times = max([self.times, *itertools.chain.from_iterable(numbers for numbers, _ in self.endings)])
        before = holds.copy()
        for time in range(1, times + 1):
            back = [sign for letter, sign in before.items() if sign != holds[letter]]
            ending = next((events for numbers, events in self.endings if time in numbers), ())
            for event in itertools.chain(back, self.shared, ending):
                if isinstance(event, Sign):
                    holds[event.letter] = event
                yield event


def in_order(events: Sequence[Event]) -> Iterator[Event]:
    """The notes, metres and tempos of a tune as they are played (ABC standard 2.1, 4.8 to 4.10).

    A repeat without a sign where it begins goes back to the latest double bar, or else to where the one before ends.  An ending
    goes on to the next, to a double bar or to the end of its repeat.

    Args:
        events: as :class:`seqgen_music.abc.tune.Tune` has them.
    """
    section = _Section()
    holds = {"Q": Sign("Q", f"1/4={USUAL}", WHOLE)}
    for event, before_ending in zip(events, _before_endings(events), strict=True):
        if isinstance(event, Note) or event.letter not in "|[":
            section.add(event)
        elif event.letter == "[":
            section.endings.append((_numbers(event.text), []))
        elif event.text not in _PLAIN:
            opens = event.text[-1] == ":"
            # Two colons before the line mean three times, and so on; of the sign :: one closes and one opens.
            colons = 1 if event.text == "::" else len(event.text) - len(event.text.lstrip(":"))
            if colons:
                section.times = max(section.times, 1 + colons)
            ends = colons or section.endings or not section.opened
            if opens or (ends and not before_ending):
                yield from section.played(holds)
                section = _Section(opened=opens)
    yield from section.played(holds)


def _before_endings(events: Sequence[Event]) -> list[bool]:
    """Of each event, whether an ending begins behind it before a note or a bar line that is not plain."""
    told = []
    before_ending = False
    for event in reversed(events):
        told.append(before_ending)
        if isinstance(event, Note) or event.letter == "[" or (event.letter == "|" and event.text not in _PLAIN):
            before_ending = isinstance(event, Sign) and event.letter == "["
    return told[::-1]


def _numbers(text: str) -> frozenset[int]:
    """The times that an ending is for: of ``1,3-5`` the numbers 1, 3, 4 and 5."""
    spans = [span.split("-") for span in text.split(",")]
    return frozenset(number for span in spans for number in range(int(span[0]), int(span[-1]) + 1))
