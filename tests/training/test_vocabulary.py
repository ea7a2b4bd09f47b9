"""Going on from a model with a corpus that has symbols which the model lacks."""

import numpy as np
import pytest

import seqgen
from seqgen.api import find_model
from seqgen.core.catalog import load_catalog
from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OptionError, PluginError
from seqgen.tokenizers.char import CharTokenizer
from seqgen.training.chosen import resolve_options
from seqgen.training.preparation import prepare
from seqgen.training.vocabulary import known_or_extended

TINY = {"hidden_size": 8, "embedding_size": 4, "seq_len": 8, "batch_size": 4, "num_layers": 1, "dropout": 0.0}
CATALOG = load_catalog()


@pytest.fixture
def parent(tmp_path, seqgen_home):
    """Trains a small model of a, b, c and the space, in so many steps; gives it as it was saved."""
    corpus = tmp_path / "abc.txt"
    corpus.write_text("abc cab bca " * 40)

    def make(**options):
        seqgen.train(corpus, name="abc", progress=False, **{**TINY, "backend": "torch", "max_steps": 2, **options})
        return find_model("abc")

    return make


@pytest.fixture
def other(tmp_path):
    """A corpus with three symbols more, one of which has a likeness."""
    corpus = tmp_path / "more.txt"
    corpus.write_text("abc d\xe9 A\n" * 60)
    return corpus


def prepared(parent, corpus, **options):
    chosen = resolve_options({"max_steps": 2, "seq_len": 8, "batch_size": 4, **options}, preset=None, config=None)
    return prepare(CATALOG, [str(corpus)], chosen, name="more", parent=parent)


def test_symbols_that_the_model_lacks_are_refused_by_name_with_what_can_be_done(parent, other):
    with pytest.raises(CorpusError) as error:
        prepared(parent(), other)
    assert str(error.value) == (
        "The corpus has 4 symbols ('\\n', A, d, \xe9), which abc:1 does not know.  To learn them: --unseen extend.  "
        "To read each as its nearest, or leave it out: --unseen nearest (A as a)"
    )


def test_they_can_be_read_as_their_nearest(parent, other):
    model = parent()
    assert prepared(model, other, unseen="nearest").tokenizer.symbols == " abc"


@pytest.mark.parametrize("held_out", [0.0, 0.1])
def test_a_corpus_of_which_nothing_is_known_is_said(parent, tmp_path, held_out):
    greek = tmp_path / "greek.txt"
    greek.write_text("\u03b1\u03b2\u03b3" * 100)
    model = parent()
    with pytest.raises(CorpusError, match="Nothing in the corpus is known to the vocabulary: give other text"):
        prepared(model, greek, unseen="nearest", validation_fraction=held_out)


@pytest.mark.parametrize("unseen", ["refuse", "extend"])
def test_what_is_no_document_is_the_dataset_s_mistake_here_too(unseen):
    class Texts(Dataset):
        def documents(self):
            yield "abc"

    with pytest.raises(PluginError, match=r"^Dataset \S*Texts gives 'abc', which is no Document of text or bytes\."):
        known_or_extended(CharTokenizer().fit(["abc"]), Texts(), None, unseen)


def test_the_dataset_is_the_models_unless_another_is_named(parent, tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_text("cab\nbca\nabc\n" * 90)
    model = parent(dataset="lines", tokenizer="byte")
    ready = prepared(model, lines)
    assert (ready.config.training["dataset"], ready.config.origins["dataset"]) == ("lines", f"model {model.where}")
    assert len(ready.store.starts) - 1 == 270
    other = prepared(model, lines, dataset="text")
    assert (other.config.training["dataset"], len(other.store.starts) - 1) == ("text", 1)


def test_a_corpus_without_any_needs_no_choice(parent, tmp_path):
    same = tmp_path / "same.txt"
    same.write_text("cab " * 90)
    model = parent()
    ready = prepared(model, same, unseen="extend")
    assert ready.tokenizer.symbols == " abc"
    for name, tensor in model.weights(CATALOG.make("backend", "torch")).items():
        assert np.array_equal(ready.model.weights()[name], tensor)


@pytest.mark.parametrize(
    ("backend", "shape"),
    [
        ("torch", {}),
        ("keras", {}),
        ("torch", {"input_encoding": "one-hot", "embedding_size": None, "architecture": "gru"}),
        ("torch", {"tie_embeddings": True, "embedding_size": 8}),
    ],
    ids=["torch", "keras", "one-hot", "tied"],
)
def test_an_extended_vocabulary_leaves_every_old_weight_as_it_was(parent, other, backend, shape):
    model = parent(**shape)
    ready = prepared(model, other, unseen="extend", backend=backend)
    assert ready.tokenizer.symbols == "\n Aabcd\xe9"
    old, new = model.weights(CATALOG.make("backend", "torch")), ready.model.weights()
    places, fresh = [1, 3, 4, 5, 8], [0, 2, 6, 7]  # of " abc" and the end, and of the others
    for name, tensor in old.items():
        if tensor.shape == new[name].shape:
            assert np.array_equal(new[name], tensor), name
        elif name.endswith("input_weight"):
            assert np.array_equal(new[name][:, places], tensor)
            assert np.any(new[name][:, fresh], axis=0).all()
        else:
            assert name in {"embedding.weight", "output.weight", "output.bias"}
            assert np.array_equal(new[name][places], tensor), name
            assert name == "output.bias" or np.any(new[name][fresh], axis=1).all()
    rarest = old["output.bias"][:-1].min()  # of a symbol: the end was never to be predicted
    assert (new["output.bias"][fresh] == rarest).all()
    assert ready.config.model.vocab_size == len(ready.tokenizer.symbols) + 1


def test_a_model_that_was_extended_is_trained_published_and_remembers_its_parent(parent, other):
    parent()
    model = seqgen.train(
        other, from_model="abc", unseen="extend", name="more", max_steps=30, learning_rate=0.05, progress=False
    )
    assert model.saved.manifest["parent"] == "abc:1"
    assert "\xe9" in model.tokenizer.symbols
    assert set(model.generate("abc d", length=200, random_seed=1)) & set("d\xe9A\n")


def test_a_model_of_scalar_input_cannot_be_extended(parent, other):
    with pytest.raises(
        OptionError, match=r"abc:1 cannot be extended by 4 symbols .*: with scalar input a token's number"
    ):
        prepared(parent(input_encoding="scalar", embedding_size=None), other, unseen="extend")
