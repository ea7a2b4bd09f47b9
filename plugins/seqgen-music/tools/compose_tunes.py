"""Composes ``corpora/tunes.abc``: 144 tunes written for seqgen, by a procedure with motifs, contours and forms chosen by hand.

    python plugins/seqgen-music/tools/compose_tunes.py > corpora/tunes.abc

A tune has two parts of eight bars, the second higher than the first.  A part is a period: its first bar is its motif, which
comes again in bar 5 and, on other chords, in bars 3 and 6; bar 4 ends open, bar 8 on the tonic.  Each bar has a rhythm that
its dance has and a chord; strong beats take notes of the chord, a contour leads from one to the next.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from fractions import Fraction

LETTERS = "CDEFGAB"
NATURAL = dict(zip(LETTERS, (0, 2, 4, 5, 7, 9, 11), strict=True))
MODES = {  # semitones of the degrees
    "": (0, 2, 4, 5, 7, 9, 11),
    "m": (0, 2, 3, 5, 7, 8, 10),
    "dor": (0, 2, 3, 5, 7, 9, 10),
    "mix": (0, 2, 4, 5, 7, 9, 10),
}
PROGRESSIONS = {  # degrees of a part's eight chords, from 0
    "": ("00340040", "03040340", "05340340", "04530340", "00430140", "00050340", "03150540"),
    "m": ("00660060", "05600560", "03600560", "00300640", "05360560"),
    "dor": ("00660360", "03600360", "00630660", "06030660"),
    "mix": ("00600360", "06300630", "00360060", "03060360"),
}
CONTOURS = (
    (1, 1, -1, -1), (-1, -1, 1, 1), (2, -1, -1, 2), (-2, 1, 1, -2), (1, 1, 1, -2), (-1, -1, -1, 2), (2, 2, -1, -1),
    (-2, -2, 1, 1), (1, -1, 2, -1), (-1, 1, -2, 1), (4, -2, 1, -1), (-2, 4, -1, -1), (2, 1, -2, -1), (-1, 2, -1, -2),
)  # fmt: skip


@dataclass(frozen=True)
class Dance:
    """A kind of tune.

    Attributes:
        metre: as ABC writes it.
        strong: eighths between strong beats.
        rhythms: of a bar, in eighths; h is half of one.
        last: the rhythm of a part's last bar.
        upbeat: eighths before the first bar, which the last bar lacks.
        keys: tonics and modes.
        swung: pairs of eighths are written with >.
        chords: chord symbols are written.
    """

    metre: str
    strong: int
    rhythms: tuple[str, ...]
    last: str
    upbeat: str
    keys: tuple[str, ...]
    swung: bool = False
    chords: bool = False


DANCES = {
    "jig": Dance("6/8", 3, ("111111", "2121", "21111", "11121", "111111", "321", "1113"), "32", "1",
                 ("G", "D", "A", "Ador", "Em", "Amix", "Edor")),
    "reel": Dance("4/4", 4, ("11111111", "211211", "2111111", "111122", "1111211", "311111"), "222", "11",
                  ("G", "D", "A", "Ador", "Dmix", "Edor", "Bm")),
    "hornpipe": Dance("4/4", 2, ("11111111", "2111111", "111122", "1111112"), "222", "11",
                      ("G", "D", "Bb", "F", "C"), swung=True),
    "polka": Dance("2/4", 2, ("1111", "211", "112", "1hh11", "11hh1", "hh111"), "22", "",
                   ("G", "D", "A", "C", "Amix")),
    "waltz": Dance("3/4", 2, ("222", "42", "312", "2112", "2211", "411", "33"), "42", "",
                   ("G", "D", "C", "F", "Am", "Em", "Gm"), chords=True),
    "slip jig": Dance("9/8", 3, ("212121", "1112121", "211113", "11111121", "32121"), "333", "",
                      ("G", "D", "Em", "Ador", "Edor")),
    "march": Dance("4/4", 2, ("2222", "31211", "22211", "3122", "21122"), "224", "",
                   ("G", "D", "Bb", "F", "Dm", "Am"), chords=True),
    "mazurka": Dance("3/4", 2, ("312", "1122", "222", "3111", "2112"), "24", "",
                     ("D", "G", "Bm", "Am"), chords=True),
}  # fmt: skip

FIRST = (
    "Frozen", "Northward", "Lamplit", "Wandering", "Patient", "Crooked", "Silver", "Windbound", "Drifting", "Barefoot",
    "Thawing", "Early", "Hollow", "Tallow", "Whistling", "Restless", "Salted", "Midwinter", "Borrowed", "Gentle",
)  # fmt: skip
SECOND = (
    "Anchor", "Kettle", "Compass", "Sledge", "Harbour", "Lantern", "Quartermaster", "Petrel", "Floe", "Bowline", "Galley",
    "Cormorant", "Sextant", "Pilot", "Mitten", "Telescope", "Barometer", "Biscuit", "Foghorn", "Walrus", "Almanac",
)  # fmt: skip


class Composer:
    """Writes one tune."""

    def __init__(self, chance: random.Random, name: str, key: str) -> None:
        self.chance, self.dance = chance, DANCES[name]
        self.tonic = key[:2] if key[1:2] == "b" else key[:1]
        self.mode = key[len(self.tonic) :]
        self.base = LETTERS.index(self.tonic[0])
        self.low = 1 - self.base  # D, a little above middle C

    def tune(self, number: int, title: str, name: str) -> str:
        """The tune as ABC."""
        dance = self.dance
        first = self.part(self.low + self.chance.randint(0, 2), 0)
        second = self.part(self.low + self.chance.randint(3, 5), 1)
        head = f"X:{number}\nT:{title}\nR:{name}\nM:{dance.metre}\nL:1/8\nK:{self.tonic}{self.mode}\n"
        return head + first + "\n" + second + "\n"

    def part(self, start: int, which: int) -> str:
        """A part of eight bars, repeated."""
        chance, dance = self.chance, self.dance
        chords = [int(degree) for degree in chance.choice(PROGRESSIONS[self.mode])]
        motif = chance.choice(dance.rhythms), chance.sample(CONTOURS, 2)
        answer = chance.choice(dance.rhythms), chance.sample(CONTOURS, 2)
        turn = chance.choice(dance.rhythms), chance.sample(CONTOURS, 2)
        bars: list[list[tuple[int, Fraction]]] = []
        previous = start
        for place, chord in enumerate(chords):
            if place == 4 and chords[0] == chords[4]:
                bar = bars[0]
            elif place == 7:
                bar = self.ending(previous)
            else:
                rhythm, contours = (motif, answer, motif, turn, motif, motif, answer)[place]
                bar = self.bar(rhythm, contours, chord, previous, start)
                if place == 3:
                    bar = [*bar[:-1], (self.nearest(bar[-1][0], 4), bar[-1][1])]
            # Nothing out of a fiddle's reach.
            bar = [(step + 7 * ((step < start - 3) - (step > start + 8)), length) for step, length in bar]
            bars.append(bar)
            previous = bar[-1][0]
        written = [self.written(bar, chord) for bar, chord in zip(bars, chords, strict=True)]
        upbeat = self.upbeat(bars[0][0][0])
        if which and chance.random() < 0.4:  # a second ending, higher or lower
            other = self.written(self.ending(previous + chance.choice((-2, 2, 3))), 0)
            lines = [" | ".join(written[:4]), " | ".join(written[4:7])]
            return f"|:{upbeat}{lines[0]} |\n{lines[1]} |[1 {written[7]} :|[2 {other} |]"
        return f"|:{upbeat}{' | '.join(written[:4])} |\n{' | '.join(written[4:])} :|"

    def bar(
        self, rhythm: str, contours: list[tuple[int, ...]], chord: int, previous: int, start: int
    ) -> list[tuple[int, Fraction]]:
        """Notes as steps above the tonic and lengths in eighths."""
        notes: list[tuple[int, Fraction]] = []
        steps = [step for contour in contours for step in contour]
        time, pitch = Fraction(0), self.nearest(previous, chord)
        if pitch == previous:
            pitch = self.nearest(previous + (1 if previous <= start + 3 else -1), chord)
        for number, length in enumerate(rhythm):
            if number:
                step = steps[(number - 1) % len(steps)]
                if not start - 2 <= pitch + step <= start + 8:
                    step = -step
                pitch += step
                if time % self.dance.strong == 0 and (pitch - chord) % 7 not in (0, 2, 4):
                    pitch = self.nearest(pitch, chord)
            value = Fraction(1, 2) if length == "h" else Fraction(int(length))
            notes.append((pitch, value))
            time += value
        return notes

    def ending(self, previous: int) -> list[tuple[int, Fraction]]:
        """The last bar, which comes to rest on the tonic."""
        home = 7 * round(previous / 7)
        away = {
            1: (home,),
            2: (home + self.chance.choice((2, 1, -1)), home),
            3: self.chance.choice(((home + 2, home + 1, home), (home + 1, home - 1, home), (home + 4, home + 2, home))),
        }
        rhythm = self.dance.last
        return [(step, Fraction(int(length))) for step, length in zip(away[len(rhythm)], rhythm, strict=True)]

    def nearest(self, pitch: int, chord: int) -> int:
        """The note of a chord that is nearest to a pitch."""
        return min(
            (each for each in range(pitch - 4, pitch + 5) if (each - chord) % 7 in (0, 2, 4)),
            key=lambda each: (abs(each - pitch), each),
        )

    def upbeat(self, first: int) -> str:
        """Steps that lead to the first note."""
        direction = self.chance.choice((1, -1))
        count = len(self.dance.upbeat)
        notes = [first + direction * (count - number) for number in range(count)]
        return f"{''.join(map(self.pitch, notes))} | " if notes else " "

    def written(self, notes: list[tuple[int, Fraction]], chord: int) -> str:
        """A bar as ABC."""
        text = [self.chord(chord)] if self.dance.chords else []
        time, number = Fraction(0), 0
        while number < len(notes):
            pitch, length = notes[number]
            if time and time % (3 if self.dance.metre in ("6/8", "9/8") else 2) == 0:
                text.append(" ")
            text.append(self.pitch(pitch) + {Fraction(1): "", Fraction(1, 2): "/2"}.get(length, str(length)))
            pair = number + 1 < len(notes) and length == notes[number + 1][1] == 1 and time % 2 == 0
            if self.dance.swung and pair:
                text.append(">")
            time, number = time + length, number + 1
        return "".join(text)

    def pitch(self, step: int) -> str:
        """A note as ABC, by its steps above the tonic."""
        octave, letter = divmod(self.base + step, 7)
        name = LETTERS[letter]
        return name + "," * -octave if octave <= 0 else name.lower() + "'" * (octave - 1)

    def chord(self, degree: int) -> str:
        """The triad on a degree, as a chord symbol."""
        scale = MODES[self.mode]
        sign = {"b": -1}.get(self.tonic[1:], 0)
        semitone = NATURAL[self.tonic[0]] + sign + scale[degree]
        letter = LETTERS[(self.base + degree) % 7]
        altered = (semitone - NATURAL[letter] + 6) % 12 - 6
        third = (scale[(degree + 2) % 7] - scale[degree]) % 12
        return f'"{letter}{ {0: "", 1: "#", -1: "b"}[altered] }{"m" if third == 3 else ""}"'.replace(" ", "")


def main() -> None:
    """Write the book."""
    chance = random.Random(1897)  # fixed: the book is the same each time
    titles = [f"The {first} {second}" for first in FIRST for second in SECOND]
    chance.shuffle(titles)
    print("%abc-2.1\n% Tunes written for seqgen by plugins/seqgen-music/tools/compose_tunes.py.  Apache-2.0.\n")
    kinds = [kind for _ in range(18) for kind in DANCES]
    for number, kind in enumerate(kinds, start=1):
        keys = DANCES[kind].keys
        key = keys[(number // len(DANCES)) % len(keys)]
        print(Composer(chance, kind, key).tune(number, titles[number], kind))


if __name__ == "__main__":
    sys.exit(main())
