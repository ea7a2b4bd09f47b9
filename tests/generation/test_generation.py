"""A generation that is ready: the likeliest of several samples, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from seqgen.core.errors import OptionError
from seqgen.generation.generation import Generation
from seqgen.generation.length import Length
from seqgen.generation.lines import PrefixLines
from seqgen.testing.letters import LettersTokenizer
from seqgen.tokenizers.char import CharTokenizer

from .conftest import FramedLetters

END = 3


@pytest.fixture
def ready(table_model):
    """``ready(tokenizer, **options)``: a generation by a small model."""

    def make(tokenizer, **options):
        table = np.random.default_rng(0).normal(size=(4, 4))
        table[:, END] -= 1.5  # so that texts become long enough to differ
        model = table_model(table)
        model.slopes = np.zeros(4, np.float32)
        settled = {
            "prompt": "b",
            "prompt_ids": np.array([1]),
            "prefix_lines": None,
            "beam": None,
            "random_seed": 0,
            "length": Length(tokens=20),
            "samplers": (),
            "stop": (),
            "end_id": None,
            "forbid": (),
            "model": model,
            "tokenizer": tokenizer,
        }
        return Generation(**settled | options)

    return make


def likeliest(samples, count):
    return max(samples, key=lambda sample: (sample.log_probability / max(1, count(sample)), -sample.number))


@pytest.mark.parametrize(
    ("tokenizer", "options"),
    [
        (LettersTokenizer(4), {"stop": ("ad", "b")}),
        (CharTokenizer().fit(["abc"]), {"end_id": END}),
        (FramedLetters(4), {"end_id": END}),
    ],
    ids=["a stop text", "the end token", "a frame"],
)
def test_how_a_text_ends_and_what_stands_around_it_make_it_no_likelier(ready, tokenizer, options):
    """Every token is a character here, so that what is likeliest per token is it per character."""
    by_text = 0
    for random_seed in range(20):
        generation = ready(tokenizer, random_seed=random_seed, **options)
        samples = generation.samples(12, log_probabilities=True)
        best = generation.best_of(12)
        assert len({sample.tokens for sample in samples}) > 1
        assert best.number == likeliest(samples, lambda sample: sample.tokens).number
        by_text += best.number != likeliest(samples, lambda sample: len(sample.text)).number
    assert by_text > 5


def test_among_equals_the_first_is_the_likeliest(ready):
    generation = ready(LettersTokenizer(4), length=Length(tokens=0))
    assert generation.best_of(5).number == 0


def test_a_search_without_a_beam_is_refused_and_so_is_drawing_with_one(ready):
    tokenizer = LettersTokenizer(4)
    lines = PrefixLines(("a",), ((0,),), ())
    with pytest.raises(OptionError) as caught:
        ready(tokenizer, prefix_lines=lines).search()
    assert str(caught.value) == "search keeps the texts of a beam, and none was asked for: give beam, or call samples."
    searching = ready(tokenizer, beam=2)
    assert len(searching.search().text) == 20
    with pytest.raises(OptionError, match="beam is 2, which takes the place of drawing"):
        searching.best_of(2)


def drawn_places(ids, starts, length):
    """Where in the ids of lines with these starts tokens were drawn, of which each line has so many at most."""
    place = 0
    for start in starts:
        place += len(start)
        for _ in range(length):
            yield place
            place += 1
            if ids[place - 1] == END:
                break
        else:
            place += 1  # the end of a line that was cut is read


def test_what_lines_are_given_to_start_with_makes_a_text_no_likelier(ready):
    """As the prompt makes none.  Else the longest text, which dilutes an improbable start most, would be the best."""
    tokenizer, not_longest = CharTokenizer().fit(["abc"]), 0
    lines = PrefixLines.of(tokenizer, ("cc", "", "c"), END)
    for random_seed in range(20):
        generation = ready(tokenizer, prefix_lines=lines, end_id=END, length=Length(tokens=6), random_seed=random_seed)
        table = generation.model.table
        table[:, 2] = -9  # c is next to impossible
        log_probabilities = table - np.log(np.exp(table).sum(axis=-1, keepdims=True))
        samples = generation.samples(12, log_probabilities=True)
        for sample in samples:
            places = list(drawn_places(sample.ids, lines.ids, 6))
            before = [1, *sample.ids.tolist()]  # the prompt, and each token before the next
            assert sample.drawn.tolist() == sample.ids[places].tolist()
            expected = sum(log_probabilities[before[place], sample.ids[place]] for place in places)
            assert sample.log_probability == pytest.approx(expected, rel=1e-5)
        best = generation.best_of(12)
        assert best.number == likeliest(samples, lambda sample: len(sample.drawn)).number
        not_longest += best.tokens < max(sample.tokens for sample in samples)
    assert not_longest > 5
