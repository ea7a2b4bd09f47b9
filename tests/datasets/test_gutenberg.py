"""Books as Project Gutenberg gives them: that their licence is told, and how it is cut off."""

from __future__ import annotations

import shutil
import subprocess
import warnings

import pytest

from seqgen.core import files
from seqgen.core.errors import SeqgenWarning
from seqgen.datasets.text import TextDataset

HEAD = "\ufeffThe Project Gutenberg eBook of Harbour\n\nTitle: Harbour\n\n*** START OF THE PROJECT GUTENBERG EBOOK HARBOUR ***\n"
BOOK = "\n\nCHAPTER I\n\n" + "The harbour was quiet, and every boat lay still.\n" * 40
END = "*** END OF THE PROJECT GUTENBERG EBOOK HARBOUR ***\n"
LICENCE = "\nUpdated editions will replace the previous one.\n" + "Section 1.  General Terms of Use.\n" * 30


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def told(tmp_path, **contents):
    """What is warned of, reading these files."""
    for name, content in contents.items():
        (tmp_path / f"{name}.txt").write_bytes(content.replace("\n", "\r\n").encode())
    dataset = TextDataset(sources=tuple(f"{name}.txt" for name in contents))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", SeqgenWarning)
        read = "".join(document.content for document in dataset.documents())
    assert read == "".join(contents.values()).replace("\ufeff", "")
    return [str(each.message) for each in warned]


def test_the_licence_at_the_end_of_a_book_is_told_with_its_length(tmp_path):
    (said,) = told(tmp_path, pg11=HEAD + BOOK + END + LICENCE)
    assert said.startswith(
        f"pg11.txt ends with the licence of Project Gutenberg, {len(LICENCE):,} characters, which count as text: "
    )
    assert "held out" in said


def test_it_is_remembered_for_trainings_that_know_the_book_and_do_not_read_it(tmp_path):
    (tmp_path / "pg11.txt").write_text(HEAD + BOOK + END + LICENCE, "utf-8")
    dataset = TextDataset(sources=("pg11.txt",))
    with pytest.warns(SeqgenWarning) as warned:
        list(dataset.documents())
    assert [*dataset.passed_over()] == [str(each.message) for each in warned]


@pytest.mark.skipif(shutil.which("awk") is None, reason="needs awk")
@pytest.mark.parametrize(
    ("text", "left"),
    [
        (HEAD + BOOK + END + LICENCE, BOOK),
        (HEAD[HEAD.index("***") :] + BOOK + END + LICENCE, BOOK),
        (BOOK + END + LICENCE, BOOK),
        ((HEAD + BOOK + END + LICENCE) * 2, BOOK * 2),
    ],
    ids=["whole", "from the line on", "without a header", "two books"],
)
def test_what_the_warning_says_leaves_the_book(tmp_path, text, left):
    (said,) = told(tmp_path, pg11=text.replace("\ufeff", ""))
    command = said[said.index("awk ") :].replace("FILE", "pg11.txt").replace("BOOK", "book.txt")
    subprocess.run(command, shell=True, check=True)
    assert (tmp_path / "book.txt").read_text() == left
    assert told(tmp_path, book=left) == []


def test_of_several_books_it_is_told_how_many_and_which_is_the_first(tmp_path):
    whole = HEAD + BOOK + END + LICENCE
    (said,) = told(tmp_path, a=BOOK, b=whole, c=whole)
    assert said.startswith(
        f"2 files, the first of them b.txt, end with the licence of Project Gutenberg, {2 * len(LICENCE):,} characters, "
    )


@pytest.mark.parametrize(
    "end",
    ["***END OF THE PROJECT GUTENBERG EBOOK X***\n", "*** END OF THIS PROJECT GUTENBERG EBOOK X ***\n"],
)
def test_older_forms_of_the_line_are_known(tmp_path, end):
    assert len(told(tmp_path, old=BOOK + end + LICENCE)) == 1


@pytest.mark.parametrize("block", [40, 64, 1000])
def test_the_line_is_found_however_the_text_comes(tmp_path, monkeypatch, block):
    monkeypatch.setattr(files, "BLOCK", block)
    twice = (HEAD + BOOK + END + LICENCE) * 2
    (said,) = told(tmp_path, twice=twice.replace("\ufeff", ""))
    assert f", {len(LICENCE):,} characters," in said


@pytest.mark.parametrize(
    "text",
    [
        BOOK,
        BOOK + END + "\n" * 30,
        BOOK + END + LICENCE + BOOK * 20,
        BOOK + "> " + END + LICENCE,
        BOOK + "The end of the Project Gutenberg eBook\n" + LICENCE,
        HEAD + BOOK,
    ],
    ids=["a book", "a line alone", "more after it", "quoted", "in other words", "without an end"],
)
def test_where_there_is_none_nothing_is_told(tmp_path, text):
    assert told(tmp_path, book=text) == []


def test_who_reads_a_part_is_not_told(tmp_path):
    (tmp_path / "a.txt").write_text(BOOK + END + LICENCE)
    with warnings.catch_warnings(action="error"):
        next(TextDataset(sources=("a.txt",)).documents())
