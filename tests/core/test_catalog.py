"""The catalog knows parts without importing them, and no plugin can break it for others."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from importlib.metadata import EntryPoint, entry_points

import pluggy
import pytest

from seqgen.core.catalog import Catalog, load_catalog
from seqgen.core.errors import AmbiguousPartError, MissingDependencyError, OptionError, PluginError, UnknownPartError
from seqgen.core.hookspecs import hookimpl
from seqgen.core.part_entry import CONTRACTS
from seqgen.core.plugin import Plugin

CHAR = "seqgen.tokenizers.char:CharTokenizer"


def plugin(implementation, distribution="toy"):
    def load():
        if isinstance(implementation, BaseException):
            raise implementation
        return implementation

    return Plugin("plugin", "toy", distribution, "1.0", load)


def offering(name, target, **options):
    class Implementation:
        @hookimpl
        def register_tokenizers(self, register):
            register(name, target, summary="a toy", **options)

    return Implementation()


def catalog_with(*plugins):
    return Catalog([*load_catalog().plugins, *plugins])


def test_every_bundled_part_can_be_loaded():
    catalog = load_catalog()
    for kind in CONTRACTS:
        for entry in catalog.entries(kind):
            if not entry.missing:
                assert isinstance(entry.load(), type), entry


def test_listing_parts_imports_no_framework_and_no_numpy(run_python):
    code = (
        "import sys; from seqgen.installed import installed_catalog; catalog = installed_catalog(); "
        "assert all(catalog.entries(kind) for kind in ('tokenizer', 'dataset', 'backend', 'sampler')); "
        "print(sorted({'torch', 'tensorflow', 'keras', 'numpy', 'pydantic'} & set(sys.modules)))"
    )
    assert run_python(code).stdout == "[]\n"


def test_parts_are_found_where_pluggy_asks_for_hooks_that_a_plugin_does_not_have(monkeypatch):
    asked = pluggy.PluginManager.parse_hookimpl_opts

    def as_before_1_6(self, plugin, name):
        getattr(plugin, name)
        return asked(self, plugin, name)

    monkeypatch.setattr(pluggy.PluginManager, "parse_hookimpl_opts", as_before_1_6)
    assert load_catalog().find("tokenizer", "char").name == "char"


def test_an_unknown_part_names_the_nearest_and_how_to_list_all():
    with pytest.raises(UnknownPartError) as error:
        load_catalog().find("tokenizer", "chr")
    assert str(error.value) == 'No tokenizer "chr".  Nearest: char.  All: seqgen list-plugins --kind tokenizer'


def test_a_third_party_part_is_made_like_a_bundled_one():
    catalog = catalog_with(plugin(offering("toy", CHAR)))
    assert catalog.make("tokenizer", "toy:lowercase=true").lowercase is True


def test_a_package_within_another_is_looked_for_without_importing_that_one(tmp_path, monkeypatch):
    (tmp_path / "strings").mkdir()
    (tmp_path / "strings" / "__init__.py").write_text("raise RuntimeError('was imported')")
    (tmp_path / "strings" / "violin.py").touch()
    (tmp_path / "horn.py").write_text("raise RuntimeError('was imported')")
    monkeypatch.syspath_prepend(tmp_path)
    wanted = ("strings.violin", "strings.viola", "horn.violin", "horn.horn", "horn", "xml.dom")
    entry = catalog_with(plugin(offering("toy", CHAR, requires=wanted))).find("tokenizer", "toy")
    assert entry.missing == ("strings.viola", "horn.violin", "horn.horn")


def test_a_plugin_whose_metadata_is_no_text_is_named_after_its_package_and_used(tmp_path, monkeypatch):
    about = tmp_path / "band-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_bytes(b"Name: \xff\xfe")
    (about / "entry_points.txt").write_text("[seqgen]\nband = band.plugin:part\n")
    monkeypatch.syspath_prepend(tmp_path)
    (point,) = entry_points(group="seqgen", name="band")
    (_, plugin) = load_catalog([point]).plugins
    assert (plugin.distribution, plugin.version, plugin.requirements()) == ("band", "?", [])


def test_two_distributions_with_one_name_must_be_told_apart():
    catalog = catalog_with(plugin(offering("char", CHAR)))
    with pytest.raises(AmbiguousPartError, match="Write seqgen/char or toy/char"):
        catalog.find("tokenizer", "char")
    assert catalog.find("tokenizer", "toy/char").plugin.distribution == "toy"


@pytest.mark.parametrize("spelling", ["Toy_Box", "toy-box", "toy.box"])
def test_a_distribution_is_told_in_any_spelling_of_its_name(spelling):
    catalog = catalog_with(plugin(offering("char", CHAR), "Toy_Box"))
    assert catalog.find("tokenizer", f"{spelling}/char").plugin.distribution == "Toy_Box"


@pytest.mark.parametrize("name", ["chr", "toys/char", "/char"])
def test_a_nearest_name_that_several_have_is_named_with_its_distributions(name):
    with pytest.raises(UnknownPartError) as error:
        catalog_with(plugin(offering("char", CHAR))).find("tokenizer", name)
    assert str(error.value) == (
        f'No tokenizer "{name}".  Nearest: seqgen/char, toy/char.  All: seqgen list-plugins --kind tokenizer'
    )


def test_where_plugins_are_left_out_an_unknown_part_may_be_one_of_theirs():
    with pytest.raises(UnknownPartError) as error:
        Catalog(load_catalog().plugins, bundled_only=True).find("tokenizer", "chr")
    assert str(error.value) == (
        'No tokenizer "chr".  Nearest: char.  All: seqgen list-plugins --kind tokenizer\n--no-plugins or SEQGEN_NO_PLUGINS leaves out '
        "all plugins, one of which may have offered it."
    )


def test_a_missing_package_is_known_without_importing_and_says_what_installs_it():
    entry = catalog_with(plugin(offering("toy", CHAR, requires="no_such_package", extra="midi"))).find(
        "tokenizer", "toy"
    )
    assert entry.missing == ("no_such_package",)
    with pytest.raises(MissingDependencyError) as error:
        entry.load()
    assert str(error.value) == (
        'Tokenizer "toy" needs no_such_package, which is not installed.  pip install "toy[midi]"'
    )


@pytest.mark.parametrize(
    "failure", [ImportError("no module"), SystemExit(3), RuntimeError("boom"), ZeroDivisionError()]
)
def test_a_plugin_that_fails_to_load_is_reported_and_the_others_work(failure):
    broken = plugin(failure, "broken")
    catalog = catalog_with(broken, plugin(offering("toy", CHAR)))
    names = [entry.name for entry in catalog.entries("tokenizer")]
    assert "char" in names
    assert "toy" in names
    assert type(failure).__name__ in broken.problem
    with pytest.raises(UnknownPartError, match="Plugin broken could not be used"):
        catalog.find("tokenizer", "absent")


def test_a_hook_that_raises_leaves_out_only_its_plugin():
    class Raising:
        @hookimpl
        def register_tokenizers(self, register):
            register("half", CHAR, summary="registered before the failure")
            raise RuntimeError("in the hook")

    broken = plugin(Raising(), "broken")
    names = [entry.name for entry in catalog_with(broken).entries("tokenizer")]
    assert "char" in names
    assert "half" not in names
    assert broken.problem == "register_tokenizers failed: RuntimeError: in the hook"


def test_a_hook_with_an_unknown_argument_is_reported():
    class Wrong:
        @hookimpl
        def register_tokenizers(self, registrar):
            """Never called."""

    broken = plugin(Wrong(), "broken")
    assert catalog_with(broken).entries("tokenizer")
    assert "register_tokenizers(registrar)" in broken.problem


def test_a_hook_without_its_argument_could_register_nothing_and_is_reported():
    class Without:
        @hookimpl
        def register_samplers(self):
            """Has nothing to call."""

    class WithDefault:
        @hookimpl
        def register_samplers(self, register=None):
            """Is handed nothing by pluggy."""

    for implementation in (Without(), WithDefault()):
        broken = plugin(implementation, "broken")
        assert catalog_with(broken).entries("tokenizer")
        assert broken.problem.endswith(
            "register_samplers takes no argument register (one with a default is handed nothing), so it can register nothing"
        )


def test_commands_without_an_application_to_add_them_to_are_reported():
    class Without:
        @hookimpl
        def register_commands(self):
            """Has nothing to add to."""

    broken = plugin(Without(), "broken")
    list(catalog_with(broken).usable())
    assert "register_commands takes no argument app" in broken.problem


@pytest.mark.parametrize(("name", "target"), [("Bad Name", CHAR), ("ok", "no-colon"), ("ok", "a:b:c")])
def test_a_part_with_an_impossible_name_or_target_is_refused(name, target):
    broken = plugin(offering(name, target))
    catalog_with(broken).entries("tokenizer")
    assert "PluginError" in broken.problem


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("no_such_module:Thing", "cannot be imported: ModuleNotFoundError"),
        ("json:JSONDecoder", "is not a Tokenizer"),
        ("json:no_such", "cannot be imported: AttributeError"),
        ("seqgen.core.tokenizer:Tokenizer", "lacks decode, decoder, encode, fit, from_state, state, vocab_size"),
    ],
)
def test_a_target_that_is_no_such_part_is_a_sentence(target, sentence):
    entry = catalog_with(plugin(offering("toy", target))).find("tokenizer", "toy")
    with pytest.raises(PluginError, match=sentence):
        entry.load()


def test_what_a_plugin_prints_on_import_does_not_reach_standard_output(capsys):
    class Printing:
        @hookimpl
        def register_tokenizers(self, register):
            print("hello from a plugin")

    catalog_with(plugin(Printing())).entries("tokenizer")
    assert capsys.readouterr().out == ""


def test_hooks_are_called_only_when_their_kind_is_asked_for():
    calls = []

    class Counting:
        @hookimpl
        def register_samplers(self, register):
            calls.append("samplers")

    catalog = catalog_with(plugin(Counting()))
    catalog.entries("tokenizer")
    assert calls == []
    catalog.entries("sampler")
    catalog.entries("sampler")
    assert calls == ["samplers"]


def test_hooks_are_called_once_for_each_catalog_and_the_parts_are_in_each():
    calls = []

    class Counting:
        @hookimpl
        def register_tokenizers(self, register):
            calls.append(register)
            register("toy", CHAR, summary="a toy")

    hooks = Counting()
    for _ in range(2):
        catalog = catalog_with(plugin(hooks))
        assert [catalog.find("tokenizer", "toy").name for _ in range(2)] == ["toy"] * 2
    assert len(calls) == 2


def test_a_thread_finds_the_parts_that_another_is_just_registering():
    registering, may_go_on = threading.Event(), threading.Event()

    class Slow:
        def __dir__(self):  # pluggy looks for hooks there
            registering.set()
            may_go_on.wait(9)
            return ["register_tokenizers"]

        @hookimpl
        def register_tokenizers(self, register):
            register("toy", CHAR, summary="a toy")

    catalog = catalog_with(plugin(Slow()))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(catalog.find, "tokenizer", "toy")
        assert registering.wait(9)
        second = pool.submit(catalog.find, "tokenizer", "toy")
        wait([second], timeout=0.2)
        may_go_on.set()
        assert [first.result(9).name, second.result(9).name] == ["toy", "toy"]
    assert catalog.find("tokenizer", "toy").name == "toy"


def test_a_thread_finds_the_parts_of_a_slow_plugin_that_another_waited_for(overtaken):
    assert overtaken(offering("toy", CHAR)).find("tokenizer", "toy").name == "toy"


def test_exceptions_that_were_raised_from_each_other_have_an_end():
    error, cause = ValueError(), KeyError()
    error.__cause__, cause.__cause__ = cause, error
    assert load_catalog().owner(error) is None


def test_only_parts_of_plugins_that_were_imported_count_as_used():
    catalog = catalog_with(plugin(offering("toy", CHAR)))
    entry = catalog.find("tokenizer", "toy")
    catalog.find("tokenizer", "char").load()
    assert catalog.used == []
    entry.load()
    entry.load()
    assert catalog.used == [entry]


def test_options_of_a_part_are_checked_with_its_name():
    with pytest.raises(OptionError, match="tokenizer char: min_count is 0, but must be a whole number at least 1"):
        load_catalog().make("tokenizer", "char:min_count=0")


def test_entry_points_of_the_environment_are_found():
    catalog = load_catalog([EntryPoint(name="again", value="seqgen.builtin", group="seqgen")])
    assert [plugin.name for plugin in catalog.plugins] == ["builtin", "again"]
