"""Every tokenizer, dataset, backend and sampler with every other: what is tried, and what is said of what cannot be."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import seqgen
from seqgen.combinations import try_all
from seqgen.core.catalog import Catalog
from seqgen.core.plugin import Plugin

TESTS = Path(__file__).parent
SAMPLERS = ("greedy", "temperature", "min-p")


class SomeOfTheBundled:
    """As many of the bundled parts as show what must be shown, none of which needs a framework."""

    @seqgen.hookimpl
    def register_tokenizers(self, register):
        register("char", "seqgen.tokenizers.char:CharTokenizer", summary="characters")

    @seqgen.hookimpl
    def register_datasets(self, register):
        register("text", "seqgen.datasets.text:TextDataset", summary="files")

    @seqgen.hookimpl
    def register_backends(self, register):
        register("numpy", "seqgen.backends.numpy.backend:NumpyBackend", summary="generates")

    @seqgen.hookimpl
    def register_samplers(self, register):
        register("greedy", "seqgen.samplers.greedy:Greedy", summary="the likeliest")
        register("temperature", "seqgen.samplers.temperature:Temperature", summary="sharper or flatter")
        register("min-p", "seqgen.samplers.min_p:MinP", summary="likely ones")


BAD = """
import sys
from dataclasses import dataclass
from typing import ClassVar

import seqgen
from seqgen.core.errors import OptionError
from seqgen.core.sampler import Sampler
from seqgen.datasets.text import TextDataset
from seqgen.tokenizers.char import CharTokenizer
from seqgen_toy.counting import CountingBackend

print("hello from a plugin")


@seqgen.hookimpl
def register_tokenizers(register):
    register("needy", "bad:Needy", summary="-", requires="no_such_package", extra="all")
    register("absent", "bad:Absent", summary="-")
    register("wordless", "bad:Wordless", summary="-")
    register("mute", "bad:Mute", summary="-")


@seqgen.hookimpl
def register_datasets(register):
    register("abc", "bad:Abc", summary="-")
    register("spoilt", "bad:Spoilt", summary="-")


@seqgen.hookimpl
def register_backends(register):
    register("strict", "bad:Strict", summary="-")
    register("broken", "bad:Broken", summary="-")


@seqgen.hookimpl
def register_samplers(register):
    register("sly", "bad:Sly", summary="-")
    register("leaving", "bad:Leaving", summary="-")
    register("greedy", "bad:Second", summary="-")
    register("choosy", "bad:Choosy", summary="-")


class Mute(CharTokenizer):
    media_type: ClassVar[str] = "text/vnd.abc"


class Wordless(CharTokenizer):
    def decoder(self):
        raise LookupError("out of words")


class Abc(TextDataset):
    media_type: ClassVar[str] = "text/vnd.abc"


class Spoilt(TextDataset):
    @classmethod
    def example(cls, folder, size):
        raise ValueError("out of paper")


class Strict(CountingBackend):
    def build(self, spec, **options):
        raise OptionError("Backend strict builds nothing.\\nTry another.")


class Broken(CountingBackend):
    def architectures(self):
        raise RuntimeError("no plan")


class Second(Sampler):
    def adjust(self, logits):
        print("adjusting")
        return logits


class Sly(Sampler):
    def adjust(self, logits):
        raise RuntimeError("out of rope")


class Choosy(Sampler):
    def begin(self, prompt_ids, tokenizer):
        raise OptionError("Sampler choosy works with tokenizer airs alone.")

    def adjust(self, logits):
        return logits


class Leaving(Sampler):
    def begin(self, prompt_ids, tokenizer):
        sys.exit(3)

    def adjust(self, logits):
        return logits
