"""Which token may follow which in a tune whose bars add up.

The header comes first, in its order; bars are full, and where a part ends, what is there and the upbeat of the part, or of the
next, make one bar; brackets, tuplets, slurs, ties, endings and repeats close; the tune ends at a bar line that ends a part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqgen_music.abc.filling import Filling
from seqgen_music.abc.lexemes import Kind, Lexeme
from seqgen_music.abc.metre import WHOLE, bar_length, tuplet, unit_length
from seqgen_music.abc.normal import ORDER
from seqgen_music.abc.place import USED, Place, State, lasting, unit_of
from seqgen_music.abc.reading import Reader

LONGEST_TEXT = 60  # letters of a title
MOST_GRACE = 4
MOST_IN_CHORD = 4
SIMPLE_TUPLETS = ("(2", "(3", "(4", "(6")

_PREFIXES = (Kind.CHORD_SYMBOL, Kind.DECORATION, Kind.GRACE, Kind.SLUR)
_AFTER_NOTE = (Place.NOTE, Place.LENGTH)


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a tokenizer by what they are.

    Attributes:
        lexemes: (V,) None for the end token.
        of: the ids of each kind.
        ids: the id of each lexeme.
    """

    lexemes: Sequence[Lexeme | None]
    of: dict[Kind, list[int]]
    ids: dict[Lexeme, int]

    @classmethod
    def made(cls, lexemes: Sequence[Lexeme | None]) -> Vocabulary:
        """Sort the tokens."""
        of: dict[Kind, list[int]] = {kind: [] for kind in Kind}
        for token, lexeme in enumerate(lexemes):
            if lexeme is not None:
                of[lexeme.kind].append(token)
        return cls(lexemes, of, {lexeme: token for token, lexeme in enumerate(lexemes) if lexeme is not None})

    def texts(self, kind: Kind) -> list[str]:
        """The texts of a kind."""
        return [lexeme.text for token in self.of[kind] if (lexeme := self.lexemes[token]) is not None]


