from __future__ import annotations

import itertools
import tracemalloc
from collections import deque
from functools import partial

import numpy as np
import pytest

from seqgen.core.errors import GenerationError, OptionError, PromptError
from seqgen.core.sampler import Sampler
from seqgen.generation.beam import beam_search
from seqgen.generation.generate import generate, stream
from seqgen.generation.lines import PrefixLines
from seqgen.samplers import arrays
from seqgen.samplers.greedy import Greedy
from seqgen.samplers.mirostat import Mirostat
from seqgen.samplers.repetition_penalty import RepetitionPenalty
from seqgen.samplers.temperature import Temperature
from seqgen.samplers.top_k import TopK
from seqgen.samplers.top_p import TopP
from seqgen.samplers.typical import Typical
from seqgen.tokenizers.char import CharTokenizer

from .conftest import FramedLetters

PROMPT = np.array([2, 3, 4])
CHAIN = [TopK(k=8), RepetitionPenalty(penalty=1.3, window=5), Temperature(temperature=0.9)]


@pytest.fixture
def model(table_model):
    return table_model(13)


def line(*ids, size=13):
    """A table of logits by which each of these ids is followed by the next, and the last by itself."""
    table = np.full((size, size), -100.0, np.float32)
    for token, following in itertools.pairwise([*ids, ids[-1]]):
        table[token, following] = 100.0
    return table


def test_how_far_a_long_prompt_has_been_read_is_told_before_anything_is_drawn(model, characters):
    prompt, read = np.arange(2500) % 13, []
    options = {"length": 2, "on_read": read.append}
    stream(model, characters, prompt, **options)
    generate(model, characters, prompt, num_samples=3, **options)
    beam_search(model, characters, prompt, width=2, **options)
    assert read == [1024, 2048, 2500] * 3


