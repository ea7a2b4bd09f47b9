"""A run whose own files were tampered with goes on, or says in a sentence why not."""

import json
import os
import shutil
import signal

import pytest

from seqgen.core.catalog import load_catalog
from seqgen.core.errors import SeqgenError
from seqgen.training.chosen import resolve_options
from seqgen.training.progress import Reporter
from seqgen.training.session import Session

CATALOG = load_catalog()
TINY = {"backend": "torch", "hidden_size": 8, "embedding_size": 4, "seq_len": 8, "batch_size": 4, "max_steps": 3}
VALUES = (None, [], {}, -1, 0, "x", True, 1e308, [None], {"a": []})


class Quiet(Reporter):
    def sample(self, text):
        if Quiet.stop:
            Quiet.stop = False
            os.kill(os.getpid(), signal.SIGTERM)

    stop = False

    def warn(self, text):
        pass


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A run that was interrupted after its first step, and the corpus."""
    home = tmp_path_factory.mktemp("home")
    corpus = home / "sea.txt"
    corpus.write_text("The sea is wide and the ice is white.  " * 9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGEN_HOME", str(home))
        Quiet.stop = True
        chosen = resolve_options({**TINY, "eval_every": 1}, preset=None, config=None)
        Session(CATALOG, Quiet(), lambda *_: "").start([str(corpus)], chosen, name="sea")
    (run,) = home.glob("training/sea/1")
    return run


def tampered(value, path=()):
    """(what was changed, the value after it): each key at two depths left out, replaced, and one that is unknown."""
    for key in value:
        yield (*path, key, "left out"), {k: v for k, v in value.items() if k != key}
        for other in VALUES:
            yield (*path, key, other), {**value, key: other}
        if isinstance(value[key], dict) and len(path) < 2:
            for what, inner in tampered(value[key], (*path, key)):
                yield what, {**value, key: inner}
    yield (*path, "unknown"), {**value, "unknown": 1}


@pytest.mark.parametrize(
    ("name", "every"),
    [
        pytest.param("run.json", 5, id="run-some"),
        pytest.param("config.json", 60, id="config-some"),
        pytest.param("run.json", 1, id="run-all", marks=pytest.mark.slow),
        pytest.param("config.json", 1, id="config-all", marks=pytest.mark.slow),
    ],
)
def test_a_run_goes_on_or_says_why_not(interrupted, tmp_path, monkeypatch, name, every):
    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path))
    cases = list(tampered(json.loads((interrupted / name).read_text())))[::every]
    refused = 0
    for number, (what, value) in enumerate(cases):
        run = tmp_path / str(number) / "sea" / "1"
        shutil.copytree(interrupted, run)
        (run / name).write_text(json.dumps(value))
        try:
            session = Session(CATALOG, Quiet(), lambda *_: "", training_folder=run.parents[1])
            session.resume("sea", {"max_steps": 2})
        except SeqgenError:
            refused += 1
        except BaseException as error:
            raise AssertionError(what) from error
    assert len(cases) // 2 < refused
    print(f"{name}: {len(cases)} cases, {refused} refused")
