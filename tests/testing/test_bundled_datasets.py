"""The bundled datasets keep the laws."""

from typing import ClassVar

from seqgen.datasets.lines import LinesDataset
from seqgen.datasets.rows import RowsDataset
from seqgen.datasets.text import TextDataset
from seqgen.testing import DatasetContract


class TestText(DatasetContract):
    wrong_options: ClassVar = {"encoding": ("latin-9000",)}

    def make(self, sources):
        return TextDataset(sources=sources)


class TestLines(DatasetContract):
    wrong_options: ClassVar = {"encoding": ("latin-9000",)}

    def make(self, sources):
        return LinesDataset(sources=sources)


class TestRows(DatasetContract):
    wrong_options: ClassVar = {"encoding": ("latin-9000",)}

    def make(self, sources):
        return RowsDataset(sources=sources)
