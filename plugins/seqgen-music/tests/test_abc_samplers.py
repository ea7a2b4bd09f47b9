"""The samplers ``abc-bars`` and ``scale``: all laws, and that what they leave is well-formed, whatever the model wants."""

from __future__ import annotations

import copy
import itertools
import time
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqgen import corpora
from seqgen.core.errors import OptionError
from seqgen.generation.chain import Chain
from seqgen.testing import SamplerContract
from seqgen.testing.letters import LettersTokenizer
from seqgen_music.abc import scale
from seqgen_music.abc.automaton import TuneGrammar
from seqgen_music.abc.bars import AbcBars
from seqgen_music.abc.dataset import AbcDataset
from seqgen_music.abc.filling import Filling
from seqgen_music.abc.lexemes import Kind
from seqgen_music.abc.metre import WHOLE
from seqgen_music.abc.reading import Reader
from seqgen_music.abc.rhythm import Rhythm
from seqgen_music.abc.scale import Scale
from seqgen_music.abc.tokenizer import AbcTokenizer
from seqgen_music.abc.tune import read_tune

TUNES = [
    'X:1\nT:Ice\nM:6/8\nL:1/8\nK:G\nD|"G"G2B d>ed|(3BcB A {/g}~G2 D|[1 [GB]2-[GB]2 z:|[2 G5||\nP:B\n|:(G/A/)B2- B^cd|g4 g::G4 D2|]',
    "X:1\nM:4/4\nL:1/8\nK:Am\nA8|(4AcBA e'4|[K:D] d3/2f/2 d6||A,8:|",
]
TOKENIZER = AbcTokenizer().fit(TUNES)
SIZE = TOKENIZER.vocab_size


class AbcSamplerContract(SamplerContract):
    vocab_sizes = st.just(SIZE)

    def tokenizer(self, vocab_size: int) -> AbcTokenizer:
        return TOKENIZER


class TestLawsOfBars(AbcSamplerContract):
    def make(self) -> AbcBars:
        return AbcBars()


class TestLawsOfScale(AbcSamplerContract):
    def make(self) -> Scale:
        return Scale()


class TestLawsOfAFreeScale(AbcSamplerContract):
    def make(self) -> Scale:
        return Scale(freedom=0.1)


del AbcSamplerContract, SamplerContract


def drawn(seed: int, *, limit: int, **options: int) -> tuple[str, str]:
    """A tune of random tokens, each seed with likings of its own, and how it ended."""
    random = np.random.default_rng(seed)
    likings = random.normal(0, 2, SIZE)
    sampler = AbcBars(**options)
    sampler.begin(np.zeros((1, 1), np.int64), TOKENIZER)
    sampler.limit(limit)
    ids: list[int] = []
    while len(ids) < limit and not sampler.finished()[0]:
        logits = (random.gumbel(size=SIZE) + likings).astype(np.float32)
        token = int(sampler.adjust(logits[None])[0].argmax())
        sampler.accept(np.array([token]))
        if token == TOKENIZER.end_id:
            return TOKENIZER.decode(np.array(ids)), "end"
        ids.append(token)
    return TOKENIZER.decode(np.array(ids)), "whole" if sampler.finished()[0] else "length"


