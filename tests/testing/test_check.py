"""``seqgen check-plugin``: the kit from the shell, whatever the part does."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from seqgen.core.catalog import load_catalog
from seqgen.samplers.greedy import Greedy
from seqgen.testing import check, speed, worker
from seqgen.testing.find import parts_named
from seqgen.testing.speed import speeds
from tests.conftest import run_here

FOLLOWED = "test_a_whole_run_is_followed"

HOOKS = """
import seqgen


@seqgen.hookimpl
def register_callbacks(register):
    for name in NAMES:
        module = "leaving" if name == "leaving" else "parts"
        register(name, f"{__name__}_{module}:{name.capitalize()}", summary="a toy")
"""

PARTS = """
import os
import sys
import threading
import time

from seqgen.core.callback import Callback

print("hello from the plugin")


class Strict(Callback):
    def on_metrics(self, metrics):
        if metrics["validation_loss"] is None:
            raise ValueError("out of rope")


class Excused(Strict):
    exceptions = {
        "test_a_whole_run_is_followed": "it is strict on purpose",
        "test_two_runs_one_after_the_other_are_followed": "as strict as before",
        "test_what_it_is_handed_is_not_modified": "it does not get so far",
    }


class Crashing(Callback):
    def on_metrics(self, metrics):
        print("out of rope", file=sys.stderr, flush=True)
        os._exit(3)


class Endless(Callback):
    def on_metrics(self, metrics):
        print("round and round", file=sys.stderr, flush=True)
        time.sleep(3600)


class Lasting(Callback):
    def on_start(self, config, folder):
        threading.Thread(target=time.sleep, args=(3600,)).start()
"""


@pytest.fixture
def plugin(tmp_path):
    """Writes a plugin with these callbacks into a folder."""

    def write(package, *names):
        folder = tmp_path / package
        (folder / "src").mkdir(parents=True)
        hooks = HOOKS.replace("NAMES", repr(names))
        (folder / "src" / f"{package}.py").write_text(hooks)
        (folder / "src" / f"{package}_parts.py").write_text(PARTS)
        (folder / "src" / f"{package}_leaving.py").write_text("import os\n\nos._exit(4)\n")
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "{package}"\nversion = "1.0"\n[project.entry-points.seqgen]\nknots = "{package}"\n'
        )
        return folder

    return write


def outcomes(part):
    return {law["name"]: law["outcome"] for law in part["laws"]}


TABLES = """
from dataclasses import dataclass

from seqgen.core.dataset import Dataset
from seqgen.core.errors import OptionError
from seqgen.core.files import find_sources
from seqgen.core.sampler import Sampler
from seqgen.core.types import Document


class Tables(Dataset):
    def documents(self):
        for source in find_sources(self.sources):
            for line in "".join(source.text()).splitlines():
                key, value = line.split("=")
                yield Document(key, value)


class Picky(Sampler):
    def begin(self, prompt_ids, tokenizer):
        raise OptionError("sampler picky needs the tokenizer tables.")

    def adjust(self, logits):
        return logits
