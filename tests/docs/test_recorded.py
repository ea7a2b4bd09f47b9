"""What a page recorded of the parts and laws that there are is what there is now: a page that was not recorded anew is found here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seqgen.core.catalog import load_catalog
from seqgen.testing import SamplerContract, TokenizerContract, laws_of

ROOT = Path(__file__).parent.parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
}
LAWS = {"docs/how-to/plugin.md": SamplerContract, "docs/how-to/new-plugin.md": TokenizerContract}


def shown(page: str, command: str) -> list[str]:
    """What a page shows below each command line that begins so."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)
    steps = (step for block in blocks for step in re.split(r"^\$ ", block, flags=re.MULTILINE))
    return [step.partition("\n")[2] for step in steps if step.startswith(command)]


def pages_with(command: str) -> list[str]:
    return [page for page in PAGES if shown(page, command)]


def bundled(kind: str) -> list[str]:
    return [entry.name for entry in load_catalog([]).entries(kind)]


LISTS = pages_with("seqgen list-plugins")


def test_there_are_pages_that_list_the_parts():
    assert {"docs/tutorial/first-model.md", "docs/how-to/own-text.md", "docs/how-to/plugin.md"} <= set(LISTS)


@pytest.mark.parametrize("page", LISTS)
def test_a_list_of_parts_has_all_that_are_bundled(page):
    for text in shown(page, "seqgen list-plugins"):
        of_kinds = re.findall(r"^(\w+):\n((?:  .*\n)+)", text.replace("Plugins:", ""), re.MULTILINE)
        assert of_kinds
        for kind, listed in of_kinds:
            parts = re.findall(r"^  ([\w-]+) +(\S.*(?:\n {4,}.*)*)", listed, re.MULTILINE)
            ours = [name for name, words in parts if "(seqgen 0" in " ".join(words.split())]
            assert ours == bundled(kind.lower())


def test_the_table_of_combinations_has_all_bundled_tokenizers_and_datasets():
    (text,) = shown("docs/how-to/combinations.md", "seqgen doctor --combinations")
    pairs = re.findall(r"^ ([\w-]+) +([\w-]+) +(?:works|refused|fails|untried)\b", text, re.MULTILINE)
    tokenizers, datasets = ({pair[place] for pair in pairs} for place in (0, 1))
    assert len(pairs) == len(tokenizers) * len(datasets)
    assert tokenizers == {*bundled("tokenizer"), "steps"}
    assert datasets == {*bundled("dataset"), "walks"}


def test_every_page_that_counts_laws_is_held_to_them():
    assert [page for page, text in PAGES.items() if re.search(r"^\d+ laws: ", text, re.MULTILINE)] == sorted(LAWS)


@pytest.mark.parametrize("page", LAWS)
def test_the_laws_that_a_page_counts_or_lists_are_those_of_the_kind(page):
    (text,) = shown(page, "seqgen check-plugin")
    laws = laws_of(LAWS[page])
    assert f"{len(laws)} laws: {len(laws)} kept\n" in text
    listed = re.findall(r"^ kept   (\S.*(?:\n {5,}.*)*)", text, re.MULTILINE)
    statements = sorted(law.statement.replace("``", "") for law in laws)
    assert sorted(" ".join(each.split()) for each in listed) in ([], statements)
