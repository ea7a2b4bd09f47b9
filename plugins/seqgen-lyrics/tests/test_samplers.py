"""What the samplers promise, with models that know nothing: words and characters, and what cannot be met."""

from __future__ import annotations

import itertools
import pickle
import re
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.core.errors import OptionError
from seqgen.generation.chain import Chain
from seqgen.tokenizers.bpe import BpeTokenizer
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer
from seqgen_lyrics.clock import Clock
from seqgen_lyrics.demands import Demands
from seqgen_lyrics.director import Director
from seqgen_lyrics.lexicon import Lexicon, Words
from seqgen_lyrics.measures import measure, stanzas_of
from seqgen_lyrics.poem import Poem
from seqgen_lyrics.samplers import Form, NoRepeatLine, Rhyme, Syllables
from seqgen_lyrics.sounds import Kind, dictionary_words, is_weak, rhyme, syllables
from seqgen_lyrics.tokenizer import LyricsTokenizer
from seqgen_lyrics.vocabulary import Vocabulary

SONG = """[Verse]
The harbour light is burning low,
The tide has turned to sea,
And all the little boats that go
Are waving back at me.

[Chorus]
So carry me over the foam again,
The river is wide and the water is deep.
I'm sailing away in the wind and the rain,
And all of the stars are awake in their sleep!

[Verse]
"Oh, where are you going?" said Captain Mary - and quickly I vexed a jazz of box.
"""
CHARACTERS = CharTokenizer().fit([SONG])
TOKENIZERS = {
    "char": CHARACTERS,
    "byte": ByteTokenizer().fit([SONG]),
    "bpe": BpeTokenizer(vocab_size=300).fit([SONG] * 4),
    "word": WordTokenizer(min_count=1).fit([SONG]),
    "lyrics": LyricsTokenizer(min_count=1).fit([SONG]),
    "lyrics:base=char": LyricsTokenizer(base="char").fit([SONG]),
}


OTHERS = ("byte", "bpe", "word")
"""Tokenizers under which the samplers do what they do under others: slow."""


def written(samplers, tokenizer=CHARACTERS, *, seed=0, prompt="", length=1500, bias=None):
    """What a model writes that likes what is in the song a little more; with the samplers' notes."""
    chain = Chain(samplers)
    chain.begin(np.asarray(tokenizer.encode(prompt), np.int64)[None], tokenizer)
    generator = np.random.default_rng(seed)
    counts = np.bincount(np.asarray(tokenizer.encode(SONG), np.int64), minlength=tokenizer.vocab_size)
    ids = []
    while len(ids) < length and not len(chain.finished(1)):
        logits = (np.log(counts + 0.05) + generator.gumbel(size=tokenizer.vocab_size))[None].astype(np.float32)
        if tokenizer.end_id is not None:
            logits[0, tokenizer.end_id] = -np.inf
        if bias is not None:
            logits = bias(logits)
        ids.append(int(np.argmax(chain.adjust(logits)[0])))
        chain.accept(np.array(ids[-1:]))
    return str(tokenizer.decode(np.array(ids))), chain.notes(0)


def promised(notes):
    """The notes but for words that are guessed, which a model that knows nothing makes up."""
    return [note for note in notes if not note.startswith("CMUdict lacks")]


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.slow) if each in OTHERS else each for each in TOKENIZERS]
)
def test_with_every_tokenizer_lines_rhyme_and_have_their_syllables(name):
    chain = [Rhyme(scheme="ABAB"), Syllables(pattern="8-6-8-6"), Form(sections="verse-verse", headings=False)]
    text, notes = written(chain, TOKENIZERS[name])
    stanzas = list(stanzas_of(text))
    figures = measure(stanzas, schemes=["ABAB"], pattern=[8, 6, 8, 6])
    assert [len(stanza) for stanza in stanzas] == [4, 4]
    assert (figures.rhymes["ABAB"].perfect, figures.syllables) == (1, 1), text
    assert promised(notes) == []


SCHEMES = st.sampled_from(["AABB", "ABAB", "ABBA", "limerick", "AAA", "XAXA", "free", "ABCABC"])


