"""Parts have the types of their kinds, and a kind that there is not is found: mypy reads this file, and nobody runs it."""

from __future__ import annotations

from typing import assert_type

from seqgen.cli.environment import complete_part
from seqgen.core.backend import Backend
from seqgen.core.callback import Callback
from seqgen.core.catalog import Catalog
from seqgen.core.dataset import Dataset
from seqgen.core.options import PartSpec
from seqgen.core.sampler import Sampler
from seqgen.core.tokenizer import Tokenizer
from seqgen.model_config import ModelConfig
from seqgen.recorded_parts import find_recorded, make_recorded, with_recorded_options


def made(catalog: Catalog) -> None:
    assert_type(catalog.make("tokenizer", "char"), Tokenizer)
    assert_type(catalog.make("dataset", "text", sources=("novel.txt",)), Dataset)
    assert_type(catalog.make("backend", "torch"), Backend)
    assert_type(catalog.make("sampler", PartSpec("top-k", {"k": 3})), Sampler)
    assert_type(catalog.make("callback", "csv"), Callback)


def made_as_recorded(catalog: Catalog, config: ModelConfig) -> None:
    assert_type(make_recorded(catalog, "tokenizer", config, where="novel:1"), Tokenizer)
    assert_type(make_recorded(catalog, "dataset", config, where="novel:1", sources=("novel.txt",)), Dataset)
    assert_type(make_recorded(catalog, "backend", config, where="novel:1"), Backend)


def no_kind(catalog: Catalog, config: ModelConfig) -> None:
    catalog.make("datset", "text")  # type: ignore[call-overload]
    make_recorded(catalog, "datset", config, where="novel:1")  # type: ignore[call-overload]
    find_recorded(catalog, "datset", config, where="novel:1")  # type: ignore[arg-type]
    with_recorded_options(catalog, "datset", PartSpec("text", {}), config)  # type: ignore[arg-type]
    complete_part("datset")  # type: ignore[arg-type]