class TestSamples:
    def test_a_text_is_these_characters(self, model, characters):
        (sample,) = generate(model, characters, PROMPT, length=40, samplers=CHAIN, random_seed=1)
        assert sample.text == "ije ghajejjjggggihajjihciejg"
        assert (sample.number, sample.tokens, sample.finish_reason) == (0, 40, "length")
        assert characters.decode(sample.ids) == sample.text
        assert sample.log_probability is None

    @pytest.mark.parametrize("batch_size", [1, 3, 64])
    @pytest.mark.parametrize("num_samples", [1, 2, 7])
    def test_a_sample_does_not_depend_on_how_many_there_are_or_run_side_by_side(
        self, model, characters, num_samples, batch_size
    ):
        options = {
            "length": 12,
            "samplers": CHAIN,
            "random_seed": 6,
            "end_id": characters.end_id,
            "stop": ["gg", "if"],
        }
        whole = generate(model, characters, PROMPT, num_samples=7, **options)
        some = generate(model, characters, PROMPT, num_samples=num_samples, batch_size=batch_size, **options)
        assert [sample.number for sample in some] == list(range(num_samples))
        assert [(s.text, s.ids.tolist(), s.finish_reason) for s in some] == [
            (s.text, s.ids.tolist(), s.finish_reason) for s in whole[:num_samples]
        ]
        assert len({sample.text for sample in whole}) == 7
        assert {sample.finish_reason for sample in whole} == {"length", "stop", "end"}

    def test_a_sample_is_the_same_as_a_stream(self, model, characters):
        options = {"length": 30, "samplers": CHAIN, "random_seed": 5, "end_id": characters.end_id, "stop": ["ab"]}
        for sample in generate(model, characters, PROMPT, num_samples=5, **options):
            streamed = stream(model, characters, PROMPT, sample=sample.number, **options)
            assert "".join(streamed) == sample.text
            assert (streamed.tokens, streamed.finish_reason) == (sample.tokens, sample.finish_reason)

    def test_a_torch_model_gives_the_same_texts(self, model, table_model, characters):
        options = {"length": 30, "samplers": CHAIN, "num_samples": 5, "end_id": characters.end_id, "random_seed": 3}
        torch_model = table_model(13, "torch")
        assert [s.ids.tolist() for s in generate(torch_model, characters, PROMPT, **options)] == [
            s.ids.tolist() for s in generate(model, characters, PROMPT, **options)
        ]

    def test_random_seeds_give_different_texts_and_the_same_one_the_same(self, model, characters):
        def text(random_seed):
            return generate(model, characters, PROMPT, length=20, random_seed=random_seed)[0].text

        assert text(1) == text(1)
        assert text(1) != text(2)

    def test_sequences_that_have_ended_leave_the_batch(self, model, characters):
        samples = generate(model, characters, PROMPT, length=30, num_samples=6, end_id=characters.end_id, random_seed=2)
        steps = model.batch_sizes[len(PROMPT) :]
        # A sequence of n tokens is read n - 1 times: its last token needs no logits after it.
        running = [sum(sample.tokens - 1 > step for sample in samples) for step in range(len(steps))]
        assert steps == running
        assert len(set(steps)) > 1

    def test_the_prompt_is_read_once_for_all_batches(self, model, characters):
        generate(model, characters, PROMPT, length=1, num_samples=9, batch_size=2)
        assert model.batch_sizes == [1] * len(PROMPT)

    def test_a_long_prompt_is_read_in_pieces_with_the_state_carried(self, model, characters):
        prompt = np.random.default_rng(3).integers(0, 13, 2500)
        pieces = []
        prefill = model.prefill

        def noted(ids, state):
            pieces.append(ids.shape)
            return prefill(ids, state)

        model.prefill = noted
        (sample,) = generate(model, characters, prompt, length=1, samplers=[Greedy()])
        assert sum(length for _, length in pieces) == 2500
        assert len(pieces) > 1
        logits, _ = prefill(prompt[None], model.initial_state(1))
        assert sample.ids.tolist() == [logits.argmax()]

    def test_each_is_handed_over_when_it_is_finished(self, model, characters):
        handed, steps = [], []
        samples = generate(
            model, characters, PROMPT, length=30, num_samples=6, batch_size=4, end_id=characters.end_id, random_seed=2,
            on_sample=handed.append, on_step=steps.append,
        )  # fmt: skip
        assert sorted(handed, key=lambda sample: sample.number) == samples
        assert [sample.number for sample in handed] != [sample.number for sample in samples]
        assert sum(steps) == sum(sample.tokens for sample in samples)

    def test_log_probabilities_are_the_models_before_the_chain(self, table_model, characters):
        table = line(2, 3, 4) / 100  # each token is followed by the next at 1 against twelve at -1
        model = table_model(table)
        model.slopes = np.zeros(13, np.float32)
        for sample in generate(
            model, characters, np.array([2]), length=2, samplers=[Greedy()], num_samples=3, log_probabilities=True
        ):
            assert sample.ids.tolist() == [3, 4]
            assert sample.log_probability == pytest.approx(2 * np.log(np.e / (np.e + 12 / np.e)), rel=1e-6)

    def test_no_tokens_and_no_samples_are_possible(self, model, characters):
        (sample,) = generate(model, characters, PROMPT, length=0)
        assert (sample.text, sample.tokens, sample.finish_reason) == ("", 0, "length")
        assert generate(model, characters, PROMPT, length=5, num_samples=0) == []

    def test_an_interruption_leaves_the_samples_that_were_finished(self, model, characters):
        handed = []

        def interrupt(_):
            if len(handed) == 2:
                raise KeyboardInterrupt

        options = {"length": 8, "num_samples": 6}
        with pytest.raises(KeyboardInterrupt):
            generate(
                model, characters, PROMPT, batch_size=1, on_step=interrupt, on_sample=handed.append, **options
            )  # fmt: skip
        whole = generate(model, characters, PROMPT, **options)
        assert [sample.text for sample in handed] == [sample.text for sample in whole[:2]]


class Crowded:
    """A model whose device has no memory for a step of more than ``room`` sequences."""

    def __init__(self, model, error, room=0, after=0):
        self.next_logits, self.calls = model.next_logits, itertools.count()
        model.next_logits = self.step
        self.error, self.room, self.after = error, room, after

    def step(self, ids, state):
        if next(self.calls) >= self.after and len(ids) > self.room:
            raise self.error
        return self.next_logits(ids, state)


class Limited(Sampler):
    """Notes, in a list that its copies share, how many tokens it is told will be drawn at most."""

    def __init__(self):
        self.told = []

    def adjust(self, logits):
        return logits

    def limit(self, tokens):
        self.told.append(tokens)


