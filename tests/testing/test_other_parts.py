"""Parts that are not bundled keep all laws: those of the toy plugin, and the sampler that the docs write."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_doc import Doc

from seqgen.core.callback import Callback
from seqgen.testing import BackendContract, CallbackContract, DatasetContract, SamplerContract, TokenizerContract

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "tests/toy_plugin/src"), str(ROOT / "docs/examples/seqgen-lipogram")]


class TestCase(TokenizerContract):
    """A decoder that remembers something from one id to the next."""

    def make(self):
        from seqgen_toy.case import CaseTokenizer

        return CaseTokenizer()


class TestParagraphs(DatasetContract):
    """Documents that are smaller than a file and larger than a line."""

    def make(self, sources):
        from seqgen_toy.paragraphs import ParagraphsDataset

        return ParagraphsDataset(sources=sources)


class TestCounting(BackendContract):
    """An architecture that has no canonical form, and no use for a learning rate."""

    def make(self):
        from seqgen_toy.counting import CountingBackend

        return CountingBackend()


@dataclass(kw_only=True)
class Post(Callback):
    url: Annotated[str, Doc("where to")]


class TestPost(CallbackContract):
    """A callback that needs an address, which has no default; whoever names it gives one, and so does this test."""

    def make(self):
        return Post(url="https://example.org")


class TestNoStutter(SamplerContract):
    """A sampler that remembers each sequence."""

    def make(self):
        from seqgen_toy.no_stutter import NoStutter

        return NoStutter(times=2)


class TestLipogram(SamplerContract):
    """A sampler that asks what tokens mean."""

    def make(self):
        from seqgen_lipogram.sampler import Lipogram

        return Lipogram()
