"""The run that ``--resume`` goes on with may be named by the version that it published when it was interrupted."""

from __future__ import annotations

import contextlib
import os

import pytest

from seqgen import home
from seqgen.core.errors import ModelNotFoundError, UsageError
from seqgen.registry import Registry
from seqgen.registry.moving import rename
from seqgen.training.unfinished import find_unfinished

from .conftest import Reporter


def found(name):
    """The folder of the run that is gone on with, and whether others may have it again."""
    with contextlib.closing(find_unfinished(name, home.training_folder(), Registry.at_home())) as run:
        return str(run.folder.relative_to(home.training_folder()))


@pytest.fixture
def leave(start):
    """A run of ``sea`` that a signal ends after its first evaluation."""
    return lambda: start(reporter=Reporter(signal_at=1), max_steps=12, eval_every=2).version


def test_a_version_names_the_run_that_published_it_last(leave, monkeypatch):
    folder = leave().folder
    monkeypatch.chdir(folder.parents[1])
    relative = os.path.join(os.curdir, "sea", "1")  # noqa: PTH118  Path drops ./
    for name in (None, "sea", "sea:1", "sea@latest", "sea@best", str(folder), relative):
        assert found(name) == os.path.join("sea", "1"), name  # noqa: PTH118


def test_a_version_that_another_run_published_or_that_was_gone_on_with_is_refused(start, resume, leave):
    leave()
    resume(reporter=Reporter(signal_at=1))
    start(max_steps=2)
    assert found("sea:2").endswith("1")
    for version in ("sea:1", "sea:3"):
        with pytest.raises(UsageError) as error:
            found(version)
        assert str(error.value) == (
            f"{version} is not what the unfinished run of sea published last.  --resume sea goes on with the run of sea; to train "
            f"{version} further: seqgen train --from {version}"
        )
        assert found("sea").endswith("1")  # the refusal has let go of it


def test_of_two_runs_that_were_left_the_newest_is_gone_on_with(leave):
    leave()
    leave()
    assert found("sea:2").endswith("2")
    with pytest.raises(UsageError, match=r"^sea:1 is not what the unfinished run of sea published last"):
        found("sea:1")


def test_only_where_no_run_is_left_is_a_version_finished(start):
    folder = start(max_steps=2).version.folder
    for name in ("sea", "sea:1", str(folder)):
        with pytest.raises(ModelNotFoundError) as error:
            found(name)
        assert str(error.value) == (
            f"There is no unfinished run of {name} to go on with ({home.training_folder()}).  sea:1 is finished; to train it "
            f"further: seqgen train --from {name}"
        )


def test_the_run_of_a_model_that_was_renamed_goes_by_the_name_that_it_was_begun_with(leave):
    leave()
    rename(Registry.at_home(), "sea", "ocean")
    for name in ("ocean", "ocean:1"):
        with pytest.raises(UsageError, match=r"ocean:1 was called sea, and so is its run: seqgen train --resume sea$"):
            found(name)
    assert found("sea").endswith("1")


def test_a_later_model_of_its_former_name_is_not_taken_for_it(start, leave):
    start(max_steps=2)
    rename(Registry.at_home(), "sea", "ocean")
    leave()
    with pytest.raises(ModelNotFoundError, match=r"ocean:1 is finished"):
        found("ocean")


def test_what_is_no_version_is_not_taken_for_one(leave, tmp_path):
    leave()
    for name in ("sea:2", "sea@mine", "lake", str(tmp_path), "sea:", "../sea"):
        with pytest.raises(ModelNotFoundError, match=r"Unfinished: sea\.$"):
            found(name)
