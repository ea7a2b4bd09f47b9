"""Which files of other programs become models, and what those are called: as one that is trained is called after its text."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqgen.interop.adopt import READERS, name_of
from seqgen.sharing.importing import FOREIGN


def test_what_importing_takes_for_another_program_s_is_what_is_read_here():
    assert FOREIGN.keys() == READERS.keys()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("my lstm.weights.h5", "my-lstm"),
        ("Bücher.h5", "Bucher"),
        ("ﬁnn, Łukasz.keras", "finn-ukasz"),
        ("1984.safetensors", "1984"),
        ("Ωδή 2.h5", "imported"),
        ("....h5", "imported"),
    ],
)
def test_it_is_called_after_the_file(file, name):
    assert name_of(Path(file)) == name