class TestTheLimit:
    @pytest.fixture
    def told(self, model, characters):
        """What a sampler is told where a text is written so."""

        def write_and_ask(write, **options):
            sampler = Limited()
            written = write(model, characters, PROMPT, samplers=[sampler], **options)
            next(iter(written), None)
            return sampler.told

        return write_and_ask

    @pytest.mark.parametrize(
        "write", [stream, generate, lambda *arguments, **options: [beam_search(*arguments, width=2, **options)]]
    )
    def test_samplers_are_told_of_a_length_in_tokens(self, told, write):
        assert told(write, length=7) == [7]

    def test_they_are_told_of_none_where_there_is_none_or_it_bounds_each_line(self, told, characters):
        lines = PrefixLines.of(characters, ("a", "b"), None)
        assert told(stream, length=None) == []
        assert told(stream, length=7, prefix_lines=lines) == []
        assert told(generate, length=7, prefix_lines=lines) == []


class TestWhatIsHeldAtOnce:
    def test_fewer_are_written_side_by_side_where_more_could_not_be_held(self, model, characters, monkeypatch):
        monkeypatch.setattr("seqgen.generation.generate.MOST_HELD", 40)
        options = {"length": 20, "num_samples": 4, "keep": False, "forbid": [characters.end_id]}
        written = []
        generate(model, characters, PROMPT, on_sample=written.append, **options)
        assert [sample.number for sample in written] == [0, 1, 2, 3]
        assert max(model.batch_sizes) == 2

    def test_a_length_of_each_line_counts_for_all_of_them(self, model, characters, monkeypatch):
        asked = []
        monkeypatch.setattr(
            "seqgen.generation.start.refuse_unholdable", lambda texts, length: asked.append((texts, length))
        )
        lines = PrefixLines.of(characters, ("a", "b", "c"), None)
        generate(model, characters, PROMPT, length=9, prefix_lines=lines, num_samples=2)
        generate(model, characters, PROMPT, length=9, num_samples=2)
        assert asked == [(2, 27), (2, 9)]


class TestADeviceWithoutMemory:
    @pytest.fixture(params=["cuda", "mps", "tensorflow"])
    def error(self, request):
        """What a framework raises there."""
        match request.param:
            case "cuda":
                return pytest.importorskip("torch").OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            case "mps":
                return RuntimeError("MPS backend out of memory (MPS allocated: 17.98 GB, max allowed: 18.13 GB)")
        return type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor with shape[64,1024]")

    REFUSAL = "There is not enough memory on cpu for a step of this model.  Use a smaller model, or another --device"

    def test_fewer_are_written_side_by_side_and_the_texts_are_the_same(self, model, characters, error):
        options = {"length": 12, "samplers": CHAIN, "num_samples": 9, "end_id": characters.end_id}
        whole = generate(model, characters, PROMPT, **options)
        model.batch_sizes.clear()
        Crowded(model, error, room=3)
        some = generate(model, characters, PROMPT, **options)
        assert [sample.ids.tolist() for sample in some] == [sample.ids.tolist() for sample in whole]
        assert 1 < max(model.batch_sizes) <= 3

    def test_where_there_is_none_for_one_a_sentence_says_so(self, model, characters, error):
        options = {"length": 12, "forbid": [characters.end_id]}
        whole = "".join(stream(model, characters, PROMPT, **options))
        Crowded(model, error, after=len(PROMPT) + 4)
        given = []
        with pytest.raises(GenerationError) as caught:
            given.extend(stream(model, characters, PROMPT, **options))
        assert (str(caught.value), "".join(given)) == (self.REFUSAL, whole[:5])
        with pytest.raises(GenerationError) as caught:
            generate(model, characters, PROMPT, **options)
        assert str(caught.value).startswith(
            "There is not enough memory on cpu for this model to read a prompt of 3 tokens."
        )

    def test_so_it_does_where_there_is_none_for_what_a_sampler_remembers(self, model, characters):
        class Large(Sampler):
            def begin(self, prompt_ids, tokenizer):
                raise MemoryError

            def adjust(self, logits):
                return logits

        for write in (stream, generate):
            with pytest.raises(GenerationError) as caught:
                write(model, characters, PROMPT, length=5, samplers=[Large()])
            assert str(caught.value) == self.REFUSAL

    def test_any_other_error_stays_what_it_is(self, model, characters):
        Crowded(model, RuntimeError("size mismatch"))
        with pytest.raises(RuntimeError, match="size mismatch"):
            generate(model, characters, PROMPT, length=2)


