"""The conformance kit: what every part must keep, as classes that a plugin's tests subclass.

    from seqgen.testing import TokenizerContract

    class TestAbcTokenizer(TokenizerContract):
        def make(self):
            return AbcTokenizer()

pytest then runs one test for each law.  Needs the extra ``testing`` (pytest and hypothesis).
"""

from __future__ import annotations

from seqgen.core.errors import MissingDependencyError

try:
    from seqgen.testing.backend import BackendContract
    from seqgen.testing.callback import CallbackContract
    from seqgen.testing.dataset import DatasetContract
    from seqgen.testing.laws import Contract, Law, LawBroken, Verdict, check_laws, laws_of
    from seqgen.testing.sampler import SamplerContract
    from seqgen.testing.tokenizer import TokenizerContract
except ModuleNotFoundError as error:
    if error.name not in ("hypothesis", "pytest"):
        raise
    msg = f'seqgen.testing needs {error.name}, which is not installed.  pip install "seqgen[testing]"'
    raise MissingDependencyError(msg) from error

__all__ = [
    "BackendContract",
    "CallbackContract",
    "Contract",
    "DatasetContract",
    "Law",
    "LawBroken",
    "SamplerContract",
    "TokenizerContract",
    "Verdict",
    "check_laws",
    "laws_of",
]
