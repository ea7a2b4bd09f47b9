"""Samplers, each broken in one thing, and the law that must reject it."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge
from array_api_compat import array_namespace

from seqgen.core.sampler import Sampler, Stage
from seqgen.samplers.greedy import Greedy
from seqgen.samplers.min_p import MinP
from seqgen.samplers.repetition_penalty import RepetitionPenalty
from seqgen.samplers.temperature import Temperature
from seqgen.testing.letters import LettersTokenizer
from seqgen.testing.sampler import SamplerContract

CONTRACT = SamplerContract
MUTANTS: list[tuple[str, str, type[SamplerContract]]] = []


def breaks(law: str, broken: str, **options: Any):
    """Put a sampler made with these options among the mutants."""

    def register(part: type[Sampler]) -> type[Sampler]:
        # Many examples, for it ends at the first that fails: none may pass by luck.
        fields = {"make": lambda _: part(**options), "max_examples": 300}
        contract = type(part.__name__, (SamplerContract,), fields)
        MUTANTS.append((law, broken, contract))
        return part

    return register


@breaks("test_every_exception_names_a_law", "an exception for a law of another name")
class Misspelt(Greedy):
    exceptions: ClassVar[Mapping[str, str]] = {"test_a_token_of_every_row_survives": "it is strict"}


@breaks("test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows", "a default below its bound")
@dataclass(frozen=True, kw_only=True)
class BelowBound(MinP):
    tokens: Annotated[int, Ge(1), Doc("how many tokens always stay")] = 0


@breaks(
    "test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows", "a field without a sentence is no option"
)
@dataclass(frozen=True, kw_only=True)
class Unexplained(MinP):
    k: int = 3


@breaks("test_each_option_refuses_wrong_values", "an option that takes anything")
@dataclass(frozen=True, kw_only=True)
class Anything(MinP):
    words: Annotated[Any, Doc("words that are never written")] = ""


@breaks("test_the_options_survive_json", "an option that is a set")
@dataclass(frozen=True, kw_only=True)
class OfASet(MinP):
    ids: Annotated[frozenset[int], Doc("tokens that are never drawn")] = frozenset({1})


@breaks("test_the_stage_is_a_stage", "a stage that is a word")
class StageOfAWord(Greedy):
    stage = "temperature"


@breaks("test_a_token_of_each_row_survives", "only tokens more likely than even, which there may not be")
class MoreThanEven(Sampler):
    def adjust(self, logits):
        xp = array_namespace(logits)
        return xp.where(logits > xp.mean(logits, axis=-1, keepdims=True), logits, -xp.inf)


@breaks("test_a_token_of_each_row_survives", "the token before never comes again, even where it is the last one left")
@dataclass
class NeverTwice(Sampler):
    last: Any = field(init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self.last = prompt_ids[:, -1] if prompt_ids.shape[1] else np.full(len(prompt_ids), -1)

    def accept(self, ids):
        self.last = ids

    def adjust(self, logits):
        return np.where(np.arange(logits.shape[1]) == self.last[:, None], np.float32(-np.inf), logits)


class AnyTokenizer(SamplerContract):
    def make(self):
        return Greedy()

    def tokenizer(self, vocab_size):
        return LettersTokenizer(5)


MUTANTS.append(
    (
        "test_a_token_of_each_row_survives",
        "its tests give a tokenizer of other tokens than they are asked for",
        AnyTokenizer,
    )
)


@breaks("test_what_was_excluded_stays_excluded", "excluded tokens come back with a low logit")
class LowInsteadOfExcluded(Sampler):
    def adjust(self, logits):
        return np.maximum(logits, np.float32(-1e9))


@breaks("test_nothing_becomes_nan_or_infinitely_likely", "division that overflows", temperature=0.01)
class Overflowing(Temperature):
    def adjust(self, logits):
        with np.errstate(over="ignore"):
            return logits / np.float32(self.temperature)


@breaks("test_nothing_becomes_nan_or_infinitely_likely", "an excluded token weighs zero times minus infinity")
class ZeroTimesInfinity(Sampler):
    def adjust(self, logits):
        with np.errstate(invalid="ignore"):
            return logits * (logits > logits.min(axis=-1, keepdims=True))


@breaks("test_a_row_without_any_token_stays_so", "softmax of nothing is NaN")
class SoftmaxOfNothing(Sampler):
    def adjust(self, logits):
        with np.errstate(invalid="ignore"):
            return logits - logits.max(axis=-1, keepdims=True)


@breaks("test_shape_and_type_are_kept", "float64 out of float32")
class Double(Sampler):
    def adjust(self, logits):
        return logits.astype(np.float64)


@breaks("test_shape_and_type_are_kept", "the only row loses its axis")
class Squeezed(Sampler):
    def adjust(self, logits):
        return logits.squeeze()


@breaks("test_the_logits_handed_in_are_not_modified", "excludes in place")
class InPlace(Sampler):
    def adjust(self, logits):
        logits[logits < logits.max(axis=-1, keepdims=True)] = -np.inf
        return logits


@breaks("test_the_ids_handed_in_are_not_modified", "sorts the prompt in place")
class SortedPrompt(Greedy):
    def begin(self, prompt_ids, tokenizer):
        prompt_ids.sort(axis=-1)


@breaks("test_the_ids_handed_in_are_not_modified", "counts drawn tokens from one, in place")
class CountedFromOne(Greedy):
    def accept(self, ids):
        ids += 1


@breaks("test_ids_of_any_integer_type_are_taken", "differences of ids, which wrap below zero in uint16")
@dataclass
class Wrapping(Sampler):
    stepped: Any = field(init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self.stepped = (prompt_ids[:, 1:] - prompt_ids[:, :-1] < 0).any(axis=-1)

    def adjust(self, logits):
        return np.where(self.stepped[:, None], logits / 2, logits)


@breaks("test_a_row_alone_gives_what_it_gives_among_others", "one threshold for all rows")
class OneThreshold(Sampler):
    def adjust(self, logits):
        return np.where(logits >= logits.max(axis=-1).min(), logits, np.float32(-np.inf))


@breaks("test_a_row_alone_gives_what_it_gives_among_others", "only the first row's prompt counts")
class FirstPrompt(RepetitionPenalty):
    def begin(self, prompt_ids, tokenizer):
        super().begin(np.broadcast_to(prompt_ids[:1], prompt_ids.shape), tokenizer)


@breaks("test_the_same_generation_gives_the_same", "noise of its own")
@dataclass
class Noise(Sampler):
    noise: Any = field(init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self.noise = np.random.default_rng().normal(size=(len(prompt_ids), tokenizer.vocab_size)).astype(np.float32)

    def adjust(self, logits):
        return np.clip(logits, -100, 100) + self.noise


@breaks("test_adjusting_remembers_nothing", "hotter with every adjust instead of every token")
@dataclass
class Heating(Sampler):
    steps: Any = field(init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self.steps = itertools.count(1)

    def adjust(self, logits):
        return logits / next(self.steps)


@breaks("test_torch_tensors_give_what_numpy_arrays_give", "gives NumPy arrays for tensors")
class NumpyOnly(Sampler):
    def adjust(self, logits):
        return np.asarray(logits) / 2


@breaks("test_torch_tensors_give_what_numpy_arrays_give", "an unstable sort, so that ties fall otherwise")
class OtherTies(Sampler):
    def adjust(self, logits):
        xp = array_namespace(logits)
        place = xp.argmax(logits, axis=-1, keepdims=True)
        if not isinstance(logits, np.ndarray):
            place = logits.shape[-1] - 1 - xp.argmax(xp.flip(logits, axis=-1), axis=-1, keepdims=True)
        return xp.where(xp.arange(logits.shape[-1]) == place, logits, -xp.inf)


@breaks("test_selected_rows_keep_what_they_remember", "keeps the first rows instead of those selected")
class FirstRows(RepetitionPenalty):
    def select(self, rows):
        super().select(np.arange(len(rows)))


@breaks(
    "test_selected_rows_keep_what_they_remember",
    "forgets what falls out of the window of the rows that are left",
    window=2,
)
class HalfSelected(RepetitionPenalty):
    def select(self, rows):
        super().select(rows)
        self._recent.clear()


@breaks("test_selected_rows_keep_what_they_remember", "keeps the right rows in the wrong order", window=0)
class SortedRows(RepetitionPenalty):
    def select(self, rows):
        super().select(np.sort(rows))


@breaks("test_a_replayed_prefix_gives_the_state_of_the_prefix_as_prompt", "does not read the prompt")
class WithoutPrompt(RepetitionPenalty):
    def begin(self, prompt_ids, tokenizer):
        super().begin(prompt_ids[:, :0], tokenizer)


@breaks(
    "test_a_replayed_prefix_gives_the_state_of_the_prefix_as_prompt",
    "the window holds one more of the prompt",
    window=2,
)
class WiderPrompt(RepetitionPenalty):
    def begin(self, prompt_ids, tokenizer):
        super().begin(prompt_ids, tokenizer)
        for row, ids in enumerate(prompt_ids[:, -self.window - 1 : -self.window].tolist()):
            self._counts[row].update(ids)
            self._occurred[row, ids] = True


@breaks(
    "test_a_replayed_prefix_gives_the_state_of_the_prefix_as_prompt",
    "a window of 64 tokens holds one more of a prompt that is longer",
    window=64,
)
class WiderLongPrompt(WiderPrompt):
    pass


@breaks("test_begin_forgets_the_generation_before", "keeps counting in a second generation")
@dataclass
class KeepsCounting(Sampler):
    drawn: Any = field(default=0, init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self.drawn += prompt_ids.shape[1]

    def accept(self, ids):
        self.drawn += 1

    def adjust(self, logits):
        return logits / 2 if self.drawn > 3 else logits


@breaks("test_copies_are_independent", "a list that is made once, with the object")
@dataclass
class SharedList(Sampler):
    drawn: list[Any] = field(default_factory=list, init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self.drawn.clear()
        self.drawn.extend(prompt_ids.T)

    def accept(self, ids):
        self.drawn.append(ids)

    def adjust(self, logits):
        return logits / 2 if len(self.drawn) > 3 else logits


@breaks("test_a_deep_copy_goes_on_by_itself", "a deep copy shares the counts")
class SharedCounts(RepetitionPenalty):
    def __deepcopy__(self, memo):
        return copy.copy(self)


@breaks("test_a_deep_copy_goes_on_by_itself", "holds a generator, which nothing can copy")
@dataclass
class HoldsGenerator(Sampler):
    steps: Any = field(init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self.steps = (step for step in range(3))

    def adjust(self, logits):
        return logits


@dataclass
class Hastening(Sampler):
    """Counts how many tokens are left, and hurries in the last; sound."""

    left: Any = field(default=None, init=False, repr=False)
    rows: Any = field(default=0, init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self.left, self.rows = None, len(prompt_ids)

    def limit(self, tokens):
        self.left = tokens

    def accept(self, ids):
        if self.left is not None:
            self.left -= 1

    def select(self, rows):
        self.rows = len(rows)

    def adjust(self, logits):
        return self.last(logits) if self.left == 1 else logits

    def last(self, logits):
        return logits / 2


@breaks("test_a_token_of_each_row_survives", "in the last token only the first may be drawn, which there may not be")
class EndsWithTheFirst(Hastening):
    def last(self, logits):
        return np.where(np.arange(logits.shape[1]) == 0, logits, np.float32(-np.inf))


@breaks("test_a_row_alone_gives_what_it_gives_among_others", "the last token of each is that of all")
class EndsAlike(Hastening):
    def last(self, logits):
        return logits / self.rows


@breaks("test_a_deep_copy_goes_on_by_itself", "how many tokens are left is counted for all copies together")
class CountsTogether(Hastening):
    def limit(self, tokens):
        self.left = _Left(tokens)

    def accept(self, ids):
        if self.left is not None:
            self.left.tokens -= 1

    def adjust(self, logits):
        return self.last(logits) if self.left is not None and self.left.tokens == 1 else logits


@dataclass
class _Left:
    tokens: int

    def __deepcopy__(self, memo):
        return self


@breaks("test_it_is_shown_by_its_options_alone", "a field that begin sets is part of repr")
@dataclass
class ShownTooSoon(Sampler):
    length: int = field(init=False)
    stage: ClassVar[Stage] = Stage.CONSTRAINT

    def begin(self, prompt_ids, tokenizer):
        self.length = prompt_ids.shape[1]

    def adjust(self, logits):
        return logits


@breaks("test_strangers_in_the_chain_change_nothing", "takes every sampler for one of its own")
@dataclass
class Sociable(Sampler):
    others: int = field(default=0, init=False, repr=False)

    def meet(self, chain):
        self.others = len(chain) - 1

    def adjust(self, logits):
        return logits / 2 if self.others else logits


@breaks("test_a_limit_that_is_far_changes_nothing", "hurries as soon as it knows of an end")
@dataclass
class Hurried(Sampler):
    known: bool = field(default=False, init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self.known = False

    def limit(self, tokens):
        self.known = True

    def adjust(self, logits):
        return logits / 2 if self.known else logits


@dataclass
class Foreseeing(Sampler):
    """Makes some tokens likelier by what the model would say after them; sound."""

    seen: Any = field(default=None, init=False, repr=False)  # (B, V)

    def begin(self, prompt_ids, tokenizer):
        self.seen = None

    def foresee(self, ahead):
        rows, vocab_size = ahead.logits.shape
        first = np.arange(min(vocab_size, 4))
        further = ahead.after(np.repeat(np.arange(rows), len(first)), np.tile(first, rows))
        self.seen = np.zeros((rows, vocab_size), np.float32)
        self.seen[:, first] = further.logits.max(axis=1).reshape(rows, -1)

    def accept(self, ids):
        self.seen = None

    def adjust(self, logits):
        return logits if self.seen is None else logits / np.float32(2) + self.seen


@breaks(
    "test_with_foresight_a_row_alone_gives_what_it_gives_among_others", "foresees for all rows what comes of the first"
)
@dataclass
class OneFuture(Foreseeing):
    def foresee(self, ahead):
        super().foresee(ahead)
        self.seen[:] = self.seen[0]


@breaks("test_with_foresight_a_row_alone_gives_what_it_gives_among_others", "asks for rows that are not there")
@dataclass
class OutOfRange(Foreseeing):
    def foresee(self, ahead):
        ahead.after(np.array([len(ahead.logits)]), np.array([0]))


@breaks(
    "test_with_foresight_a_token_of_each_row_survives_and_none_comes_back",
    "puts what it foresaw in place of the logits",
)
@dataclass
class OnlyTheFuture(Foreseeing):
    def adjust(self, logits):
        return logits if self.seen is None else self.seen


@breaks("test_foreseeing_twice_gives_what_foreseeing_once_gives", "adds up what it foresees")
@dataclass
class AddedUp(Foreseeing):
    def foresee(self, ahead):
        before = self.seen
        super().foresee(ahead)
        self.seen = self.seen if before is None else self.seen + before


@breaks("test_what_foresees_keeps_no_hold_of_the_model", "keeps the Ahead for later")
@dataclass
class KeepsAhead(Foreseeing):
    ahead: Any = field(default=None, init=False, repr=False)

    def foresee(self, ahead):
        super().foresee(ahead)
        self.ahead = ahead


@dataclass
class Counted(Sampler):
    counts: Any = field(default=(), init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self.counts = np.count_nonzero(prompt_ids == 0, axis=1)

    def accept(self, ids):
        self.counts = self.counts + (ids == 0)

    def adjust(self, logits):
        return logits


@breaks("test_notes_are_texts_and_those_of_each_row_alone", "notes of all rows together")
class OneNoteForAll(Counted):
    def select(self, rows):
        self.counts = self.counts[rows]

    def notes(self):
        return [[f"{self.counts.sum()} in all"] for _ in self.counts]


@breaks("test_selected_rows_keep_their_notes", "does not select")
class NotSelected(Counted):
    def notes(self):
        return [[f"{count} of the first token"] for count in self.counts]


@breaks("test_each_row_ends_as_it_would_alone", "all end with the first")
class EndsAll(Counted):
    def select(self, rows):
        self.counts = self.counts[rows]

    def finished(self):
        return np.full(len(self.counts), (self.counts > 1).any())


@breaks("test_each_row_ends_as_it_would_alone", "does not select")
class EndsAnother(Counted):
    def finished(self):
        return self.counts > 1


class SoundForeseeing(SamplerContract):
    max_examples = 4

    def make(self):
        return Foreseeing()


class SoundHastening(SamplerContract):
    max_examples = 4

    def make(self):
        return Hastening()


SOUND = [SoundForeseeing, SoundHastening]
