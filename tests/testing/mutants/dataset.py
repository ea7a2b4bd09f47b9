"""Datasets, each broken in one thing, and the law that must reject it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OptionError
from seqgen.core.files import find_sources
from seqgen.core.types import Document
from seqgen.datasets.lines import LinesDataset
from seqgen.datasets.text import TextDataset
from seqgen.testing import DatasetContract

CONTRACT = DatasetContract
MUTANTS: list[tuple[str, str, type[DatasetContract]]] = []


def breaks(law: str, broken: str, **options: Any):
    """Put a dataset made with these options among the mutants."""

    def register(part: type[Dataset]) -> type[Dataset]:
        attributes = {"make": lambda _, sources: part(sources=sources, **options)}
        MUTANTS.append((law, broken, type(part.__name__, (DatasetContract,), attributes)))
        return part

    return register


# Options and exceptions


@breaks("test_every_exception_names_a_law", "an exception for a law of another name")
class Misspelt(TextDataset):
    exceptions: ClassVar[Mapping[str, str]] = {"test_a_large_source_needs_little_memory": "the format has no pieces"}


@breaks("test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows", "an option without a sentence")
@dataclass(frozen=True, kw_only=True)
class Wordless(TextDataset):
    longest: Annotated[int, Ge(1), Doc("")] = 80


@breaks(
    "test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows", "a field without a sentence is no option"
)
@dataclass(frozen=True, kw_only=True)
class Unexplained(TextDataset):
    longest: int = 80


@breaks("test_each_option_refuses_wrong_values", "the error for a wrong option does not name it")
@dataclass(frozen=True, kw_only=True)
class NamesNoOption(TextDataset):
    title: Annotated[str, Doc("lines of which title are read")] = "all"

    def __post_init__(self) -> None:
        if self.title not in ("all", "none"):
            raise OptionError("That cannot be.")


@breaks("test_the_options_survive_json", "an option that another one changes")
@dataclass(frozen=True, kw_only=True)
class Changes(TextDataset):
    part: Annotated[Literal["head", "tail"], Doc("which part is read")] = "head"

    def __post_init__(self) -> None:
        object.__setattr__(self, "part", {"head": "tail", "tail": "head"}[self.part])


# Recognising


@breaks("test_a_stamp_is_another_one_when_a_source_changes", "the stamp is of the names alone")
class StampsNames(TextDataset):
    def stamp(self):
        return list(self.sources)


@breaks("test_a_stamp_is_another_one_when_a_source_changes", "the stamp is of the sizes alone")
class StampsSizes(TextDataset):
    def stamp(self):
        return [Path(source).stat().st_size for source in self.sources]


@breaks("test_a_stamp_is_another_one_when_a_source_changes", "the stamp is of the first file alone")
class StampsTheFirst(TextDataset):
    def stamp(self):
        return self.files[0].stamp()


@breaks("test_a_stamp_is_another_one_when_a_source_changes", "the stamp is no JSON")
class StampsPaths(TextDataset):
    def stamp(self):
        return [Path(source) for source in self.sources]


# The example corpus


@breaks("test_the_example_corpus_can_be_read", "none, though plain text is not what it gives")
class LacksAnExample(TextDataset):
    media_type: ClassVar[str] = "text/vnd.abc"


@breaks("test_the_example_corpus_can_be_read", "one document")
class WritesOneDocument(TextDataset):
    @classmethod
    def example(cls, folder: Path, size: int) -> tuple[str, ...]:
        return (_written(folder / "one.txt", "ice " * (size // 4)),)


@breaks("test_the_example_corpus_can_be_read", "what is written is drawn anew each time")
class DrawsItsExample(LinesDataset):
    @classmethod
    def example(cls, folder: Path, size: int) -> tuple[str, ...]:
        return (_written(folder / "drawn.txt", "".join(f"{random.random()}\n" for _ in range(size // 20))),)


@breaks("test_the_example_corpus_can_be_read", "a file outside the folder")
class NamesAnotherFile(LinesDataset):
    @classmethod
    def example(cls, folder: Path, size: int) -> tuple[str, ...]:
        return (__file__,)


def _written(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)


# Documents


@breaks("test_two_readings_give_the_same", "ids are counted on from the reading before")
@dataclass(frozen=True, kw_only=True)
class CountsOn(LinesDataset):
    counter: Iterator[int] = field(default_factory=itertools.count)

    def documents(self) -> Iterator[Document]:
        for document in super().documents():
            yield replace(document, id=str(next(self.counter)))


@breaks("test_two_readings_give_the_same", "an iterator is kept and can be read once")
class ReadsOnce(LinesDataset):
    def documents(self) -> Iterator[Document]:
        return self._reading

    @cached_property
    def _reading(self) -> Iterator[Document]:
        return super().documents()


@breaks("test_another_process_reads_the_same", "files come in the order of a set")
class InTheOrderOfASet(TextDataset):
    def documents(self) -> Iterator[Document]:
        for source in set(self.sources):
            yield from replace(self, sources=(source,)).documents_of_text()

    def documents_of_text(self) -> Iterator[Document]:
        return super().documents()


@breaks("test_readings_do_not_disturb_each_other", "the position is kept in the object")
@dataclass(frozen=True, kw_only=True)
class KeepsItsPosition(LinesDataset):
    position: list[int] = field(default_factory=lambda: [0])

    def documents(self) -> Iterator[Document]:
        lines = list(super().documents())
        self.position[0] = 0
        while self.position[0] < len(lines):
            self.position[0] += 1
            yield lines[self.position[0] - 1]


@breaks("test_documents_have_an_id_and_the_type_of_the_media", "bytes for text/plain")
class Bytes(TextDataset):
    def documents(self) -> Iterator[Document]:
        for document in super().documents():
            yield replace(document, content=document.content.encode())


@breaks("test_documents_have_an_id_and_the_type_of_the_media", "ids are numbers")
class Numbers(LinesDataset):
    def documents(self) -> Iterator[Document]:
        for number, document in enumerate(super().documents()):
            yield replace(document, id=number)


@breaks("test_documents_have_an_id_and_the_type_of_the_media", "groups are numbers")
class NumbersGroups(LinesDataset):
    def documents(self) -> Iterator[Document]:
        for number, document in enumerate(super().documents(), 1):
            yield replace(document, group=number)


@breaks("test_every_document_has_an_id_of_its_own", "the id is the number of the line in its file")
class NumbersInEachFile(LinesDataset):
    def documents(self) -> Iterator[Document]:
        for document in super().documents():
            yield replace(document, id=document.id.rpartition(":")[2])


@breaks("test_the_last_piece_of_a_document_and_no_other_is_final", "every piece is final")
class EveryPieceIsFinal(TextDataset):
    def documents(self) -> Iterator[Document]:
        for document in super().documents():
            for start in range(0, len(document.content), 100):
                yield Document(document.id, document.content[start : start + 100])


@breaks("test_the_last_piece_of_a_document_and_no_other_is_final", "no piece is final")
class NoPieceIsFinal(TextDataset):
    def documents(self) -> Iterator[Document]:
        for document in super().documents():
            yield replace(document, final=False)


# Sources


@breaks("test_a_missing_source_is_an_error_that_names_it", "a missing file is passed over")
class PassesOver(TextDataset):
    @cached_property
    def files(self) -> Any:
        return find_sources(source for source in self.sources if Path(source).exists())


@breaks("test_a_missing_source_is_an_error_that_names_it", "FileNotFoundError for a missing file")
class FileNotFound(TextDataset):
    def documents(self) -> Iterator[Document]:
        for source in self.sources:
            yield Document(source, Path(source).read_text("utf-8"))


@breaks("test_a_missing_source_is_an_error_that_names_it", "the error does not say which file")
class NamesNoFile(TextDataset):
    def documents(self) -> Iterator[Document]:
        try:
            yield from super().documents()
        except CorpusError as error:
            raise CorpusError("The corpus cannot be read.") from error


@breaks("test_an_empty_source_is_an_error_that_names_it", "an empty file gives no documents")
class NothingFromNothing(TextDataset):
    def documents(self) -> Iterator[Document]:
        for source in self.sources:
            if Path(source).stat().st_size:
                yield from replace(self, sources=(source,)).documents_of_text()

    def documents_of_text(self) -> Iterator[Document]:
        return super().documents()


@breaks("test_a_source_of_any_bytes_is_read_or_refused", "UnicodeDecodeError for what is no UTF-8")
class BelievesInUtf8(TextDataset):
    def documents(self) -> Iterator[Document]:
        for file in find_sources(self.sources):
            yield Document(file.name, b"".join(file.blocks()).decode())


@breaks("test_reading_leaves_the_sources_alone", "line ends are changed in the file")
class WritesIntoFiles(TextDataset):
    def documents(self) -> Iterator[Document]:
        for source in self.sources:
            path = Path(source)
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        return super().documents()


@dataclass(frozen=True, kw_only=True)
class OfSmallFiles(TextDataset):
    """Each file of a folder is a document, and they are small; sound."""

    bytes_each: ClassVar[int] = 128

    @classmethod
    def example(cls, folder: Path, size: int) -> tuple[str, ...]:
        for number in range(max(2, size // cls.bytes_each)):
            _written(folder / f"{number:06}.txt", f"{number:{cls.bytes_each}}")
        return (str(folder),)


class SoundContract(DatasetContract):
    def make(self, sources: tuple[str, ...]) -> OfSmallFiles:
        return OfSmallFiles(sources=sources)


SOUND = [SoundContract]


@breaks("test_a_source_of_any_bytes_is_read_or_refused", "UnicodeDecodeError for a file in a folder that is no UTF-8")
class BelievesInFolders(OfSmallFiles):
    def documents(self) -> Iterator[Document]:
        for file in sorted(Path(self.sources[0]).iterdir()):
            yield Document(str(file), file.read_text("utf-8"))


@breaks("test_reading_leaves_the_sources_alone", "a file in a folder is removed once it was read")
class RemovesFiles(OfSmallFiles):
    def documents(self) -> Iterator[Document]:
        yield from super().documents()
        min(Path(self.sources[0]).iterdir()).unlink()


@breaks("test_a_large_source_needs_bounded_memory", "all of many small files is held")
class HoldsSmallFiles(OfSmallFiles):
    bytes_each: ClassVar[int] = 8000

    def documents(self) -> Iterator[Document]:
        return iter(list(super().documents()))


@breaks("test_a_large_source_needs_bounded_memory", "a file is read at once")
class ReadsAtOnce(TextDataset):
    def documents(self) -> Iterator[Document]:
        for file in find_sources(self.sources):
            yield Document(file.name, "".join(file.text()))


@breaks("test_a_large_source_needs_bounded_memory", "all documents are listed before the first is given")
class ListsFirst(LinesDataset):
    def documents(self) -> Iterator[Document]:
        return iter(list(super().documents()))


@breaks("test_the_batching_mode_exists", "a batching mode that does not exist")
class NoSuchMode(LinesDataset):
    batching: ClassVar[str] = "lines"