class TestTheEnd:
    def test_a_stop_text_over_several_tokens_ends_the_text_before_it(self, table_model, characters):
        # a b c \n \n ...
        model = table_model(line(2, 3, 4, 0))
        (sample,) = generate(model, characters, np.array([2]), length=9, samplers=[Greedy()], stop=["\n\n"])
        assert (sample.text, sample.finish_reason, sample.tokens) == ("bc", "stop", 4)

    def test_a_stop_text_may_be_given_alone(self, table_model, characters):
        model = table_model(line(2, 3, 4, 0))
        (sample,) = generate(model, characters, np.array([2]), length=9, samplers=[Greedy()], stop="\n\n")
        assert sample.text == "bc"
        for write in (generate, lambda *arguments, **options: [beam_search(*arguments, width=1, **options)]):
            (sample,) = write(model, characters, np.array([2]), length=4, stop="\nc", samplers=[Greedy()])
            assert sample.text == "bc\n\n"  # and not the end of it at either of the two characters

    def test_the_prompt_is_no_part_of_a_stop_text(self, table_model, characters):
        model = table_model(line(0, 2, 3))
        (sample,) = generate(model, characters, np.array([0]), length=3, samplers=[Greedy()], stop=["\na"])
        assert (sample.text, sample.finish_reason) == ("abb", "length")

    def test_the_end_token_ends_the_text(self, table_model, characters):
        model = table_model(line(2, 3, 12))
        (sample,) = generate(
            model, characters, np.array([2]), length=9, samplers=[Greedy()], end_id=characters.end_id
        )  # fmt: skip
        assert (sample.text, sample.finish_reason, sample.ids.tolist()) == ("b", "end", [3, 12])

    def test_a_forbidden_end_token_is_never_drawn(self, model, characters):
        options = {"length": 200, "num_samples": 3, "random_seed": 4}
        free = generate(model, characters, PROMPT, **options)
        bound = generate(model, characters, PROMPT, forbid=[characters.end_id], **options)
        assert any(characters.end_id in sample.ids for sample in free)
        assert not any(characters.end_id in sample.ids for sample in bound)

    def test_characters_of_several_bytes_come_whole(self, table_model, utf8):
        text = "é→"
        model = table_model(line(ord("a"), *utf8.encode(text), size=257))
        written = stream(model, utf8, utf8.encode("a"), length=5, samplers=[Greedy()])
        assert list(written) == ["é", "→"]

    @pytest.mark.parametrize(("length", "text"), [(1, ""), (2, "é"), (3, "é"), (4, "é"), (5, "é→")])
    def test_a_character_that_the_length_cuts_is_left_out_in_every_form(self, table_model, utf8, length, text):
        model = table_model(line(ord("a"), *utf8.encode("é→"), size=257))
        arguments = (model, utf8, utf8.encode("a"))
        assert "".join(stream(*arguments, length=length, samplers=[Greedy()])) == text
        assert [sample.text for sample in generate(*arguments, length=length, samplers=[Greedy()])] == [text]
        assert beam_search(*arguments, length=length, width=2).text == text


