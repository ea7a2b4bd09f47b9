from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OutputError, SeqgenWarning
from seqgen.core.types import Document
from seqgen.data import split as split_module
from seqgen.data.arrays import ArrayWriter
from seqgen.data.split import MANY, split
from seqgen.data.store import open_or_build
from seqgen.tokenizers.char import CharTokenizer

TOKENIZER = CharTokenizer().fit(["0123456789 "])


@pytest.fixture
def stored(memory, tmp_path):
    return lambda *documents: open_or_build(memory(*documents), TOKENIZER, tmp_path)


def documents_of(part, tokenizer=TOKENIZER):
    bounds = zip(part.starts, part.stops, strict=False)
    return [tokenizer.decode(part.tokens[start:stop]) for start, stop in bounds]


def test_one_document_is_held_out_from_its_end(stored):
    training, validation = split(stored("0123456789" * 10), 0.1)
    assert TOKENIZER.decode(training.tokens) == "0123456789" * 9
    assert TOKENIZER.decode(validation.tokens) == "0123456789"
    assert (training.starts.tolist(), validation.starts.tolist()) == ([0, 90], [0, 10])


def test_few_documents_are_cut_in_the_last_part_of_all_tokens(stored):
    store = stored("0123", "4567", "89")  # end 0 1 2 3 end 4 5 6 7 end 8 9 end
    training, validation = split(store, 0.5)
    assert np.concatenate([training.tokens, validation.tokens]).tolist() == store.tokens.tolist()
    assert documents_of(training) == ["0123", "4"]
    assert documents_of(validation) == ["567", "89"]
    assert validation.document_hashes.tolist() == store.document_hashes[1:].tolist()


@settings(max_examples=60)
@given(
    lengths=st.lists(st.integers(0, 6), min_size=2, max_size=8),
    fraction=st.floats(0.01, 0.99),
    with_ends=st.booleans(),
)
def test_few_documents_are_cut_so_that_no_token_is_on_both_sides(
    memory, endless, tmp_path_factory, lengths, fraction, with_ends
):
    tokenizer = TOKENIZER if with_ends else endless
    contents = [str(number) * length for number, length in enumerate(lengths)]
    if not any(contents):
        return
    store = open_or_build(memory(*contents), tokenizer, tmp_path_factory.mktemp("stores"))
    try:
        training, validation = split(store, fraction)
    except CorpusError:
        return
    assert np.concatenate([training.tokens, validation.tokens]).tolist() == store.tokens.tolist()
    for part in (training, validation):
        # Every document is within the part, in order, and what it holds is of one document.
        assert part.starts[0] == 0
        assert part.starts[-1] == part.tokens.size - part.has_ends
        assert (np.diff(part.starts) >= 0).all()
        assert part.document_hashes.size == part.starts.size - 1
        assert all(len(set(text)) <= 1 for text in documents_of(part, tokenizer))
    both = documents_of(training, tokenizer) + documents_of(validation, tokenizer)
    assert "".join(both) == "".join(contents)


LONG = "0123456789" * 9


@pytest.mark.parametrize(
    ("documents", "second", "first"),
    [
        ([LONG, LONG], 2, 1),
        ([LONG, "12", LONG, "34"], 3, 1),
        ([LONG, LONG, "1234567890" * 2], 2, 1),  # which the cut goes through
        (["01", LONG * 9, "01"], 3, 1),
        (["01", "01", LONG, *"123456", "01"], 10, 1),
    ],
)
def test_it_is_told_where_one_of_few_documents_is_held_out_and_its_equal_trained_on(stored, documents, second, first):
    said = rf"^Document {second} of the corpus is equal to document {first}, or a variant of it: .*  Leave one of them out$"
    with pytest.warns(SeqgenWarning, match=said) as told:
        split(stored(*documents), 0.3)
    assert len(told) == 1


@pytest.mark.parametrize(
    "documents",
    [[LONG], [LONG, LONG[1:]], [LONG, LONG, "98" * 200], ["12", LONG * 9, "98", "98"], ["", LONG, "98" * 50, ""]],
    ids=["one", "unequal", "both trained on", "both held out", "empty"],
)
def test_of_equal_documents_on_one_side_nothing_is_told(stored, documents):
    split(stored(*documents), 0.3)


def test_of_variants_of_one_document_on_both_sides_it_is_told_too(tmp_path):
    @dataclass(frozen=True, kw_only=True)
    class Variants(Dataset):
        def documents(self):
            yield from (Document(f"{shift}", f"{shift}" * 9, group="tune") for shift in range(5))

    with pytest.warns(SeqgenWarning, match="^Document 4 of the corpus is equal to document 1, or a variant of it"):
        split(open_or_build(Variants(), TOKENIZER, tmp_path), 0.3)


NUMBERS = [f"{number:03} {number**3}" for number in range(200)]


def test_many_documents_are_held_out_whole_about_as_many_as_asked(stored):
    training, validation = split(stored(*NUMBERS), 0.2)
    assert sorted(documents_of(training) + documents_of(validation)) == NUMBERS
    assert 20 <= len(documents_of(validation)) <= 60
    assert documents_of(training) == [each for each in NUMBERS if each in documents_of(training)]  # in their order
    for part in (training, validation):
        assert (part.tokens[part.starts] == TOKENIZER.end_id).all()
        assert part.starts[-1] == part.tokens.size - 1
        assert not part.tokens.flags.writeable


def test_the_documents_held_out_do_not_drift(stored):
    assert documents_of(split(stored(*NUMBERS[:MANY]), 0.2)[1]) == [
        "005 125",
        "011 1331",
        "012 1728",
        "018 5832",
    ]


