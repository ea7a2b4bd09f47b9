"""Parts that are built around others find them by name."""

from __future__ import annotations

import importlib
import sys

import pytest

from seqgen import __version__
from seqgen.core.errors import OptionError, SeqgenWarning, UnknownPartError
from seqgen.installed import find_part, installed_catalog, make_part
from seqgen.tokenizers.char import CharTokenizer


def test_a_part_is_found_by_the_name_that_a_person_writes():
    assert find_part("tokenizer", "char") is find_part("tokenizer", "seqgen/char") is CharTokenizer


def test_a_part_is_made_with_the_options_that_a_person_writes():
    assert make_part("tokenizer", "char:lowercase=true") == CharTokenizer(lowercase=True)
    assert make_part("sampler", "top-k:k=3").k == 3


def test_what_is_not_there_or_not_allowed_is_told_as_on_the_command_line():
    with pytest.raises(UnknownPartError, match='No tokenizer "chr".  Nearest: char'):
        find_part("tokenizer", "chr")
    with pytest.raises(UnknownPartError, match='No sampler "char"'):
        make_part("sampler", "char")
    with pytest.raises(OptionError, match='tokenizer char has no option "lower"'):
        make_part("tokenizer", "char:lower=true")


@pytest.fixture
def eager(monkeypatch, tmp_path):
    """A plugin with a part that is built around another, in a module of its own; give what its hooks' module says."""

    def install(hooks):
        about = tmp_path / "eager-1.0.dist-info"
        for path, text in {
            tmp_path / "eager" / "__init__.py": hooks,
            tmp_path
            / "eager"
            / "parts.py": "from seqgen.installed import find_part\nclass Mine(find_part('tokenizer', 'char')): ...",
            about / "METADATA": "Metadata-Version: 2.1\nName: eager\nVersion: 1.0\n",
            about / "entry_points.txt": "[seqgen]\neager = eager\n",
        }.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))

    yield install
    for name in ("eager", "eager.parts"):
        sys.modules.pop(name, None)


def test_a_module_of_parts_alone_may_look_for_others_while_it_is_imported(eager):
    eager(
        "import seqgen\n@seqgen.hookimpl\ndef register_tokenizers(register):\n"
        "    register('mine', 'eager.parts:Mine', summary='mine')\n"
    )
    assert issubclass(installed_catalog().find("tokenizer", "mine").load(), CharTokenizer)


def test_the_module_of_hooks_may_not_whoever_imports_it(eager):
    eager("from eager.parts import Mine")
    with pytest.raises(
        RuntimeError, match="^find_part was called while eager of eager is imported, when it is not known yet"
    ):
        importlib.import_module("eager")


def test_a_plugin_that_is_turned_off_or_broken_offers_nothing_and_is_not_told_of(monkeypatch, recwarn):
    monkeypatch.setenv("SEQGEN_NO_PLUGINS", "1")
    with pytest.raises(UnknownPartError, match='No tokenizer "lyrics"'):
        find_part("tokenizer", "lyrics")
    assert not recwarn


@pytest.mark.parametrize("no", ["", "0", "f", "false", "N", "no", "off", " no "])
def test_whatever_means_no_on_the_command_line_leaves_plugins_on(monkeypatch, no):
    monkeypatch.setenv("SEQGEN_NO_PLUGINS", no)
    assert not installed_catalog().bundled_only
    monkeypatch.setenv("SEQGEN_NO_PLUGINS", "y")
    assert installed_catalog().bundled_only


def test_with_all_plugins_turned_off_the_list_of_those_turned_off_is_not_read(monkeypatch, tmp_path):
    (tmp_path / "config.toml").write_text("this is not TOML")
    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path))
    with pytest.raises(OptionError, match="config.toml"):
        find_part("tokenizer", "char")
    monkeypatch.setenv("SEQGEN_NO_PLUGINS", "1")
    assert find_part("tokenizer", "char") is CharTokenizer


def test_what_a_later_seqgen_has_settled_is_warned_of_and_the_rest_counts(monkeypatch, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('colour = "never"\nwidth = 3\ndisable-plugins = ["seqgen-lyrics", "seqgen-music"]\n')
    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path))
    with pytest.warns(SeqgenWarning) as told:
        catalog = installed_catalog()
    (warning,) = told
    assert str(warning.message) == (
        f"{config} holds colour, width, which this seqgen ({__version__}) does not know: it reads disable-plugins there.  "
        "Leave the rest out, or upgrade seqgen."
    )
    named = [each for each in catalog.plugins if each.distribution in ("seqgen-lyrics", "seqgen-music")]
    assert all(each.disabled == str(config) for each in named)


def test_without_a_home_folder_nothing_is_settled(monkeypatch):
    monkeypatch.delenv("SEQGEN_HOME", raising=False)
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: "~/.local/share/seqgen")
    assert installed_catalog().find("tokenizer", "char").load() is CharTokenizer