class TestStream:
    def test_it_gives_text_piece_by_piece(self, table_model, characters):
        written = stream(table_model(line(2, 3, 4)), characters, np.array([2]), length=3, samplers=[Greedy()])
        assert next(written) == "b"
        assert (written.tokens, written.finish_reason) == (1, None)
        assert list(written) == ["c", "c"]
        assert (written.tokens, written.finish_reason) == (3, "length")
        assert list(written) == []

    def test_it_computes_nothing_ahead(self, model, characters):
        written = stream(model, characters, PROMPT, length=9, forbid=[characters.end_id])
        next(written)
        assert len(model.batch_sizes) == len(PROMPT)

    def test_it_can_go_on_without_end(self, model, characters):
        written = stream(model, characters, PROMPT, length=None, forbid=[characters.end_id])
        text = "".join(itertools.islice(written, 5000))
        assert len(text) == 5000
        assert written.finish_reason is None

    def test_its_memory_does_not_grow(self, model, characters):
        model.batch_sizes = deque(maxlen=1)
        written = stream(model, characters, PROMPT, length=None, samplers=CHAIN, stop=["zz"])
        tracemalloc.start()
        used = []
        for _ in range(2):
            for _ in itertools.islice(written, 1500):
                pass
            used.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert written.tokens >= 3000
        assert used[1] - used[0] < 1500  # less than one byte a token; a list would take eight

    def test_its_steps_tell_the_probability_and_the_alternatives_of_each_token(self, table_model, characters):
        model = table_model(np.log(np.tile([0.1, 0.05, 0.2, 0.5, *[0.15 / 9] * 9], (13, 1))))
        model.slopes = np.zeros(13, np.float32)
        written = stream(model, characters, PROMPT, length=3, samplers=[TopK(k=1)])
        steps = list(written.steps(alternatives=2))
        assert [(step.id, step.text) for step in steps] == [(3, "b")] * 3
        for step in steps:
            assert step.probability == pytest.approx(0.5)
            assert [token for token, _ in step.alternatives] == [3, 2]
            assert [chance for _, chance in step.alternatives] == pytest.approx([0.5, 0.2])

    def test_its_steps_are_the_tokens_of_its_text(self, model, characters):
        options = {"length": 30, "samplers": CHAIN, "random_seed": 5, "end_id": characters.end_id, "stop": ["\n\n"]}
        steps = list(stream(model, characters, PROMPT, **options).steps())
        (sample,) = generate(model, characters, PROMPT, log_probabilities=True, **options)
        assert [step.id for step in steps] == sample.ids.tolist()
        assert "".join(step.text for step in steps) == sample.text
        assert sum(np.log(step.probability) for step in steps) == pytest.approx(sample.log_probability)

    def test_an_interruption_leaves_what_it_gave(self, model, characters):
        options = {"length": 20, "random_seed": 9, "forbid": [characters.end_id]}
        whole = "".join(stream(model, characters, PROMPT, **options))
        step, steps = model.next_logits, itertools.count()

        def interrupted(ids, state):
            if next(steps) == len(PROMPT) + 6:
                raise KeyboardInterrupt
            return step(ids, state)

        model.next_logits = interrupted
        given = []
        written = stream(model, characters, PROMPT, **options)
        with pytest.raises(KeyboardInterrupt):
            given.extend(written)
        assert "".join(given) == whole[:7]
        assert written.finish_reason is None

    def test_two_streams_with_the_same_samplers_do_not_disturb_each_other(self, model, characters):
        def written(sample):
            return stream(model, characters, PROMPT, length=60, samplers=CHAIN, sample=sample)

        in_turn = ["".join(pieces) for pieces in zip(*zip(written(0), written(1), strict=False), strict=True)]
        apart = ["".join(written(0)), "".join(written(1))]
        shorter = min(map(len, in_turn))
        assert [text[:shorter] for text in in_turn] == [text[:shorter] for text in apart]
        assert shorter > 10


class Finished(Sampler):
    """Says that nothing can follow before anything is drawn."""

    def begin(self, prompt_ids, tokenizer):
        self.rows = len(prompt_ids)

    def adjust(self, logits):
        return logits

    def finished(self):
        return np.ones(self.rows, bool)


class TestATextThatIsWholeBeforeItsFirstToken:
    @pytest.fixture
    def whole(self, table_model):
        """The arguments, and the text, which is that of the prompt in its frame."""
        options = {"length": 5, "samplers": [Finished()]}
        return (table_model(13), FramedLetters(13), PROMPT), options, FramedLetters.head + "cde"

    def test_is_the_first_piece(self, whole):
        arguments, options, text = whole
        written = stream(*arguments, **options)
        assert list(written) == [text]
        assert (written.tokens, written.finish_reason) == (0, "end")
        assert [sample.text for sample in generate(*arguments, **options)] == [text]

    def test_is_there_as_text_and_has_no_step(self, whole):
        arguments, options, text = whole
        assert list(stream(*arguments, **options).texts()) == [text]
        assert list(stream(*arguments, **options).steps()) == []