def test_equal_documents_fall_on_one_side(stored):
    training, validation = split(stored(*NUMBERS, *NUMBERS), 0.2)
    assert not set(documents_of(training)) & set(documents_of(validation))


def test_a_document_does_not_change_sides_when_others_come(stored):
    few, more = (set(documents_of(split(stored(*documents), 0.2)[1])) for documents in (NUMBERS[:100], NUMBERS))
    assert few == more & set(NUMBERS[:100])


def test_a_larger_fraction_holds_out_more_of_the_same(stored):
    store = stored(*NUMBERS)
    assert set(documents_of(split(store, 0.1)[1])) < set(documents_of(split(store, 0.3)[1]))


@pytest.mark.parametrize("fraction", [1e-9, 1 - 1e-9])
def test_each_side_has_a_document_however_extreme_the_fraction(stored, fraction):
    training, validation = split(stored(*NUMBERS), fraction)
    assert sorted([len(documents_of(training)), len(documents_of(validation))]) == [1, 199]


def test_many_documents_without_ends_are_held_out_whole_too(memory, endless, tmp_path):
    parts = split(open_or_build(memory(*NUMBERS), endless, tmp_path), 0.2)
    assert sorted(text for part in parts for text in documents_of(part, endless)) == NUMBERS


def test_blocks_do_not_show_in_the_parts(stored, monkeypatch):
    expected = [part.tokens.tolist() for part in split(stored(*NUMBERS), 0.2)]
    for path in stored(*NUMBERS).folder.glob("*-0.2.bin"):
        path.unlink()
    monkeypatch.setattr(split_module, "_BLOCK", 20)
    assert [part.tokens.tolist() for part in split(stored(*NUMBERS), 0.2)] == expected


def test_parts_are_written_once_and_again_when_damaged(stored):
    store = stored(*NUMBERS)
    expected = [part.tokens.tolist() for part in split(store, 0.2)]
    files = sorted(store.folder.glob("*-0.2.bin"))
    assert [path.name for path in files] == ["training-0.2.bin", "validation-0.2.bin"]
    written = [path.stat().st_mtime_ns for path in files]
    split(store, 0.2)
    assert [path.stat().st_mtime_ns for path in files] == written
    files[0].write_bytes(files[0].read_bytes()[:-7])
    files[1].write_bytes(b"\0" + files[1].read_bytes()[1:])
    assert [part.tokens.tolist() for part in split(store, 0.2)] == expected


def test_a_part_of_another_size_is_not_mapped_any_more_where_another_takes_its_place(stored, as_on_windows):
    store = stored(*NUMBERS)
    expected = [part.tokens.tolist() for part in split(store, 0.2)]
    with ArrayWriter(store.folder / "training-0.2.bin", store.tokens.dtype) as writer:
        writer.write(store.tokens)
    assert [part.tokens.tolist() for part in split(store, 0.2)] == expected
    assert as_on_windows == []


@pytest.mark.parametrize("documents", [["0123456789"], ["01", "2"], NUMBERS])
def test_no_validation_leaves_everything_for_training(stored, documents):
    store = stored(*documents)
    training, validation = split(store, 0.0)
    assert training.tokens.tolist() == store.tokens.tolist()
    assert (validation.tokens.size, validation.starts.tolist()) == (0, [0])


@pytest.mark.parametrize(
    ("documents", "fraction", "sentence"),
    [
        (
            ["0123"],
            0.1,
            "4 tokens in 1 document is too small: with --validation-fraction 0.1 its validation part has 0",
        ),
        (["0123"], 0.9, "its training part has 0"),
        ([""] * 3, 0.1, r"^The corpus of \d tokens in 3 documents is too small: "),
        (
            ["0"] * MANY,
            0.1,
            "^All 20 documents of the corpus are equal, or variants of one, .* the training part is empty.  Take other text too, ",
        ),
        (["01"] * 200, 1 - 1e-9, "^All 200 documents .* the validation part is empty."),
    ],
)
def test_a_part_too_small_to_use_is_said(stored, documents, fraction, sentence):
    with pytest.raises(CorpusError, match=sentence):
        split(stored(*documents), fraction)


def test_parts_that_cannot_be_written_are_said(stored):
    store = stored(*NUMBERS)
    (store.folder / "training-0.2.bin").mkdir()
    with pytest.raises(OutputError, match=r"training-0.2.bin cannot be written: "):
        split(store, 0.2)


def test_variants_of_a_document_are_held_out_together(tmp_path):
    @dataclass(frozen=True, kw_only=True)
    class Variants(Dataset):
        def documents(self):
            for tune in range(40):
                for shift in range(5):
                    yield Document(f"{tune}+{shift}", f"{tune * 10 + shift}", group=f"tune {tune}")

    training, validation = split(open_or_build(Variants(), TOKENIZER, tmp_path), 0.2)
    tunes = [{int(text) // 10 for text in documents_of(part)} for part in (training, validation)]
    assert len(tunes[0] | tunes[1]) == 40
    assert not tunes[0] & tunes[1]
    assert len(documents_of(validation)) == 5 * len(tunes[1]) > 0


def test_a_corpus_in_other_groups_is_another_corpus(tmp_path):
    @dataclass(frozen=True, kw_only=True)
    class Grouped(Dataset):
        group: str

        def documents(self):
            yield from (Document(f"{number}", f"{number}", group=self.group) for number in range(3))

    stores = [open_or_build(Grouped(group=group), TOKENIZER, tmp_path) for group in ("", "a", "b", "a")]
    assert len({store.fingerprint for store in stores}) == 3
    assert len({*stores[1].document_hashes.tolist()}) == 1
    assert stores[1].folder == stores[3].folder
