"""``seqgen corpora list`` and ``seqgen corpora get``; downloads themselves are tested beside ``seqgen.corpora``."""

from __future__ import annotations

import json
import re
from pathlib import Path


def test_the_list_says_what_is_here_and_how_to_get_the_rest(seqgen):
    page = seqgen("corpora", "list").stdout
    assert re.search(r"^ *ice +a polar expedition.* 172,000 +Apache-2\.0 +yes *$", page, re.MULTILINE)
    assert re.search(
        r"^ *shakespeare .* 1,115,394 +public domain +seqgen corpora get shakespeare *$", page, re.MULTILINE
    )


def test_the_list_as_json(seqgen):
    corpora = {corpus["name"]: corpus for corpus in json.loads(seqgen("corpora", "list", "--json").stdout)}
    assert Path(corpora["ice"]["path"]).stat().st_size == corpora["ice"]["bytes"]
    assert corpora["names"]["dataset"] == "lines"
    assert corpora["shakespeare"]["path"] is None
    assert re.fullmatch(r"[0-9a-f]{64}", corpora["shakespeare"]["sha256"])


def test_getting_a_bundled_corpus_says_where_it_is(seqgen):
    outcome = seqgen("corpora", "get", "ice")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert Path(outcome.stdout.removesuffix("\n")).read_text("utf-8")
    assert json.loads(seqgen("corpora", "get", "ice", "--json").stdout)["name"] == "ice"


def test_a_public_corpus_that_is_here_is_checked_again(refused, seqgen_home):
    (seqgen_home / "corpora").mkdir(parents=True)
    (seqgen_home / "corpora" / "shakespeare.txt").write_text("Half of it.")
    assert refused("corpora", "get", "shakespeare", exit_code=1) == (
        f"{seqgen_home}/corpora/shakespeare.txt is there already and is not the corpus shakespeare, or was changed or damaged.  "
        f"Move it away; the same command then downloads it."
    )


def test_an_unknown_corpus_names_the_nearest_and_shows_no_bar(refused):
    assert refused("corpora", "get", "shakespear", exit_code=2) == (
        'No corpus "shakespear".  Nearest: shakespeare.  All: seqgen corpora list'
    )
