"""A model in use from Python."""

from __future__ import annotations

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

import seqgen
from seqgen.checkpoint import ModelConfig, PartRecord, config_to_json, write_weights
from seqgen.core.canonical import initial_weights
from seqgen.core.errors import OptionError, SeqgenWarning
from seqgen.core.spec import ModelSpec
from seqgen.files import write_json
from seqgen.manifest import write_manifest
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer


@pytest.fixture
def make_model(tmp_path):
    """Makes one that has learned nothing, of a corpus of a dataset and with or without ends around its documents."""

    def make(dataset="text", batching="stream", *, has_ends=False):
        tokenizer = CharTokenizer().fit(["a cat sat on a mat"])
        spec = ModelSpec(vocab_size=tokenizer.vocab_size, embedding_size=3, hidden_size=4)
        parts = {kind: PartRecord(name, "seqgen", "0") for kind, name in (("tokenizer", "char"), ("dataset", dataset))}
        config = ModelConfig(spec, parts, {"batching": batching, "seq_len": 8}, {}, has_ends=has_ends)
        folder = tmp_path / f"{dataset}-{batching}-{has_ends}"
        folder.mkdir()
        write_weights(folder / "model.safetensors", initial_weights(spec, 0))
        write_json(folder / "config.json", config_to_json(config))
        write_json(folder / "tokenizer.json", tokenizer.state())
        write_manifest(folder, {})
        return seqgen.load(folder)

    return make


@pytest.fixture
def model(make_model):
    return make_model()


def test_a_beam_is_searched_and_not_drawn_from(model):
    ready = model.prepare("a cat", beam=2, length=4)
    assert len(ready.search().text) == 4
    for drawing in (ready.stream, lambda: ready.samples(2), lambda: model.stream("a cat", beam=2)):
        with pytest.raises(OptionError, match="beam is 2, which takes the place of drawing"):
            drawing()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_it_gives_as_many_texts_as_are_asked_for(model, count):
    texts = model.generate("a cat", num_samples=count, length=4, random_seed=1)
    assert [len(text) for text in texts] == [4] * count
    assert texts[:1] in ([], [model.generate("a cat", length=4, random_seed=1)])


class WithoutPieces(CharTokenizer):
    """As where the text of a token depends on those before it."""

    def pieces(self):
        return None


@pytest.mark.parametrize(
    ("tokenizer", "stop", "why"),
    [
        (CharTokenizer(), "a kitten", "never writes 'e', 'i', 'k'"),
        (CharTokenizer(lowercase=True), "A cat", "writes 'a cat' instead"),
        (CharTokenizer(normalization="NFC"), "a\u0308", "never writes 'ä'"),
    ],
)
def test_a_stop_text_that_can_never_come_is_told_or_with_strict_refused(model, tokenizer, stop, why):
    model = replace(model, tokenizer=tokenizer.fit(["a cat sat on a mat"]))
    sentence = f"stop text {stop!r} can never come: {model.reference} {why}."
    told = []
    assert model.prepare("a cat", stop=["sat", stop], warn=told.append).stop == ("sat", stop)
    assert told == [sentence]
    with pytest.warns(SeqgenWarning) as warned:
        model.prepare("a cat", stop=stop)
    assert [str(each.message) for each in warned] == [sentence]
    assert warned[0].filename == __file__
    with pytest.raises(OptionError) as caught:
        model.prepare("a cat", stop=stop, strict=True)
    assert str(caught.value) == f"{sentence}  Without --strict the text goes on to its length."


@pytest.mark.parametrize(
    ("tokenizer", "stop"),
    [
        (CharTokenizer(), "mat cat"),
        (CharTokenizer(lowercase=True), "a cat"),
        (ByteTokenizer(), "Ä\n"),
        (WordTokenizer(), "on a"),
        (WithoutPieces(), "Z"),
    ],
)
def test_nothing_is_said_of_a_stop_text_that_may_come(model, tokenizer, stop):
    told = []
    replace(model, tokenizer=tokenizer.fit(["a cat sat on a mat"])).prepare(
        "a cat", stop=stop, warn=told.append, strict=True
    )
    assert told == []


def test_texts_that_threads_score_at_once_score_as_they_do_alone(model, tmp_path, seqgen_home):
    files = [tmp_path / f"{number}.txt" for number in range(4)]
    for number, file in enumerate(files):
        file.write_text(f"{'a cat sat on a mat'[number:]} " * 60)
    alone = [model.score(file).nats for file in files]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert [score.nats for score in pool.map(model.score, files * 3)] == alone * 3
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("batching", ["stream", "documents"])
@pytest.mark.usefixtures("seqgen_home")
def test_a_line_is_scored_alone_as_it_is_beside_others(make_model, tmp_path, batching):
    model = make_model("lines", batching, has_ends=True)
    lines = ["a cat", "a mat", "sat on"]
    for number, line in enumerate([*lines, "\n".join(lines)]):
        (tmp_path / f"{number}.txt").write_text(line)
    scores = [model.score(tmp_path / f"{number}.txt") for number in range(4)]
    assert [score.tokens for score in scores] == [6, 6, 7, 19]  # the end of each, too
    assert [score.characters for score in scores] == [5, 5, 6, 16]
    assert [score.ends for score in scores] == [1, 1, 1, 3]
    for score in scores:  # as where each line ended with a character
        assert score.bits_per_character_with_ends == pytest.approx(score.loss / math.log(2))
    if batching == "documents":
        assert sum(score.nats for score in scores[:3]) == pytest.approx(scores[3].nats)


@pytest.mark.usefixtures("seqgen_home")
def test_where_a_model_knows_no_ends_none_is_scored(make_model, tmp_path):
    for number, text in enumerate(["a cat", "sat on", "a catsat on"]):
        (tmp_path / f"{number}.txt").write_text(text)
    model = make_model()
    two, one = model.score(tmp_path / "0.txt", tmp_path / "1.txt"), model.score(tmp_path / "2.txt")
    assert two == one
    assert two.tokens == len("a catsat on") - 1  # the first is read, not predicted
    assert (two.ends, two.bits_per_character_with_ends) == (0, two.bits_per_character)


@pytest.mark.usefixtures("seqgen_home")
def test_bits_are_per_character_that_is_scored_where_the_first_of_each_document_is_not(make_model, tmp_path):
    (tmp_path / "lines.txt").write_text("a c\n" * 50)
    score = make_model("lines", "documents").score(tmp_path / "lines.txt")
    assert (score.tokens, score.characters) == (100, 100)


@pytest.mark.usefixtures("seqgen_home")
def test_how_much_of_a_text_the_vocabulary_lacks_is_counted(make_model, tmp_path):
    (tmp_path / "some.txt").write_text("a cat XX")
    (tmp_path / "none.txt").write_text("a cat sat")
    model = make_model()
    (tmp_path / "capitals.txt").write_text("A CAT XX")
    shares = [model.score(tmp_path / name).unknown_share for name in ("some.txt", "none.txt", "capitals.txt")]
    assert shares == [0.25, 0.0, 0.75]
    lower = replace(model, tokenizer=CharTokenizer(lowercase=True).fit(["a cat sat on a mat"]))
    assert lower.score(tmp_path / "capitals.txt").unknown_share == 0.25
