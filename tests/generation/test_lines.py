from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.core.errors import GenerationError, OptionError
from seqgen.core.sampler import Sampler, Stage
from seqgen.generation.generate import generate, stream
from seqgen.generation.lines import LineWriter, PrefixLines
from seqgen.samplers.greedy import Greedy
from seqgen.samplers.no_repeat_ngram import NoRepeatNgram
from seqgen.samplers.regex import Regex
from seqgen.samplers.repetition_penalty import RepetitionPenalty
from seqgen.samplers.temperature import Temperature
from seqgen.samplers.top_k import TopK
from seqgen.tokenizers.bpe import BpeTokenizer
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.word import WordTokenizer

from .conftest import FramedLetters

PROMPT = np.array([0])
CHAIN = [RepetitionPenalty(penalty=1.3, window=5), NoRepeatNgram(size=4), Temperature(temperature=0.9), TopK(k=9)]
LINES = ("ab", "", "cde", "f")


def newline(tokenizer):
    return int(tokenizer.encode("\n")[0])


def options(tokenizer, texts=LINES, **other):
    lines = PrefixLines.of(tokenizer, texts, other.get("end_id"))
    return {"length": 9, "random_seed": 5, "forbid": [tokenizer.end_id], "prefix_lines": lines, **other}


@pytest.fixture
def model(table_model):
    return table_model(13)


class Recorder(Sampler):
    """Keeps what it is told."""

    stage = Stage.PENALTY

    def __init__(self, told):
        self.told = told

    def begin(self, prompt_ids, tokenizer):
        self.told.append(prompt_ids[0].tolist())

    def adjust(self, logits):
        return logits

    def accept(self, ids):
        self.told.append(int(ids[0]))


def test_each_line_starts_with_its_text_and_the_last_line_end_is_not_given(model, characters):
    for sample in generate(model, characters, PROMPT, num_samples=20, samplers=CHAIN, **options(characters)):
        lines = sample.text.split("\n")
        assert len(lines) == len(LINES)
        for line, start in zip(lines, LINES, strict=True):
            assert line.startswith(start)
            assert len(line) <= len(start) + 9


def test_a_poem_is_these_lines(model, characters):
    (sample,) = generate(model, characters, PROMPT, samplers=CHAIN, **options(characters))
    assert sample.text == "abgiejjjjef\nagifihfid\ncdejidhajehb\nfcije ejji"


def test_the_model_has_read_what_is_shown(model, characters):
    """Lossless and of one character a token: the ids are those of the text, but for the last line end."""
    for sample in generate(model, characters, PROMPT, num_samples=20, samplers=CHAIN, **options(characters)):
        text = characters.decode(sample.ids)
        assert text.removesuffix("\n") == sample.text
        assert (sample.finish_reason == "stop") == text.endswith("\n")


def test_each_token_is_read_once(model, characters):
    (sample,) = generate(model, characters, PROMPT, **options(characters))
    assert len(model.batch_sizes) == len(PROMPT) + sample.tokens - 1


def test_the_samplers_are_told_of_every_token(model, characters):
    told = []
    (sample,) = generate(model, characters, PROMPT, samplers=[Recorder(told)], **options(characters))
    assert told == [PROMPT.tolist(), *sample.ids.tolist()]


