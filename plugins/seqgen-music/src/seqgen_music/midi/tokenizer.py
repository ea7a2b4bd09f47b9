"""MIDI as tokens, by a scheme of MidiTok."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge, Le

from seqgen.core.errors import DamagedModelError, OptionError
from seqgen.core.options import checked, option_values
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen_music.midi.files import MAX_BYTES, MEDIA_TYPE, UnreadableMidiError, read_score
from seqgen_music.midi.grammar import TokenGrammar, WordGrammar
from seqgen_music.midi.merges import Merges, Pair, groups, learn
from seqgen_music.midi.scheme import Name, Scheme

_MOST_MERGES = 10_000
_LONGEST = 1024  # words in a token: each merge may double it, and a state comes from anybody


@dataclass(frozen=True, kw_only=True)
class MidiTokenizer(Tokenizer):
    """MIDI files as words of a scheme: bars or time shifts, instruments, pitches, velocities, durations.

    What has no word is left out: names, lyrics, controllers, pitch bends; times are rounded to ``resolution``, values to
    their levels.  A note lasts at most 12 beats, but with ``midilike``; with ``structured``, notes begin at most 12 beats after
    one another, so that what follows a longer rest comes earlier.  Notes of one pitch do not overlap within an instrument.
    Instruments are kept apart, tracks of one
    instrument are not.
    """

    media_type: ClassVar[str] = MEDIA_TYPE
    framed: ClassVar[bool] = True

    scheme: Annotated[
        Name,
        Doc(
            "remi: bars and positions (Huang and Yang 2020); tsd: time shifts and durations; midilike: notes on and off "
            "(Oore et al. 2018); structured: a time shift before each note, no tempo, no metre (Hadjeres and Crestel 2021)"
        ),
    ] = "remi"
    resolution: Annotated[
        int,
        Ge(1),
        Le(48),
        Doc(
            "positions in a beat; 12 holds sixteenths and triplets; half as many beyond 4 beats; if odd, no metres of half notes"
        ),
    ] = 12
    velocities: Annotated[int, Ge(0), Le(127), Doc("how many levels of loudness; 0 plays all notes alike")] = 16
    tempos: Annotated[
        int,
        Ge(0),
        Le(211),
        Doc("how many levels of tempo from 40 to 250 beats a minute; 43 is each fifth; 0: 120 always"),
    ] = 43
    metres: Annotated[bool, Doc("keep time signatures; else all is in 4/4")] = True
    programs: Annotated[bool, Doc("keep instruments and drums; else all but drums is one piano")] = True
    merges: Annotated[
        int, Ge(0), Le(_MOST_MERGES), Doc("how many tokens of several words byte-pair encoding makes at most; 0: none")
    ] = 0
    pairs: tuple[Pair, ...] = field(default=(), repr=False)

    def fit(self, documents: Iterable[Content]) -> Self:
        """Learn which tokens to merge; without ``merges`` there is nothing to learn."""
        if not self.merges:
            return self
        size = len(self._scheme.words) + self.merges
        read = (self._words(document) for document in documents)
        return replace(self, pairs=learn(read, self._cuts, words=len(self._scheme.words), size=size))

    @property
    def vocab_size(self) -> int:
        """The words, the merged tokens and the end."""
        return len(self._scheme.words) + len(self.pairs) + 1

    @property
    def end_id(self) -> int:
        """The last id."""
        return self.vocab_size - 1

    def encode(self, document: Content) -> Ids:
        """The ids, (T,); none for what is no MIDI file, or has no note (``unreadable`` says why)."""
        ids = [token for group in groups(self._words(document), self._cuts) for token in self._merges.merged(group)]
        return np.array(ids, np.min_scalar_type(self.end_id))

    def encode_pieces(self, pieces: Iterable[Content]) -> Iterator[Ids]:
        """The ids of a document in pieces, which are joined: a file that is larger than those that are read is none."""
        held = bytearray()
        for piece in pieces:
            if len(held) <= MAX_BYTES:
                held += _bytes(piece)
        yield self.encode(bytes(held))

    def decode(self, ids: Ids) -> bytes:
        """A MIDI file; what has no sense where it stands is passed over."""
        tokens = [token for token in np.asarray(ids).tolist() if token != self.end_id]
        if not tokens:
            return b""
        names, parts = self._scheme.words, self._merges.tokens
        return self._scheme.play([names[word] for token in tokens for word in parts[token]]).dumps_midi()

    def decoder(self) -> MidiDecoder:
        """Gives the file at its end, since its head counts its bytes."""
        return MidiDecoder(self)

    def canonical(self, document: Content) -> bytes:
        """The file as it can be given back."""
        return self.decode(self.encode(document))

    def unreadable(self, document: Content) -> str:
        """What is wrong with a file."""
        try:
            read_score(_bytes(document))
        except UnreadableMidiError as error:
            return str(error)
        return "" if self.programs else "all its notes are for drums, and this model has none"

    def grammar(self) -> TokenGrammar:
        """The order of the scheme."""
        return TokenGrammar(WordGrammar(self._scheme), self._merges.tokens)

    def words(self, ids: Ids) -> list[str]:
        """The words that ids stand for, as MidiTok writes them: ``Pitch_60``."""
        names, parts = self._scheme.words, self._merges.tokens
        return [names[word] for token in np.asarray(ids).tolist() if token != self.end_id for word in parts[token]]

    def misplaced(self, ids: Ids) -> float:
        """The share of words that MidiTok finds to be in the wrong place, from 0 to 1."""
        return self._scheme.errors(self.words(ids))

    def state(self) -> dict[str, Any]:
        """The options and the pairs."""
        return {**option_values(self), "pairs": [list(pair) for pair in self.pairs]}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that gave this state."""
        own = {"scheme", "resolution", "velocities", "tempos", "metres", "programs", "merges", "pairs"}
        _require(isinstance(state, Mapping) and set(state) == own, f"it does not have exactly {', '.join(sorted(own))}")
        try:
            options = checked(cls, {name: state[name] for name in own - {"pairs"}}, where="tokenizer midi")
        except OptionError as error:
            raise DamagedModelError(f"The state of tokenizer midi is damaged: {error}") from error
        tokenizer = cls(**options)
        return replace(tokenizer, pairs=_checked_pairs(state["pairs"], tokenizer))

    @cached_property
    def _scheme(self) -> Scheme:
        metres, tempos = (self.metres, self.tempos) if self.scheme != "structured" else (False, 0)
        return Scheme(self.scheme, self.resolution, self.velocities, tempos, metres, self.programs)

    @cached_property
    def _merges(self) -> Merges:
        return Merges(len(self._scheme.words), self.pairs)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self._scheme.words)}

    @cached_property
    def _cuts(self) -> frozenset[int]:
        first = self._scheme.words[0].partition("_")[0]  # the kind that moves time
        return frozenset(number for number, word in enumerate(self._scheme.words) if word.startswith(first + "_"))

    def _words(self, document: Content) -> list[int]:
        try:
            score = read_score(_bytes(document))
        except UnreadableMidiError:
            return []
        return [self._numbers[word] for word in self._scheme.tokenize(score)]


