"""A model in use from Python."""

from __future__ import annotations

import copy
import math
import pickle
import re
import reprlib
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import seqgen
from seqgen.checkpoint import SavedModel, write_weights
from seqgen.core.canonical import initial_weights
from seqgen.core.catalog import load_catalog
from seqgen.core.errors import CorpusError, ModelNotFoundError, OptionError, PromptError, SeqgenWarning, UsageError
from seqgen.core.spec import ModelSpec
from seqgen.files import write_json
from seqgen.interop.exported_model import ExportedModel
from seqgen.manifest import write_manifest
from seqgen.model_config import ModelConfig, PartRecord, config_to_json
from seqgen.registry import ModelVersion
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


def test_one_stop_text_line_or_sampler_may_be_given_as_it_is(model):
    texts = [
        model.generate(
            "a cat", length=4, random_seed=1, stop=each("m"), prefix_lines=each("a mat"), samplers=each("greedy")
        )
        for each in (lambda one: one, lambda one: [one])
    ]
    assert texts[0] == texts[1]
    assert texts[0].startswith("a mat")
    plain = model.generate("a cat", length=4, random_seed=1)
    assert model.generate("a cat", length=4, random_seed=1, stop=None, prefix_lines=None, samplers=None) == plain
    assert model.generate("a cat", length=4, random_seed=1, prefix_lines="") == plain


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"prompt": 5}, "prompt is 5, but must be text, or bytes for binary media."),
        ({"stop": 5}, "stop has 5, but takes texts, or bytes for binary media, or one alone."),
        ({"prefix_lines": [5]}, "prefix_lines has 5, but takes texts, one for each line, or one alone."),
        ({"random_seed": 1.9}, "random_seed is 1.9, but must be a whole number."),
    ],
    ids=repr,
)
def test_what_an_argument_cannot_be_is_refused(model, arguments, sentence):
    with pytest.raises(OptionError) as caught:
        model.prepare(**arguments)
    assert str(caught.value) == sentence


def test_a_random_seed_of_numpy_is_recorded_as_pythons(model):
    generation = model.prepare("a cat", length=4, random_seed=np.int64(1))
    assert type(generation.random_seed) is int
    assert generation.samples(1)[0].text == model.generate("a cat", length=4, random_seed=1)


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


KNOWN = "  More of it is known in the Unicode normal form {}: bring it to that."


@pytest.mark.parametrize(
    ("corpus", "prompt", "missing", "form"),
    [
        ("the café", "cafe\u0301", "'\u0301' (left out)", "NFC"),
        ("the cafe\u0301", "café", "'é' (read as 'e')", "NFD"),
        ("cat; dog", "cat\u037e", r"'\u037e' (read as ';')", "NFC"),
    ],
)
def test_a_prompt_is_told_in_which_normal_form_more_of_it_is_known(model, corpus, prompt, missing, form):
    model = replace(model, tokenizer=CharTokenizer().fit([corpus]))
    sentence = f"{model.reference} does not know {missing}.{KNOWN.format(form)}"
    told = []
    model.prepare(prompt, warn=told.append)
    assert told == [sentence]
    with pytest.raises(PromptError) as caught:
        model.prepare(prompt, strict=True)
    assert str(caught.value) == f"{sentence}  Without --strict the nearest is taken."


def test_where_no_symbol_of_a_prompt_is_known_it_is_told_in_which_normal_form_some_are(model):
    model = replace(model, tokenizer=CharTokenizer().fit(["한국어 학교"]))
    with pytest.raises(PromptError) as caught:
        model.prepare(unicodedata.normalize("NFD", "한국어"))
    assert str(caught.value).endswith(f"Write of what its corpus is made of.{KNOWN.format('NFC')}")


def test_a_stop_text_and_what_is_written_instead_are_told_apart_where_they_look_the_same(model):
    model = replace(model, tokenizer=CharTokenizer(normalization="NFC").fit(["the café"]))
    told = []
    model.prepare("the", stop="cafe\u0301", warn=told.append)
    assert told == [rf"stop text 'cafe\u0301' can never come: {model.reference} writes 'caf\xe9' instead."]


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


@pytest.mark.usefixtures("seqgen_home", "threads_take_turns_often")
def test_texts_that_threads_score_at_once_score_as_they_do_alone(model, tmp_path):
    files = [tmp_path / f"{number}.txt" for number in range(4)]
    for number, file in enumerate(files):
        file.write_text(f"{'a cat sat on a mat'[number:]} " * 60)
    alone = [model.score(file).nats for file in files]
    with ThreadPoolExecutor(4) as pool:
        assert [score.nats for score in pool.map(model.score, files * 3)] == alone * 3