@settings(max_examples=settings.default.max_examples // 6, deadline=None)
@given(scheme=SCHEMES, numbers=st.lists(st.integers(2, 12), min_size=1, max_size=1), seed=st.integers(0, 99))
def test_any_scheme_and_number_of_syllables_are_kept(scheme, numbers, seed):
    letters = {"limerick": "AABBA", "free": ""}.get(scheme, scheme)
    chain = [Rhyme(scheme=scheme), Syllables(pattern=str(numbers[0])), Form(sections="verse", headings=False)]
    text, notes = written(chain, TOKENIZERS["lyrics"], seed=seed)
    (stanza,) = stanzas_of(text)
    assert [line.syllables for line in stanza] == [numbers[0]] * (len(letters) or 4)
    for one, other in itertools.combinations(range(len(letters)), 2):
        if letters[one] == letters[other] != "X":
            assert rhyme(stanza[one].last, stanza[other].last) == Kind.PERFECT
    assert promised(notes) == []


def test_rhyme_alone_leaves_the_length_to_the_model_and_stanzas_follow_one_another():
    line_end = np.float32(3) * (np.arange(CHARACTERS.vocab_size) == CHARACTERS.symbols.index("\n"))
    text, notes = written([Rhyme(scheme="AABB")], length=900, bias=lambda logits: logits + line_end)
    whole = list(stanzas_of(text))[:-1]
    assert len(whole) >= 2
    assert measure(whole, schemes=["AABB"]).rhymes["AABB"].perfect == 1
    assert len({line.syllables for stanza in whole for line in stanza}) > 2
    assert promised(notes) == []


def test_a_metre_is_kept_word_by_word():
    chain = [Syllables(pattern="8", stress="iambic"), Form(sections="verse", lines=6, headings=False)]
    text, notes = written(chain)
    figures = measure(list(stanzas_of(text)), pattern=[8], foot="01")
    assert (figures.lines, figures.syllables, figures.metre) == (6, 1, 1)
    assert notes == ()


def test_slant_rhymes_are_taken_where_they_will_do_and_identical_ones_where_asked():
    def kinds(**options):
        found = set()
        for seed in range(12):
            chain = [Rhyme(scheme="AA", **options), Syllables(pattern="2"), Form(sections="verse", headings=False)]
            ((one, other),) = stanzas_of(written(chain, TOKENIZERS["lyrics"], seed=seed)[0])
            found.add(rhyme(one.last, other.last))
        return found

    assert kinds() == {Kind.PERFECT}
    assert Kind.SLANT in kinds(kind="slant")
    assert Kind.IDENTICAL not in kinds(kind="slant")
    assert Kind.IDENTICAL in kinds(identical=True)


def test_a_form_has_its_headings_and_its_chorus_comes_back_the_same():
    for name in ("char", "lyrics"):
        text, notes = written([Form(sections="verse-chorus-verse-chorus")], TOKENIZERS[name], length=6000)
        sections = text.rstrip("\n").split("\n\n")
        assert [section.split("\n")[0].lower() for section in sections] == ["[verse]", "[chorus]"] * 2
        assert sections[1].lower() == sections[3].lower() != sections[2]
        assert sections[1].partition("\n")[2] == sections[3].partition("\n")[2]
        assert notes == ()


@pytest.mark.parametrize(("section", "name"), [("refrão", "Refrão"), ("refra\u0303o", "Refrão"), ("ПРИПЕВ", "Припев")])
def test_a_form_may_name_sections_in_any_script(section, name):
    tokenizer = CharTokenizer().fit([SONG, name])
    text, _ = written([Form(sections=f"verse-{section}", lines=1)], tokenizer, length=2000)
    assert re.findall(r"\[.*\]", text) == ["[Verse]", f"[{name}]"]


def test_no_line_comes_twice_but_in_a_chorus():
    words = LyricsTokenizer(min_count=1).fit(["sea\nme\n\nbe\nwe\n"])
    chain = [Syllables(pattern="1"), Form(sections="verse", lines=4, headings=False)]
    repeats = sum(len(set(written(chain, words, seed=seed)[0].split())) < 4 for seed in range(9))
    assert repeats > 1
    for seed in range(9):
        text, _ = written([*chain, NoRepeatLine()], words, seed=seed)
        assert len(set(text.lower().split())) == 4, text


def test_a_prompt_is_gone_on_with_and_its_lines_are_rhymed_with():
    chain = [Rhyme(scheme="AABB"), Syllables(pattern="8")]
    for seed in range(4):
        text, _ = written(chain, seed=seed, prompt="The harbour light is burning low,\n", length=200)
        first = next(iter(stanzas_of(text)))[0]
        assert rhyme(first.last, "low") == Kind.PERFECT
        assert first.syllables == 8


def test_samples_side_by_side_are_what_each_is_alone():
    chain = Chain([Rhyme(scheme="AA"), Syllables(pattern="3")])
    chain.begin(np.tile(CHARACTERS.encode("a"), (3, 1)), CHARACTERS)
    alone = [Chain([Rhyme(scheme="AA"), Syllables(pattern="3")]) for _ in range(3)]
    for each in alone:
        each.begin(np.asarray(CHARACTERS.encode("a"))[None], CHARACTERS)
    generator = np.random.default_rng(0)
    for _ in range(60):
        logits = generator.normal(size=(3, CHARACTERS.vocab_size)).astype(np.float32)
        together = chain.adjust(logits)
        np.testing.assert_array_equal(
            together, np.vstack([each.adjust(logits[row : row + 1]) for row, each in enumerate(alone)])
        )
        ids = together.argmax(axis=1)
        chain.accept(ids)
        for row, each in enumerate(alone):
            each.accept(ids[row : row + 1])


def test_a_prompt_that_samples_have_in_common_is_read_once_and_each_goes_on_by_itself():
    ids = CHARACTERS.encode("the sea\n")
    sampler = NoRepeatLine()
    with mock.patch.object(Poem, "push", autospec=True, side_effect=Poem.push) as read:
        sampler.begin(np.broadcast_to(ids, (64, len(ids))), CHARACTERS)
    assert read.call_count == len(ids)
    sampler.select(np.array([0, 1]))
    for one, other in zip(ids, CHARACTERS.encode("the ice\n"), strict=True):
        sampler.accept(np.array([one, other]))
    assert sampler.notes() == [["line 1 is one that came before"], []]


def test_prompts_that_differ_are_each_gone_on_with():
    sampler, alone = NoRepeatLine(), NoRepeatLine()
    prompts = np.stack([CHARACTERS.encode(prompt) for prompt in ("the ice\n", "the sea\n", "the ice\n")])
    sampler.begin(prompts, CHARACTERS)
    alone.begin(prompts[:1], CHARACTERS)
    for token in CHARACTERS.encode("the ice\n"):
        sampler.accept(np.full(3, token))
        alone.accept(np.full(1, token))
    (told,) = alone.notes()
    assert told == ["line 1 is one that came before"]
    assert sampler.notes() == [told, [], told]


@pytest.mark.parametrize("kind", ["perfect", "slant"])
def test_lines_end_in_no_little_word_and_sentences_end_with_lines(kind):
    chain = [Rhyme(scheme="AABB", kind=kind), Syllables(pattern="6"), Form(sections="verse-verse", headings=False)]
    text, _ = written(chain, WordTokenizer(min_count=1).fit([SONG * 2, "the of a. their the! of and? a\n" * 9]))
    assert not any(is_weak(line.last) for stanza in stanzas_of(text) for line in stanza)
    assert not re.search(r"[.!?;:][^\n]*\w", text)


def test_a_slant_rhyme_is_made_on_no_little_word():
    words = "love live of have I've time rhyme team I'm am"
    lexicon = Lexicon(Vocabulary.of(WordTokenizer(min_count=1).fit([words])), "", 1000, Clock(60))
    of_love, of_time = (set(lexicon.rhyming((word,), slant=True, identical=False).words) for word in ("love", "time"))
    assert {"live", "five"} <= of_love
    assert {"rhyme", "team"} <= of_time
    assert not any(map(is_weak, of_love | of_time))


def test_a_line_that_rhymes_with_none_ends_in_no_little_word_either():
    text, _ = written([Syllables(pattern="5"), Form(sections="verse", lines=8, headings=False)])
    assert not any(is_weak(line.last) for stanza in stanzas_of(text) for line in stanza)


def may_end_in(word, tokenizer, *, before="", scheme="", pattern=()):
    """Whether a line may end in a word, written token by token, while all demands are kept."""
    vocabulary = Vocabulary.of(tokenizer)
    director = Director(Demands(scheme=scheme, pattern=pattern), vocabulary)
    poem = Poem(director.demands)
    for token in tokenizer.encode(before).tolist():
        poem.push(token, vocabulary.texts[token])
    for token in [*tokenizer.encode(word).tolist(), *tokenizer.encode("\n").tolist()]:
        kept = next(director.masks(poem))
        if not kept[token]:
            return False
        poem.push(token, vocabulary.texts[token])
    return True


@pytest.mark.parametrize("name", ["char", *(pytest.param(name, marks=pytest.mark.slow) for name in ("byte", "bpe"))])
def test_a_line_that_rhymes_with_none_may_end_in_any_word_that_is_known_and_no_little_one(name):
    def may_end(word):
        return may_end_in(word, TOKENIZERS[name], pattern=(4 + syllables(word),), before="in the old bud ")

    sonnets = "increase die memory eyes fuel cruel ornament content thee brow thine womb tomb prime legacy deceive"
    neither = "the of their into is increas memor conten beaut"
    assert [word for word in sonnets.split() if not may_end(word)] == []
    assert [word for word in neither.split() if may_end(word)] == []


# Lines that must not rhyme


NIGHT = "I walked alone into the night\n"


@pytest.mark.parametrize(
    ("scheme", "before", "word", "may"),
    [
        ("AX", NIGHT, "bright", False),
        ("AX", NIGHT, "night", False),
        ("AX", NIGHT, "moon", True),
        ("XX", NIGHT, "bright", False),
        ("XA", NIGHT, "bright", False),
        ("XX", "I walked alone into the moon\n", "bright", True),
        ("AB", NIGHT, "bright", False),
        ("ABB", NIGHT, "bright", False),
        ("ABB", NIGHT, "moon", True),
        ("AA", NIGHT, "bright", True),
        ("XAA", "I saw some men\nout in the rain\n", "again", False),  # that rhymes with both
        ("XAA", "I saw some men\nout in the rain\n", "plain", True),
        ("", NIGHT, "bright", True),
    ],
)
def test_lines_of_unlike_letters_do_not_rhyme_and_those_of_x_with_none(scheme, before, word, may):
    assert may_end_in(word, CHARACTERS, before=before, scheme=scheme, pattern=(1,)) is may


@pytest.mark.parametrize("name", ["char", "lyrics"])
def test_what_is_written_by_a_scheme_rhymes_nowhere_else(name):
    words = TOKENIZERS[name]
    for seed in range(2):
        chain = [Rhyme(scheme="AXBXAB"), Syllables(pattern="2"), Form(sections="verse", headings=False)]
        text, notes = written(chain, words, seed=seed)
        (stanza,) = stanzas_of(text)
        kinds = {pair: rhyme(*(stanza[place].last for place in pair)) for pair in itertools.combinations(range(6), 2)}
        alike = {pair for pair, kind in kinds.items() if kind in (Kind.PERFECT, Kind.IDENTICAL)}
        assert alike == {(0, 4), (2, 5)}, text
        assert promised(notes) == []


def test_lines_that_rhyme_against_the_scheme_are_told():
    poem = Poem(Demands(scheme="AXB"))
    for character in "the night\nso bright\nthe bright\n":
        poem.push(0, character)
    assert poem.notes == [
        'line 2 ends in "bright", which by the scheme must not rhyme with "night"',
        'line 3 ends in "bright", which by the scheme must not rhyme with "night"',
    ]


@pytest.mark.parametrize(("others", "stage"), [(("be",), 0), (("banana",), 1)])
def test_where_no_other_word_fits_a_line_rhymes_against_the_scheme(others, stage):
    texts = ("\n", "sea", "me", *others)
    director = Director(Demands(scheme="AX", pattern=(1,)), Vocabulary(texts, (), None, drops_space=False))
    poem = Poem(director.demands)
    for character in "sea\n":
        poem.push(0, character)
    masks = list(director.masks(poem))
    assert [mask.any() for mask in masks[:stage]] == [False] * stage
    assert masks[stage][texts.index("me")]


def test_words_left_of_others_are_found_as_if_there_were_no_others():
    vocabulary = Vocabulary(("\n", *"abeghilnorty", "ni", "ght", "no", "th", " the"), (), None, drops_space=False)
    words = ["a", "alone", "bright", "night", "nightly", "nothing", "the", "then", "therein", "thing"]
    banned = {"alone", "night", "nothing", "the", "no such word"}
    left = Words(words, vocabulary, "01").without(banned)
    alone = Words(set(words) - banned, vocabulary, "01")
    for letters, syllable in itertools.product(("", "n", "nigh", "night", "al", "th", "zz"), (0, 1)):
        np.testing.assert_array_equal(left.after(letters, syllable), alone.after(letters, syllable))
        assert left.beginning(letters, syllable) == alone.beginning(letters, syllable)
        assert left.fewest(syllable) == alone.fewest(syllable)


def test_a_form_that_does_not_come_to_its_end_says_so():
    _, notes = written([Form(sections="verse-chorus", headings=False)], length=20)
    assert notes == ("the text ends within section 1 of 2.  Give it more --length",)


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("la\n\nlo", []),  # the end came in place of the last line end
        ("la\n\nlo\n", []),
        ("la", ["the text ends after 1 of 2 sections"]),
    ],
)
def test_a_text_that_the_model_ends_has_its_form_or_says_so(text, notes):
    poem = Poem(Demands(sections=("verse", "chorus"), lines=1))
    assert poem.notes == []
    for character in text:
        poem.push(0, character)
    poem.end()
    assert poem.notes == notes