class MidiDecoder:
    """Takes ids, and gives the file when there are no more."""

    def __init__(self, tokenizer: MidiTokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []

    def push(self, token: int) -> bytes:
        """Nothing yet."""
        self._ids.append(token)
        return b""

    def finish(self) -> bytes:
        """The file."""
        return self._tokenizer.decode(np.array(self._ids, np.int64))


def _bytes(document: Content) -> bytes:
    return document.encode("utf-8", "replace") if isinstance(document, str) else document


def _require(condition: bool, fault: str) -> None:
    if not condition:
        raise DamagedModelError(f"The state of tokenizer midi is damaged: {fault}.")


def _checked_pairs(value: Any, tokenizer: MidiTokenizer) -> tuple[Pair, ...]:
    """The pairs of a state, each of tokens known before, and none of a token that is there already or is too long."""
    _require(type(value) is list and len(value) <= tokenizer.merges, '"pairs" is no list, or longer than "merges"')
    tokens: list[tuple[int, ...]] = [(word,) for word in range(tokenizer.vocab_size - 1)]
    known = set(tokens)
    for pair in value:
        whole = type(pair) is list and len(pair) == 2 and all(type(each) is int for each in pair)
        _require(whole and all(0 <= each < len(tokens) for each in pair), "a pair is not of two tokens known before")
        token = tokens[pair[0]] + tokens[pair[1]]
        _require(len(token) <= _LONGEST, f"a token has more than {_LONGEST} words")
        _require(token not in known, "a token is made twice")
        known.add(token)
        tokens.append(token)
    return tuple((left, right) for left, right in value)
