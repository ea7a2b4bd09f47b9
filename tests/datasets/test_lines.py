import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.errors import CorpusError
from seqgen.core.files import BLOCK
from seqgen.core.types import Document
from seqgen.datasets import lines
from seqgen.datasets.lines import LinesDataset


def test_each_line_is_a_document_without_its_line_end_and_blank_ones_are_skipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_bytes(b"anna\r\n\r\n  \n bo \nc")
    assert list(LinesDataset(sources=("names.txt",)).documents()) == [
        Document("names.txt:1", "anna"),
        Document("names.txt:4", " bo "),
        Document("names.txt:5", "c"),
    ]


def test_batching_suits_documents():
    assert LinesDataset.batching == "documents"


def test_a_line_does_not_go_on_in_the_next_file(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(f"start {name}")
    assert [document.content for document in LinesDataset(sources=(str(tmp_path),)).documents()] == [
        "start a",
        "start b",
    ]


def test_only_line_feeds_end_a_line(tmp_path):
    (tmp_path / "a").write_text("a\u2028b\x0cc\x85d\n", "utf-8")
    assert [document.content for document in LinesDataset(sources=(str(tmp_path / "a"),)).documents()] == [
        "a\u2028b\x0cc\x85d"
    ]


def test_a_very_long_line_comes_in_pieces(tmp_path):
    long = "word " * BLOCK
    (tmp_path / "a").write_text(f"short\n{long}\nend")
    first, *pieces, last = LinesDataset(sources=(str(tmp_path / "a"),)).documents()
    assert (first.content, last.content) == ("short", "end")
    assert {piece.id for piece in pieces} == {f"{tmp_path / 'a'}:2"}
    assert "".join(piece.content for piece in pieces) == long
    assert [piece.final for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert max(len(piece.content) for piece in pieces) < 2.1 * BLOCK


def test_a_corpus_of_blank_lines_is_empty(tmp_path):
    (tmp_path / "a").write_text("\n \n\t\n")
    with pytest.raises(CorpusError, match="The corpus is empty: there is no text in .*a"):
        list(LinesDataset(sources=(str(tmp_path / "a"),)).documents())


def test_a_wrong_encoding_says_what_to_write(tmp_path):
    (tmp_path / "a").write_bytes(b"\xe9")
    with pytest.raises(CorpusError, match="--dataset lines:encoding=latin-1"):
        list(LinesDataset(sources=(str(tmp_path / "a"),)).documents())


@given(pieces=st.lists(st.text(st.sampled_from("ab \n"), max_size=12), max_size=6), longest=st.integers(1, 8))
def test_documents_are_the_lines_that_are_not_blank_however_the_text_comes(pieces, longest):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK", longest)
        found = {}
        finals = {}
        for each in lines._lines("f", iter(pieces)):
            found[each.id] = found.get(each.id, "") + each.content
            finals.setdefault(each.id, []).append(each.final)
    expected = {f"f:{number}": line for number, line in enumerate("".join(pieces).split("\n"), 1) if line.strip()}
    assert {name: line for name, line in found.items() if line.strip()} == expected
    assert all(final == [False] * (len(final) - 1) + [True] for final in finals.values())