"""


def plugin(module, distribution):
    return Plugin(module, module, distribution, "1.0", lambda: importlib.import_module(module))


@pytest.fixture(scope="module", autouse=True)
def _modules(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    (folder / "bad.py").write_text(BAD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sys,
            "path",
            [*sys.path, str(folder), *(str(TESTS / each / "src") for each in ("toy_plugin", "steps_plugin"))],
        )
        yield
        sys.modules.pop("bad", None)


def catalog(*plugins):
    bundled = Plugin("builtin", "seqgen.builtin", "seqgen", seqgen.__version__, SomeOfTheBundled)
    return Catalog([bundled, plugin("seqgen_toy", "seqgen-toy"), *plugins])


def outcomes(matrix, backend):
    return {(cell.tokenizer, cell.dataset): cell.outcome for cell in matrix.cells if cell.backend == backend}


# What fits together


@pytest.fixture(scope="module")
def sound():
    return try_all(catalog(plugin("seqgen_steps", "seqgen-steps")))


def test_every_tokenizer_and_dataset_of_one_medium_works_with_a_backend_that_trains(sound):
    assert not sound.failed
    text = [(tokenizer, dataset) for tokenizer in ("char", "case") for dataset in ("text", "paragraphs")]
    works = {pair for pair, outcome in outcomes(sound, "counting").items() if outcome == "works"}
    assert works == {*text, ("steps", "walks")}


def test_a_cell_that_works_names_the_samplers_that_it_generated_with(sound):
    assert sound.samplers == (*SAMPLERS, "no-stutter")
    for cell in sound.cells:
        assert cell.samplers == (sound.samplers if cell.outcome == "works" else ())
        assert (cell.reasons == ()) == (cell.outcome == "works")


def test_media_that_do_not_meet_are_refused_with_the_sentence_of_training(sound):
    refused = {cell.reasons for cell in sound.cells if (cell.tokenizer, cell.dataset) == ("char", "walks")}
    assert refused == {("Dataset walks gives application/x-steps, but tokenizer char takes text/plain.",)}
    assert outcomes(sound, "counting")["steps", "text"] == "refused"


def test_a_backend_without_a_model_that_it_knows_is_untried(sound):
    cell = next(cell for cell in sound.cells if cell.backend == "numpy")
    assert (cell.outcome, cell.reasons) == (
        "untried",
        ("Backend numpy does not train, and none that does gave a model that it knows: lstm, gru, rnn",),
    )


@dataclass
class Watched:
    """What is seen from outside while all is tried by a person who has options in the environment and a home.

    Attributes:
        doings: what each step is, with the environment in which it is done.
        shown: what came to standard output and to standard error.
        before, after: the environment.
    """

    home: Path
    doings: list[tuple[str, dict[str, str]]]
    failed: bool
    shown: tuple[str, str]
    before: dict[str, str]
    after: dict[str, str]


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    home, doings = tmp_path_factory.mktemp("person") / "home", []
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setenv("SEQGEN_HOME", str(home))
        patch.setenv("SEQGEN_ARCHITECTURE", "gru")  # which backend counting does not have
        patch.setenv("SEQGEN_PRESET", "tutorial")
        before = dict(os.environ)
        matrix = try_all(catalog(), follow=lambda doing: doings.append((doing, dict(os.environ))))
        return Watched(home, doings, matrix.failed, (out.getvalue(), err.getvalue()), before, dict(os.environ))


def test_options_in_the_environment_do_not_count(watched):
    assert not watched.failed
    # They are there for what else the process does.
    assert {environment.get("SEQGEN_PRESET") for _, environment in watched.doings} == {"tutorial"}


def test_nothing_of_the_person_is_touched(watched):
    assert watched.after == watched.before
    assert not watched.home.exists()
    assert watched.doings[0][0] == "1/4  char × text × counting: training"
    (home,) = {environment["SEQGEN_HOME"] for _, environment in watched.doings}
    assert not Path(home).exists()
    assert watched.shown == ("", "")


# What does not


@pytest.fixture(scope="module")
def tried_and_shown():
    """The matrix, and what came to standard output and to standard error meanwhile."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        matrix = try_all(catalog(plugin("bad", "bad")))
    return matrix, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def tried(tried_and_shown):
    return tried_and_shown[0]


@pytest.fixture(scope="module")
def unusable(tried):
    return {(each.kind, each.name): (each.outcome, each.reason) for each in tried.unusable}


def test_a_part_that_lacks_a_package_is_untried_and_says_what_to_install(unusable):
    assert unusable["tokenizer", "needy"] == (
        "untried",
        'Tokenizer "needy" needs no_such_package, which is not installed.  pip install "bad[all]"',
    )


