"""Where seqgen keeps things."""

from __future__ import annotations

import sys

import pytest

from seqgen import home
from seqgen.core.errors import UsageError


def test_a_tilde_in_seqgen_home_is_the_persons_own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # on Windows
    monkeypatch.setenv("SEQGEN_HOME", "~/models of mine")
    assert home.home() == tmp_path / "models of mine"


def test_a_home_of_nobody_is_a_folder_of_that_name(monkeypatch):
    monkeypatch.setenv("SEQGEN_HOME", "~nobody-has-this-name/models")
    assert str(home.home()) == "~nobody-has-this-name/models"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep a user's data elsewhere")
def test_without_seqgen_home_it_is_where_the_system_keeps_a_users_data(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for unset in (lambda: monkeypatch.delenv("SEQGEN_HOME"), lambda: monkeypatch.setenv("SEQGEN_HOME", "")):
        unset()
        assert home.home() == tmp_path / "seqgen"


@pytest.fixture
def unchosen(monkeypatch):
    """Neither a person nor the desktop says where data goes."""
    monkeypatch.delenv("SEQGEN_HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)


def unknown(*_, **__):
    raise RuntimeError("could not determine the home directory")


@pytest.mark.parametrize("answer", [unknown, lambda *_, **__: "~/.local/share/seqgen"], ids=["4.14", "4.2"])
def test_who_has_no_home_folder_is_asked_for_one_in_whatever_way_platformdirs_says_it(unchosen, monkeypatch, answer):
    monkeypatch.setattr("platformdirs.user_data_dir", answer)
    with pytest.raises(UsageError) as error:
        home.models_folder()
    assert str(error.value) == (
        "It is not known where your home folder is.  Say where models go: SEQGEN_HOME=/some/folder"
    )
    assert home.elsewhere("/models cannot be written: Permission denied.") == ""


def test_where_the_home_folder_cannot_be_made_another_can_be_chosen(unchosen, monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: str(tmp_path / "seqgen"))
    refusal = f"{tmp_path / 'seqgen' / 'tokens'} cannot be written: Permission denied."
    assert home.elsewhere(refusal) == "  To have models elsewhere: SEQGEN_HOME=/some/folder"
    assert home.elsewhere("/elsewhere/a.txt cannot be written: Permission denied.") == ""
    with monkeypatch.context() as patch:
        patch.setenv("SEQGEN_HOME", str(tmp_path / "seqgen"))
        assert home.elsewhere(refusal) == ""
    (tmp_path / "seqgen").mkdir()
    assert home.elsewhere(refusal) == ""