@pytest.mark.parametrize(
    "demands",
    [
        Demands(),
        Demands(pattern=(3,), foot="01"),
        Demands(scheme="ABAB"),
        Demands(sections=("verse",) * 2, lines=4),
    ],
)
def test_of_a_text_without_end_no_more_is_remembered_the_longer_it_is(demands):
    def size(stanzas):
        poem = Poem(demands)
        for number in range(stanzas):
            name = "".join(SPELLED[int(digit)] for digit in str(number))
            for character in f"the zq{name}\nof zx{name} again\nsea\n" + "\n" * bool(demands.stanza):
                poem.push(0, character)
        return len(pickle.dumps(poem))

    assert size(2000) < size(300) + 50


SPELLED = ("ba", "bi", "bo", "bu", "da", "di", "do", "du", "ga", "go")
"""Syllables for digits, of which there are as many words as numbers."""


def test_faults_and_guessed_words_beyond_a_hundred_are_counted():
    poem = Poem(Demands(pattern=(5,)))
    for number in range(1100):
        for character in f"zq{SPELLED[number // 100 % 10]}{SPELLED[number // 10 % 10]}{SPELLED[number % 10]}\n":
            poem.push(0, character)
    *faults, more, guessed = poem.notes
    assert faults == [f"line {number} has 3 syllables instead of 5" for number in range(1, 101)]
    assert more == "and 1,000 more"
    assert guessed == (
        "CMUdict lacks more than 100 words, whose sounds are guessed from the spelling: "
        "zqbababa, zqbababi, zqbababo, zqbababu, zqbabada, ..."
    )