def test_a_part_that_cannot_be_imported_or_made_fails(unusable):
    outcome, reason = unusable["tokenizer", "absent"]
    assert outcome == "fails"
    assert reason.startswith('tokenizer "absent" of bad (bad:Absent) cannot be imported: AttributeError')
    assert unusable["backend", "broken"] == (
        "fails",
        'backend "broken" of bad (bad:Broken) cannot say what it can do: RuntimeError: no plan',
    )
    assert len(unusable) == 3


def test_a_sampler_that_raises_fails_alone(tried):
    assert tried.failed
    cell = next(
        cell for cell in tried.cells if (cell.tokenizer, cell.dataset, cell.backend) == ("char", "text", "counting")
    )
    assert cell.outcome == "fails"
    assert cell.reasons == ("sampler sly: RuntimeError: out of rope", "sampler leaving: SystemExit: 3")
    assert cell.samplers == ("seqgen/greedy", "temperature", "min-p", "no-stutter", "bad/greedy")


def test_a_sampler_that_refuses_a_tokenizer_is_not_among_those_that_work_and_fails_nothing(tried):
    cells = [cell for cell in tried.cells if cell.samplers]
    assert cells
    assert not [cell for cell in cells if "choosy" in cell.samplers or "choosy" in " ".join(cell.reasons)]


def test_what_fails_alike_with_every_sampler_is_no_samplers_fault(tried):
    cell = next(
        cell for cell in tried.cells if (cell.tokenizer, cell.dataset, cell.backend) == ("wordless", "text", "counting")
    )
    assert (cell.samplers, cell.reasons) == ((), ("generating by counting: LookupError: out of words",))


def test_parts_of_one_name_are_told_apart_by_their_distributions(tried):
    assert set(tried.samplers) >= {"seqgen/greedy", "bad/greedy"}


def test_a_backend_that_cannot_train_fails_and_the_others_go_on(tried):
    cells = {cell.backend: cell for cell in tried.cells if (cell.tokenizer, cell.dataset) == ("case", "paragraphs")}
    assert cells["strict"].reasons[0] == "training by strict: Backend strict builds nothing.  Try another."
    assert len(cells["counting"].samplers) == 5


def test_a_dataset_of_another_medium_without_an_example_corpus_is_untried(tried):
    cell = next(cell for cell in tried.cells if (cell.tokenizer, cell.dataset) == ("mute", "abc"))
    sentence = "Dataset abc gives text/vnd.abc and has no corpus to be tried on.  Give it the classmethod example(folder, size)"
    assert (cell.outcome, cell.reasons) == ("untried", (sentence,))


def test_a_dataset_whose_example_corpus_fails_says_so(tried):
    cell = next(cell for cell in tried.cells if (cell.tokenizer, cell.dataset) == ("char", "spoilt"))
    assert (cell.outcome, cell.reasons) == ("fails", ("example corpus of dataset spoilt: ValueError: out of paper",))


def test_a_plugin_that_cannot_be_used_fails():
    matrix = try_all(catalog(plugin("no_such_module", "half")))
    (each,) = matrix.unusable
    assert (each.kind, each.name, each.outcome) == ("plugin", "half", "fails")
    assert each.reason.startswith("plugin half: its module no_such_module is not there")
    assert {cell.outcome for cell in matrix.cells} == {"works", "untried"}


def test_what_parts_print_does_not_reach_standard_output(tried_and_shown):
    _, out, err = tried_and_shown
    assert out == ""
    assert "adjusting" in err


def test_ctrl_c_ends_it(seqgen_home, monkeypatch):
    def interrupt(self, logits):
        raise KeyboardInterrupt

    monkeypatch.setattr("seqgen_toy.no_stutter.NoStutter.adjust", interrupt)
    with pytest.raises(KeyboardInterrupt):
        try_all(catalog())
    assert os.environ["SEQGEN_HOME"] == str(seqgen_home)


def test_ctrl_c_in_training_ends_it_too(seqgen_home, monkeypatch):
    import signal

    from seqgen_toy.counting import BigramModel

    step = BigramModel.train_step

    def interrupted(self, batch, learning_rate):
        signal.raise_signal(signal.SIGINT)
        return step(self, batch, learning_rate)

    monkeypatch.setattr(BigramModel, "train_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        try_all(catalog())
