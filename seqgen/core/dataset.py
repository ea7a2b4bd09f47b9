"""The dataset contract: from where the documents come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from seqgen.core.types import Document


@dataclass(frozen=True, kw_only=True)
class Dataset(ABC):
    """Documents, read in bounded memory from the sources that a person names.

    A dataset is a dataclass: its options are fields annotated with ``Doc``.  Two readings of unchanged sources give
    the same documents in the same order.  The core does the rest: vocabulary, token store, split and batches.

    Attributes:
        sources: what to read.  In a training: absolute paths and globs, and URLs; what comes from standard input or a pipe, and a
            corpus that seqgen knows by its name, is the file that it lies in.  Where texts are evaluated: as they were typed, ``-``
            (standard input) too.  A name of what is no file is handed over likewise, in a training as an absolute path unless it
            has ``://`` in it; one that is nearly the name of a known corpus is refused there before.
    """

    media_type: ClassVar[str] = "text/plain"
    batching: ClassVar[str] = "stream"
    """The batching mode that suits these documents, unless the user names one."""
    exceptions: ClassVar[Mapping[str, str]] = {}
    """Laws of ``seqgen.testing`` that this part cannot keep: the law's name and the reason, which is shown."""

    sources: tuple[str, ...] = field(default=())

    @abstractmethod
    def documents(self) -> Iterator[Document]:
        """The documents, large ones in pieces (see :class:`~seqgen.core.types.Document`).

        Raises:
            CorpusError: a source is missing, unreadable or empty, with the source named.
        """

    def stamp(self) -> Any:
        """What tells, without reading, whether the sources are as they were: their files' sizes and times.

        Where two readings have equal stamps that are not None, the second gives the documents of the first.  Token stores
        are then found without the corpus being read.  The default, None, makes it be recognised by its content each time.

        Returns:
            A JSON-able value; None where nothing tells, such as of files that were written just now.
        """
        return None

    def passed_over(self) -> Sequence[str]:
        """What the last reading to the end passed over and warned of, a sentence each; nothing by default.

        It is remembered with the stamp, and told again where the corpus is recognised without being read.
        """
        return ()

    @classmethod
    def example(cls, folder: Path, size: int) -> tuple[str, ...]:
        """Write an example corpus of about so many bytes, with at least two documents, into a folder; give its sources.

        Parts are tried on it before there is a corpus of anybody's: this dataset by its laws, tokenizers of the same media
        type by theirs, and all together by ``seqgen doctor --combinations``.  Two calls write the same.  The default
        writes nothing and gives (), for files of plain text; override it where those are not what the dataset reads.
        """
        return ()
