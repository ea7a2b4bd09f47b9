"""A plugin is used where the contract that it was made for still holds, and else says what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen import __version__
from seqgen.core import contract
from seqgen.core.contract import CONTRACT_VERSION, mismatch

numbers = st.integers(0, 9999)
versions = st.tuples(numbers, numbers)


def mismatch_where_ours_is(ours, declared):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contract, "CONTRACT_VERSION", ours)
        return mismatch(declared, "seqgen-chess")


@given(ours=versions, minor=numbers)
def test_within_a_major_a_plugin_is_used_unless_its_minor_is_newer(ours, minor):
    problem = mismatch_where_ours_is(ours, f"{ours[0]}.{minor}")
    assert bool(problem) == (minor > ours[1])


@given(ours=versions, wanted=versions)
def test_with_another_major_the_older_of_the_two_is_to_be_upgraded(ours, wanted):
    problem = mismatch_where_ours_is(ours, f"{wanted[0]}.{wanted[1]}")
    if wanted[0] > ours[0]:
        assert problem.endswith("  Update seqgen")
    if wanted[0] < ours[0]:
        assert problem.endswith("  pip install --upgrade seqgen-chess")


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.binary(), st.text(), versions, st.lists(st.text())
)


@given(declared=anything)
def test_anything_may_be_declared_and_what_is_not_understood_is_told_with_what_it_must_look_like(declared):
    problem = mismatch(declared, "seqgen-chess")
    if not isinstance(declared, str) or "." not in declared:
        assert problem.startswith("its SEQGEN_CONTRACT is ")
        assert problem.endswith('Write SEQGEN_CONTRACT = "{}.{}"'.format(*CONTRACT_VERSION))
    assert len(problem) < 300


def test_what_was_declared_first_is_declared_still():
    assert mismatch_where_ours_is((1, 0), "1.0") == ""
    assert mismatch_where_ours_is((1, 7), "1.0") == ""


def test_the_sentences_name_both_versions_and_what_to_do():
    assert mismatch_where_ours_is((1, 0), "1.3") == (
        f"it needs contract 1.3 and this seqgen ({__version__}) has 1.0.  Update seqgen"
    )
    assert mismatch_where_ours_is((1, 9), "2.0") == (
        f"it needs contract 2.0 and this seqgen ({__version__}) has 1.9.  Update seqgen"
    )
    assert mismatch_where_ours_is((2, 0), "1.4") == (
        f"it was made for contract 1 and this seqgen ({__version__}) has 2.0, so a newer version of seqgen-chess is "
        "needed.  pip install --upgrade seqgen-chess"
    )
    assert mismatch_where_ours_is((1, 0), 1.0) == (
        "its SEQGEN_CONTRACT is 1.0, but must be text of two whole numbers with a point between them.  "
        'Write SEQGEN_CONTRACT = "1.0"'
    )


@pytest.mark.parametrize("declared", ["", "1", "1.", ".1", "v1.0", "1.0.0", " 1.0", "1.0\n", "-1.0", "١.٠", "9" * 9999])
def test_text_that_is_no_version_is_refused(declared):
    assert mismatch(declared, "seqgen-chess").startswith("its SEQGEN_CONTRACT is ")


def test_it_imports_nothing_of_ours(run_python):
    code = (
        "import sys; import seqgen.core; before = {*sys.modules}; import seqgen.core.contract; "
        "print(sorted(name for name in {*sys.modules} - before if name.startswith('seqgen')))"
    )
    assert run_python(code).stdout == "['seqgen.core.contract']\n"