def test_a_line_whose_look_ahead_was_stopped_is_told_once():
    poem = Poem(Demands())
    for character in "a\n" * 150:
        poem.hurry(5)
        poem.hurry(5)
        poem.push(0, character)
        poem.hurry(5)
    assert poem.notes[1].startswith("line 2: the look-ahead was stopped after 5 s")
    assert (len(poem.notes), poem.notes[-1]) == (101, "and 51 more")


@pytest.mark.parametrize(("prompt", "may_end"), [("", False), ("\n", False), ("sea\n", True), ("sea\n\n", True)])
def test_a_text_may_end_where_it_has_a_line(prompt, may_end):
    tokenizer, sampler = TOKENIZERS["lyrics:base=char"], Syllables(pattern="1")
    sampler.begin(tokenizer.encode(prompt)[None], tokenizer)
    left = sampler.adjust(np.zeros((1, tokenizer.vocab_size), np.float32))
    assert (left[0, tokenizer.end_id] > -np.inf) == may_end


def test_within_a_word_no_letter_becomes_a_capital():
    text, _ = written([Rhyme(scheme="AABB"), Form(sections="verse", headings=False)], TOKENIZERS["char"])
    assert re.search("[A-Z]", text)
    assert not re.search("[A-Za-z][A-Z]", text)