class TestRefusals:
    def test_an_empty_prompt(self, model, characters):
        for write in (stream, generate, partial(beam_search, width=2)):
            with pytest.raises(PromptError, match="The prompt is empty"):
                write(model, characters, np.empty(0, int), length=5)

    @pytest.mark.parametrize("stop", ["", [""], b"a"])
    def test_a_stop_text_that_is_none_before_the_prompt_is_read(self, model, characters, stop):
        for write in (stream, generate, partial(beam_search, width=2)):
            with pytest.raises(OptionError, match=r"stop is .+, but must be text, at least a character\."):
                write(model, characters, PROMPT, length=5, stop=stop)
        assert model.batch_sizes == []

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"length": -1}, "length is -1, but must be a whole number at least 0."),
            ({"length": 5, "num_samples": -2}, "num_samples is -2, but must be a whole number at least 0."),
            ({"length": 5, "num_samples": 1.5}, "num_samples is 1.5, but must be a whole number at least 0."),
            ({"length": 5, "batch_size": 0}, "batch_size is 0, but must be a whole number at least 1."),
            ({"length": 5, "stop": [""]}, "stop is '', but must be text, at least a character."),
        ],
    )
    def test_numbers_and_texts_that_make_no_sense(self, model, characters, options, sentence):
        with pytest.raises(OptionError) as caught:
            generate(model, characters, PROMPT, **options)
        assert str(caught.value) == sentence
        assert model.batch_sizes == []

    @pytest.mark.parametrize("name", ["charcters", "held", "text_length", "prefix"])
    @pytest.mark.parametrize("length", [5, None])
    def test_an_option_that_does_not_exist(self, model, characters, name, length):
        for write in (stream, generate, partial(beam_search, width=2)):
            with pytest.raises(TypeError, match=f"'{name}'"):
                write(model, characters, PROMPT, length=length, **{name: 5})
        assert model.batch_sizes == []

    @pytest.mark.parametrize(("name", "value"), [("random_seed", 0), ("prefix_lines", None), ("sample", 0)])
    def test_an_option_of_drawing_where_nothing_is_drawn(self, model, characters, name, value):
        with pytest.raises(TypeError, match=f"'{name}'"):
            beam_search(model, characters, PROMPT, width=2, length=5, **{name: value})
        assert model.batch_sizes == []

    @pytest.mark.parametrize("length", [1.5, float("nan"), True, -1], ids=str)
    def test_a_length_that_is_no_whole_number(self, model, characters, length):
        for write in (stream, generate, partial(beam_search, width=2)):
            with pytest.raises(OptionError, match=r"length is .+, but must be a whole number at least 0\."):
                write(model, characters, PROMPT, length=length)
        assert model.batch_sizes == []
        assert stream(model, characters, PROMPT, length=np.int64(1)).finish_reason is None

    @pytest.mark.parametrize("bound", ["length", "characters"])
    def test_more_than_can_be_held_but_not_a_stream(self, model, characters, bound):
        options = {"length": None, bound: 10**12}
        for write in (generate, partial(beam_search, width=2), partial(generate, keep=False)):
            with pytest.raises(OptionError, match="^length is too large.* tokens or characters would be held at once"):
                write(model, characters, PROMPT, **options)
        assert model.batch_sizes == []
        assert next(stream(model, characters, PROMPT, **options))

    def test_a_text_without_a_length_is_not_held_but_streamed(self, model, characters):
        for write in (generate, partial(beam_search, width=2), partial(generate, keep=False)):
            with pytest.raises(OptionError) as caught:
                write(model, characters, PROMPT, length=None)
            assert str(caught.value) == (
                "length is None, but a text that is held until it is whole must end.  "
                "Give a length, or let one text be streamed"
            )
        assert model.batch_sizes == []
        assert next(stream(model, characters, PROMPT, length=None))

    def test_more_samples_than_can_be_held_but_not_those_that_are_handed_over(self, model, characters):
        handed = []

        def take(sample):
            handed.append(sample.number)
            if len(handed) == 100:
                raise KeyboardInterrupt

        options = {"length": 2, "num_samples": 10**12}
        with pytest.raises(OptionError) as caught:
            generate(model, characters, PROMPT, **options)
        assert str(caught.value) == (
            "length is too large for 1,000,000,000,000 texts: 2,000,000,000,000 tokens or characters would be held at once, "
            "and at most 100,000,000 can be.  Ask for less, or let one text be streamed"
        )
        with pytest.raises(KeyboardInterrupt):
            generate(model, characters, PROMPT, **options, on_sample=take, keep=False)
        assert handed == list(range(100))

    def test_a_model_whose_logits_are_not_numbers(self, table_model, characters):
        table = line(2, 3, 4)
        table[3, 5] = np.nan
        with pytest.raises(GenerationError, match=r"Token 2 of sample 0: the model gives .* not a number\."):
            generate(table_model(table), characters, np.array([2]), length=9, samplers=CHAIN)

    @pytest.mark.parametrize("sampler", [TopP(p=0.9), Typical(p=0.9)])
    @pytest.mark.parametrize("num_samples", [1, 3])
    def test_a_model_of_a_large_vocabulary_whose_logits_are_not_numbers(
        self, table_model, monkeypatch, sampler, num_samples
    ):
        binned, turns = arrays._binned, iter(range(20))

        def part(keys):
            next(turns)  # and in the end an error in place of parting for ever
            return binned(keys)

        monkeypatch.setattr(arrays, "_binned", part)
        tokenizer = CharTokenizer().fit(["".join(map(chr, range(0x4E00, 0x4E00 + 2499)))])
        model = table_model(np.full((2500, 2500), np.nan, np.float32))
        with pytest.raises(GenerationError, match=r"Token 1 of sample 0: the model gives .* not a number\."):
            generate(model, tokenizer, PROMPT, length=9, samplers=[sampler], num_samples=num_samples)

    @pytest.mark.parametrize("num_samples", [1, 3])
    def test_a_sampler_that_leaves_nothing(self, model, characters, num_samples):
        class Nothing(Sampler):
            def adjust(self, logits):
                left = logits.copy()
                left[-1] = -np.inf
                return left

            def __repr__(self):
                return "Nothing()"

        with pytest.raises(GenerationError) as caught:
            generate(model, characters, PROMPT, length=5, num_samples=num_samples, samplers=[TopK(), Nothing()])
        assert str(caught.value) == (
            f"Token 1 of sample {num_samples - 1}: Nothing() leaves no token that may be drawn.  "
            "Loosen it, or leave it out"
        )

    def test_forbidding_everything(self, model, characters):
        with pytest.raises(GenerationError, match="no token that may be drawn"):
            generate(model, characters, PROMPT, length=5, forbid=range(13))