def test_the_score_of_a_text_is_its_probability(model):
    """Also of one longer than 16 windows of the model, by which longer ones are read in portions."""
    model.model.load_weights(
        {name: 5 * weight for name, weight in model.model.weights().items()}
    )  # they remember longer
    generation = model.prepare("a", length=300, temperature=1.0, random_seed=1)
    (sample,) = generation.samples(1, log_probabilities=True)
    assert model.score(texts=generation.whole(sample)).nats == pytest.approx(-sample.log_probability, rel=1e-6)


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
    of_capitals = lower.score(tmp_path / "capitals.txt")
    assert (of_capitals.unknown_share, of_capitals.changed_share) == (0.25, 0.5)


@pytest.mark.usefixtures("seqgen_home")
def test_a_text_that_is_shorter_than_the_windows_of_a_model_is_refused_with_advice(make_model, tmp_path):
    (tmp_path / "short.txt").write_text("a cat")
    model = make_model(batching="windows")
    with pytest.raises(CorpusError) as caught:
        model.score(tmp_path / "short.txt")
    assert str(caught.value) == (
        "The text is too short: 5 tokens, but one window of 8 needs 9.  "
        f"{model.reference} learned to predict what follows on as many.  Score more text at once"
    )


@pytest.mark.usefixtures("seqgen_home")
def test_a_model_that_is_sure_scores_as_elsewhere_where_numpy_raises_for_what_is_too_small(make_model, tmp_path):
    (tmp_path / "text.txt").write_text("a cat sat")
    model = make_model()
    weights = model.model.weights()
    model.model.load_weights(weights | {"output.bias": 100 * np.arange(len(weights["output.bias"]), dtype=np.float32)})
    elsewhere = model.score(tmp_path / "text.txt")
    with np.errstate(all="raise"):
        assert model.score(tmp_path / "text.txt") == elsewhere


# In another process


@pytest.fixture
def ships(make_model, seqgen_home):
    """A model of the registry, as ``seqgen.train`` gives it, and where it lies."""
    folder = seqgen_home / "models" / "ships" / "1"
    folder.parent.mkdir(parents=True)
    make_model().saved.folder.rename(folder)
    model = seqgen.load("ships:1", device="cpu")
    model.training_record, model.signal_number = {"steps": 7}, 2
    return model


def test_a_model_that_is_pickled_or_copied_is_loaded_again_from_where_it_lies(ships, monkeypatch, tmp_path):
    written = ships.generate("a cat", length=20, random_seed=1)
    pickled = pickle.dumps(ships)
    assert len(pickled) < 1000
    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path / "another"))
    for model in (pickle.loads(pickled), copy.deepcopy(ships), copy.copy(ships)):
        assert model is not ships
        assert model.generate("a cat", length=20, random_seed=1) == written
        assert (model.reference, model.name, model.version, model.backend) == ("ships:1", "ships", 1, "numpy")
        assert (model.training_record, model.signal_number) == ({"steps": 7}, 2)
        assert pickle.dumps(model) == pickled


@pytest.mark.parametrize("where", ["ships:1", "ships/1"])
def test_what_messages_call_a_folder_does_not_make_it_a_version_of_the_registry(ships, where):
    saved = SavedModel.open(ships.saved.folder, where=where)
    named = replace(ships, saved=saved)
    assert (named.reference, named.name, named.version, ExportedModel.of(saved, ships.catalog).name) == (
        where,
        "1",
        None,
        "model",
    )


def test_a_version_of_the_registry_is_one_wherever_its_files_are(ships, tmp_path):
    folder = ships.saved.folder.rename(tmp_path / "on-another-disk")
    saved = ModelVersion("ships", 3, folder).open()
    named = replace(ships, saved=saved)
    assert (named.reference, named.name, named.version) == ("ships:3", "ships", 3)
    assert ExportedModel.of(saved, ships.catalog).name == "ships:3"


def test_it_has_the_backend_that_was_asked_for(ships):
    pytest.importorskip("torch")
    model = pickle.loads(pickle.dumps(seqgen.load("ships", backend="torch", device="cpu")))
    assert (model.backend, type(model.model).__name__, model.model.device) == ("torch", "TorchModel", "cpu")


def test_another_process_writes_what_this_one_does(ships, run_python, tmp_path):
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(ships))
    code = "import pickle; print(pickle.load(open('model.pickle', 'rb')).generate('a cat', length=20, random_seed=1))"
    assert run_python(code).stdout == ships.generate("a cat", length=20, random_seed=1) + "\n"