# What cannot be met


def test_a_prompt_with_too_many_syllables_is_gone_on_with_and_told():
    text, notes = written([Syllables(pattern="2")], prompt="the river is wide and the water", length=120)
    assert "\n" in text
    assert notes[0].startswith("line 1 has ")
    assert notes[0].endswith(" syllables instead of 2")


def test_a_line_that_is_too_long_comes_to_its_rhyme_within_a_few_words():
    for seed in range(3):
        chain = [Rhyme(scheme="AA"), Syllables(pattern="4")]
        prompt = "the light of day\nthe river is wide and the water "
        text, _ = written(chain, seed=seed, prompt=prompt, length=60)
        line = next(iter(stanzas_of(prompt.split("\n")[1] + text)))[0]
        assert "\n" in text
        assert line.syllables <= 9 + 3
        assert rhyme(line.last, "day") in (Kind.PERFECT, Kind.SLANT)
        assert "-" not in text.partition("\n")[0]  # a mark before a word that cannot come


def test_a_word_that_nothing_rhymes_with_gives_the_rhyme_up_and_says_so():
    chain = [Rhyme(scheme="AA"), Syllables(pattern="4")]
    text, notes = written(chain, prompt="the river month\n", length=80)
    line = next(iter(stanzas_of(text)))[0]
    assert line.syllables == 4
    assert notes[0] == f'line 1 ends in "{line.last}", which does not rhyme with "month"'


