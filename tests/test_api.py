"""What ``import seqgen`` offers."""

from __future__ import annotations

import pytest

import seqgen
from seqgen.core.errors import UnknownPartError


@pytest.mark.parametrize("log_to", ["csw:path=a.csv", ["csw:path=a.csv"]])
def test_one_callback_may_be_named_without_a_list(seqgen_home, log_to):
    with pytest.raises(UnknownPartError, match=r'No callback "csw"\.  Nearest: csv\.'):
        seqgen.train(log_to=log_to, progress=False)
