"""A pattern as an automaton over tokens: which of them keep a match of the whole text possible.

To follow 50,000 tokens one by one takes tens of milliseconds, and a repetition that counts, as ``[a-z]{400}``, is in another state
after each character.  So tokens are followed in groups.  Characters that the same classes of the pattern take are of one kind
(minterms; D'Antoni and Veanes 2017, The Power of Symbolic Automata and Transducers), and tokens go on together as long as their
characters are of kinds that lead to the same state.  Groups depend on the kinds alone, so the next state of the repetition finds those
that the one before has made.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Hashable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import OptionError
from seqgen.core.tokenizer import Tokenizer
from seqgen.samplers.pattern import DEAD, CharacterClass, Pattern, State, code_points_from

Integers: TypeAlias = npt.NDArray[np.integer[Any]]
Booleans: TypeAlias = npt.NDArray[np.bool_]

_STATES = 4096
"""States of which is remembered what follows them."""

_GROUPED = 1 << 21
"""Tokens in all groups that are remembered: some 40 MB."""

_LAST = 0x10FFFF
_GOING_ON = bytes(range(0x80, 0xC0))  # with which no character begins in UTF-8


class PatternOfTokens:
    """A pattern as a ``Grammar``.

    A state is one of the pattern's, and the bytes of a character that has begun.
    """

    def __init__(self, pattern: str, tokenizer: Tokenizer) -> None:
        pieces = tokenizer.pieces()
        if pieces is None:
            raise OptionError(
                "sampler regex needs the text of each token, and in this model's tokenizer it depends on other tokens or is "
                "not told (Tokenizer.pieces).  Use a model with another tokenizer, or leave out the sampler"
            )
        self._pieces, self._texts = pieces, _Texts(pieces)
        self._pattern = Pattern(pattern, self._texts.characters if self._texts.are_whole else None)
        if not self._pattern.start.alive:
            raise OptionError(
                f"sampler regex: no text of characters that this model can write matches {pattern!r}.  Loosen the pattern"
            )
        self.start: Hashable = (self._pattern.start, b"")
        self._kinds = self._texts.tell_apart(self._pattern.classes)
        self._forget()

    def allowed(self, state: Any) -> Booleans:
        """(V,) the tokens that keep a match possible."""
        if len(self._ways) > _STATES or self._texts.grouped > _GROUPED:
            self._forget()
        mask = np.zeros(len(self._pieces), bool)
        waiting = []
        # Only after a character that has begun come tokens that begin within one.
        for head in self._texts.heads if state[1] else [b""]:
            after, begun = self._read(state, head)
            if begun:
                mask[self._group(head).ended] = True
            elif after.alive:
                waiting.append((after, self._group(head)))
        while waiting:
            before, group = waiting.pop()
            mask[group.ended] = True
            for kinds, after in self._following(before):
                longer = group.after(kinds)
                if longer is not None:
                    waiting.append((after, longer))
        return mask

    def next(self, state: Any, token: int) -> Hashable:
        """The state after a token."""
        return self._read(state, self._pieces[token])

    def may_end(self, state: Any) -> bool:
        """Whether the text so far is a match."""
        return bool(state[0].accepting and not state[1])

    def _read(self, state: tuple[State, bytes], piece: bytes) -> tuple[State, bytes]:
        for byte in piece:
            state = self._step(state, byte)
        return state

    def _step(self, before: tuple[State, bytes], byte: int) -> tuple[State, bytes]:
        state, begun = before
        if byte < 0x80 and not begun:
            return self._pattern.step(state, chr(byte)), b""
        begun += bytes([byte])
        codes = code_points_from(begun)
        if len(codes) == 1 and len(begun) == len(chr(codes[0]).encode()):
            return self._pattern.step(state, chr(codes[0])), b""
        if codes and any(each.takes_between(codes[0], codes[-1]) for each in state.edges):
            return state, begun
        return DEAD, b""

    def _following(self, state: State) -> list[tuple[bytes, State]]:
        """The states after one, each with the kinds of characters that lead there: see ``_Group.after``."""
        if state not in self._ways:
            leading: dict[State, Booleans] = {}
            for taking, kinds in self._alike(frozenset(state.edges)):
                after = self._pattern.after(state, taking)
                leading[after] = leading[after] | kinds if after in leading else kinds
            self._ways[state] = [(kinds.tobytes(), after) for after, kinds in leading.items()]
        return self._ways[state]

    def _alike(self, classes: frozenset[CharacterClass]) -> list[tuple[frozenset[CharacterClass], Booleans]]:
        """Those of these classes that take some kinds of characters, and (kinds,) which kinds these are."""
        if classes not in self._known:
            order = list(classes)
            together: dict[bytes, list[int]] = {}
            for kind, taken in enumerate(zip(*(self._kinds[each].tolist() for each in order), strict=True)):
                together.setdefault(bytes(taken), []).append(kind)
            size = self._texts.number_of_kinds
            self._known[classes] = [
                (frozenset(itertools.compress(order, taken)), np.isin(np.arange(size), kinds))
                for taken, kinds in together.items()
                if any(taken)
            ]
        return self._known[classes]

    def _group(self, head: bytes) -> _Group:
        """All tokens that begin so, whose other characters are still to be followed."""
        if head not in self._groups:
            self._groups[head] = _Group(self._texts, self._texts.heads[head])
        return self._groups[head]

    def _forget(self) -> None:
        """Remember nothing."""
        self._ways: dict[State, list[tuple[bytes, State]]] = {}
        self._known: dict[frozenset[CharacterClass], list[tuple[frozenset[CharacterClass], Booleans]]] = {}
        self._groups: dict[bytes, _Group] = {}
        self._texts.grouped = 0


class _Group:
    """Tokens of which so many characters have been followed.

    Attributes:
        ended: (E,) the ids of those that have no more.
    """

    def __init__(self, texts: _Texts, tokens: Integers, depth: int = 0) -> None:
        ends = texts.lengths[tokens] == depth
        self.ended = tokens[ends]
        self._texts, self._depth = texts, depth
        self._longer = tokens[~ends]
        self._next = texts.kinds[texts.starts[self._longer] + depth]  # the kind of the next character of each
        self._after: dict[bytes, _Group | None] = {}
        texts.grouped += len(tokens)

    def after(self, kinds: bytes) -> _Group | None:
        """Those whose next character is of certain kinds: 1 for each that is one, else 0.  None where there are no such tokens."""
        if kinds not in self._after:
            tokens = self._longer[np.frombuffer(kinds, bool)[self._next]]
            self._after[kinds] = _Group(self._texts, tokens, self._depth + 1) if len(tokens) else None
        return self._after[kinds]


class _Texts:
    """The characters of each token.

    A token of bytes may begin with the end of a character, its head, and end with the beginning of one.  This counts as one more
    character, which a class takes that takes any that begins so.

    Attributes:
        characters: in all tokens, each once, in order.
        are_whole: whether no token has a part of a character.
        heads: the ids (N,) of the tokens with each head, most often b"".  Those that are in no text are left out.
        lengths: (V,) how many characters each token has after its head.
        starts: (V,) where these begin in ``kinds``.
        kinds: of the characters of all tokens, after ``tell_apart``.
        number_of_kinds: how many there are.
        grouped: tokens in all groups that were made of these.
    """

    kinds: Integers
    number_of_kinds: int
    grouped = 0

    def __init__(self, pieces: Sequence[bytes]) -> None:
        heads: dict[bytes | None, list[int]] = {b"": []}
        beginnings: dict[int, bytes] = {}  # by token
        texts = []
        for token, piece in enumerate(pieces):
            head, text, beginning = _parts(piece)
            texts.append(text)
            if piece:
                heads.setdefault(head, []).append(token)
            if beginning:
                beginnings[token] = beginning
        self.are_whole = heads.keys() == {b""} and not beginnings
        self.heads = {head: np.array(tokens, np.intp) for head, tokens in heads.items() if head is not None}

        self.lengths = np.array([len(text) for text in texts])
        self.lengths[list(beginnings)] += 1
        self.starts = np.add.accumulate(self.lengths) - self.lengths
        codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
        occurs = np.zeros(_LAST + 1, bool)
        occurs[codes] = True
        self.characters = "".join(map(chr, np.flatnonzero(occurs).tolist()))
        self._beginnings = {each: number for number, each in enumerate(dict.fromkeys(beginnings.values()))}

        # Of each character of all tokens, which it is: those in ``characters`` first, then the beginnings.
        self._which = np.empty(self.lengths.sum(), np.int32)
        last = (self.starts + self.lengths - 1)[list(beginnings)]
        whole = np.ones(len(self._which), bool)
        whole[last] = False
        self._which[whole] = (np.add.accumulate(occurs, dtype=np.int32) - 1)[codes]
        self._which[last] = [len(self.characters) + self._beginnings[each] for each in beginnings.values()]

    def tell_apart(self, classes: Sequence[CharacterClass]) -> dict[CharacterClass, Booleans]:
        """Set ``kinds`` to what these classes tell apart; gives (kinds,) which kinds each class takes."""
        taken = np.zeros((len(classes), len(self.characters) + len(self._beginnings)), bool)
        for row, each in zip(taken, classes, strict=True):
            for first, last in each.runs(self.characters):
                row[first : last + 1] = True
            for begun, number in self._beginnings.items():
                codes = code_points_from(begun)
                row[len(self.characters) + number] = each.takes_between(codes[0], codes[-1])
        numbers: dict[bytes, int] = {}
        kinds = [numbers.setdefault(column.tobytes(), len(numbers)) for column in np.ascontiguousarray(taken.T)]
        self.kinds = np.array(kinds, np.int32)[self._which]
        self.number_of_kinds = len(numbers)
        return {each: np.array([column[place] for column in numbers], bool) for place, each in enumerate(classes)}


def _parts(piece: bytes) -> tuple[bytes | None, str, bytes]:
    """The end of a character that began before, whole characters, and the beginning of one; a head of None if no text has these bytes."""
    rest = piece.lstrip(_GOING_ON)
    try:
        text, size = codecs.utf_8_decode(rest)  # leaves what has only begun
    except UnicodeDecodeError:
        return None, "", b""
    return piece[: len(piece) - len(rest)], text, rest[size:]