"""


@pytest.fixture
def tables(monkeypatch, tmp_path):
    """A module with parts that are made for something else than plain text."""
    (tmp_path / "tables.py").write_text(TABLES)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("tables")
    del sys.modules["tables"]


def test_a_sampler_that_is_made_for_one_tokenizer_is_told_where_it_can_be_checked(tables, monkeypatch):
    entry = SimpleNamespace(load=lambda: tables.Picky)
    monkeypatch.setattr(worker, "catalog_of", lambda _: SimpleNamespace(find=lambda *_: entry))
    (answer,) = worker._check("sampler", "seqgen-tables", "picky")
    assert answer == {
        "problem": "It refuses the tokenizer of letters that samplers are checked with: sampler picky needs the tokenizer "
        "tables.  Write a test with SamplerContract, whose tokenizer(vocab_size) gives one that it takes."
    }


def test_a_dataset_that_is_not_made_for_plain_text_is_told_to_write_an_example(tables):
    contract = worker.contract_of("dataset", tables.Tables)
    with pytest.raises(ValueError, match="unpack") as error:
        contract.test_two_readings_give_the_same()
    assert "override the classmethod example(folder, size)" in " ".join(error.value.__notes__)


@pytest.mark.slow
def test_a_part_that_keeps_its_laws_passes_and_is_measured_beside_the_others(seqgen_cli, tmp_path):
    result = seqgen_cli("check-plugin", "greedy", "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    (part,) = report["parts"]
    assert (part["kind"], part["name"], part["distribution"], part["problem"]) == ("sampler", "greedy", "seqgen", None)
    assert report["passed"]
    assert set(outcomes(part).values()) == {"passed"}
    assert all(law["statement"].endswith(".") and law["reason"] for law in part["laws"])
    measured = {each["part"] for each in report["speeds"]["sampler"]}
    assert measured == {f"seqgen/{entry.name}" for entry in load_catalog().entries("sampler")}
    assert all(each["value"] > 0 and each["unit"] == "µs" for each in report["speeds"]["sampler"])
    assert list(tmp_path.iterdir()) == []  # nothing is left in the folder


def test_what_a_part_breaks_excepts_crashes_or_lacks_is_told_apart(seqgen_cli, plugin):
    folder = plugin("knotty", "strict", "excused", "crashing", "absent", "leaving")
    result = seqgen_cli("check-plugin", folder, "--no-speed", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)  # without the plugin's hello
    assert (report["passed"], report["speeds"]) == (False, {})
    strict, excused, crashing, absent, leaving = report["parts"]
    assert [part["passed"] for part in report["parts"]] == [False, True, False, False, False]

    broken = next(law for law in strict["laws"] if law["name"] == FOLLOWED)
    assert broken["outcome"] == "failed"
    assert broken["message"].startswith("on_metrics raises ValueError: out of rope, when handed {'step': 10, ")

    excepted = next(law for law in excused["laws"] if law["name"] == FOLLOWED)
    assert (excepted["outcome"], excepted["message"]) == ("excepted", "declared exception: it is strict on purpose")

    crashed = [(law["name"], law["outcome"]) for law in crashing["laws"]]
    assert crashed[0] == (FOLLOWED, "failed")
    assert {outcome for _, outcome in crashed[1:]} == {"unchecked"}
    message = crashing["laws"][0]["message"]
    assert message.startswith("It ended the process.  Exit code 3")
    assert message.endswith("out of rope")

    assert absent["laws"] == []
    assert "cannot be imported: AttributeError" in absent["problem"]
    assert (leaving["laws"], leaving["problem"]) == ([], "When it was imported: It ended the process.  Exit code 4.")


def test_a_part_that_comes_to_no_end_is_stopped(plugin, monkeypatch):
    def follow(part):
        if part.laws:  # only now: that the process starts may take longer on a busy machine
            monkeypatch.setattr(check, "PATIENCE", 3.0)

    with parts_named(str(plugin("knotty", "endless")), load_catalog()) as parts:
        (part,) = check.check(parts, speed=False, follow=follow).parts
    first, *others = part.checked
    assert (first.law.name, first.outcome) == (FOLLOWED, "failed")
    assert first.message.startswith("Stopped after 3 seconds.  The last that it said:")
    assert first.message.endswith("round and round")
    assert {each.outcome for each in others} == {"unchecked"}


def test_a_thread_that_a_part_leaves_keeps_nobody_waiting(plugin, monkeypatch):
    monkeypatch.setattr(check, "GRACE", 0.5)
    with parts_named(str(plugin("loose", "lasting")), load_catalog()) as parts:
        (part,) = check.check(parts, speed=False).parts
    assert part.passed, part


def test_people_read_each_law_and_what_is_wrong(seqgen_home, plugin):
    result = run_here("check-plugin", plugin("rigid", "strict", "absent"))
    assert (result.exit_code, result.stderr) == (1, "")
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines[0] == "callback strict  rigid 1.0"
    assert "kept     on_end may come straight after on_start." in lines
    start = lines.index(
        "broken   A run is followed from start to end, also where a value is None, and stop gives text."
    )
    assert lines[start + 1].startswith("on_metrics raises ValueError: out of rope")
    why = lines.index(next(line for line in lines[start:] if line.startswith("Why: ")))
    assert lines[why].startswith("Why: What a callback raises takes it out of the run")
    assert f"({FOLLOWED})" in lines[why : why + 3]
    assert all(len(line) <= 120 for line in result.stdout.splitlines() if "cannot be checked" not in line)
    assert "10 laws: 7 kept, 3 broken" in lines
    assert lines[lines.index("callback absent  rigid 1.0") + 1].startswith("cannot be checked  callback")


# What is deprecated

OUTDATED = """
import warnings

from typing_extensions import deprecated

from seqgen.core.callback import Callback


@deprecated("since contract 1.2, gone in 2.0: use bind instead")
def tie():
    pass


class Base(Callback):
    __module__ = "seqgen.core.knots"  # as though it were a contract

    @deprecated("since contract 1.1, gone in 2.0: use on_end instead")
    def on_pause(self):
        pass

    @property
    @deprecated("since contract 1.1, gone in 2.0: use name instead")
    def title(self):
        return ""


class Outdated(Base):
    def on_pause(self):
        pass

    def on_metrics(self, metrics):
        tie()
        warnings.warn_explicit("a framework's own", DeprecationWarning, "framework.py", 1)
        warnings.warn("is no deprecation", UserWarning, stacklevel=1)
