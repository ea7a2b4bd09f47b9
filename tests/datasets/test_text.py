import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core import files
from seqgen.core.errors import CorpusError, OptionError
from seqgen.core.options import make
from seqgen.core.types import Document
from seqgen.datasets.text import TextDataset


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(**contents):
        for name, content in contents.items():
            (tmp_path / f"{name}.txt").write_bytes(content)

    return write


def test_each_file_is_a_document_with_its_path_as_id(write):
    write(b=b"the ice\r\n", a="né".encode())
    assert list(TextDataset(sources=("b.txt", "a.txt")).documents()) == [
        Document("b.txt", "the ice\n"),
        Document("a.txt", "né"),
    ]


def test_two_readings_give_the_same(write):
    write(a=b"a", b=b"b")
    dataset = TextDataset(sources=("*.txt",))
    assert list(dataset.documents()) == list(dataset.documents())


def test_a_large_file_comes_in_pieces_of_which_the_last_is_final(write):
    text = "one two\n" * (files.BLOCK // 4)
    write(a=text.encode(), b=b"b")
    pieces = list(TextDataset(sources=("a.txt", "b.txt")).documents())
    assert [(piece.id, piece.final) for piece in pieces[-2:]] == [("a.txt", True), ("b.txt", True)]
    assert all(piece.id == "a.txt" and not piece.final for piece in pieces[:-2])
    assert "".join(piece.content for piece in pieces[:-1]) == text
    assert max(len(piece.content) for piece in pieces) < 1.1 * files.BLOCK


def test_the_encoding_is_an_option(write):
    write(a="né".encode("latin-1"))
    dataset = make(TextDataset, {"encoding": "latin-1"}, where="dataset text", sources=("a.txt",))
    assert next(dataset.documents()).content == "né"


def test_an_unknown_encoding_is_refused_at_once():
    with pytest.raises(OptionError, match='encoding is "latin-9000"'):
        TextDataset(encoding="latin-9000")


def test_a_wrong_encoding_says_what_to_write(write):
    write(a="né".encode("latin-1"))
    with pytest.raises(CorpusError, match=r"a.txt is not UTF-8 text: byte 1 .*--dataset text:encoding=latin-1"):
        list(TextDataset(sources=("a.txt",)).documents())


def test_a_corpus_without_any_text_is_empty(write):
    write(a=b"\xef\xbb\xbf")
    for sources, where in (((), "no sources"), (("a.txt",), "a.txt")):
        with pytest.raises(CorpusError, match=f"The corpus is empty: there is no text in {where}"):
            list(TextDataset(sources=sources).documents())


@given(st.lists(st.text(st.sampled_from("ab \n"), min_size=1, max_size=30), min_size=1, max_size=3))
def test_every_document_is_whole_whatever_the_size_of_blocks(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("corpus")
    paths = [folder / f"{number}.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BLOCK", 5)
        documents = {}
        for piece in TextDataset(sources=tuple(map(str, paths))).documents():
            documents.setdefault(piece.id, []).append(piece)
    assert ["".join(piece.content for piece in pieces) for pieces in documents.values()] == texts
    assert [[piece.final for piece in pieces] for pieces in documents.values()] == [
        [False] * (len(pieces) - 1) + [True] for pieces in documents.values()
    ]
