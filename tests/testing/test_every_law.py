"""Every law of the kit rejects at least one part that is broken on purpose.

``mutants`` has a module for each kind.  It has ``CONTRACT``, the class of the laws, and ``MUTANTS``: tuples of the law's
name, what is broken in a sentence, and a subclass of ``CONTRACT`` that makes the broken part; and ``SOUND``, contracts of
what they are made of, where that is no bundled part.  The table of docs/reference/conformance.md is made from them.
"""

import importlib
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from seqgen.testing import LawBroken, check_laws, laws_of

KINDS = sorted(path.stem for path in (Path(__file__).parent / "mutants").glob("*.py"))
MODULES = {kind: importlib.import_module(f"mutants.{kind}") for kind in KINDS}
MUTANTS = [
    pytest.param(law, contract, id=f"{kind}: {law.removeprefix('test_')}: {broken}")
    for kind, module in MODULES.items()
    for law, broken, contract in module.MUTANTS
]


@pytest.fixture(autouse=True)
def _the_same_examples_every_time():
    settings.register_profile("before", settings.default)
    # That a law rejects is all that is asked here; the smallest example takes many times as long to find.
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutants", derandomize=True, database=None, phases=phases)
    settings.load_profile("mutants")
    yield
    settings.load_profile("before")


@pytest.mark.parametrize(("law", "contract"), MUTANTS)
def test_the_law_rejects_a_part_in_which(law, contract):
    with pytest.raises(LawBroken):
        try:
            getattr(contract(), law)()
        except pytest.skip.Exception as skipped:
            if not str(skipped).endswith(("here", "is not installed")):  # what this machine lacks
                pytest.fail(f"It is not looked at: {skipped}.")
            raise


@pytest.mark.parametrize("kind", KINDS)
def test_every_law_has_a_part_that_it_rejects(kind):
    laws = {law.name for law in laws_of(MODULES[kind].CONTRACT)}
    assert {law for law, _, _ in MODULES[kind].MUTANTS} == laws


@pytest.mark.parametrize("kind", KINDS)
def test_every_law_says_in_a_line_what_must_hold_and_then_why(kind):
    for law in laws_of(MODULES[kind].CONTRACT):
        assert law.statement.endswith("."), law
        assert law.reason.endswith("."), law


@pytest.mark.parametrize("sound", [sound for module in MODULES.values() for sound in getattr(module, "SOUND", [])])
def test_what_mutants_are_made_of_keeps_every_law(sound):
    assert [verdict for verdict in check_laws(sound()) if verdict.outcome != "passed"] == []