@pytest.mark.parametrize("num_samples", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_a_sample_is_the_same_alone_among_others_and_streamed(model, characters, num_samples, batch_size):
    settled = options(characters, samplers=CHAIN, stop=["ij"], end_id=characters.end_id, forbid=())
    whole = generate(model, characters, PROMPT, num_samples=7, **settled)
    some = generate(model, characters, PROMPT, num_samples=num_samples, batch_size=batch_size, **settled)
    assert [(s.text, s.ids.tolist()) for s in some] == [(s.text, s.ids.tolist()) for s in whole[:num_samples]]
    for sample in whole:
        streamed = stream(model, characters, PROMPT, sample=sample.number, **settled)
        assert "".join(streamed) == sample.text
        assert (streamed.tokens, streamed.finish_reason) == (sample.tokens, sample.finish_reason)
    assert len({sample.text for sample in whole}) == 7


def test_a_draw_is_tied_to_its_position_also_after_given_text(model, characters):
    """The number at a position is the same whether the tokens before it were drawn or given."""
    (free,) = generate(model, characters, PROMPT, length=9, random_seed=5, forbid=[0, characters.end_id])
    start = free.text[:4]
    (begun,) = generate(model, characters, PROMPT, **options(characters, (start,), length=5, forbid=[0, 12]))
    assert begun.text == free.text


def test_a_line_that_does_not_end_is_ended_at_the_length(model, characters):
    never = {"samplers": [Greedy()], "forbid": [newline(characters), characters.end_id]}
    (sample,) = generate(model, characters, PROMPT, **options(characters, ("a", "b", "c"), length=4, **never))
    assert [len(line) for line in sample.text.split("\n")] == [5, 5, 5]
    assert (sample.finish_reason, sample.tokens) == ("length", 3 * 5 + 2)
    settled = options(characters, ("a", "b", "c"), length=None, characters=3, **never)
    (sample,) = generate(model, characters, PROMPT, **settled)
    assert [len(line) for line in sample.text.split("\n")] == [4, 4, 4]


def test_a_stop_text_ends_the_text_and_is_looked_for_in_what_the_model_adds(table_model, characters):
    table = np.full((13, 13), -100.0)
    for token in range(13):
        table[token, (token + 1) % 12] = 100
    model = table_model(table)
    (freely,) = generate(model, characters, PROMPT, length=13, samplers=[Greedy()])
    assert freely.text == " abcdefghij\n "
    settled = options(characters, ("abij", "hi", "b"), stop=["bc", "cd"], samplers=[Greedy()], length=20)
    (sample,) = generate(model, characters, PROMPT, **settled)
    assert sample.finish_reason == "stop"
    assert sample.text == "abij\nhij\nb"


def test_an_end_token_ends_a_line_and_not_the_text(table_model, characters):
    table = np.full((13, 13), -100.0)
    table[:, characters.end_id] = 100
    settled = options(characters, ("ab", "cd"), end_id=characters.end_id, forbid=(), samplers=[Greedy()])
    (sample,) = generate(table_model(table), characters, PROMPT, **settled)
    assert (sample.text, sample.finish_reason) == ("ab\ncd", "end")


def test_of_a_token_that_goes_on_after_the_line_end_the_model_reads_what_is_shown():
    tokenizer = BpeTokenizer(vocab_size=300).fit(["one.\n\n\n  two,\n\n\n  " * 50])
    token = next(t for t in range(tokenizer.vocab_size) if tokenizer.decode([t]) == "\n\n")
    writer = LineWriter(tokenizer, PrefixLines.of(tokenizer, ("one", "two"), None), length=9)
    read, text = [], ""
    while writer.finish_reason is None:
        text += writer.take(token if writer.forced is None else writer.forced)
        read.append(writer.token)
    assert text == "one\ntwo"
    assert tokenizer.decode(np.array(read[:-1])) == "one\ntwo"


PIECES = BpeTokenizer(vocab_size=300).fit(["hello. world\nhello\nhe said\n" * 50])
WORDS = WordTokenizer().fit(["good bad \n\na \nb" * 3])


def written(tokenizer, drawn, **options):
    """What is shown of the first of two lines where these tokens are drawn, and what the model reads of it and its end."""
    tokens = {tokenizer.decode([token]): token for token in range(tokenizer.vocab_size)}
    writer = LineWriter(tokenizer, PrefixLines.of(tokenizer, ("good", "bad"), None), length=None, **options)
    text, read, left = "", [], iter(drawn)
    while "\n" not in text or writer.forced is not None:
        text += writer.take(tokens[next(left)] if writer.forced is None else writer.forced)
        read.append(writer.token)
    assert text.endswith("\nbad")
    return text.removesuffix("bad"), tokenizer.decode(np.array(read)).removesuffix("bad")


@pytest.mark.parametrize(
    ("tokens", "characters", "shown"),
    [(["hello"], 4, "hell"), (["hello"], 5, "hello"), (["he", "hello"], 3, "heh"), (["hello", "."], 6, "hello.")],
    ids=str,
)
def test_of_a_token_that_the_length_in_characters_cuts_the_model_reads_what_is_shown(tokens, characters, shown):
    assert written(PIECES, tokens, characters=characters) == (f"good{shown}\n",) * 2


def test_nor_does_it_read_what_was_held_back_for_a_stop_text():
    assert written(PIECES, ["hello"], characters=3, stop=["lo."]) == ("goodhel\n",) * 2
    assert written(PIECES, ["hello", "he"], characters=4, stop=["lo."]) == ("goodhell\n", "goodhello\n")  # read before


def test_a_stop_text_beyond_the_length_in_characters_does_not_end_the_text():
    """It has no part in the text, in which the model goes on as if it had drawn only what is shown."""
    assert written(PIECES, ["hello"], characters=3, stop=["lo"]) == ("goodhel\n",) * 2
    assert written(PIECES, ["he", "hello"], characters=3, stop=["el"]) == ("goodheh\n",) * 2


class Sentences(WordTokenizer):
    """Begins a line with a capital."""

    def decoder(self):
        return Capitalized(super().decoder(), at_start=True)

    def decoder_after(self, ids):
        return Capitalized(super().decoder(), at_start=not len(ids) or ids[-1] == newline(self))

    def decode(self, ids):
        decoder = self.decoder()
        return "".join([*(decoder.push(token) for token in np.asarray(ids).tolist()), decoder.finish()])


class Capitalized:
    def __init__(self, decoder, *, at_start):
        self.decoder, self.at_start, self.finish = decoder, at_start, decoder.finish

    def push(self, token):
        text = self.decoder.push(token)
        text, self.at_start = text.capitalize() if self.at_start else text, text.endswith("\n")
        return text


@pytest.mark.parametrize(("characters", "shown"), [(1, "g"), (3, "goo"), (4, "good")])
def test_of_a_token_whose_text_depends_on_those_before_it_the_model_reads_what_is_shown(characters, shown):
    sentences = Sentences().fit(["good bad Go\n" * 3])
    assert written(sentences, ["Good"], characters=characters) == (f"good{shown}\n", f"Good{shown}\nBad")


@pytest.mark.parametrize("token", [" \n", " \n\n"])
def test_where_a_token_brings_the_line_end_beyond_the_length_the_model_reads_it_once(token):
    assert written(WORDS, [token], characters=1) == ("good \n",) * 2


def test_a_constraint_that_leaves_nothing_does_not_hinder_given_text(model, characters):
    class NoA(Sampler):
        stage = Stage.CONSTRAINT

        def adjust(self, logits):
            left = logits.copy()
            left[:, characters.encode("a")] = -np.inf
            return left

    (sample,) = generate(model, characters, PROMPT, samplers=[NoA()], **options(characters, ("aa", "aaa")))
    assert sample.text.count("a") == 5


@pytest.mark.parametrize(
    ("pattern", "texts", "number"),
    [
        (r"[^\n]{5}\n", ("ab", "cd", "ef"), 2),
        (r"[^\n]{5}", ("ab", "cd"), 1),
        (r"[^\n]{5}\n", ("ab", "cd"), 2),
        ("ab", ("abcd",), 1),
        ("()", ("ab",), 1),
    ],
    ids=["between two lines", "in a line", "before the last line", "in what is given", "before anything"],
)
def test_a_sampler_that_says_that_the_text_is_whole_before_all_lines_are_begun_is_refused(
    model, characters, pattern, texts, number
):
    settled = options(characters, texts, samplers=[Regex(pattern=pattern)])
    sentence = (
        f"A sampler says in line {number} of {len(texts)} that the text is whole, where prefix_lines have more to come.  "
        "Leave out one of the two, or let the sampler take as many lines"
    )
    with pytest.raises(GenerationError) as caught:
        generate(model, characters, PROMPT, num_samples=2, **settled)
    assert str(caught.value) == sentence
    with pytest.raises(GenerationError) as caught:
        list(stream(model, characters, PROMPT, **settled))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("pattern", "texts", "count"),
    [
        (r"[^\n]{5}\n[^\n]{3}", ("ab", "cd"), 9),
        (r"[^\n]{5}\n[^\n]{2}", ("ab", "cd"), 8),
        (r"[^\n]{5}\n", ("ab", ""), 6),
    ],
    ids=["in the last line", "with what it starts with", "as it is to begin with what the model writes"],
)
def test_a_sampler_that_says_so_when_they_are_begun_ends_the_last_line(model, characters, pattern, texts, count):
    settled = options(characters, texts, samplers=[Regex(pattern=pattern)])
    (sample,) = generate(model, characters, PROMPT, **settled)
    assert (sample.text, sample.finish_reason) == (characters.decode(sample.ids), "end")
    assert [len(sample.text), sample.text.count("\n")] == [count, 1]
    assert "".join(stream(model, characters, PROMPT, **settled)) == sample.text


