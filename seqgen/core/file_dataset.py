"""What datasets of files share: finding them once, and telling by their sizes and times that nothing has changed."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, ClassVar

from annotated_doc import Doc

from seqgen.core.dataset import Dataset
from seqgen.core.decoding import Errors
from seqgen.core.errors import CorpusError, SeqgenWarning
from seqgen.core.files import Source, check_encoding, find_sources
from seqgen.core.text import REPLACEMENT


@dataclass(frozen=True, kw_only=True)
class FileDataset(Dataset):
    """Files, wherever they are; what is derived from it gives their documents."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    """Of the files that are taken from folders, as in :func:`seqgen.core.files.find_sources`; (): those that look like text."""

    @cached_property
    def files(self) -> list[Source]:
        """The files, found once, so that standard input and URLs are copied once."""
        return find_sources(self.sources, suffixes=self.suffixes)

    def stamp(self) -> str | None:
        """A hash of name, size and times of each file; None where one of them does not tell."""
        digest = hashlib.sha256()
        for file in self.files:
            if (stamp := file.stamp()) is None:
                return None
            digest.update(json.dumps([file.name, stamp]).encode())
        return digest.hexdigest()

    def empty(self, of: str) -> CorpusError:
        """What to raise when nothing at all was read.

        Args:
            of: what there is none of, such as "song".
        """
        return CorpusError(f"The corpus is empty: there is no {of} in {', '.join(self.sources) or 'no sources'}.")


@dataclass(frozen=True, kw_only=True)
class TextFileDataset(FileDataset):
    """Text files in some encoding, which is an option."""

    encoding: Annotated[
        str,
        Doc(
            "encoding of the files: utf-8, latin-1, ...; with utf-8/cp1252 each file takes the first of the two that fits all of it; auto is "
            "UTF-8; a byte order mark is followed"
        ),
    ] = "auto"
    errors: Annotated[
        Errors, Doc("replace: bytes that are no text, NULs among them, are read as U+FFFD, with a warning")
    ] = "strict"

    _passed_over: list[str] = field(init=False, repr=False, compare=False, default_factory=list)

    def __post_init__(self) -> None:
        """Refuse what is no encoding."""
        check_encoding(self.encoding)

    @cached_property
    def files(self) -> list[Source]:
        """The files, found once, so that standard input and URLs are copied once."""
        return find_sources(self.sources, suffixes=self.suffixes, encoding=self.encoding, errors=self.errors)

    def texts(self, dataset: str) -> Iterator[tuple[Source, Iterator[str]]]:
        """Each file, and its text in pieces as :meth:`Source.text <seqgen.core.files.Source.text>` gives them.

        After the last one, a warning says how much is U+FFFD, where ``errors`` is ``replace``, and what was told of a reading
        before is forgotten.

        Args:
            dataset: the dataset's name, for the advice in messages.
        """
        replaced = Counter[str]()  # characters, by file

        def counted(file: Source) -> Iterator[str]:
            for piece in file.text(self.encoding, dataset=dataset, errors=self.errors):
                if self.errors == "replace" and REPLACEMENT in piece:
                    replaced[file.name] += piece.count(REPLACEMENT)
                yield piece

        for file in self.files:
            yield file, counted(file)
        self._passed_over.clear()
        if replaced:
            characters, first = replaced.total(), next(iter(replaced))
            read = "1 character is read" if characters == 1 else f"{characters:,} characters are read"
            where = first if len(replaced) == 1 else f"{len(replaced):,} files, the first of them {first}"
            self.tell(f"{read} as U+FFFD, which stands for bytes that are no text, in {where}")

    def tell(self, sentence: str) -> None:
        """Warn of something in the files, now and at each training that finds them as they were and does not read them again.

        To be called at the end of a reading, after the last of ``texts``.
        """
        self._passed_over.append(sentence)
        # As from here: what is warned of at one place is shown once, however often a corpus is read.
        warnings.warn(sentence, SeqgenWarning, stacklevel=1)

    def passed_over(self) -> Sequence[str]:
        """What was warned of at the end of the last reading that came to it."""
        return tuple(self._passed_over)