def test_a_model_whose_folder_is_gone_cannot_be_loaded_again(ships, tmp_path):
    pickled = pickle.dumps(ships)
    ships.saved.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(ModelNotFoundError, match="ships:1"):
        pickle.loads(pickled)


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_its_folder_does_not_tell_is_not_copied(ships, copied):
    changed = replace(ships, tokenizer=CharTokenizer().fit(["another"]))
    for model in (changed, seqgen.load("ships", catalog=load_catalog())):
        with pytest.raises(UsageError, match="ships:1 can be neither pickled nor copied: .* Load it where it is used"):
            copied(model)


def test_models_are_told_apart_and_may_be_keys(ships):
    other = seqgen.load("ships")
    assert ships != other
    assert {ships: "one", other: "other"}[ships] == "one"


# Line ends of which no token is made


class Flowing(CharTokenizer):
    """Line ends are white space and no tokens, as in ABC notation."""

    def encode(self, document):
        return super().encode("".join(document.splitlines()))

    def missing(self, document):
        return super().missing("".join(document.splitlines()))


def test_what_is_written_follows_a_prompt_without_line_ends_that_the_tokenizer_does_not_read(make_model):
    model = replace(make_model("lines", has_ends=True), tokenizer=Flowing().fit(["a cat sat on a mat"]))
    with_end, without = (model.prepare(prompt, random_seed=1) for prompt in ("a cat\n", "a cat"))
    assert (with_end.prompt, next(iter(with_end.stream()))) == (without.prompt, next(iter(without.stream())))
    lines = model.prepare("a cat\n", prefix_lines=["a mat"])  # which begin on a line of their own
    assert (lines.prompt, lines.prompt_ids.tolist()) == ("a cat\n", without.prompt_ids.tolist())
    with pytest.raises(PromptError, match="No symbol of the prompt"):
        model.prepare("\n")


# Texts in place of files


@pytest.mark.usefixtures("seqgen_home")
@pytest.mark.parametrize("has_ends", [True, False])
@pytest.mark.parametrize("batching", ["stream", "documents"])
def test_texts_score_as_the_lines_of_a_file_and_leave_no_file(make_model, tmp_path, seqgen_home, batching, has_ends):
    model, lines = make_model("lines", batching, has_ends=has_ends), ["a cat", "XX sat on a mat", "on"]
    found = model.score(texts=iter(lines))
    assert not (seqgen_home / "tokens").exists()
    (tmp_path / "lines.txt").write_text("\n".join(lines))
    assert found == model.score(tmp_path / "lines.txt")
    assert found.unknown_share > 0
    assert model.score(texts="a cat") == model.score(texts=["a cat"])


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ([], "texts are empty, so there is nothing to score."),
        (["", ""], "texts are empty, so there is nothing to score."),
        (["XX"], "No symbol of these texts is known to {}."),
    ],
)
@pytest.mark.parametrize(
    ("dataset", "batching", "has_ends"),
    [
        ("lines", "documents", True),
        ("lines", "documents", False),
        ("text", "stream", False),
        ("text", "windows", False),
    ],
)
def test_texts_of_which_nothing_can_be_scored_are_refused(make_model, dataset, batching, has_ends, texts, sentence):
    model = make_model(dataset, batching, has_ends=has_ends)
    with pytest.raises(CorpusError) as caught:
        model.score(texts=texts)
    assert str(caught.value) == sentence.format(model.reference)


def test_texts_are_what_the_tokenizer_takes(model):
    with pytest.raises(OptionError) as caught:
        model.score(texts=["a cat", b"a cat"])
    assert str(caught.value) == f"texts has b'a cat', but {model.reference} takes text/plain, as str."


@pytest.mark.parametrize("texts", [5, Path("a.txt"), {"a": "a cat"}], ids=repr)
def test_what_is_no_texts_is_refused_as_that(model, texts):
    with pytest.raises(
        UsageError, match=f"^texts is {re.escape(reprlib.repr(texts))}, but must be the documents themselves: "
    ):
        model.score(texts=texts)


@pytest.mark.parametrize(("files", "how"), [(["a.txt"], {}), ([], {"dataset": "lines"})])
def test_files_or_texts_are_scored_and_not_both(model, files, how):
    with pytest.raises(UsageError, match="^score takes files, with a dataset, or texts, which need none"):
        model.score(*files, texts=["a cat"], **how)


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        (["a.txt", "b.txt"], "['a.txt', 'b.txt'] is no file's name.  Name files one by one; of a list, as *files"),
        (
            "a cat\n",
            "'a cat\\n' is a text and no file's name.  Write it to a file, or give it as score(texts=[...]) in Python",
        ),
    ],
)
def test_what_names_no_file_is_not_scored(model, named, sentence):
    with pytest.raises(UsageError) as caught:
        model.score(named)
    assert str(caught.value) == sentence
