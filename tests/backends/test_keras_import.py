"""The first import of Keras, in which its engine greets."""

import sys

from seqgen.backends.keras import _quiet


def test_where_there_is_no_standard_error_nothing_is_held_back(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr("os.dup", lambda _: 1 / 0)  # as where descriptor 2 is closed
    with _quiet():
        pass


def test_where_the_descriptor_is_closed_beside_a_stream_of_its_own_nothing_is_held_back_either(monkeypatch):
    def closed(_):
        raise OSError("Bad file descriptor")

    monkeypatch.setattr("os.dup", closed)
    with _quiet():
        pass


NO_ENGINE = (
    "import importlib.util, sys\n"
    "find = importlib.util.find_spec\n"
    "importlib.util.find_spec = lambda name, *rest: None if name in ('tensorflow', 'jax', 'torch') else find(name, *rest)\n"
    "from seqgen.cli.app import main\n"
    "main(['train', 'ice', '--backend', 'keras', '--max-steps', '1'])\n"
)


def test_without_an_engine_it_says_what_to_install(run_python, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    outcome = run_python(NO_ENGINE)
    assert outcome.exit_code == 1
    assert outcome.stderr == (
        'error: Backend "keras" needs an engine, and neither tensorflow, jax nor torch is installed.  '
        'pip install "seqgen[keras]"\n'
    )
