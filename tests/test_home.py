"""Where seqgen keeps things."""

from __future__ import annotations

import sys

import pytest

from seqgen import home


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
