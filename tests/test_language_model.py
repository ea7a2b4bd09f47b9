"""A model in use from Python."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

import seqgen
from seqgen.checkpoint import ModelConfig, PartRecord, config_to_json, write_weights
from seqgen.core.canonical import initial_weights
from seqgen.core.errors import OptionError
from seqgen.core.spec import ModelSpec
from seqgen.files import write_json
from seqgen.manifest import write_manifest
from seqgen.tokenizers.char import CharTokenizer


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