"""

TEST = """
from outdated_parts import Outdated

from seqgen.testing import CallbackContract


class TestLaws(CallbackContract):
    def make(self):
        return Outdated()
"""


@pytest.fixture
def outdated(plugin):
    """A plugin that uses what is deprecated."""
    folder = plugin("outdated", "outdated")
    (folder / "src/outdated_parts.py").write_text(OUTDATED)
    return folder


WARNED = "since contract 1.2, gone in 2.0: use bind instead"
LINE = OUTDATED.splitlines().index("        tie()") + 1


@pytest.mark.slow
def test_what_a_part_uses_although_it_is_deprecated_is_shown_once_and_is_no_fault(seqgen_cli, outdated):
    result = seqgen_cli("check-plugin", outdated, "--no-speed", "--json")
    assert result.exit_code == 0, result.stderr
    (part,) = json.loads(result.stdout)["parts"]
    called = f"outdated_parts.py:{LINE}: {WARNED}"
    implemented = "Outdated.on_pause: since contract 1.1, gone in 2.0: use on_end instead"
    assert (part["passed"], part["deprecated"]) == (True, [called, implemented])
    words = seqgen_cli("check-plugin", outdated, "--no-speed").stdout.splitlines()
    assert words[-4:-1] == ["8 laws: 8 kept", f"deprecated  {called}", f"deprecated  {implemented}"]


@pytest.mark.slow
def test_a_part_that_uses_nothing_deprecated_has_none_to_show(seqgen_cli, plugin):
    result = seqgen_cli("check-plugin", plugin("knotty", "strict"), "--no-speed", "--json")
    assert json.loads(result.stdout)["parts"][0]["deprecated"] == []
    assert "deprecated" not in seqgen_cli("check-plugin", "callback:csv", "--no-speed").stdout


@pytest.mark.slow
def test_pytest_with_the_kit_shows_the_same_warning(outdated):
    (outdated / "test_outdated.py").write_text(TEST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_outdated.py"],
        cwd=outdated,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"outdated_parts.py:{LINE}: DeprecationWarning: {WARNED}" in done.stdout


def test_a_name_that_is_nothing_exits_2(seqgen_home):
    result = run_here("check-plugin", "gredy")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith('error: No part or plugin "gredy"')


@pytest.mark.parametrize("package", ["pytest", "hypothesis"])
def test_without_the_extra_it_says_what_to_install(run_python, package):
    code = f"import sys; sys.modules['{package}'] = None; from seqgen.cli.app import main; main(['check-plugin', 'greedy'])"
    result = run_python(code)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f'error: seqgen.testing needs {package}, which is not installed.  pip install "seqgen[testing]"\n'
    )


# Speed


@pytest.fixture
def at_once(monkeypatch):
    """Each thing is measured in one short repeat."""
    monkeypatch.setattr(speed, "SHORTEST", 0.0)
    monkeypatch.setattr(speed, "REPEATS", 1)


def test_a_part_that_cannot_be_measured_says_why_and_the_others_are_measured(at_once):
    class Broken(Greedy):
        def adjust(self, logits):
            raise RuntimeError("out of rope")

    first, *others = speeds("sampler", {"broken": Broken, "greedy": Greedy})
    assert (first.part, first.value, first.problem) == ("broken", None, "RuntimeError: out of rope")
    assert {(each.part, each.measure) for each in others} == {
        ("greedy", "adjust 1 x 65"),
        ("greedy", "adjust 16 x 8192"),
    }


@pytest.mark.parametrize(
    ("kind", "name", "measures"),
    [
        ("tokenizer", "char", [("encode", "tokens/s"), ("decode", "tokens/s")]),
        ("dataset", "lines", [("read", "documents/s"), ("read", "characters/s")]),
        ("backend", "numpy", [("generate", "tokens/s")]),
        ("backend", "torch", [("generate", "tokens/s"), ("train", "tokens/s")]),
    ],
)
def test_each_kind_is_measured_by_what_it_does(at_once, kind, name, measures):
    found = list(speeds(kind, {name: load_catalog().find(kind, name).load()}))
    assert [(each.measure, each.unit) for each in found] == measures
    assert all(each.value > 0 and not each.problem for each in found)


def test_a_speed_is_the_median_of_turns(at_once, monkeypatch):
    clock = iter([0, 1, 0, 2, *(value for took in (4, 1, 2, 9, 3, 5) for value in (0, took))])
    monkeypatch.setattr(speed, "REPEATS", 3)
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(clock))
    calls = []
    assert speed._medians({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}) == {"a": 3, "b": 5}
    assert calls == list("abababab")
