"""The bundled callbacks keep all laws."""

from seqgen.core.catalog import load_catalog
from seqgen.testing.callback import CallbackContract

CATALOG = load_catalog()


class TestCsv(CallbackContract):
    def make(self):
        return CATALOG.make("callback", "csv")


def test_no_bundled_callback_is_left_out():
    assert [entry.name for entry in CATALOG.entries("callback")] == ["csv"]
