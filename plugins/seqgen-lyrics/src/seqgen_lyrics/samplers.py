"""``rhyme``, ``syllables``, ``form`` and ``no-repeat-line``: those of one chain work together, by one look-ahead."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge, Gt, Le

from seqgen.core.errors import OptionError
from seqgen.core.sampler import Ahead, Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen_lyrics.demands import Demands
from seqgen_lyrics.director import Director
from seqgen_lyrics.foresight import Foresight
from seqgen_lyrics.penalties import Penalties
from seqgen_lyrics.poem import Poem
from seqgen_lyrics.scheme import MOST_LINES, read_pattern, read_scheme, read_sections, read_stress
from seqgen_lyrics.vocabulary import Vocabulary

_READ = 1024  # tokens at the end of a prompt, whose words tell its language


@dataclass(kw_only=True)
class VerseSampler(Sampler):
    """What the four share: the first of them in a chain works for all, the others leave the logits as they are."""

    stage: ClassVar[Stage] = Stage.CONSTRAINT

    look_ahead_seconds: Annotated[
        float,
        Gt(0),
        Doc("that looking ahead may take for one token; the least of a chain holds, and a note tells where it did"),
    ] = 5.0

    _chain: tuple[Sampler, ...] = field(default=(), init=False, repr=False, compare=False)
    _director: Director | None = field(default=None, init=False, repr=False, compare=False)  # None: another works
    _foresight: Foresight | None = field(default=None, init=False, repr=False, compare=False)
    _prompts: list[tuple[int, ...]] = field(default_factory=list, init=False, repr=False, compare=False)
    _texts: Sequence[str] = field(default=(), init=False, repr=False, compare=False)
    _end_id: int | None = field(default=None, init=False, repr=False, compare=False)
    _poems: list[Poem] = field(default_factory=list, init=False, repr=False, compare=False)

    @abstractmethod
    def demands(self) -> dict[str, Any]:
        """What this one adds to the demands of the chain."""

    def meet(self, chain: Sequence[Sampler]) -> None:
        """Find the others, and the penalties."""
        self._chain = tuple(chain)

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Read the prompts (B, T), of which the last line is gone on with.

        Raises:
            OptionError: the samplers exclude one another, or the model writes no text.
        """
        team = tuple(sampler for sampler in self._chain if isinstance(sampler, VerseSampler)) or (self,)
        self._director, self._foresight, self._poems, self._prompts = None, None, [], []
        if not tokenizer.media_type.startswith("text/"):
            raise OptionError(f"sampler {self} needs a model of text, and this one writes {tokenizer.media_type}.")
        if team[0] is not self:
            return
        demands = _together(team)
        vocabulary = Vocabulary.of(tokenizer)
        self._director = Director(demands, vocabulary)
        self._texts, self._end_id = vocabulary.texts, vocabulary.end_id
        self._foresight = Foresight(self._director, Penalties(self._chain, tokenizer))
        self._prompts = [tuple(ids) for ids in prompt_ids[:, -_READ:].tolist()]
        # The samples of a generation have one prompt in common, and a long one takes its time: equal ones are read once.
        different = {ids.tobytes(): ids for ids in prompt_ids}
        begun = {prompt: self._begun(Poem(demands), ids) for prompt, ids in different.items()}
        self._poems = [copy.deepcopy(begun[ids.tobytes()]) for ids in prompt_ids]

    def foresee(self, ahead: Ahead) -> None:
        """Ask the model what it would end lines with."""
        if self._foresight is not None:
            self._foresight.look(ahead, self._poems, self._prompts)

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V) with the tokens that keep it possible to meet the demands."""
        if self._director is None:
            return logits
        host = logits if type(logits) is np.ndarray else np.asarray(logits.cpu() if hasattr(logits, "cpu") else logits)
        left = np.stack([self._left(poem, row) for poem, row in zip(self._poems, host, strict=True)])
        if type(logits) is np.ndarray:
            return left
        from array_api_compat import array_namespace, device

        return array_namespace(logits).asarray(left, device=device(logits))

    def accept(self, ids: Ids) -> None:
        """Read these ids (B,)."""
        for poem, token in zip(self._poems, ids.tolist(), strict=True) if self._director else ():
            self._read(poem, token)

    def select(self, rows: Ids) -> None:
        """Keep only these rows (B',)."""
        if self._director:
            self._poems = [self._poems[row] for row in rows]
            self._prompts = [self._prompts[row] for row in rows]

    def finished(self) -> npt.NDArray[np.bool_] | None:
        """(B,) where all sections are written."""
        return np.array([poem.whole for poem in self._poems], np.bool_) if self._director else None

    def notes(self) -> Sequence[Sequence[str]] | None:
        """For each row, where it does not keep what is demanded."""
        return [poem.notes for poem in self._poems] if self._director else None

    def _begun(self, poem: Poem, prompt: Ids) -> Poem:
        """The text, that has nothing yet, behind a prompt (T,)."""
        assert self._foresight is not None
        for token in prompt.tolist():
            self._read(poem, token)
        poem.forget_notes()
        self._foresight.judge_language(poem, prompt[-_READ:].tolist())
        return poem

    def _read(self, poem: Poem, token: int) -> None:
        if token == self._end_id:
            poem.end()
        else:
            poem.push(token, self._texts[token])

    def _left(self, poem: Poem, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """What is left of the logits (V,) of a text."""
        assert self._director is not None
        possible = logits > -np.inf
        for given_up, mask in enumerate(self._director.masks(poem)):
            allowed = mask & possible
            if allowed.any():
                found = None if given_up else self._director.weighed(poem, allowed, logits)
                return np.where(allowed, logits, np.float32(-np.inf)) if found is None else found
        return logits


@dataclass(kw_only=True)
class Rhyme(VerseSampler):
    """Let lines rhyme: the last word of a line is one that rhymes with its partners', by CMUdict or by its spelling.

    A model of letters is asked for words of its own, by a bounded beam, before those of CMUdict are taken.  Where no word rhymes, a slant rhyme comes, else none, and a note says so.  A stanza has a line for each letter.
    """

    scheme: Annotated[
        str,
        Doc(
            "a letter a line, as ABAB: lines of one letter rhyme, of different ones not; X for a line that rhymes with none; "
            "or limerick, or free"
        ),
    ] = "AABB"
    kind: Annotated[
        Literal["perfect", "slant"],
        Doc("perfect: all is the same from the last stressed vowel on; slant: the vowel or what follows will do"),
    ] = "perfect"
    identical: Annotated[bool, Doc("a word may rhyme with itself, and with what sounds the same")] = False
    look_ahead: Annotated[
        int,
        Ge(1),
        Le(100_000),
        Doc("words that are tried as rhymes at most, or beginnings of words that the model is asked to go on with"),
    ] = 1000

    def __post_init__(self) -> None:
        """Refuse what is no scheme before a model is loaded."""
        read_scheme(self.scheme)

    def demands(self) -> dict[str, Any]:
        """The scheme."""
        return {
            "scheme": read_scheme(self.scheme),
            "slant": self.kind == "slant",
            "identical": self.identical,
            "look_ahead": self.look_ahead,
        }


@dataclass(kw_only=True)
class Syllables(VerseSampler):
    """Let lines have so many syllables, and their stresses fall as in a metre."""

    pattern: Annotated[str, Doc("syllables of each line, as 8-6-8-6; one number: of every line; empty: any")] = "8"
    stress: Annotated[str, Doc("iambic, trochaic, anapestic, dactylic, or a foot of 0 and 1, as 01; empty: any")] = ""

    def __post_init__(self) -> None:
        """Refuse what is no pattern before a model is loaded."""
        read_pattern(self.pattern)
        read_stress(self.stress)

    def demands(self) -> dict[str, Any]:
        """The pattern and the foot."""
        return {"pattern": read_pattern(self.pattern), "foot": read_stress(self.stress)}


@dataclass(kw_only=True)
class Form(VerseSampler):
    """Write sections in this order, one stanza each, and end; a chorus, refrain, hook or prechorus comes back the same."""

    sections: Annotated[str, Doc("names with hyphens between them")] = "verse-chorus-verse-chorus"
    headings: Annotated[bool, Doc("begin each with a line such as [Verse], where the model can write it")] = True
    lines: Annotated[
        int, Ge(0), Le(MOST_LINES), Doc("of a section; 0: as many as the scheme or the pattern has, else 4")
    ] = 0

    def __post_init__(self) -> None:
        """Refuse what are no sections before a model is loaded."""
        read_sections(self.sections)

    def demands(self) -> dict[str, Any]:
        """The sections."""
        return {"sections": read_sections(self.sections), "headings": self.headings, "lines": self.lines}


@dataclass(kw_only=True)
class NoRepeatLine(VerseSampler):
    """Let no line come twice, but where ``form`` brings a section back."""

    def demands(self) -> dict[str, Any]:
        """That."""
        return {"unique": True}


def _together(team: Sequence[VerseSampler]) -> Demands:
    demands: dict[str, Any] = {}
    for place, sampler in enumerate(team):
        for other in team[:place]:
            if type(other) is type(sampler):
                raise OptionError(f"{other} and {sampler} are of one kind.  Leave one out.")
        demands |= sampler.demands()
    return Demands(seconds=min(sampler.look_ahead_seconds for sampler in team), **demands)
