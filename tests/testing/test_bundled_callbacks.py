"""The bundled callbacks keep all laws."""

import pytest

from seqgen.core.catalog import load_catalog
from seqgen.testing.callback import CallbackContract

CATALOG = load_catalog()


class TestCsv(CallbackContract):
    def make(self):
        return CATALOG.make("callback", "csv")


class TestTensorboard(CallbackContract):
    def make(self):
        return CATALOG.make("callback", "tensorboard")


@pytest.mark.slow  # importing MLflow takes 3 s
class TestMlflow(CallbackContract):
    def make(self):
        return CATALOG.make("callback", "mlflow")


@pytest.mark.slow  # each run is a process of its own
class TestWandb(CallbackContract):
    def make(self):
        return CATALOG.make("callback", "wandb:mode=offline")


def test_no_bundled_callback_is_left_out():
    assert [entry.name for entry in CATALOG.entries("callback")] == ["csv", "tensorboard", "mlflow", "wandb"]
