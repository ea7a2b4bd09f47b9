"""A regular expression as an automaton over characters, made of what it needs as it goes.

The states are sets of places in the pattern (Thompson 1968, Regular Expression Search Algorithm), so a step costs at most as
much as the pattern is long, however long the text is, and no pattern blows up.
"""

from __future__ import annotations

import bisect
import functools
import importlib
import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from seqgen.core.errors import OptionError

# What re itself reads patterns with, so that every flag and class means what it means to re; as Hypothesis does.
_parser = importlib.import_module("re._parser")

_QUIET = (
    "ignore",
    re.compile("Possible (nested )?set ", re.IGNORECASE),
    FutureWarning,
    re.compile(r"seqgen\.samplers\."),
    0,
)
"""What ``_be_quiet`` puts before all other filters of warnings."""

LIMIT = 5000
"""Places of a pattern, with repetitions written out."""

CLASSES = 100
"""Different characters and classes of a pattern; each is looked up among all characters once, in milliseconds."""

REMEMBERED = 4096
"""States that a pattern keeps; beyond them they are made anew."""

_HELD = 1 << 20
"""Places that all these states have together, at most: some 100 bytes each."""

_LAST = 0x10FFFF
_CATEGORIES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}
_REFUSED = {
    "ASSERT": "looks ahead or back",
    "ASSERT_NOT": "looks ahead or back",
    "GROUPREF": "refers back to a group",
    "GROUPREF_EXISTS": "refers back to a group",
    "ATOMIC_GROUP": "has an atomic group",
    "POSSESSIVE_REPEAT": "has a possessive repetition",
    "AT_BOUNDARY": r"has \b",
    "AT_NON_BOUNDARY": r"has \B",
    "AT_LINE": "has ^ or $ for lines",
}


class CharacterClass:
    """The characters that one place of a pattern takes."""

    def __init__(self, text: str, flags: int) -> None:
        self._regex = re.compile(f"{text}+", flags)

    def takes(self, character: str) -> bool:
        """Whether it takes this character."""
        return self._regex.match(character) is not None

    def takes_any(self, characters: str) -> bool:
        """Whether it takes at least one of these characters."""
        return self._regex.search(characters) is not None

    def takes_between(self, first: int, last: int) -> bool:
        """Whether it takes a character from one code point to another."""
        run = bisect.bisect_left(self._ends, first)
        return run < len(self._ends) and self._begins[run] <= last

    def runs(self, characters: str) -> list[tuple[int, int]]:
        """The first and the last place of each run of these characters that it takes."""
        return [(run.start(), run.end() - 1) for run in self._regex.finditer(characters)]

    @functools.cached_property
    def _runs(self) -> list[tuple[int, int]]:
        """Of all code points."""
        return self.runs(_every_character())

    @functools.cached_property
    def _begins(self) -> list[int]:
        return [begin for begin, _ in self._runs]

    @functools.cached_property
    def _ends(self) -> list[int]:
        return [end for _, end in self._runs]


class State:
    """What may follow, and whether the text so far is a match.  States are told apart by identity."""

    def __init__(self, edges: Iterable[tuple[CharacterClass, int]], *, accepting: bool) -> None:
        self.accepting = accepting
        self.after: dict[str | frozenset[CharacterClass], State] = {}  # by a character, and by what takes one
        self.edges: dict[CharacterClass, list[int]] = {}
        for taken, place in edges:
            self.edges.setdefault(taken, []).append(place)

    @property
    def alive(self) -> bool:
        """Whether it is a match, or can become one."""
        return self.accepting or bool(self.edges)


DEAD = State((), accepting=False)