class Weighing(Sampler):
    """Looks ahead, and weighs what it sees in float32."""

    def foresee(self, ahead):
        self.weights = np.exp(ahead.logits - ahead.logits.max(axis=-1, keepdims=True))

    def adjust(self, logits):
        return np.where(self.weights > 0, logits, -np.inf)


SURE = np.diag(np.full(12, 5000.0, np.float32), 1) - 2500.0
"""Logits by which each token is followed by the next, and what else there is has no probability that float64 holds."""


ZEROS = np.repeat(2000.0 * np.eye(1, 13), 13, axis=0)
"""Logits by which all tokens are 0, at which the model's memory halves until it is nearly nothing."""


@pytest.mark.parametrize(
    "samplers",
    [
        [],
        [Temperature(temperature=0.01)],
        [TopP(p=0.9)],
        [Typical(p=0.9)],
        [Mirostat()],
        [Weighing()],
        [RepetitionPenalty(penalty=1.3), Temperature(temperature=2.0)],
    ],
    ids=lambda chain: "-".join(type(sampler).__name__ for sampler in chain) or "none",
)
@pytest.mark.parametrize(
    ("table", "zeros"),
    [(SURE, 1), (ZEROS, 1), (ZEROS, 200)],
    ids=["logits", "states", "states of the prompt"],
)
def test_where_numpy_raises_for_what_is_too_small_for_its_type_texts_are_as_elsewhere(
    table_model, characters, samplers, table, zeros
):
    model, prompt = table_model(table), np.array([1] + [0] * zeros)

    def written():
        options = {"length": 200, "samplers": samplers, "random_seed": 1}
        samples = generate(model, characters, prompt, num_samples=3, log_probabilities=True, **options)
        alone = generate(model, characters, prompt, **options)
        steps = list(stream(model, characters, prompt, **options).steps())
        return [(sample.text, sample.log_probability) for sample in [*samples, *alone]], steps

    expected = written()
    with np.errstate(all="raise"):
        assert written() == expected


def test_what_is_too_large_for_its_type_is_still_an_error_in_such_a_program(table_model, characters):
    class Growing(Sampler):
        def adjust(self, logits):
            return logits * np.float32(3e38) * np.float32(3e38)

    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="overflow"):
        generate(table_model(13), characters, PROMPT, length=4, samplers=[Growing()])
