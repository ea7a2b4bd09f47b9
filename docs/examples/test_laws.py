from pathlib import Path
from typing import ClassVar

from hypothesis import strategies as st

from seqgen.datasets.lines import LinesDataset
from seqgen.testing import DatasetContract, TokenizerContract
from seqgen.tokenizers.word import WordTokenizer


class TestWords(TokenizerContract):
    documents = st.sampled_from(["The ice, the ice!", "We don't see it.", "\n\n"])

    def make(self) -> WordTokenizer:
        return WordTokenizer(min_count=1)


class TestLines(DatasetContract):
    wrong_options: ClassVar = {"encoding": ("latin-9000",)}

    def make(self, sources: tuple[str, ...]) -> LinesDataset:
        return LinesDataset(sources=sources)

    def write(self, folder: Path, size: int) -> tuple[str, ...]:
        path = folder / "ships.txt"
        path.write_text(f"{'Grey Harbour ' * 9}\n" * (2 + size // 118))
        return (str(path),)
