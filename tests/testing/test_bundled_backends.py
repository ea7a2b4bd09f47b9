"""The bundled backends keep all laws."""

from __future__ import annotations

from seqgen.core.catalog import load_catalog
from seqgen.testing.backend import BackendContract

CATALOG = load_catalog()


class Bundled(BackendContract):
    name = ""

    def make(self):
        return CATALOG.make("backend", self.name)


class TestNumpyLstm(Bundled):
    name = "numpy"
    architecture = "lstm"


class TestNumpyGru(Bundled):
    name = "numpy"
    architecture = "gru"


class TestNumpyRnn(Bundled):
    name = "numpy"
    architecture = "rnn"


class TestNumbaLstm(Bundled):
    name = "numba"
    architecture = "lstm"


class TestNumbaGru(Bundled):
    name = "numba"
    architecture = "gru"


class TestNumbaRnn(Bundled):
    name = "numba"
    architecture = "rnn"


class TestTorchLstm(Bundled):
    name = "torch"
    architecture = "lstm"


class TestTorchGru(Bundled):
    name = "torch"
    architecture = "gru"


class TestTorchRnn(Bundled):
    name = "torch"
    architecture = "rnn"


class TestKerasGru(Bundled):
    """The one whose layout differs most from the canonical form, in one layer: compiling takes nearly all the time.

    tests/backends has the others.
    """

    name = "keras"
    architecture = "gru"

    def spec(self, **shape):
        return super().spec(**{"num_layers": 1, **shape})


def test_every_bundled_backend_is_held_to_the_laws():
    assert {contract.name for contract in Bundled.__subclasses__()} == {
        entry.name for entry in CATALOG.entries("backend")
    }