class Pattern:
    """The automaton of a pattern, which the whole text must match.

    Args:
        pattern: in the syntax of ``re``.
        available: the characters that texts are made of; None: all.  What only others could match is left out, so that
            a state that is not dead can always come to a match.

    Raises:
        OptionError: no pattern, one with what no automaton can do, or one that is too large.
    """

    def __init__(self, pattern: str, available: str | None = None) -> None:
        self._places = places = _Places(pattern)
        taken = {each for each, _ in places.classes.values() if _is_available(each, available)}
        leads = _leading_to_a_match(places, taken)
        self._edges = {
            place: (each, target)
            for place, (each, target) in places.classes.items()
            if each in taken and target in leads
        }
        self._states: dict[tuple[frozenset[int], bool], State] = {}
        self._held = 0
        self.start = self._state([places.first], at_start=True)

    @property
    def classes(self) -> list[CharacterClass]:
        """Those of its places, each once."""
        return list(dict.fromkeys(each for each, _ in self._edges.values()))

    def step(self, state: State, character: str) -> State:
        """The state after a character; ``DEAD`` where it keeps no match possible."""
        found = state.after.get(character)
        if found is None:
            taking = frozenset(each for each in state.edges if each.takes(character))
            found = state.after[character] = self.after(state, taking)
        return found

    def after(self, state: State, taking: frozenset[CharacterClass]) -> State:
        """The state after a character that these of the state's classes take."""
        found = state.after.get(taking)
        if found is None:
            targets = [place for each in taking for place in state.edges[each]]
            found = state.after[taking] = self._state(targets) if targets else DEAD
        return found

    def _state(self, places: Iterable[int], *, at_start: bool = False) -> State:
        """The state in which the pattern is at any of these places."""
        taking: set[int] = set()
        accepting = False
        waiting = [(place, False) for place in places]
        seen = set(waiting)
        while waiting:
            place, ended = waiting.pop()
            accepting |= place == _Places.MATCH
            if place in self._edges and not ended:
                taking.add(place)
            if place in self._places.starts and not at_start:
                continue
            ended |= place in self._places.ends
            for target in self._places.skips.get(place, ()):
                if (target, ended) not in seen:
                    seen.add((target, ended))
                    waiting.append((target, ended))
        key = frozenset(taking), accepting
        if key not in self._states:
            self._held += len(taking)
            if len(self._states) >= REMEMBERED or self._held > _HELD:
                self._forget()
                self._held = len(taking)
            self._states[key] = State((self._edges[place] for place in sorted(taking)), accepting=accepting)
        return self._states[key]

    def _forget(self) -> None:
        """Remember no state, also none by what it comes after: the start, which stays, would lead to all of them."""
        for state in (self.start, *self._states.values()):
            state.after.clear()
        self._states.clear()


def _be_quiet() -> None:
    """Show no warning of what may mean something else in a later Python, which comes in the name of who is four calls above: a sampler.

    Not by ``catch_warnings``, which silences other threads too, and all of them for ever where two leave it in the order in which they
    came.  The filter stays, and is put there anew where a ``catch_warnings``, as of pytest, took it away.
    """
    if warnings.filters[:1] != [_QUIET]:
        warnings.filterwarnings("ignore", "Possible (nested )?set ", FutureWarning, r"seqgen\.samplers\.")


class _Places:
    """The places of a pattern, built from its end.

    Attributes:
        classes: of a place that takes a character, which, and the place after it.
        skips: of any other place, those that are reached without a character.
        starts: places that are passed at the beginning of the text only.
        ends: places that are passed at its end only.
    """

    MATCH = 0

    def __init__(self, pattern: str) -> None:
        self.classes: dict[int, tuple[CharacterClass, int]] = {}
        self.skips: dict[int, tuple[int, ...]] = {}
        self.starts: set[int] = set()
        self.ends: set[int] = set()
        self._pattern = pattern
        self._size = 1
        self._known: dict[tuple[str, int], CharacterClass] = {}
        try:
            _be_quiet()
            tree = _parser.parse(pattern)
            self.first = self._sequence(tree, self.MATCH, tree.state.flags)
        except re.error as error:
            raise self._refusal(f"is no regular expression: {error}") from error
        except (RecursionError, OverflowError) as error:
            raise self._refusal("is too large or too deeply nested") from error

    def _sequence(self, items: Any, then: int, flags: int) -> int:
        for item in reversed(list(items)):
            then = self._item(item, then, flags)
        return then

    def _item(self, item: tuple[Any, Any], then: int, flags: int) -> int:
        name, value = str(item[0]), item[1]
        match name:
            case "LITERAL" | "NOT_LITERAL":
                negation = "^" if name == "NOT_LITERAL" else ""
                return self._class(f"[{negation}{_escaped(value)}]", then, flags)
            case "ANY":
                return self._class(".", then, flags)
            case "IN":
                return self._class(f"[{''.join(map(_member, value))}]", then, flags)
            case "SUBPATTERN":
                _, added, removed, items = value
                return self._sequence(items, then, (flags | added) & ~removed)
            case "BRANCH":
                return self._skip(*(self._sequence(items, then, flags) for items in value[1]))
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, items = value
                return self._repeat(least, most, items, then, flags)
            case "AT":
                name = str(value)
                if flags & re.MULTILINE and name in {"AT_BEGINNING", "AT_END"}:
                    name = "AT_LINE"
                passed = {"AT_BEGINNING": self.starts, "AT_END": self.ends}.get(name.removesuffix("_STRING"))
                if passed is not None:
                    place = self._skip(then)
                    passed.add(place)
                    return place
        raise self._refusal(f"{_REFUSED.get(name, f'has {name}')}, which cannot be followed character by character")

    def _repeat(self, least: int, most: Any, items: Any, then: int, flags: int) -> int:
        endless = most == _parser.MAXREPEAT
        if endless:
            again = self._skip()
            self.skips[again] = (self._sequence(items, again, flags), then)
            before = again
        else:
            before = then
            for _ in range(most - least):
                before = self._skip(self._sequence(items, before, flags), then)
        for _ in range(least):
            before = self._skip(self._sequence(items, before, flags))  # a place each, so that the limit counts
        return before

    def _class(self, text: str, then: int, flags: int) -> int:
        place = self._new()
        key = text, flags & (re.IGNORECASE | re.ASCII | re.DOTALL)
        if key not in self._known:
            if len(self._known) >= CLASSES:
                raise self._refusal(f"has more than {CLASSES} different characters and classes")
            self._known[key] = _character_class(*key)
        self.classes[place] = self._known[key], then
        return place

    def _skip(self, *targets: int) -> int:
        place = self._new()
        self.skips[place] = targets
        return place

    def _new(self) -> int:
        if self._size >= LIMIT:
            raise self._refusal(f"needs more than {LIMIT:,} places with its repetitions written out")
        self._size += 1
        return self._size - 1

    def _refusal(self, fault: str) -> OptionError:
        shown = self._pattern if len(self._pattern) <= 80 else f"{self._pattern[:80]}..."
        return OptionError(f"sampler regex: pattern {shown!r} {fault}.")