class TuneGrammar:
    """The automaton (see :class:`seqgen.core.tokenizer.Grammar`), and the shortest way to the end.

    Args:
        lexemes: (V,) what each id stands for, None for the end token.
        min_bars: a tune has at least so many.
    """

    def __init__(self, lexemes: Sequence[Lexeme | None], min_bars: int) -> None:
        self._vocabulary = Vocabulary.made(lexemes)
        self._min_bars = min_bars
        self._fill = Filling(self._vocabulary.texts(Kind.LENGTH))
        bars = {Lexeme(Kind.BAR, text) for text in ("|", "||", "|]", ":|", "|:", "::")} & set(self._vocabulary.ids)
        self._bars = {lexeme.text: self._vocabulary.ids[lexeme] for lexeme in bars}
        self._has_volta = ":|" in self._bars and {Lexeme(Kind.VOLTA, "[1"), Lexeme(Kind.VOLTA, "[2")} <= set(
            self._vocabulary.ids
        )
        self._closing: list[str] = [text for text in ("|]", "||", ":|") if text in self._bars]
        self._has_metre = any(
            text[0] == "M" and bar_length(text[2:]) is not None for text in self._vocabulary.texts(Kind.FIELD)
        )
        self._pitches = frozenset(self._vocabulary.of[Kind.PITCH])
        self._costs: dict[State, int] = {}
        reader = Reader(lexemes, self._fill)
        self.next, self._fits = reader.next, reader.fits

    start = State()

    @property
    def lacks(self) -> str:
        """What the vocabulary lacks without which there is no tune; empty if it lacks nothing."""
        fields = {text[0] for text in self._vocabulary.texts(Kind.FIELD)}
        if not self._has_metre:
            return "an M: field"
        if "K" not in fields:
            return "a K: field"
        if len(self._vocabulary.of[Kind.PITCH]) < MOST_IN_CHORD:
            return "notes"
        return "" if "|" in self._bars else "bar lines"

    # What may come

    def allowed(self, state: State) -> npt.NDArray[np.bool_]:
        """(V,) True for each token that may come next; none after the final bar line."""
        mask = np.zeros(len(self._vocabulary.lexemes), np.bool_)
        mask[self._allowed(state)] = True
        return mask

    def may_end(self, state: State) -> bool:
        """Whether the tune is whole."""
        if state.place is Place.END:
            return True
        whole = state.place is Place.BAR and not (
            state.used or state.pitches or state.slur or state.repeat or state.volta
        )
        return whole and state.bars >= self._min_bars and state.line in (self._closing or ["|"])

    def _allowed(self, state: State) -> list[int]:  # noqa: PLR0912, C901  one branch a place
        of, ids = self._vocabulary.of, self._vocabulary.ids
        match state.place:
            case Place.HEADER:
                return self._header(state)
            case Place.TEXT:
                letters = of[Kind.CHARACTER] if state.pending < LONGEST_TEXT else []
                if not state.pending:
                    letters = [token for token in letters if self._text(token) not in " :|"]
                    return letters or of[Kind.LINE_END]
                return [*letters, *of[Kind.LINE_END]]
            case Place.GRACE:
                notes = of[Kind.PITCH] if state.pending < MOST_GRACE else []
                return [*notes, *(of[Kind.GRACE_END] if state.pending else [])]
            case Place.CHORD:
                few = len(state.pitches) < MOST_IN_CHORD
                notes = [token for token in of[Kind.PITCH] if few and self._text(token) not in state.pitches]
                return [*notes, *(of[Kind.CHORD_END] if len(state.pitches) > 1 else [])]
            case Place.MUST:
                return [ids[Lexeme(Kind.LENGTH, state.must or "")]]
            case Place.BROKEN:
                return of[Kind.PITCH]
            case Place.END:
                return []
        if state.volta == 2:
            return [ids[Lexeme(Kind.VOLTA, "[2")]]
        if state.bar is not None and state.position > state.bar:  # a prompt may hold any bar
            return [self._bars["|"]]
        tokens = self._bar_lines(state)
        if state.place is Place.NOTE:
            tokens += [ids[Lexeme(Kind.LENGTH, text)] for text, ticks in self._choices(state) if text]
            settled = self._fits(state, state.pending)
        else:
            settled = True
        if not settled:
            return tokens or [self._bars["|"]]
        if state.pitches:  # a tie waits for its note
            wanted = ids.get(Lexeme(Kind.PITCH, state.pitches[0]))
            return tokens if state.now == state.bar or wanted is None else [*tokens, wanted]
        if state.place in _AFTER_NOTE:
            tokens += self._after_note(state)
        if state.place in (Place.BAR, Place.PREFIX) or state.now != state.bar:
            tokens += self._before_note(state)
        if state.place is Place.BAR:
            tokens += self._at_bar_start(state)
        return tokens or [self._bars["|"]]

    def _header(self, state: State) -> list[int]:
        tokens = []
        number_first = state.rank < 0 and any(text[0] == "X" for text in self._vocabulary.texts(Kind.FIELD))
        for token in (*self._vocabulary.of[Kind.FIELD], *self._vocabulary.of[Kind.TEXT]):
            text = self._text(token)
            rank = ORDER.find(text[0])
            if rank <= state.rank or (text[0] in "TC") != text.endswith(":"):
                continue
            if number_first and text[0] != "X":
                continue
            if self._field_fits(state, text[0], text[2:]):
                tokens.append(token)
        return tokens

    def _field_fits(self, state: State, letter: str, value: str) -> bool:
        match letter:
            case "M":
                return bar_length(value) is not None
            case "L":
                unit = unit_length(value)
                if unit is None or WHOLE % unit:  # nobody writes L:3/7, and a stranger's vocabulary may have thousands
                    return False
                return state.bar is not None and self._fill.can(unit, state.bar)
            case "K":
                return state.bar is not None
        return True

    def _bar_lines(self, state: State) -> list[int]:
        """The bar lines that may come."""
        if state.place is Place.BAR:
            before_first = not state.bars and not state.used
            after_part = state.line in (":|", "||") and not state.used and not state.volta
            opens = (before_first and not state.line) or after_part
            return [self._bars["|:"]] if opens and self._can_repeat(state) else []
        if state.place not in (*_AFTER_NOTE, Place.TIE) or state.tuplet[0]:
            return []
        return [self._bars[text] for text in self._bars if self._bar_line_fits(state, text)]

    def _can_repeat(self, state: State) -> bool:
        return "|:" in self._bars and ":|" in self._bars and not state.repeat

    def _bar_line_fits(self, state: State, text: str) -> bool:
        now, bar = state.now, state.bar
        if bar is None:
            return text == "|" or (text in self._closing and not state.pitches)
        if text == "|":
            return now == bar or (state.begin is None and 0 < now < bar and not state.pitches)
        if state.pitches or state.slur or not 0 < now <= bar or now % bar != (state.begin or 0):
            return False
        enough = state.bars + 1 >= self._min_bars
        match text:
            case "||":
                return not (state.repeat or state.volta == 1)
            case "|]":
                return enough and not (state.repeat or state.volta == 1)
            case "|:":
                return state.volta != 1 and self._can_repeat(state)
            case ":|":
                return state.volta != 3
        return not state.volta and ":|" in self._bars

    def _choices(self, state: State) -> list[tuple[str, int]]:
        """The lengths, as written and in ticks, that the note that was read last may have."""
        unit = unit_of(state)
        lengths = self._fill.lengths(unit)
        return [(text, ticks) for text, ticks in lengths if self._fits(state, lasting(ticks, state.factor))]

    def _after_note(self, state: State) -> list[int]:
        """What belongs to the note that was read last."""
        of = self._vocabulary.of
        tokens = list(of[Kind.SLUR_END]) if state.slur == 2 else []
        if state.tuplet[0] or not state.last_pitch or state.bar is None:
            return tokens
        rest = state.bar - state.now
        if state.begin is not None or rest:
            tokens += of[Kind.TIE]
        fits = state.pending % 2 == 0 and not state.unbroken
        if fits and rest >= state.pending and self._fill.can(unit_of(state), rest - state.pending):
            tokens += [token for token in of[Kind.BROKEN] if len(self._text(token)) == 1]
        return tokens

    def _before_note(self, state: State) -> list[int]:
        """Notes, and what belongs to the next."""
        of = self._vocabulary.of
        if state.bar is not None and state.place is not Place.PREFIX and state.now >= state.bar:
            return []
        tokens = [*of[Kind.PITCH]]
        may_rest = state.sounded or (not state.bars and self._min_bars > 1)  # else a tune might be rests and no note
        if may_rest and not state.used & (USED[Kind.GRACE] | USED[Kind.DECORATION] | USED[Kind.SLUR]):
            tokens += [token for token in of[Kind.REST] if self._text(token) in "zx"]
        if not state.tuplet[0]:
            tokens += of[Kind.CHORD] if of[Kind.CHORD_END] else []
        for kind in _PREFIXES:
            if state.used & USED[kind] or (kind is Kind.SLUR and (state.slur or not of[Kind.SLUR_END])):
                continue
            if kind is Kind.GRACE and not of[Kind.GRACE_END]:
                continue
            tokens += of[kind]
        if not state.tuplet[0] and not state.used & USED[Kind.TUPLET]:
            tokens += [token for token in of[Kind.TUPLET] if self._tuplet_fits(state, self._text(token))]
        return tokens

    def _tuplet_fits(self, state: State, text: str) -> bool:
        if text not in SIMPLE_TUPLETS:
            return False
        count, factor = tuplet(text, compound=state.compound)
        times = (factor.numerator, factor.denominator)
        trial = state._replace(position=state.now, pending=0, tuplet=(count - 1, *times), factor=times)
        return bool(self._choices(trial))

    def _at_bar_start(self, state: State) -> list[int]:
        of, ids = self._vocabulary.of, self._vocabulary.ids
        tokens = []
        if state.line == "|" and not state.volta and not state.used and self._has_volta and not state.slur:
            tokens.append(ids[Lexeme(Kind.VOLTA, "[1")])
        if not state.used & (USED[Kind.FIELD] | USED[Kind.INLINE]) and state.bars:
            tokens += [token for token in of[Kind.FIELD] if self._text(token)[0] in "KP"]
            tokens += [token for token in of[Kind.INLINE] if self._text(token)[1] == "K"]
        return tokens

    def _text(self, token: int) -> str:
        lexeme = self._vocabulary.lexemes[token]
        assert lexeme is not None
        return lexeme.text

    # The way to the end

    def cost(self, state: State) -> int:
        """How many tokens it takes at most to end the tune from here."""
        passed: list[State] = []
        while state not in self._costs:
            token = self._towards_end(state)
            if token is None or len(passed) > _LONGEST_WAY:
                self._costs[state] = 0
                break
            passed.append(state)
            state = self.next(state, token)
        cost = self._costs[state]
        for each in reversed(passed):
            cost += 1
            self._costs[each] = cost
        if len(self._costs) > _REMEMBERED:
            self._costs.clear()
        return cost

    def keep_within(self, mask: npt.NDArray[np.bool_], state: State, budget: int) -> None:
        """Leave of the tokens in a mask (V,) those after which the tune can end with so many in all."""
        alike: dict[Kind, bool] = {}
        for token in np.flatnonzero(mask).tolist():
            lexeme = self._vocabulary.lexemes[token]
            assert lexeme is not None
            if lexeme.kind not in alike or lexeme.kind not in _ALIKE:
                alike[lexeme.kind] = 1 + self.cost(self.next(state, token)) <= budget
            mask[token] = alike[lexeme.kind]

    def longest_step(self, state: State) -> int:
        """By how much a token may lengthen the way to the end, at most."""
        if state.bar is None:
            return _LONGEST_WAY
        return 4 * self._fill.tokens(unit_of(state), state.bar) + 24

    def _towards_end(self, state: State) -> int | None:
        """The next token of a short way to the end; None where the tune is whole, or there is none."""
        if self.may_end(state):
            return None
        allowed = self._allowed(state)
        match state.place:
            case Place.HEADER:
                wanted = "X" if state.rank < 0 else "M" if state.bar is None else "K"
                fields = [token for token in allowed if self._text(token)[0] in (wanted, "M", "K")]
                return min(fields, key=lambda token: self._text(token)[0] != wanted, default=None)
            case Place.TEXT:
                return allowed[-1]
            case Place.GRACE | Place.CHORD:
                return allowed[-1]  # the bracket, once it may close
            case Place.MUST | Place.BROKEN:
                return allowed[0]
        if state.volta == 2:
            return allowed[0]
        if state.pitches:
            return allowed[0]
        if state.place in _AFTER_NOTE:
            return self._after_note_towards_end(state, allowed)
        return next((token for token in allowed if token in self._pitches), allowed[0])

    def _after_note_towards_end(self, state: State, allowed: list[int]) -> int:
        of, ids = self._vocabulary.of, self._vocabulary.ids
        goal = self._goal(state)
        if state.place is Place.NOTE:
            choices = [text for text, _ in self._choices(state)]
            unit, rest = unit_of(state), goal - state.position
            text = self._fill.first(unit, rest)[0] if rest > 0 and self._fill.can(unit, rest) else ""
            if state.tuplet[0] or text not in choices:
                text = choices[0] if choices else ""
            if text:
                return ids[Lexeme(Kind.LENGTH, text)]
        if state.slur == 2 and not state.tuplet[0]:
            return of[Kind.SLUR_END][0]
        ends = [":|"] if state.repeat or state.volta == 1 else self._closing
        order = [*ends, "|"] if state.bars + 1 >= self._min_bars else ["|"]
        for text in order:
            if self._bars.get(text) in allowed and (text != "|" or state.now == state.bar or state.bar is None):
                return self._bars[text]
        return next((token for token in allowed if token in self._pitches), allowed[0])

    def _goal(self, state: State) -> int:
        """Where in the bar to go: where the part may end, or else to the end of the bar."""
        if state.bar is None:
            return state.now
        end = state.begin or state.bar
        if state.bars + 1 >= self._min_bars and self._fill.can(unit_of(state), end - state.position):
            return end
        return state.bar


_ALIKE = frozenset({Kind.PITCH, Kind.REST, Kind.CHARACTER, Kind.CHORD_SYMBOL, Kind.DECORATION})
"""Kinds of which any is as far from the end as any other."""

_LONGEST_WAY = 2000
_REMEMBERED = 1 << 14
