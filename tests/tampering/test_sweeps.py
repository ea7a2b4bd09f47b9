"""A sweep whose file was edited or damaged goes on, or says in a sentence why not."""

from __future__ import annotations

import json
import shutil
from random import Random

import pytest

from seqgen import home
from seqgen.core.catalog import load_catalog
from seqgen.core.errors import DamagedModelError
from seqgen.sweep import start
from seqgen.sweep.observer import Observer

from .conftest import mutations

CATALOG = load_catalog()
SETTLED = ("backend=torch", "embedding_size=4", "seq_len=8", "batch_size=4", "max_steps=1", "ngram_order=0")

NEW_TRIAL = '"op_code":4'
"""What each trial begins with in Optuna's journal."""


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The home of a sweep that has tried all there is to try, so that going on with it trains nothing."""
    folder = tmp_path_factory.mktemp("home")
    corpus = folder / "sea.txt"
    corpus.write_text("The sea is wide and the ice is white.  " * 9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGEN_HOME", str(folder))
        start.sweep([str(corpus)], ["hidden-size=4"], settled=SETTLED, trials=1, catalog=CATALOG, observer=Observer())
    return folder


@pytest.fixture
def sweep(ended, tmp_path, monkeypatch):
    """Its folder, in a home of its own."""
    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path / "home"))
    shutil.copytree(ended, tmp_path / "home")
    return home.sweeps_folder() / "sea"


def edited(folder, *path, to):
    """Put another value at a place of the sweep's file."""
    value = json.loads((folder / "sweep.json").read_text())
    within = value
    for key in path[:-1]:
        within = within[key]
    within[path[-1]] = to
    (folder / "sweep.json").write_text(json.dumps(value))


def go_on(**given):
    return start.resume("sea", catalog=CATALOG, observer=Observer(), **given)


def run_cases(folder, watch, seeds):
    path = folder / "sweep.json"
    whole = path.read_bytes()
    go_on()  # imports what is needed
    for seed in seeds:
        random = Random(seed)
        path.write_bytes(random.choice(mutations(path.name))(whole, random))
        try:
            with watch():
                go_on()
        except Exception as error:
            error.add_note(f"case {seed}: {path.read_bytes()[:3000]!r}")
            raise
    path.write_bytes(whole)
    assert len(go_on().results) == 1


def test_a_tampered_file_of_a_sweep_is_refused_or_gone_on_from(sweep, watch):
    run_cases(sweep, watch, range(60))
    assert watch.refused > 30


@pytest.mark.slow
def test_thousands_of_tampered_files_of_a_sweep_are_refused_or_gone_on_from(sweep, watch):
    run_cases(sweep, watch, range(1000, 4000))
    assert watch.refused > 1500


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (["name"], "../sea", '"../sea" is not a model name'),
        (["sources"], 5, "sources is not what a sweep writes there."),
        (["sources"], [], "sources is not what a sweep writes there."),
        (["paths"], [None], "paths is not what a sweep writes there."),
        (["values"], [], "values is not what a sweep writes there."),
        (["values", "dropout"], 2, "values: dropout is 2, but must be a number at least 0"),
        (["values", "tokenizer"], None, "values: tokenizer is None, but must be text."),
        (["origins"], [], "origins is not what a sweep writes there."),
        (["origins"], {}, "origins.architecture is missing or unknown to this seqgen."),
        (["origins", "tokenizer"], 5, "origins is not what a sweep writes there."),
        (["given"], {}, "given is not what a sweep writes there."),
        (["given", "config"], 5, "given is not what a sweep writes there."),
        (["given", "set"], [], "given is not what a sweep writes there."),
        (["given", "set", "seq_len"], [8], "given: seq_len is [8], but must be a whole number at least 1."),
        (["space"], [], "space is not what a sweep writes there."),
        (["space"], [{"name": "num_layers", "values": [1]}] * 2, "space is not what a sweep writes there."),
        (["searched"], 1, "searched is not what a sweep writes there."),
        (["centre"], {"dropout": 0.1}, "centre is not what a sweep writes there."),
        (["centre"], {"hidden_size": 5}, "centre is not what a sweep writes there."),
        (["max_time"], "an hour", 'sweep: max_time is "an hour", but must be a duration above 0'),
        (["max_time"], True, "sweep: max_time is True, but must be a duration above 0"),
        (["trial_time"], None, "trial_time is not what a sweep writes there."),
        (["trials"], 0, "sweep: trials is 0, but must be a whole number at least 1."),
        (["random_seed"], -1, "sweep: random_seed is -1, but must be a whole number at least 0"),
    ],
)
def test_a_value_that_no_sweep_writes_is_refused_by_name_and_says_what_to_do(sweep, path, value, sentence):
    edited(sweep, *path, to=value)
    with pytest.raises(DamagedModelError) as refusal:
        go_on()
    assert str(refusal.value).startswith(f"{sweep}/sweep.json: {sentence}")
    assert str(refusal.value).endswith("The sweep cannot go on: put back what was there, or give another --name.")


@pytest.mark.parametrize(
    "space",
    [
        [{"name": "hidden_size", "values": [4, 8]}],
        [{"name": "hidden_size", "low": 2, "high": 8}],
        [{"name": "num_layers", "values": [1]}],
        [{"name": "hidden_size", "values": [4]}, {"name": "num_layers", "values": [1]}],
    ],
    ids=["other choices", "a range", "another option", "one more option"],
)
def test_another_space_than_the_trials_were_drawn_from_is_refused_before_the_next_is_drawn(sweep, space):
    edited(sweep, "space", to=space)
    with pytest.raises(DamagedModelError, match=r"sweep\.json: space is not what trials so far were drawn from\.  The"):
        go_on(trials=2)
    assert (sweep / "journal.log").read_text().count(NEW_TRIAL) == 1


def test_a_time_may_be_edited_as_people_write_it(sweep):
    edited(sweep, "max_time", to="1h")
    assert go_on().plan.max_time == 3600