@functools.lru_cache(maxsize=512)
def _character_class(text: str, flags: int) -> CharacterClass:
    """One object for all patterns, so that its characters are looked up once in a process."""
    return CharacterClass(text, flags)


def _is_available(taken: CharacterClass, available: str | None) -> bool:
    if available is not None:
        return taken.takes_any(available)
    return taken.takes_between(0, 0xD7FF) or taken.takes_between(0xE000, _LAST)


def _leading_to_a_match(places: _Places, taken: set[CharacterClass]) -> set[int]:
    """The places after the beginning of a text from which these classes lead to a match."""
    ended = {places.MATCH}  # without another character
    leads = {places.MATCH}
    # But for repetitions, each comes after those that it leads to, so that a long pattern needs few rounds.
    order = sorted({*places.skips, *places.classes} - places.starts)
    size = -1
    while size != len(ended) + len(leads):
        size = len(ended) + len(leads)
        for place in order:
            if place in places.classes:
                each, target = places.classes[place]
                if each in taken and target in leads:
                    leads.add(place)
                continue
            if not ended.isdisjoint(places.skips[place]):
                ended.add(place)
            if not (ended if place in places.ends else leads).isdisjoint(places.skips[place]):
                leads.add(place)
    return leads


@functools.cache
def _every_character() -> str:
    """All code points in order.  Surrogates, which are no characters, are among them: no token brings one."""
    return "".join(map(chr, range(_LAST + 1)))


def _escaped(code: int) -> str:
    return f"\\U{code:08x}"


def _member(item: tuple[Any, Any]) -> str:
    """An item of a class, as it is written."""
    value = item[1]
    match str(item[0]):
        case "NEGATE":
            return "^"
        case "LITERAL":
            return _escaped(value)
        case "RANGE":
            return f"{_escaped(value[0])}-{_escaped(value[1])}"
        case _:
            name = str(value).removeprefix("CATEGORY_")
            text = _CATEGORIES[name.removeprefix("NOT_")]
            return text.upper() if name.startswith("NOT_") else text


_LEAST = {2: 0x80, 3: 0x800, 4: 0x10000}  # the least code point that UTF-8 writes in so many bytes


def code_points_from(begun: Sequence[int]) -> range:
    """The code points whose UTF-8 begins with these bytes, at least one; empty where there are none."""
    head, *rest = begun
    size = (
        1
        if head < 0x80
        else 2
        if 0xC2 <= head < 0xE0
        else 3
        if 0xE0 <= head < 0xF0
        else 4
        if 0xF0 <= head < 0xF5
        else 0
    )
    if len(begun) > size or any(byte & 0xC0 != 0x80 for byte in rest):
        return range(0)
    code = head if size == 1 else head & (0x7F >> size)
    for byte in rest:
        code = code << 6 | byte & 0x3F
    shift = 6 * (size - len(begun))
    last = 0xD7FF if head == 0xED else _LAST  # 0xED begins the surrogates, which UTF-8 does not write
    return range(max(code << shift, _LEAST.get(size, 0)), min((code + 1) << shift, last + 1))
