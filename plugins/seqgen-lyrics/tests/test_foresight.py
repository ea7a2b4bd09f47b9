"""What models write that are asked for their own words: a beam over their probabilities, whole models and no made-up logits."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from seqgen.corpora import locate
from seqgen.generation.batch import Branches, Prefix
from seqgen.generation.beam import beam_search
from seqgen.generation.generate import generate, stream
from seqgen.samplers.logit_bias import LogitBias
from seqgen.samplers.repetition_penalty import RepetitionPenalty
from seqgen.samplers.temperature import Temperature
from seqgen.tokenizers.bpe import BpeTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen_lyrics.beam import Quest, log_softmax, search
from seqgen_lyrics.clock import Clock
from seqgen_lyrics.demands import Demands
from seqgen_lyrics.director import Director
from seqgen_lyrics.endings import spelled_endings, spelled_rhyme
from seqgen_lyrics.evaluation import Aims
from seqgen_lyrics.foresight import Foresight
from seqgen_lyrics.language import is_foreign, written_words
from seqgen_lyrics.measures import Corpus, measure, stanzas_of
from seqgen_lyrics.penalties import Penalties
from seqgen_lyrics.poem import Poem
from seqgen_lyrics.samplers import Form, Rhyme, Syllables
from seqgen_lyrics.sounds import Kind, is_known
from seqgen_lyrics.tokenizer import LyricsTokenizer
from seqgen_lyrics.vocabulary import Vocabulary
from seqgen_lyrics.weighing import weighed

HERE = Path(__file__).parent
_SPEC = importlib.util.spec_from_file_location("reader", HERE / "reader.py")
_READER = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_READER)
Reader = _READER.Reader

GERMAN = (HERE / "german.txt").read_text("utf-8")
ENGLISH = "\n".join(path.read_text("utf-8") for path in sorted(Path(locate("songs")).glob("*")))
CHAIN = (
    Rhyme(scheme="AABB"),
    Syllables(pattern="8"),
    Form(sections="verse", headings=False),
    Temperature(temperature=0.8),
)


def reader_of(text, tokenizer=None):
    """A model of a text, and what a generation with it needs."""
    tokenizer = tokenizer or CharTokenizer().fit([text])
    ids = np.asarray(tokenizer.encode(text), np.int64)
    return {
        "model": Reader(ids, tokenizer.vocab_size),
        "tokenizer": tokenizer,
        "prompt_ids": np.asarray(tokenizer.encode("\n\n"), np.int64),
        "length": 600,
        "forbid": () if tokenizer.end_id is None else (tokenizer.end_id,),
    }


@pytest.fixture(scope="module")
def german():
    return reader_of(GERMAN)


@pytest.fixture(scope="module")
def english():
    return reader_of(ENGLISH)


def words_of(text):
    return set(re.findall(r"\w+", text.lower()))


def stanzas_by(written, samplers=CHAIN, count=6, **options):
    samples = generate(**written, samplers=samplers, num_samples=count, random_seed=1, **options)
    return samples, [next(stanzas_of(sample.text)) for sample in samples]


@dataclass(kw_only=True)
class Blind(Rhyme):
    """Rhymes without asking the model."""

    def foresee(self, ahead):
        pass


MADE = {
    "char": CharTokenizer(),
    "bpe": BpeTokenizer(vocab_size=160),
    "lyrics:base=char": LyricsTokenizer(base="char"),
}


@pytest.mark.parametrize("name", ["char", *(pytest.param(name, marks=pytest.mark.slow) for name in list(MADE)[1:])])
def test_lines_of_a_german_model_end_in_words_that_it_writes_itself(name):
    written = reader_of(GERMAN, MADE[name].fit([GERMAN]))
    samples, stanzas = stanzas_by(written)
    own = words_of(GERMAN)
    ends = [line.last for stanza in stanzas for line in stanza]
    assert len(ends) == 24
    assert np.mean([end in own for end in ends]) > 0.5
    pairs = [(stanza[place].last, stanza[place + 1].last) for stanza in stanzas for place in (0, 2)]
    kinds = [spelled_rhyme(*pair) for pair in pairs]
    assert kinds.count(Kind.PERFECT) > 8
    assert measure(stanzas, schemes=["AABB"], spelled=True).rhymes["AABB"].perfect == kinds.count(Kind.PERFECT) / 12
    assert all(line.syllables == 8 for stanza in stanzas for line in stanza)
    for sample in samples:
        assert sample.notes[0].startswith("CMUdict lacks the language of this text")
    faults = sum("rhyme" in note for sample in samples for note in sample.notes[1:])
    assert faults == 12 - kinds.count(Kind.PERFECT)  # each is told


@pytest.mark.slow
def test_without_asking_the_model_lines_of_a_german_model_end_in_english_words(german):
    _, stanzas = stanzas_by(german, [Blind(scheme="AABB"), *CHAIN[1:]])
    ends = [line.last for stanza in stanzas for line in stanza]
    assert np.mean([end in words_of(GERMAN) for end in ends]) < 0.3
    assert np.mean([is_known(end) for end in ends]) > 0.9


def test_lines_of_an_english_model_rhyme_with_words_of_its_own(english):
    samples, stanzas = stanzas_by(english, count=3)
    figures = measure(stanzas, schemes=["AABB"], pattern=[8])
    assert (figures.rhymes["AABB"].perfect, figures.syllables) == (1, 1)
    assert not any("CMUdict lacks the language" in note for sample in samples for note in sample.notes)


def test_the_same_seed_writes_the_same_alone_among_others_and_as_a_stream(german):
    asked = {**german, "samplers": CHAIN, "random_seed": 3}
    together = generate(**asked, num_samples=4, batch_size=3)
    for sample in together:
        (alone,) = generate(**asked, numbers=[sample.number])
        assert (alone.text, alone.notes) == (sample.text, sample.notes)
        assert "".join(stream(**asked, sample=sample.number)) == sample.text


def test_a_search_for_the_likeliest_text_rhymes_too(german):
    found = beam_search(**{**german, "length": 90}, samplers=[Rhyme(scheme="AA"), Syllables(pattern="8")], width=2)
    (one, other), *_ = stanzas_of(found.text)
    assert spelled_rhyme(one.last, other.last) == Kind.PERFECT


def after_a_line(written, line):
    """What a generation of the line after this one needs."""
    prompt = np.asarray(written["tokenizer"].encode(f"{line},\n"), np.int64)
    return {**written, "prompt_ids": prompt, "length": 60, "stop": ["\n"]}


def test_a_wider_search_finds_no_less_likely_a_line_for_a_word_counts_once(german):
    asked = after_a_line(german, "Der Wald ist still, der Tag ist hell")
    found = [
        beam_search(**asked, samplers=[Rhyme(scheme="AA"), Syllables(pattern="8")], width=width).log_probability
        for width in (1, 2, 4, 8)
    ]
    assert found == sorted(found)


COUPLET = (Rhyme(scheme="AA"), Syllables(pattern="6"), Temperature(temperature=0.8))


def test_a_word_that_a_penalty_all_but_bans_ends_no_line_though_it_is_the_only_rhyme_found(german):
    def ending_in(word, *penalties):
        asked = after_a_line(german, "Der Wald ist still und ich bin aus")
        samples = generate(**asked, samplers=[*penalties, *COUPLET], num_samples=10, random_seed=1)
        return sum(sample.text.rstrip(".,").lower().endswith(f" {word}") for sample in samples)

    assert ending_in("daus") > 3
    assert ending_in("daus", LogitBias(bias={"daus": -50.0})) == 0


def test_a_search_under_a_penalty_ends_no_line_in_the_word_that_it_bans(german):
    asked = after_a_line(german, "Der Wald ist still, der Tag ist hell")
    samplers = [Rhyme(scheme="AA"), Syllables(pattern="8")]
    assert beam_search(**asked, samplers=samplers, width=2).text.endswith(" ell,")
    held_back = [LogitBias(bias={"ell": -50.0}), *samplers]
    assert not beam_search(**asked, samplers=held_back, width=2).text.endswith("ell,")


def test_with_a_penalty_too_a_text_is_the_same_alone_and_among_others(german):
    samplers = [RepetitionPenalty(penalty=3.0, window=20), *COUPLET]
    asked = {**after_a_line(german, "Das Wasser fließt am alten Haus"), "samplers": samplers, "random_seed": 3}
    together = generate(**asked, num_samples=5)
    assert len({sample.text for sample in together}) > 1
    for sample in together:
        (alone,) = generate(**asked, numbers=[sample.number])
        assert alone.text == sample.text


@pytest.mark.usefixtures("time_passes")
def test_rhymes_that_are_looked_for_before_the_first_token_have_their_time(english):
    prompt = np.asarray(english["tokenizer"].encode("All the day\n"), np.int64)
    # More words may rhyme by a slant with the prompt than are looked at where there is no time.
    samplers = [Rhyme(scheme="AA", kind="slant", look_ahead_seconds=600)]
    (sample,) = generate(**{**english, "prompt_ids": prompt, "length": 1}, samplers=samplers, random_seed=1)
    assert sample.notes == ()


SPEECH = "I know. You know. We all go slow.\nYou go. I go. And low we row.\n\n"
SENTENCES = "I know you go and all is slow.\nAnd low we row and on we go.\n\n"


@pytest.mark.parametrize(("text", "within"), [(SPEECH, True), (SENTENCES, False)])
def test_a_sentence_ends_within_a_line_where_the_model_goes_on_after_it(text, within):
    written = reader_of(text * 3)
    samples, stanzas = stanzas_by(
        written, [Rhyme(scheme="AA"), Syllables(pattern="8"), Form(lines=2, sections="verse", headings=False)]
    )
    lines = [line for sample in samples for line in sample.text.strip().split("\n")]
    assert len(lines) == 12
    assert any(re.search(r"\. ", line) for line in lines) is within
    assert not any(re.search(r"\.\s+[a-z]", line) for line in lines)
    assert measure(stanzas, schemes=["AA"], pattern=[8]).syllables == 1


NIGHTS = "we walk by night\nyou talk all night\nour fire is bright\nwe see the light\nthe birds now sing\nyou hear them ring\n\n"
AGAIN = "I walk again\nyou talk again\nwe go again\nout on the plain\n\n"


@pytest.mark.parametrize(
    ("text", "scheme", "prompt", "echoes"),
    [
        (NIGHTS, "ABAB", "into the night\n", {"night", "bright", "light"}),
        (AGAIN, "XAA", "we saw the men\nout in the rain\n", {"again"}),  # which rhymes with both
    ],
)
def test_words_that_rhyme_with_a_line_of_another_letter_are_none_that_a_model_ends_a_line_with(
    text, scheme, prompt, echoes
):
    written = reader_of(text * 3)
    written["prompt_ids"] = np.asarray(written["tokenizer"].encode(prompt), np.int64)
    samplers = [Rhyme(scheme=scheme), Syllables(pattern="4"), Temperature(temperature=0.8)]
    samples = generate(**{**written, "length": 60, "stop": ["\n"]}, samplers=samplers, num_samples=12, random_seed=1)
    assert not echoes & {sample.text.split()[-1] for sample in samples}
    assert not any("must not" in note for sample in samples for note in sample.notes)


# The beam


def found_after(written, prompt, endings, *, most=1000, seconds=60.0, penalties=()):
    tokenizer = written["tokenizer"]
    ids = np.asarray(tokenizer.encode(prompt), np.int64)
    prefix = Prefix(written["model"], ids)
    for penalty in penalties:
        penalty.begin(ids[None], tokenizer)
    ahead = Branches(written["model"], prefix.logits, prefix.state)
    clock = Clock(seconds)
    clock.start()
    quest = Quest(0, spaced=False, endings=endings, accepts=bool)
    held = Penalties(penalties, tokenizer)
    (words,), late = search(ahead, [quest], Vocabulary.of(tokenizer), held, most=most, clock=clock)
    return words, late


def test_the_beam_finds_words_of_an_ending_with_their_probability(german):
    words, late = found_after(german, "Die Sonne steigt aus tiefer ", ("acht", "and"))
    assert not late
    assert words[0].word == "nacht"
    assert {"nacht"} <= {found.word for found in words if found.word in words_of(GERMAN)}
    assert all(found.word.endswith(("acht", "and")) for found in words)
    model, tokenizer = german["model"], german["tokenizer"]
    text = "Die Sonne steigt aus tiefer "
    logits = [
        Prefix(model, np.asarray(tokenizer.encode(text + "Nacht"[:size]), np.int64)).logits[0] for size in range(6)
    ]
    exact = sum(float(row[tokenizer.encode(letter)[0]]) for row, letter in zip(logits, "Nacht", strict=False))
    letters = [token for token in range(tokenizer.vocab_size) if str(tokenizer.decode(np.array([token]))).isalpha()]
    end = np.log(1 - np.exp(logits[5][letters].astype(float)).sum())
    assert words[0].log_probability == pytest.approx(exact + end, rel=1e-4)


def test_of_a_word_it_counts_what_penalties_that_read_it_leave_of_each_token(german):
    text, tokenizer = "Die Sonne steigt aus tiefer ", german["tokenizer"]
    free, _ = found_after(german, text, ("acht",))
    held_back, _ = found_after(german, text, ("acht",), penalties=[LogitBias(bias={"Nacht": -12.0})])
    before, after = (next(each for each in words if each.word == "nacht") for words in (free, held_back))
    lost = 0.0
    for size in range(5):
        ids = np.asarray(tokenizer.encode(text + "Nacht"[:size]), np.int64)
        penalty = LogitBias(bias={"Nacht": -12.0})
        penalty.begin(ids[None], tokenizer)
        (token,) = tokenizer.encode("Nacht"[size])
        logits = Prefix(german["model"], ids).logits
        lost += float((log_softmax(logits) - log_softmax(penalty.adjust(logits)))[0, token])
    assert lost > 0.5
    assert after.log_probability == pytest.approx(before.log_probability - lost, abs=1e-4)
    assert after.fluency == before.fluency  # it is as much a word as before


def test_without_endings_it_finds_the_likeliest_words(german):
    words, _ = found_after(german, "Ein Vogel ruft, ich ", ())
    assert words[0].word == "weiß"
    assert [found.log_probability for found in words] == sorted(
        (found.log_probability for found in words), reverse=True
    )


@pytest.mark.usefixtures("time_passes")
def test_it_looks_at_no_more_beginnings_and_takes_no_more_time_than_it_may(german):
    class Counted(Reader):
        rows = 0

        def next_logits(self, ids, state):
            self.rows += len(ids)
            return super().next_logits(ids, state)

    tokenizer = german["tokenizer"]
    model = Counted(tokenizer.encode(GERMAN), tokenizer.vocab_size)
    many, _ = found_after({**german, "model": model}, "\n", ("ein", "aus", "acht"))
    freely = model.rows
    model.rows = 0
    few, _ = found_after({**german, "model": model}, "\n", ("ein", "aus", "acht"), most=20)
    assert model.rows <= 20 + 1 < freely  # and the prompt
    assert len(few) < len(many)
    assert found_after(german, "\n", ("ein",), seconds=1e-9)[1]


def test_where_a_line_must_end_a_token_is_as_likely_as_the_words_it_leads_to(german):
    vocabulary = Vocabulary.of(german["tokenizer"])
    logits = np.random.default_rng(0).normal(size=len(vocabulary)).astype(np.float32)
    words = {"wand": -1.0, "wind": -2.0, "rand": -3.0}

    def of(letters, allowed):
        mask = np.isin(np.arange(len(vocabulary)), [vocabulary.exact.index(text) for text in allowed])
        row = weighed(logits, mask, letters, words, vocabulary)
        return {allowed_text: row[vocabulary.exact.index(allowed_text)] for allowed_text in allowed}

    def model_says(texts):
        return np.logaddexp.reduce([logits[vocabulary.exact.index(text)] for text in texts])

    first = of("", ["w", "W", "r", "n"])
    assert np.logaddexp(first["w"], first["W"]) - first["r"] == pytest.approx(np.logaddexp(-1, -2) + 3, abs=1e-5)
    share = logits[vocabulary.exact.index("W")] - logits[vocabulary.exact.index("w")]
    assert first["W"] - first["w"] == pytest.approx(share, abs=1e-5)
    assert first["n"] == -np.inf
    within = of("w", ["a", "i"])
    assert within["a"] - within["i"] == pytest.approx(1, abs=1e-5)
    # Together they are as likely as the model has them, so that a word counts once and not at each of its letters.
    assert np.logaddexp.reduce(list(first.values())) == pytest.approx(model_says(["w", "W", "r"]), abs=1e-5)
    assert np.logaddexp.reduce(list(within.values())) == pytest.approx(model_says(["a", "i"]), abs=1e-5)
    ends = of("wand", [",", "\n"])
    assert ends == pytest.approx({text: logits[vocabulary.exact.index(text)] for text in ends}, abs=1e-5)
    assert weighed(logits, np.ones(len(logits), bool), "x", words, vocabulary) is None


# The language


def test_a_model_tells_its_language_by_what_it_writes(german, english):
    for written, foreign in ((german, True), (english, False)):
        prefix = Prefix(written["model"], written["prompt_ids"])
        ahead = Branches(written["model"], prefix.logits, prefix.state)
        words = written_words(ahead, 0, Vocabulary.of(written["tokenizer"]))
        assert words == written_words(ahead, 0, Vocabulary.of(written["tokenizer"]))
        assert len(words) > 50
        assert is_foreign(words) is foreign
    assert not is_foreign(["träumen", "bäumen"])  # too few to tell


def with_names(text):
    """A text in which the rare words are names that nobody knows, as there are many in a large corpus."""
    counts = Counter(re.findall(r"\w+", text.lower()))
    return re.sub(r"\w+", lambda word: f"{word[0]}zqx" if counts[word[0].lower()] < 4 else word[0], text)


NAMES = with_names(ENGLISH)


def test_a_corpus_tells_its_language_by_running_words_however_many_names_it_has():
    corpus = Corpus.of([NAMES])
    assert np.mean([is_known(word) for word in corpus.words]) < 0.5
    stanza = next(stanzas_of("The rain is on the sea\nIt will not wait for me"))
    aims = Aims(scheme="AA")
    assert aims.measured([stanza], corpus).rhymes["AA"].perfect == 1
    assert aims.measured([stanza], Corpus.of([GERMAN])).rhymes["AA"].perfect == 0  # by the letters


def test_a_hungarian_corpus_is_not_taken_for_english_by_its_letter_a():
    line = "a ház előtt áll egy fa és a kert mögött a patak szalad"
    assert is_foreign(Corpus.of([line]).words)


@pytest.mark.parametrize(("text", "foreign"), [(NAMES, False), (ENGLISH, False), (GERMAN, True), (GERMAN[:300], True)])
def test_a_tokenizer_tells_the_language_by_the_commonest_words_that_it_knows(text, foreign):
    tokenizer = LyricsTokenizer(min_count=1, size=4000).fit([text])
    poem = Poem(Demands(scheme="AA"))
    Foresight(Director(poem.demands, Vocabulary.of(tokenizer)), Penalties((), tokenizer)).judge_language(poem, ())
    assert poem.foreign is foreign


def test_words_of_a_language_that_cmudict_lacks_rhyme_by_their_letters():
    assert [spelled_endings(word) for word in ("Haus", "Träumen", "Nacht")] == [("aus",), ("äumen", "en"), ("acht",)]
    assert (
        spelled_rhyme("Haus", "aus")
        == spelled_rhyme("Nacht", "gemacht")
        == spelled_rhyme("träumen", "Bäumen")
        == Kind.PERFECT
    )
    assert spelled_rhyme("Haus", "Haus") == spelled_rhyme("Nacht", "Mitternacht") == Kind.IDENTICAL
    assert spelled_rhyme("Träumen", "sagen") == Kind.SLANT
    assert spelled_rhyme("Haus", "Nacht") == Kind.NONE