@settings(max_examples=settings.default.max_examples // 2, deadline=None)
@given(seed=st.integers(0, 2**32), limit=st.integers(60, 300))
@example(seed=1979, limit=89)  # the last note of a tuplet wants a > behind it
@example(seed=5471, limit=69)  # bars of rests
@example(seed=378, limit=60)  # a note without a length reaches over the end of the bar, by as much as the upbeat has
def test_any_model_writes_a_tune_that_is_well_formed_and_ends_within_the_length(seed, limit):
    tune, _ = drawn(seed, limit=limit)
    assert read_tune(tune).faults == []
    assert tune.endswith(("|]", "||", ":|"))
    assert tune.startswith("X:1\n")


def gone_on_with(tokenizer, prompt, *, length, seed):
    """The ids of a prompt and of what a model that knows nothing writes after it in bars."""
    sampler, random = AbcBars(), np.random.default_rng(seed)
    ids = prompt.astype(np.int64)
    sampler.begin(ids[None], tokenizer)
    sampler.limit(length)
    while not sampler.finished()[0]:
        logits = random.gumbel(size=(1, tokenizer.vocab_size)).astype(np.float32)
        logits[0, tokenizer.end_id] = -np.inf
        ids = np.append(ids, sampler.adjust(logits)[0].argmax())
        sampler.accept(ids[-1:])
    return ids


@pytest.mark.parametrize("rests", ["Z|", "G8|Z", "G8|Z4", "G8|X2|"])
def test_a_prompt_may_end_in_a_rest_of_whole_bars(rests):
    prompt = f"X:1\nM:4/4\nL:1/8\nK:G\n{rests}"
    tokenizer = AbcTokenizer().fit([*TUNES, prompt])
    for seed in range(3):
        ids = gone_on_with(tokenizer, tokenizer.encode(prompt), length=60, seed=seed)
        assert read_tune(tokenizer.decode(ids)).faults == []


@pytest.mark.parametrize("ending", ["|[1,3", "|1,3", "|[1", ":|[2,4", ":|2,4"])
@pytest.mark.parametrize("tunes", [TUNES, TUNES[1:]], ids=["with", "without"])  # a second ending
def test_a_prompt_may_end_in_an_ending_of_several_passes(ending, tunes):
    prompt = f"X:1\nM:4/4\nL:1/8\nK:G\n|:G8{ending}"
    tokenizer = AbcTokenizer().fit([*tunes, prompt])
    sampler, random = AbcBars(), np.random.default_rng(0)
    ids = tokenizer.encode(prompt).astype(np.int64)
    sampler.begin(ids[None], tokenizer)
    sampler.limit(60)
    for _ in range(60):
        if sampler.finished()[0]:
            break
        logits = random.gumbel(size=(1, tokenizer.vocab_size)).astype(np.float32)
        logits[0, tokenizer.end_id] = -np.inf
        ids = np.append(ids, sampler.adjust(logits)[0].argmax())
        sampler.accept(ids[-1:])
    assert sampler.finished()[0]
    assert read_tune(tokenizer.decode(ids)).faults == []


HEADER = "X:1\nM:4/4\nL:1/8\nK:G\n"
BEGINNINGS = [
    *("[G2B2]", "[G2B2]2", "[G2B4]", "[GB2]", "[z2B]", "[G-B-]4", "[G2-B2-]", "[c/2e/2]", "[E3c3]-[E3c3]", "{[GB]}A4"),
    *("[!fermata!G2B]", '["G"G2B]', "[{a3}G2B2]", "[(G2B)] A2", "(3A2BA", "(3:2:2A2B", "(3AB2A2", "(5A2BABA", "(3A>BA"),
    *("(3[G2B2]A2[GB]2", "(3[G2B2]2A4[G4B4]", "(3A2[G2B2]2A", "A2>B", "A2>B2", "A>B2", "A>>B", "A2<B", 'A2>{g}"G"B'),
    *("A>z", "[G2B2]>A2", "A2>[G2B2]", "A>(3BcB", "A-2", "(A)2", ">A", "A>|B", "[G2B|A", "(3AB|A", "A2.|B"),
]
"""Music as people write it, also with what abc-bars writes otherwise, or not at all."""


def ticks_read(tune: str) -> list[tuple[int, int]]:
    """How far each bar has come where it ends, by the automaton, and by the rhythm that the dataset holds it to."""
    tokenizer = AbcTokenizer().fit([*TUNES, tune])
    grammar, rhythm = TuneGrammar(tokenizer.lexemes, 4), Rhythm()
    state, begun, found = grammar.start, 0, []
    for token in [*tokenizer.encode(tune).tolist(), None]:
        lexeme = None if token is None else tokenizer.lexemes[token]
        if rhythm.now == 0:
            begun = state.now  # not the beginning of a bar, where a part ended within one
        if lexeme is None or lexeme.kind is Kind.BAR:
            found.append((state.now - begun, rhythm.now))
        if lexeme is not None:
            state = grammar.next(state, token)
            rhythm.feed(lexeme)
    return found


@pytest.mark.parametrize("music", BEGINNINGS)
def test_a_prompt_is_as_far_in_the_bar_as_the_dataset_would_have_it(music):
    for read, right in ticks_read(f"{HEADER}{music}"):
        assert read == right
    for read, right in ticks_read(f"{HEADER}A8|{music} A|"):
        assert read == right


def test_the_bars_of_the_bundled_tunes_are_read_as_the_dataset_reads_them():
    for document in AbcDataset(sources=(str(corpora.locate("tunes")),)).documents():
        bars = ticks_read(document.content)
        assert [read for read, _ in bars] == [right for _, right in bars], document.id


@pytest.mark.parametrize(
    "music",
    [
        "[G2B2]",
        "[G2B2]2",
        "[G-B-]4",
        "(3A2B",
        "(3A2BA",
        "(3:2:2A2B",
        "A2>B",
        "A2>B A",
        "(3[G2B2]A2",
        "(3[G2B2]2A4",
        "[(GB]2A2",
        "(A2[GB)]2",
    ],
)
def test_the_bar_that_a_prompt_begins_adds_up(music):
    tokenizer = AbcTokenizer().fit([*TUNES, f"{HEADER}{music}A/2A3/2A2A3A4A5A6A7A8|"])
    prompt = tokenizer.encode(f"{HEADER}G8|{music}")
    for seed in range(3):
        ids = gone_on_with(tokenizer, prompt, length=80, seed=seed)
        assert read_tune(tokenizer.decode(ids)).faults == []


@pytest.mark.parametrize(("sampler", "reader", "name"), [(AbcBars(), Reader, "next"), (Scale(), scale, "_after")])
def test_a_prompt_that_rows_have_in_common_is_read_once(sampler, reader, name):
    ids = TOKENIZER.encode(TUNES[0])
    with mock.patch.object(reader, name, autospec=True, side_effect=getattr(reader, name)) as read:
        sampler.begin(np.broadcast_to(ids, (64, len(ids))), TOKENIZER)
        assert read.call_count == len(ids)
        sampler.accept(np.repeat(ids[:2], 32))
        assert read.call_count == len(ids) + 2


@pytest.mark.parametrize("prompt", ["ABcd efga|", "z4 A4|", "X:1\nM:4/4\nL:1/8\nABcd|", "[GB]4|"])
def test_a_prompt_of_notes_without_a_key_is_told_of(prompt):
    tokenizer, sampler = AbcTokenizer().fit([*TUNES, f"{HEADER}ABcd efga|z4A4|[GB]4"]), AbcBars()
    sampler.begin(np.stack([tokenizer.encode(prompt)] * 2), tokenizer)
    (note,) = sampler.notes()[0]
    assert note == "the seed has no K: field before its notes, so a new tune begins; start it with X:, M:, L: and K:"
    sampler.select(np.array([1]))
    assert sampler.notes() == [[note]]


@pytest.mark.parametrize(
    "prompt", ["", "X:1\nT:ABcd efga\n", f"{HEADER}ABcd", "K:G\nABcd", 'M:4/4\n"ABc"', f"A BeAd\n{HEADER}ABcd"]
)
def test_a_prompt_that_begins_a_tune_is_told_nothing_of(prompt):
    tokenizer, sampler = AbcTokenizer().fit([*TUNES, f'{HEADER}T:ABcd efga\nABcd"^ABc"']), AbcBars()
    sampler.begin(tokenizer.encode(prompt).astype(np.int64)[None], tokenizer)
    assert sampler.notes() == [[]]


CUT = "the tune is cut before its end, as by --stop, or by a --length that is too short or in characters"


def told(tune: str, *, ends: bool = False) -> list[str]:
    """The notes of bars on a tune that was drawn."""
    sampler = AbcBars(min_bars=1)
    sampler.begin(np.zeros((2, 0), np.int64), TOKENIZER)
    for token in [*TOKENIZER.encode(tune), *([TOKENIZER.end_id] if ends else [])]:
        sampler.accept(np.array([TOKENIZER.end_id, token]))
    sampler.select(np.array([1]))
    (notes,) = sampler.notes()
    return list(notes)


@pytest.mark.parametrize("tune", ["X:1\nM:4/4\nK:Am", f"{HEADER}A8|A4", f"{HEADER}|:A8|"])
def test_a_tune_that_is_cut_before_its_end_is_told_of(tune):
    assert told(tune) == [CUT]


@pytest.mark.parametrize("tune", ["", f"{HEADER}A8|]", f"{HEADER}|:A8:|"])
def test_a_tune_that_came_to_its_end_is_told_nothing_of(tune):
    assert told(tune) == told(tune, ends=True) == []


def may_follow(prompt: str) -> set[str]:
    tokenizer, sampler = AbcTokenizer().fit([*TUNES, prompt]), AbcBars()
    sampler.begin(tokenizer.encode(prompt)[None], tokenizer)
    left = np.flatnonzero(sampler.adjust(np.zeros((1, tokenizer.vocab_size), np.float32))[0] == 0)
    return {tokenizer.lexemes[token].text for token in left}


def test_a_metre_in_a_prompt_leaves_the_length_of_notes_as_it_is():
    prompt = "X:1\nM:4/4\nK:G\nG8|[M:2/4]G4"  # eighths, though without L: they are sixteenths in a tune in 2/4
    texts = may_follow(prompt)
    assert "|" in texts
    assert not texts & {"A", "z", "("}


def test_a_chord_of_a_prompt_with_a_length_within_needs_none_behind_it():
    assert {"A", "2"} <= may_follow(f"{HEADER}A2>[G2B2]")


def test_notes_of_a_tuplet_of_a_prompt_may_be_dotted():
    texts = may_follow(f"{HEADER}A8|(3A>B")
    assert "A" in texts
    assert not texts & {"2", "3/2"}


def test_behind_the_dotted_bar_line_of_a_prompt_a_bar_begins():
    assert "|" not in may_follow(f"{HEADER}A2.|A6")


def test_a_tie_of_a_prompt_waits_for_its_note_also_where_a_length_is_behind_it():
    assert may_follow(f"{HEADER}A8|A4 A-4|") == {"A"}


def test_lengths_of_all_kinds_fill_a_bar():
    filling = Filling({f"{top}/{bottom}" for top, bottom in itertools.product(range(1, 9), range(1, 9))})
    assert filling.can(WHOLE // 8, WHOLE)
    assert filling.can(WHOLE // 8, WHOLE // 8 // 7 + WHOLE // 8 // 5)
    assert not filling.can(WHOLE // 8, WHOLE - 1)


def test_a_vocabulary_with_which_bars_take_too_long_is_given_up():
    """A stranger may have made it; it would take thousands of lengths at ten thousands of places in the bar."""
    filling = Filling(f"{top}/1260" for top in range(40, 3000))
    begun = time.process_time()
    assert not filling.can(WHOLE // 8, 2 * WHOLE)
    assert not filling.can(WHOLE // 8, WHOLE)
    assert time.process_time() - begun < 2


def test_where_bars_cannot_be_filled_there_is_a_token_all_the_same():
    tokenizer = AbcTokenizer().fit(["X:1\nM:5/32\nK:C\nCDEF|CDEF|]"])  # sixteenths
    sampler, random = AbcBars(), np.random.default_rng(0)
    sampler.begin(np.zeros((1, 0), np.int64), tokenizer)
    sampler.limit(40)
    for _ in range(40):
        left = sampler.adjust(random.gumbel(size=(1, tokenizer.vocab_size)).astype(np.float32))
        assert left.max() > -np.inf
        sampler.accept(left.argmax(axis=-1))


def test_a_tune_ends_soon_after_its_most_bars():
    for seed in range(10):
        tune = read_tune(drawn(seed, limit=10_000, max_bars=12)[0])
        assert 4 <= len(tune.bars) <= 18
        assert tune.faults == []


def test_a_beam_forks_what_was_written_and_not_the_automaton():
    sampler = AbcBars()
    sampler.begin(np.zeros((1, 0), np.int64), TOKENIZER)
    before = sampler.adjust(np.zeros((1, SIZE), np.float32))
    other = copy.deepcopy(sampler)
    other.accept(TOKENIZER.encode("X:1")[:1])
    assert other._grammar is sampler._grammar
    assert (sampler.adjust(np.zeros((1, SIZE), np.float32)) == before).all()
    assert (other.adjust(np.zeros((1, SIZE), np.float32)) != before).any()


def test_bars_and_scale_need_a_model_of_abc():
    for sampler, name in ((AbcBars(), "abc-bars"), (Scale(), "scale")):
        with pytest.raises(OptionError, match=f"sampler {name} needs a model with the tokenizer abc"):
            sampler.begin(np.zeros((1, 0), np.int64), LettersTokenizer(5))


def test_a_model_that_has_seen_no_metre_is_told_so():
    with pytest.raises(OptionError, match="the tunes that this model has seen lack an M: field"):
        AbcBars().begin(np.zeros((1, 0), np.int64), AbcTokenizer().fit(["X:1\nK:C\nCDEF|"]))


def test_most_bars_below_least_bars_is_refused():
    with pytest.raises(OptionError, match="max_bars is 3, but must be at least min_bars, 8"):
        AbcBars(min_bars=8, max_bars=3)


def outside(prompt: str, freedom: float = 0, tokenizer: AbcTokenizer = TOKENIZER) -> set[str]:
    sampler = Scale(freedom=freedom)
    sampler.begin(tokenizer.encode(prompt)[None], tokenizer)
    adjusted = sampler.adjust(np.zeros((1, tokenizer.vocab_size), np.float32))[0]
    return {tokenizer.lexemes[token].text for token in np.flatnonzero(adjusted < 0)}


def test_notes_outside_the_key_are_excluded():
    assert outside("K:G\nG") == {"^c"}
    assert outside("[K:D]") == set()
    assert outside("G2") == set()


def test_an_accidental_holds_to_the_end_of_the_bar():
    assert outside("K:G\n^cB") == {"^c", "c"}
    assert outside("K:G\n^cB|") == {"^c"}


@pytest.mark.parametrize("field", ["[K:clef=alto]", "[K:octave=-1]", "\nK:bass\n"])
def test_a_clef_without_a_key_leaves_the_key_and_accidentals_as_they_are(field):
    assert outside(f"K:G\n^cB{field}", tokenizer=AbcTokenizer().fit([*TUNES, field])) == {"^c", "c"}


@pytest.mark.parametrize(
    ("tied", "excluded"),
    [
        ("^c-", set()),  # in the bar a c is sharp too
        ("^c2-|", set()),
        ("^cBc-|", set()),
        ("^c-|{/d}", set()),
        ("^c-|^c", {"^c", "c"}),
        ("^c-|z", {"^c"}),
        ("z-", {"^c"}),
    ],
)
def test_a_tied_note_may_sound_on(tied, excluded):
    assert outside(f"K:G\n{tied}") == excluded


def test_a_tied_note_outside_the_key_is_what_bars_and_scale_leave_together():
    for samplers in ([Scale(), AbcBars()], [AbcBars(), Scale()]):
        chain = Chain(samplers)
        chain.begin(TOKENIZER.encode("X:1\nM:6/8\nL:1/8\nK:G\nG4^c2-|")[None], TOKENIZER)
        left = chain.adjust(np.zeros((1, SIZE), np.float32))[0]
        assert [TOKENIZER.lexemes[token].text for token in np.flatnonzero(left > -np.inf)] == ["^c"]


def test_with_freedom_they_are_less_likely():
    sampler = Scale(freedom=0.25)
    sampler.begin(TOKENIZER.encode("K:G\n")[None], TOKENIZER)
    assert sorted(set(sampler.adjust(np.zeros((1, SIZE), np.float32))[0].tolist())) == [pytest.approx(np.log(0.25)), 0]
    assert outside("K:G\n", freedom=1) == set()