def test_a_vocabulary_that_cannot_fill_a_pattern_says_so_and_ends():
    words = WordTokenizer(min_count=1).fit(["banana\n"])  # no word has one syllable, and b, a, n spell few
    chain = [Syllables(pattern="1"), NoRepeatLine(), Form(sections="verse", lines=30, headings=False)]
    text, notes = written(chain, words)
    assert len(text.split()) == 30
    assert any("syllables instead of 1" in note for note in notes)
    assert all("syllables instead of 1" in note or "came before" in note or "CMUdict" in note for note in notes)


def test_other_samplers_may_leave_only_what_breaks_the_promise():
    def only_x(logits):
        left = np.full_like(logits, -np.inf)
        left[0, [CHARACTERS.symbols.index("x"), CHARACTERS.symbols.index("\n")]] = 0
        return left

    text, _notes = written([Rhyme(scheme="AA"), Syllables(pattern="5")], length=60, bias=only_x)
    assert set(text) == {"x", "\n"} or set(text) == {"x"}


def test_a_model_without_line_ends_is_left_alone():
    tokenizer = CharTokenizer().fit(["abc"])
    text, notes = written([Rhyme(), Syllables()], tokenizer, length=30)
    assert len(text) == 30
    assert notes == ()


def test_text_of_another_language_is_rhymed_by_its_spelling_and_told():
    german = "In dunklen Träumen\nan alten Bäumen\nund kühlen Tänzen\nmit grünen Kränzen\n"
    tokenizer = LyricsTokenizer(min_count=1).fit([german])
    _, notes = written(
        [Rhyme(scheme="AA"), Syllables(pattern="5")], tokenizer, prompt="In dunklen Träumen\n", length=60
    )
    assert notes[-1].startswith("CMUdict lacks ")
    assert "guessed from the spelling" in notes[-1]


@pytest.mark.parametrize("options", [{"scheme": "ABAB", "lines": 4}, {"scheme": "ABAB"}, {"lines": 4}])
def test_a_pattern_may_come_several_times_in_a_stanza(options):
    demands = Demands(pattern=(8, 6), sections=("verse",), **options)
    assert [demands.syllables(line) for line in range(demands.stanza)] == [8, 6, 8, 6]


