"""The first import of Keras, in which its engine greets."""

import sys

from seqgen.backends.keras import _quiet


def test_where_there_is_no_standard_error_nothing_is_held_back(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr("os.dup", lambda _: 1 / 0)  # as where descriptor 2 is closed
    with _quiet():
        pass
