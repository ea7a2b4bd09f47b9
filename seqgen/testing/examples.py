"""Documents of media that are not plain text, out of the example corpora that datasets write."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError
from seqgen.core.part_entry import PartEntry
from seqgen.core.types import Content
from seqgen.data.reading import Reading
from seqgen.installed import installed_catalog
from seqgen.testing.find import catalog_of

_SIZE = 1000


def example_documents(media_type: str, distribution: str) -> list[Content]:
    """Whole documents of a media type, of the first dataset that has some.

    Args:
        media_type: as datasets declare it.
        distribution: whose datasets are asked first.

    Raises:
        CorpusError: there are none; says what to add.
    """
    problems = []
    for entry in _datasets(distribution):
        try:
            dataset = entry.load()
            if dataset.media_type == media_type and (documents := _documents(dataset)):
                return documents
        except Exception as error:  # noqa: BLE001  a dataset may raise anything; its own check tells more
            problems.append(f"  Dataset {entry.name} failed: {type(error).__name__}: {error}")
    msg = (
        f"It takes {media_type}, and no dataset here has documents of that type to check it on.  Add one to the plugin "
        "whose classmethod example(folder, size) writes some, or write a test with TokenizerContract and its documents."
    )
    raise CorpusError(msg + "".join(problems))


def _datasets(distribution: str) -> Iterator[PartEntry]:
    """All datasets, those of the distribution first; the others are looked for only then."""
    own = [entry for entry in catalog_of(distribution).entries("dataset") if entry.plugin.distribution == distribution]
    yield from own
    for entry in installed_catalog(tell=lambda _: None).entries("dataset"):
        if entry.plugin.distribution != distribution:
            yield entry


def _documents(dataset: type[Dataset]) -> list[Content]:
    with tempfile.TemporaryDirectory() as folder:
        sources = dataset.example(Path(folder), _SIZE)
        if not sources:
            return []
        return [*Reading(dataset(sources=sources)).contents(whole=True)]