@pytest.mark.parametrize(
    ("chain", "sentence"),
    [
        (
            [Rhyme(scheme="AABBA"), Syllables(pattern="8-6-8-6")],
            "exclude each other: a stanza of the one has 5 lines, of the other 4",
        ),
        (
            [Rhyme(scheme="ABABCC"), Form(lines=4)],
            "exclude each other: a stanza of the one has 6 lines, of the other 4",
        ),
        (
            [Syllables(pattern="8-6"), Form(lines=3)],
            "exclude each other: a stanza of the one has 2 lines, of the other 3",
        ),
        (
            [Rhyme(scheme="ABAB"), Syllables(pattern="8-6"), Form(lines=6)],
            "rhyme:scheme=ABAB and form:lines=6 exclude each other: a stanza of the one has 4 lines, of the other 6",
        ),
        ([Rhyme(), Rhyme(scheme="ABAB")], r"are of one kind\.  Leave one out"),
    ],
)
def test_what_excludes_one_another_is_refused_in_a_sentence(chain, sentence):
    with pytest.raises(OptionError, match=sentence):
        written(chain)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Rhyme(scheme="A1"), r"scheme is 'A1', but must be up to 64 letters.*Try --sampler rhyme:scheme=ABAB"),
        (lambda: Rhyme(scheme=""), "scheme is ''"),
        (lambda: Syllables(pattern="8-0"), "pattern is '8-0', but must be numbers from 1 to 30"),
        (lambda: Syllables(stress="waltz"), "stress is 'waltz', but must be iambic, trochaic, anapestic, dactylic"),
        (lambda: Form(sections="verse--chorus"), "sections is 'verse--chorus', but must be up to 64 names"),
        (lambda: Form(sections="verse-2"), "sections is 'verse-2', but must be up to 64 names"),
    ],
)
def test_what_is_no_scheme_pattern_or_form_is_refused_before_a_model_is_loaded(make, sentence):
    with pytest.raises(OptionError, match=sentence):
        make()


@pytest.mark.slow
def test_a_short_look_ahead_finds_fewer_rhymes_in_less_work():
    def last_words(look_ahead):
        found = set()
        for seed in range(10):
            chain = [Rhyme(scheme="AA", look_ahead=look_ahead), Syllables(pattern="2")]
            text, _ = written(chain, seed=seed, prompt="the day\n", length=20)
            found.add(next(iter(stanzas_of(text + "\n")))[0].last)
        return found

    assert len(last_words(1)) < len(last_words(1000))


@pytest.mark.usefixtures("time_passes")
def test_a_look_ahead_without_time_is_stopped_and_told_and_one_with_time_writes_the_same_each_run():
    def made(look_ahead_seconds):
        # Some twenty thousand words may rhyme by a slant with this one.
        chain = [Rhyme(scheme="AA", kind="slant", look_ahead=100_000, look_ahead_seconds=look_ahead_seconds)]
        return written([*chain, Syllables(pattern="3")], prompt="it is made\n", length=40)

    text, notes = made(600)
    assert made(500) == (text, notes)
    assert promised(notes) == []
    hurried, told = made(0.0001)
    stopped = "line 1: the look-ahead was stopped after 0.0001 s, so another run may write it otherwise"
    assert told[0] == stopped
    assert told.count(stopped) == 1
    assert rhyme(next(iter(stanzas_of(hurried)))[0].last, "made") in (Kind.PERFECT, Kind.SLANT)


@pytest.mark.usefixtures("time_passes")
def test_what_goes_on_by_itself_in_a_beam_has_its_own_time_to_look_ahead(monkeypatch):
    """The words are shared with the text that it was forked from, which nobody may go on with."""
    now = [0.0]
    monkeypatch.setattr("seqgen_lyrics.clock.time", SimpleNamespace(monotonic=lambda: now[0]))
    chain = Chain([Rhyme(scheme="AA", kind="slant"), Syllables(pattern="3")])
    chain.begin(np.asarray(CHARACTERS.encode("it is made"), np.int64)[None], CHARACTERS)
    logits = np.zeros((1, CHARACTERS.vocab_size), np.float32)
    chain.adjust(logits)
    fork = chain.fork(CHARACTERS)
    now[0] += 1000  # the model takes its time
    fork.accept(np.asarray(CHARACTERS.encode("\n"), np.int64))
    fork.adjust(logits)  # some twenty thousand words may rhyme with the first line
    assert promised(fork.notes(0)) == []


@pytest.mark.usefixtures("time_passes")
def test_a_vocabulary_of_many_marks_takes_no_longer_than_it_may():
    texts = (
        "\n",
        *" abcdefghijklmnopqrstuvwxyz",
        *(f"{word}, " for word in itertools.islice(dictionary_words(), 30_000)),
    )
    director = Director(Demands(pattern=(3,), seconds=0.05), Vocabulary(texts, (), None, drops_space=False))
    poem = Poem(director.demands)
    director.book.lexicon(poem)  # made once for all tokens
    masks = list(director.masks(poem))
    assert masks[0].any()
    assert poem.notes == ["line 1: the look-ahead was stopped after 0.05 s, so another run may write it otherwise"]
