"""The few lines of Python that a page shows run as they stand there, one block after another, with what they need."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import seqgen
from seqgen.core.files import find_sources

ROOT = Path(__file__).parent.parent.parent
GENERATED = re.compile(r"<!-- begin: .+? -->\n.*?<!-- end -->", re.DOTALL)  # of files, which have tests of their own
BLOCK = re.compile(r"^```(?:python| \{\.python)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(path: Path) -> list[str]:
    return BLOCK.findall(GENERATED.sub("", path.read_text("utf-8")))


PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
    if blocks(path)
]

GIVEN = {
    "docs/how-to/combinations.md": """
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from seqgen.core.dataset import Dataset
TUNES = "X:1\\nK:C\\nCDEF|]\\n\\nX:2\\nK:G\\nGABc|]\\n\\n"
""",
    "docs/how-to/new-plugin.md": """
import numpy as np
from seqgen.installed import make_part
state = {"inner": make_part("tokenizer", "bpe").fit(["the ice, the ice"]).state()}
""",
    "docs/reference/conformance.md": """
from collections.abc import Mapping
from typing import ClassVar
from seqgen.core.tokenizer import Tokenizer
""",
}
"""What stands around the lines of a page: imports, and what readers have."""


def an_example_of_two_tunes_is_written(page, folder):
    (path,) = page["AbcDataset"].example(folder, 500)
    assert 500 < Path(path).stat().st_size < 600
    assert [source.name for source in find_sources([path])] == [path]


def the_sampler_sees_which_tokens_a_line_would_end_after(page, folder):
    # Two texts, three tokens: after token 1, and after nothing else, token 2 is likeliest, which is the line's end.
    def after(rows, ids):
        return SimpleNamespace(logits=np.where((ids == 1)[:, None], [0, 0, 1], [1, 0, 0]))

    sampler = SimpleNamespace(_newline=2)
    page["foresee"](sampler, SimpleNamespace(logits=np.zeros((2, 3)), after=after))
    assert sampler._ends.tolist() == [[False, True, False]] * 2
    assert page["inner"].decode(page["inner"].encode("the ice")) == "the ice"


THEN = {
    "docs/how-to/combinations.md": an_example_of_two_tunes_is_written,
    "docs/how-to/new-plugin.md": the_sampler_sees_which_tokens_a_line_would_end_after,
}
"""What is true after them, where that they run says little."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A registry with the models that pages load, and variables by which all training is short."""
    folder = tmp_path_factory.mktemp("snippets")
    (folder / "novel.txt").write_text((ROOT / "corpora/ice.txt").read_text("utf-8")[:20_000], "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGEN_HOME", str(folder / "home"))
        for option, value in {"MAX_STEPS": 2, "HIDDEN_SIZE": 8, "EMBEDDING_SIZE": 8, "NGRAM_ORDER": 0}.items():
            patch.setenv(f"SEQGEN_{option}", str(value))
        for name, steps in (("ice", 2), ("novel", 2), ("novel", 4), ("novel", 20)):
            seqgen.train(folder / "novel.txt", name=name, max_steps=steps, backend="torch", progress=False)
        yield folder


@pytest.mark.parametrize("page", PAGES)
def test_the_lines_of_a_page_run_as_they_stand(page, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("novel.txt", "my-novel.txt"):
        Path(name).write_bytes((home / "novel.txt").read_bytes())
    namespace = {"__name__": "page"}
    for block in [GIVEN.get(page, ""), *blocks(ROOT / page)]:
        exec(compile(block.replace("s3://team/models", "team"), page, "exec", dont_inherit=True), namespace)
    THEN.get(page, lambda *_: None)(namespace, tmp_path)


def test_there_are_pages_with_lines_of_python():
    assert {"README.md", *GIVEN} <= set(PAGES)
