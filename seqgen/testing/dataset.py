"""The dataset's contract."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import tempfile
import time
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import strategies as st

from seqgen.core import files as core_files
from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError
from seqgen.core.types import Document
from seqgen.testing.documents import long_text
from seqgen.testing.laws import Contract, LawBroken, hold_bounded, law, peak_memory, require, shown
from seqgen.testing.other_process import read_in_another_process, told

_SMALL, _MANY = 2000, 20_000
_HOUR_NS = 3600 * 10**9
_MODES = ("stream", "documents", "windows")
_NAMES = ("one", "two", "three", "four", "five", "six", "seven", "eight")
_HASH_SEEDS = (1, 2)  # two, since one of them may be this process's own


class DatasetContract(Contract):
    """The laws of datasets.

    A subclass gives ``make``.  Laws are tried on what the dataset's ``example`` writes, or on files of plain text where
    that writes nothing::

        class TestAbcDataset(DatasetContract):
            def make(self, sources):
                return AbcDataset(sources=sources)
    """

    @abstractmethod
    def make(self, sources: tuple[str, ...]) -> Dataset:
        """A dataset that reads these sources."""

    def write(self, folder: Path, size: int) -> tuple[str, ...]:
        """Write a corpus of about so many bytes with at least two documents into a folder; give its sources."""
        if sources := self.part.example(folder, size):
            return tuple(sources)
        if self.part.media_type != "text/plain":
            pytest.skip(f"there is no example corpus of {self.part.media_type}")
        large, *small = (folder / f"{name}.txt" for name in _NAMES)
        for path in (large, *small):  # of some, so that they have an order
            with path.open("w", encoding="utf-8") as file:
                file.writelines(long_text(size // 8 // len(small) if path in small else size - size // 8))
        return tuple(map(str, (large, *small)))

    def write_empty(self, folder: Path) -> str:
        """Write a source in which there is nothing; give its name."""
        path = folder / f"empty{self._suffix()}"
        path.touch()
        return str(path)

    def missing(self, folder: Path) -> str:
        """The name of a source that does not exist."""
        return str(folder / f"missing{self._suffix()}")

    def instance(self) -> Dataset:
        """A dataset to look at."""
        return self.make(())

    def _is_no_option(self, field: dataclasses.Field[Any]) -> bool:
        return field.name == "sources"

    @law
    def test_the_example_corpus_can_be_read(self) -> None:
        """``example`` writes at least two documents into the folder, the same each time; only plain text needs none.

        Tokenizers of the same media type are checked on them, and doctor --combinations trains on them.
        """
        example = f"{self.part.__name__}.example"
        readings = []
        for _ in range(2):
            with tempfile.TemporaryDirectory() as folder:
                inside = Path(folder).resolve()
                sources = self.part.example(Path(folder), _SMALL)
                if not sources:
                    media = self.part.media_type
                    require(
                        media == "text/plain",
                        f"{example} writes nothing, but plain text does not do for {media}.  Override the classmethod "
                        "example(folder, size): write a small corpus into the folder and give its sources.",
                    )
                    return
                require(
                    all(isinstance(each, str) and Path(each).resolve().is_relative_to(inside) for each in sources),
                    f"{example} gives {shown(sources)} for the folder {folder}.  Give the paths of what it writes there, as "
                    "a tuple of str.",
                )
                documents = list(self.make(tuple(sources)).documents())
                readings.append([document.content for document in documents])
                whole = sum(document.final for document in documents)
                require(whole >= 2, f"{example} writes {whole} documents, {_names(documents)}.  Write two or more.")
        require(
            readings[0] == readings[1], f"{example} writes other documents the second time.  Use no random numbers."
        )

    @law
    def test_two_readings_give_the_same(self) -> None:
        """Documents read twice, from the same object and from another, are the same, in the same order.

        The split into training and validation, and where a run is resumed, follow from ids and order.
        """
        with self._corpus() as sources:
            dataset = self.make(sources)
            first = list(dataset.documents())
            again = {"second reading": list(dataset.documents()), "other object": list(self.make(sources).documents())}
            require(first, "The corpus that write makes gives no documents.")
            for what, documents in again.items():
                require(
                    documents == first,
                    f"The first reading gives {_names(first)}, the {what} {_names(documents)}; or their content differs.  Read "
                    "the sources anew in each call of documents(), and sort what has no order, such as a folder.",
                )

    @law
    def test_another_process_reads_the_same(self) -> None:
        """In a fresh process the documents are the same, in the same order.

        A run is resumed there, and sets of texts have another order in each process.
        """
        with self._corpus(_MANY) as sources:
            dataset = self.make(sources)
            here = told(dataset.documents())
            for hash_seed in _HASH_SEEDS:
                try:
                    there = read_in_another_process(dataset, hash_seed)
                except RuntimeError as error:
                    msg = f"{self.part.__name__} does not work in another process: {error}"
                    raise LawBroken(msg) from error
                ids = [[document["id"] for document in each] for each in (here, there)]
                require(
                    there == here,
                    f"The documents are {shown(ids[0], 100)} here, and {shown(ids[1], 100)} in another process; or their "
                    "content differs.  Sort what comes from a set.",
                )

    @law
    def test_readings_do_not_disturb_each_other(self) -> None:
        """A reading that has begun goes on as it would, also while another one runs.

        Reading begins several times: for the vocabulary, for the ids, and when a run was interrupted.
        """
        with self._corpus() as sources:
            whole = list(self.make(sources).documents())
            dataset = self.make(sources)
            begun = dataset.documents()
            first = next(begun)
            between = list(dataset.documents())
            require(
                between == whole and [first, *begun] == whole,
                f"A reading that begins while another has given one document gives {_names(between)} instead of "
                f"{_names(whole)}, or the other does not go on.  Keep positions and open files in documents(), not in self.",
            )

    @law
    def test_a_stamp_is_another_one_when_a_source_changes(self) -> None:
        """``stamp`` gives None or a JSON-able value, and for changed sources another value, or None.

        Where it is the same, the ids of the corpus as it was before are taken, and the corpus is not read.
        """
        # Source.stamp tells nothing of files that were written just now, as these are.
        with self._corpus() as sources, mock.patch.object(core_files, "SETTLED_NS", -_HOUR_NS):
            files = _files(sources)
            for path in files:  # so that a change shows in its time, however coarse the clock of the disk is
                os.utime(path, ns=(time.time_ns() - _HOUR_NS,) * 2)
            before = self.make(sources).stamp()
            try:
                json.dumps(before)
            except (TypeError, ValueError) as error:
                raise LawBroken(f"stamp() gives {shown(before)}, which JSON cannot hold: {error}.") from error
            for path in files:
                if before is None:
                    return
                path.write_bytes(path.read_bytes()[::-1])
                after = self.make(sources).stamp()
                require(
                    after != before,
                    f"stamp() is still {shown(before)} after {path.name} was written anew.  Give what Source.stamp says of "
                    "each file, or None.",
                )
                before = after

    @law
    def test_documents_have_an_id_and_the_type_of_the_media(self) -> None:
        """Each document is a Document whose id and group are text, and whose content is str for text/..., else bytes.

        Datasets and tokenizers are matched by media type.  Which documents are held out follows from the group.
        """
        media = self.part.media_type
        kind = str if media.startswith("text/") else bytes
        with self._corpus() as sources:
            for document in self.make(sources).documents():
                require(isinstance(document, Document), f"documents() gives {shown(document)}, which is no Document.")
                require(isinstance(document.id, str) and document.id, f"The id {document.id!r} is no text, or empty.")
                require(isinstance(document.group, str), f"The group {document.group!r} of {document.id} is no text.")
                require(
                    isinstance(document.content, kind),
                    f"{document.id} holds {shown(document.content, 60)}, but media_type {media} means {kind.__name__}.",
                )

    @law
    def test_every_document_has_an_id_of_its_own(self) -> None:
        """Pieces of one document follow one another, and no other document has its id.

        Messages tell documents apart by their ids.  What is held out goes by content, or by group, and never by id.
        """
        with self._corpus() as sources:
            ids = [name for name, _ in itertools.groupby(document.id for document in self.make(sources).documents())]
            twice = sorted({name for name in ids if ids.count(name) > 1})
            require(
                not twice,
                f"The id {twice[:1]} comes back after other documents.  Make it from the source and a number.",
            )

    @law
    def test_the_last_piece_of_a_document_and_no_other_is_final(self) -> None:
        """Of the pieces of a document the last is final and the others are not.

        Where a document ends, the state is reset and the end token is written.
        """
        with self._corpus() as sources:
            for name, pieces in itertools.groupby(self.make(sources).documents(), key=lambda document: document.id):
                final = [piece.final for piece in pieces]
                require(
                    final == [False] * (len(final) - 1) + [True],
                    f"final is {shown(final)} in the pieces of {name}, or several documents in a row have this id.",
                )

    @law
    def test_a_missing_source_is_an_error_that_names_it(self) -> None:
        """A source that does not exist raises CorpusError with its name, while documents are read.

        Of several files a person must see which is misspelt.
        """
        with self._corpus() as sources, tempfile.TemporaryDirectory() as folder:
            name = self.missing(Path(folder))
            _hold_refused(lambda: self.make((*sources, name)), name, f"The missing source {name}")

    @law
    def test_an_empty_source_is_an_error_that_names_it(self) -> None:
        """A corpus in which there is nothing raises CorpusError with the name of the source.

        A download that failed leaves an empty file behind.
        """
        with tempfile.TemporaryDirectory() as folder:
            name = self.write_empty(Path(folder))
            _hold_refused(lambda: self.make((name,)), name, f"The empty source {name}")

    @law
    def test_a_source_of_any_bytes_is_read_or_refused(self) -> None:
        """Whatever bytes a file holds, it is read, or CorpusError names it.

        People name the wrong file; they must be told so without a traceback.
        """
        with self._corpus() as sources:
            if not _files(sources[:1]):
                pytest.skip("its sources are no files")

        def check(content: bytes) -> None:
            with self._corpus() as sources:
                path, *others = _files(sources[:1])
                path.write_bytes(content)
                try:
                    with warnings.catch_warnings(action="ignore"):  # that one of many was passed over
                        list(self.make((sources[0],)).documents())
                except CorpusError as error:
                    # Where there is nothing else in a folder, its own name tells as much.
                    named = path.name in str(error) if others else sources[0] in str(error)
                    require(named, f"{content!r} is refused by {str(error)!r}, which lacks the file's name.")
                except Exception as error:
                    msg = f"A file that holds {content!r} raises {error!r}.  Raise CorpusError with a sentence and its name."
                    raise LawBroken(msg) from error

        self.for_all(
            check, content=st.binary(max_size=40) | st.text(max_size=20).map(lambda text: text.encode("utf-16"))
        )

    @law
    def test_reading_leaves_the_sources_alone(self) -> None:
        """The files of a corpus hold the same after reading as before.

        They are a person's own.
        """
        with self._corpus() as sources:
            files = _files(sources)
            before = [file.read_bytes() for file in files]
            for _ in self.make(sources).documents():
                pass
            for file, content in zip(files, before, strict=True):
                same = file.is_file() and file.read_bytes() == content
                require(same, f"{file.name} was changed or removed by reading it.  Open it for reading only.")

    @law
    def test_a_large_source_needs_bounded_memory(self) -> None:
        """Reading a corpus several times as large needs about the same memory.

        A corpus may be larger than memory; a large document comes in pieces.
        """
        with tempfile.TemporaryDirectory() as parent:
            written: dict[int, tuple[str, ...]] = {}

            def reader(size: int) -> Callable[[], object]:
                written[size] = self.write(Path(tempfile.mkdtemp(dir=parent)), size)
                dataset = self.make(written[size])

                def read() -> None:
                    for _ in dataset.documents():
                        pass

                return read

            # The names of many small files are a long list, which is no fault of the dataset.
            hold_bounded("documents()", reader, besides=lambda size: peak_memory(lambda: _files(written[size])))

    @law
    def test_the_batching_mode_exists(self) -> None:
        """``batching`` is stream, documents or windows.

        It is the mode that training takes where a person names none.
        """
        mode = self.part.batching
        require(mode in _MODES, f'batching is "{mode}", but must be one of {", ".join(_MODES)}.')

    @contextmanager
    def _corpus(self, size: int = _SMALL) -> Iterator[tuple[str, ...]]:
        with tempfile.TemporaryDirectory() as folder:
            sources = self.write(Path(folder), size)
            try:
                yield sources
            except Exception as error:
                if not isinstance(error, LawBroken) and not self.part.example(Path(folder), _SMALL):
                    error.add_note(
                        f"It was given files of plain text.  Where {self.part.__name__} reads something else, override "
                        "the classmethod example(folder, size): write a small corpus into the folder and give its sources."
                    )
                raise

    def _suffix(self) -> str:
        with self._corpus() as sources:
            return next(iter(_files(sources)), Path(sources[0])).suffix


def _files(sources: tuple[str, ...]) -> list[Path]:
    """The files of sources, those in folders too, in order."""
    found = (path for source in sources for path in (Path(source), *sorted(Path(source).rglob("*"))))
    return [path for path in found if path.is_file()]


def _names(documents: list[Document]) -> str:
    return f"{len(documents)} documents, {shown([document.id for document in documents], 100)}"


def _hold_refused(make: Callable[[], Dataset], name: str, what: str) -> None:
    try:
        for _ in make().documents():
            pass
    except CorpusError as error:
        require(name in str(error), f"{what} is refused by {str(error)!r}, which does not name it.")
        return
    except Exception as error:
        msg = f"{what} raises {error!r}.  Raise CorpusError with a sentence that names it; find_sources does."
        raise LawBroken(msg) from error
    require(
        condition=False,
        message=f"{what} is read as if it were there.  Raise CorpusError with a sentence that names it.",
    )