def test_where_the_vocabulary_has_no_line_end_the_end_token_stands_between_the_lines(characters):
    from seqgen.tokenizers.char import CharTokenizer

    names = CharTokenizer().fit(["abc"])
    assert PrefixLines.of(names, ("a",), names.end_id).newline == (names.end_id,)
    assert PrefixLines.of(names, ("a",), None).newline == ()
    assert PrefixLines.of(characters, ("a",), characters.end_id).newline == (newline(characters),)


@settings(max_examples=50)
@given(texts=st.lists(st.text("abc é→", max_size=4), min_size=1, max_size=4), data=st.data())
def test_whatever_is_drawn_the_text_has_these_lines(texts, data):
    tokenizer = ByteTokenizer()
    writer = LineWriter(tokenizer, PrefixLines.of(tokenizer, texts, 256), length=4, end_id=256, stop=["bb"])
    text = ""
    while writer.finish_reason is None:
        drawn = data.draw(st.sampled_from([*b"abc \n", *"é→".encode(), 256]))
        text += writer.take(drawn if writer.forced is None else writer.forced)
    lines = text.split("\n")
    assert all(line.startswith(start) for line, start in zip(lines, texts, strict=False))
    assert len(lines) == len(texts) or (writer.finish_reason == "stop" and len(lines) < len(texts))
    assert all(len(line) <= len(start) + 4 for line, start in zip(lines, texts, strict=False))


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"stop": ["a\n"]}, "stop is 'a\\n', which never comes within a line.  Leave out its line end"),
        ({"length": 0}, "length is 0, but must be at least 1 where lines are to be continued."),
        ({"texts": ("a", "b\nc")}, "prefix_lines has 'b\\nc', but each must be a single line."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_is_refused(model, characters, other, sentence):
    with pytest.raises(OptionError) as caught:
        generate(model, characters, PROMPT, **options(characters, **other))
    assert str(caught.value) == sentence


def test_documents_with_a_frame_have_no_lines_to_begin():
    with pytest.raises(OptionError) as caught:
        PrefixLines.of(FramedLetters(13), ("ab", "cde"), None)
    assert str(caught.value) == "prefix_lines start lines, but text/plain cannot be cut after any line."
