"""Which parts ``check-plugin`` is asked for: by name, by distribution, or by a folder that is not installed."""

from __future__ import annotations

import sys

import pytest

from seqgen.core.catalog import Catalog, load_catalog
from seqgen.core.errors import AmbiguousPartError, PluginError, UnknownPartError, UsageError
from seqgen.core.hookspecs import hookimpl
from seqgen.core.plugin import Plugin
from seqgen.testing.find import as_installed, find_parts, parts_named

CHAR = "seqgen.tokenizers.char:CharTokenizer"
TOP_K = "seqgen.samplers.top_k:TopK"


class Offering:
    @hookimpl
    def register_tokenizers(self, register):
        register("knots", CHAR, summary="a toy")
        register("word", CHAR, summary="a toy")

    @hookimpl
    def register_samplers(self, register):
        register("knots", TOP_K, summary="a toy")


def catalog_with(implementation, distribution="Seqgen_Knots"):
    plugin = Plugin("knots", "knots", distribution, "1.0", lambda: implementation)
    return Catalog([*load_catalog().plugins, plugin])


def named(entries):
    return [(entry.kind, entry.plugin.distribution, entry.name) for entry in entries]


def test_a_name_stands_for_the_parts_of_that_name_of_every_kind():
    catalog = catalog_with(Offering())
    assert named(find_parts(catalog, "char")) == [("tokenizer", "seqgen", "char")]
    both = [("tokenizer", "Seqgen_Knots", "knots"), ("sampler", "Seqgen_Knots", "knots")]
    assert named(find_parts(catalog, "knots")) == both


def test_a_kind_before_it_selects_one():
    assert named(find_parts(catalog_with(Offering()), "sampler:knots")) == [("sampler", "Seqgen_Knots", "knots")]


def test_a_distribution_stands_for_all_its_parts_however_it_is_spelt():
    catalog = catalog_with(Offering())
    for spelling in ("Seqgen_Knots", "seqgen-knots"):
        assert [entry.name for entry in find_parts(catalog, spelling)] == ["knots", "word", "knots"]
    assert {entry.plugin.distribution for entry in find_parts(catalog, "seqgen")} == {"seqgen"}


def test_of_two_with_one_name_the_distribution_selects_one():
    catalog = catalog_with(Offering())
    with pytest.raises(AmbiguousPartError, match="Write seqgen/word or Seqgen_Knots/word"):
        find_parts(catalog, "word")
    assert named(find_parts(catalog, "seqgen/word")) == [("tokenizer", "seqgen", "word")]


def test_what_is_no_name_names_the_nearest():
    with pytest.raises(UnknownPartError) as error:
        find_parts(load_catalog(), "gredy")
    assert str(error.value) == (
        'No part or plugin "gredy", nor a folder of that name.  Nearest: greedy, dry.  All: seqgen list-plugins'
    )


def test_a_plugin_that_fails_is_said_with_the_cause():
    class Failing:
        @hookimpl
        def register_samplers(self, register):
            raise RuntimeError("out of rope")

    with pytest.raises(PluginError, match="Plugin knotty 1.0 cannot be used: .*RuntimeError: out of rope"):
        find_parts(catalog_with(Failing(), "knotty"), "knotty")


def test_a_plugin_without_parts_leaves_nothing_to_check():
    with pytest.raises(PluginError, match="Plugin knotty 1.0 registers no parts"):
        find_parts(catalog_with(object(), "knotty"), "knotty")


# Folders


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "rope_hooks.py").write_text(
        "import seqgen\n\n\n@seqgen.hookimpl\ndef register_tokenizers(register):\n"
        f'    register("rope", "{CHAR}", summary="a toy")\n'
    )
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "Seqgen.Rope"\nversion = "2.5"\n[project.entry-points.seqgen]\nrope = "rope_hooks"\n'
    )
    return tmp_path


def test_a_folder_is_as_though_it_were_installed_and_then_no_longer(folder):
    before = sys.path[:]
    with parts_named(str(folder), load_catalog()) as entries:
        assert named(entries) == [("tokenizer", "Seqgen.Rope", "rope")]
        assert entries[0].plugin.version == "2.5"
    assert sys.path == before
    with pytest.raises(ValueError, match="rope"), as_installed(folder):
        raise ValueError("out of rope")
    assert sys.path == before


def test_without_src_the_code_is_in_the_folder_itself(folder):
    (folder / "src" / "rope_hooks.py").rename(folder / "other_hooks.py")
    (folder / "src").rmdir()
    text = (folder / "pyproject.toml").read_text().replace("rope_hooks", "other_hooks")
    (folder / "pyproject.toml").write_text(text)
    with parts_named(str(folder), load_catalog()) as entries:
        assert named(entries) == [("tokenizer", "Seqgen.Rope", "rope")]


def test_a_folder_that_is_no_plugin_hides_no_part_of_its_name(tmp_path, monkeypatch):
    (tmp_path / "char").mkdir()
    monkeypatch.chdir(tmp_path)
    with parts_named("char", load_catalog()) as entries:
        assert named(entries) == [("tokenizer", "seqgen", "char")]
    with pytest.raises(UsageError, match=r"pyproject.toml cannot be read"), parts_named("./char", load_catalog()):
        pass


def test_a_folder_that_is_no_plugin_is_not_denied(tmp_path, monkeypatch):
    (tmp_path / "seqgen-rope").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownPartError) as error, parts_named("seqgen-rope", load_catalog()):
        pass
    assert str(error.value).startswith(
        'No part or plugin "seqgen-rope".  The folder seqgen-rope has no pyproject.toml.'
    )


def test_a_folder_without_a_project_says_what_it_lacks(tmp_path):
    with (
        pytest.raises(UsageError, match=r"pyproject.toml cannot be read: .*Name the folder of a plugin"),
        as_installed(tmp_path),
    ):
        pass


@pytest.mark.parametrize("points", ["", '[project.entry-points]\nseqgen = "rope_hooks"\n'])
def test_a_project_that_is_no_plugin_says_what_to_write(folder, points):
    (folder / "pyproject.toml").write_text(f'[project]\nname = "rope"\n{points}')
    with pytest.raises(UsageError, match=r"names no plugin.*\[project.entry-points.seqgen\]"), as_installed(folder):
        pass


def test_a_project_file_that_is_no_toml_is_said(folder):
    (folder / "pyproject.toml").write_text("[project\n")
    with pytest.raises(UsageError, match=r"pyproject.toml is not TOML: .*line 1"), as_installed(folder):
        pass
