"""What the lines of an interactive session do, without a terminal."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

import pytest

import seqgen
from seqgen.cli.interactive.session import COMMANDS, Session, listing
from seqgen.cli.interactive.settings import Settings
from seqgen.core.errors import GenerationError, ModelNotFoundError, OptionError, OutputError, SeqgenError, UsageError
from seqgen.core.options import PartSpec
from seqgen.generation.length import Length


@dataclass
class Held:
    """A session and what came out of it."""

    session: Session
    shown: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    interrupt_after: int | None = None

    def __call__(self, *lines):
        """The text that the last of the lines shows."""
        for line in lines:
            self.shown.clear()
            self.session.handle(line)
        return "".join(self.shown)

    def told(self, line):
        self.words.clear()
        self(line)
        return "\n".join(self.words)


@pytest.fixture
def model(novel):
    return seqgen.load("novel")


@pytest.fixture
def hold(model):
    def start(prompt="", **settings):
        @contextlib.contextmanager
        def interruptible():
            pieces = len(held.shown)
            yield lambda: held.interrupt_after is not None and len(held.shown) - pieces >= held.interrupt_after

        held = Held(None)
        held.session = Session(
            model,
            Settings(**{"length": Length(tokens=30), "random_seed": 7} | settings),
            prompt,
            load=seqgen.load,
            write=held.shown.append,
            say=held.words.append,
            warn=held.warnings.append,
            tell=held.notes.extend,
            reading=lambda _tokens: contextlib.nullcontext(),
            interruptible=interruptible,
        )
        return held

    return start


def test_a_prompt_is_gone_on_from_as_generate_goes_on_from_it(hold, model):
    assert hold()("the ice") == "the ice" + model.generate("the ice", length=30, random_seed=7) + "\n"


def test_more_goes_on_exactly_where_the_text_stopped(hold, model):
    held = hold()
    parts = [held("the ice"), held("/more"), held("/length 5", "/more")]
    whole = "".join(part.removesuffix("\n") for part in parts)
    assert whole == "the ice" + model.generate("the ice", length=65, random_seed=7)


@pytest.mark.parametrize("tokenizer", ["byte", "word"])
def test_more_is_exact_in_characters_where_a_token_is_not_a_character(tokenizer, tmp_path, seqgen_home, hold, novel):
    text = "naïve – Größe, œuvre; " * 200
    (tmp_path / "signs.txt").write_text(text, "utf-8")
    signs = seqgen.train(
        tmp_path / "signs.txt", tokenizer=tokenizer, backend="torch", max_steps=3, hidden_size=8, embedding_size=8,
        seq_len=16, batch_size=4,
    )  # fmt: skip
    held = hold(length=Length(characters=7))
    held("/model signs")
    parts = [held("naïve"), held("/more"), held("/more")]
    assert [len(part) for part in parts] == [5 + 7 + 1, 7 + 1, 7 + 1]
    whole = "".join(part.removesuffix("\n") for part in parts)
    assert whole == "naïve" + signs.generate("naïve", length="21c", random_seed=7)


def test_more_goes_on_after_an_interruption(hold, model):
    held = hold(length=Length())
    held.interrupt_after = 11
    assert held("the ice") + held("/more") == (
        "the ice{}\n{}\n".format(*[(t := model.generate("the ice", length=22, random_seed=7))[:11], t[11:]])
    )


def test_again_writes_another_text_to_the_same_prompt_with_the_next_random_seed(hold, model):
    held = hold()
    texts = [held("the ice"), held("/again"), held("/again")]
    assert texts == [f"the ice{model.generate('the ice', length=30, random_seed=seed)}\n" for seed in (7, 8, 9)]
    assert held("the ice") == texts[0]


def test_a_random_seed_counts_anew(hold, model):
    held = hold()
    held("the ice", "/again", "/again", "/random-seed 20")
    assert held("/again") == f"the ice{model.generate('the ice', length=30, random_seed=21)}\n"
    assert held("the ice") == f"the ice{model.generate('the ice', length=30, random_seed=20)}\n"


def test_again_before_any_text_goes_on_from_the_prompt_of_the_command_line(hold):
    assert hold("the ice")("/again") == hold()("the ice")


def test_without_a_random_seed_again_differs_and_the_one_that_was_drawn_repeats_the_text(hold):
    held = hold(random_seed=None)
    first, second = held("the ice"), held("/again")
    assert first != second
    drawn = held.told("/random-seed").partition("last text was ")[2].removesuffix(")")
    assert held(f"/random-seed {drawn}", "the ice") == second


def test_a_changed_setting_holds_for_more_which_goes_on_from_the_whole_text(hold, model):
    held = hold()
    first = held("the ice").removesuffix("\n")
    assert held("/temperature 0", "/more") == model.generate(first, length=30, temperature=0) + "\n"


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("/temperature 0.3", {"temperature": 0.3}),
        ("/top-k 3", {"top_k": 3}),
        ("/top-p 0.5", {"top_p": 0.5}),
        ("/min-p 0.2", {"min_p": 0.2}),
        ("/repetition-penalty 1.5", {"repetition_penalty": 1.5}),
        ("/sampler typical:p=0.4", {"samplers": ["typical:p=0.4"]}),
        ("/length 50", {"length": 50}),
        ("/length 50c", {"length": 50}),
        ("/random-seed 3", {"random_seed": 3}),
        ('/stop "e"', {"stop": ["e"]}),
        ("/stop e", {"stop": ["e"]}),
    ],
)
def test_a_setting_does_what_the_option_of_its_name_does(hold, model, line, options):
    expected = model.generate("the ice", **{"length": 30, "random_seed": 7} | options)
    assert hold()(line, "the ice") == f"the ice{expected}\n"


def test_a_setting_replaces_the_one_before_and_off_takes_it_away(hold):
    held = hold(samplers=(PartSpec.parse("top-k:k=3"), PartSpec.parse("temperature:temperature=0.2")))
    with_these = held("the ice")
    held("/top-k 9", "/top-k 3", "/temperature 1", "/temperature 0.2")
    assert held("the ice") == with_these
    assert held("/top-k off", "/temperature off", "the ice") == hold()("the ice") != with_these


def test_a_sampler_takes_the_place_of_all_of_its_name(hold):
    twice = (PartSpec.parse("logit-bias:the=2"), PartSpec.parse("min-p"), PartSpec.parse("logit-bias:ice=-5"))
    told = hold(samplers=twice).told("/sampler logit-bias:the=1")
    assert told.count("LogitBias") == 1
    assert "LogitBias(bias={'the': 1.0})" in told


def test_several_stop_texts_hold_together_until_off(hold):
    held = hold()
    assert held.told("/stop q") == 'stop: "q"'
    assert held.told('/stop "\\n\\n"') == 'stop: "q", "\\n\\n"'
    assert held.told("/stop off") == "stop: off"


def test_a_stop_text_ends_the_text_and_after_it_more_says_so(hold, model):
    held = hold()
    whole = model.generate("the ice", length=30, random_seed=7)
    held(f"/stop {whole[9]}")
    assert held("the ice") == "the ice" + whole[: whole.index(whole[9])] + "\n"
    with pytest.raises(UsageError, match=r"The text has come to a stop text, .*  Another one: /again"):
        held("/more")
    assert held("/stop off", "/more") != "\n"


def test_a_prompt_that_begins_with_a_slash_or_has_line_ends_comes_by_seed(hold):
    held = hold()
    assert held("/seed / the ice").startswith("/ the ice")
    assert held('/seed "the\\nice"').startswith("the\nice")
    assert held('/seed ""') == hold()("/again")


def test_an_empty_line_writes_nothing(hold):
    assert hold()("", "   ") == ""


def test_save_writes_the_prompt_and_the_text_and_again_with_what_more_added(hold, tmp_path):
    held, path = hold(), tmp_path / "ice.txt"
    first = held("the ice")
    assert held.told(f"/save {path}") == f"saved in {path}"
    assert path.read_text("utf-8") == first
    more = held("/more")
    held(f"/save {path}")
    assert path.read_text("utf-8") == first.removesuffix("\n") + more


def test_save_leaves_a_file_alone_that_it_did_not_write(hold, tmp_path):
    held, path = hold(), tmp_path / "novel.txt"
    path.write_text("mine")
    held("the ice")
    with pytest.raises(OutputError, match="novel.txt is there already.  Give the name of a new file."):
        held(f"/save {path}")
    assert path.read_text() == "mine"


def test_save_where_nothing_can_be_written_names_the_reason(hold, tmp_path):
    held = hold()
    held("the ice")
    with pytest.raises(OutputError, match="none/ice.txt cannot be written: No such file or directory"):
        held(f"/save {tmp_path}/none/ice.txt")


def test_a_tilde_before_nobodys_name_is_part_of_a_files_name(hold, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    held = hold()
    text = held("the ice")
    held("/save ~nobody-of-this-name.txt")
    assert (tmp_path / "~nobody-of-this-name.txt").read_text() == text


@pytest.mark.parametrize(
    ("line", "error", "sentence"),
    [
        ("/temprature 1", UsageError, 'No command "/temprature".  Nearest: /temperature.  All: /help'),
        ("/", UsageError, 'No command "/".  All: /help; a prompt with a slash: /seed TEXT'),
        ("/temperature warm", OptionError, "temperature is .?warm.?, but must be"),
        ("/temperature -1", OptionError, "temperature is .?-1"),
        ("/temperature nan", OptionError, "temperature is .?nan"),
        ("/top-k 0", OptionError, "k is .?0"),
        ("/top-p 2", OptionError, "p is .?2"),
        ("/length none", OptionError, 'length is "none", but must be a whole number of tokens'),
        ("/random-seed -1", UsageError, '/random-seed is "-1", but must be a whole number from 0'),
        ("/random-seed 99999999999999999999999", UsageError, "but must be a whole number from 0"),
        ('/stop "', UsageError, "is no text in quotation marks"),
        ('/stop ""', OptionError, "stop is '', but must be text, at least a character"),
        ("/sampler nonsense", SeqgenError, 'No sampler "nonsense"'),
        ("/sampler greedy", OptionError, "both set the temperature"),
        ("/model nobody", ModelNotFoundError, "nobody"),
        ("/backend tensor", SeqgenError, 'No backend "tensor"'),
        ("/device abacus", OptionError, 'finds no device "abacus" here'),
        ("/again 3", UsageError, '/again takes nothing after it, but "3" is there.'),
        ("/save", UsageError, "/save needs something after it: /save FILE"),
        ("/save x", UsageError, "There is no text yet to save."),
        ("/more", UsageError, "There is no text yet to go on with.  Write a prompt, or /again"),
        ("☃", SeqgenError, "No symbol of the prompt '☃' is known"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_changes_nothing(hold, line, error, sentence):
    held = hold(samplers=(PartSpec.parse("temperature:temperature=0.5"),))
    with pytest.raises(error, match=sentence) as caught:
        held(line)
    assert "\n" not in str(caught.value)
    assert held("the ice") == hold(samplers=(PartSpec.parse("temperature:temperature=0.5"),))("the ice")


def test_a_model_that_cannot_write_with_the_settings_that_hold_is_refused_and_the_one_before_stays(
    hold, seqgen, tmp_path
):
    (tmp_path / "numbers.txt").write_text("0123456789 " * 30)
    options = ("--hidden-size", 4, "--embedding-size", 2, "--seq-len", 8, "--max-steps", 1, "--ngram-order", 0, "-q")
    assert seqgen("train", "numbers.txt", "--backend", "torch", *options).exit_code == 0
    held = hold()
    held("/sampler regex:pattern=[a-z]+")
    with pytest.raises(OptionError, match="no text of characters that this model can write matches"):
        held("/model numbers")
    assert held.told("/settings").startswith("model: novel:1\n")
    assert held("the ice").startswith("the ice")
    held("/sampler off")
    assert held.told("/model numbers") == "model: numbers:1"


def test_a_text_that_fails_midway_is_kept_and_can_be_gone_on_with(hold, model, monkeypatch, tmp_path):
    held = hold()
    whole = model.generate("the ice", length=30, random_seed=7)
    next_logits = type(model.model).next_logits
    steps = iter(range(100))

    def failing(self, ids, state):
        if next(steps) == 8:
            raise GenerationError("No memory is left.")
        return next_logits(self, ids, state)

    monkeypatch.setattr(type(model.model), "next_logits", failing)
    with pytest.raises(GenerationError):
        held("the ice")
    begun = "".join(held.shown).removesuffix("\n")
    assert 0 < len(begun) - len("the ice") < 30
    assert f"the ice{whole}".startswith(begun)
    assert len(held("/more")) == 30 + 1
    held(f"/save {tmp_path}/all.txt")
    assert (tmp_path / "all.txt").read_text("utf-8").startswith(begun)


def test_symbols_that_the_model_does_not_know_are_warned_of_once(hold):
    held = hold()
    held("the ☃ ice", "/top-k 3", "/more")
    assert len(held.warnings) == 1
    assert "'☃'" in held.warnings[0]


def test_a_stop_text_that_can_never_come_is_warned_of_once_where_it_comes_to_hold(hold):
    held = hold(stop=("☃",))
    held("the ice", "/again", "/temperature 0.5", "the ice ☃")
    assert held.warnings == [
        "stop text '☃' can never come: novel:1 never writes '☃'.",
        "novel:1 does not know '☃' (left out).",
    ]
    held("/stop \\n", "the ice")
    assert held.warnings[2:] == ["stop text '\\\\n' can never come: novel:1 never writes '\\\\'."]


def test_with_strict_it_is_refused_and_what_held_goes_on_to_hold(hold):
    held = hold(strict=True)
    with pytest.raises(OptionError, match="stop text '☃' can never come"):
        held("/stop ☃")
    assert held.told("/stop") == "stop: off"


def test_text_in_a_frame_which_comes_at_its_end_alone_is_refused(hold, model, monkeypatch):
    held = hold()
    monkeypatch.setattr(type(model.tokenizer), "framed", True)
    monkeypatch.setattr(type(model.tokenizer), "media_type", "text/x-letter")
    for start in (hold, lambda: held("/model novel")):
        with pytest.raises(
            UsageError, match="novel:1 writes text/x-letter, which a session cannot show piece by piece"
        ):
            start()


def test_settings_shows_all_that_holds(hold):
    held = hold(stop=("z",))
    held("/top-k 5")
    assert held.told("/settings").splitlines() == [
        "model: novel:1", "backend: numpy", "device: cpu", "length: 30", 'stop: "z"', "random-seed: 7",
        "samplers: TopK(k=5), Temperature(temperature=0.8)",
    ]  # fmt: skip


def test_another_backend_goes_on_with_the_same_text_and_off_takes_it_away(hold, model):
    held = hold()
    whole = held("the ice")
    assert held.told("/backend torch") == "backend: torch"
    assert held("the ice") == whole
    assert held.told("/device cpu") == "device: cpu"
    assert held.told("/model novel@latest") == "model: novel:1"
    assert held.told("/backend") == "backend: torch"
    assert held("/more") == model.generate(whole.removesuffix("\n"), length=30, random_seed=8) + "\n"
    assert held.told("/backend off") == "backend: numpy"


def test_a_backend_that_rounds_weights_is_told_as_one(hold):
    assert hold().told("/backend numba") == "backend: numba, which rounds the weights"


def test_help_lists_every_command(hold):
    told = hold().told("/help")
    assert told == listing()
    assert all(f"/{name}" in told and command.summary in told for name, command in COMMANDS.items())


def test_quit_ends_the_session(hold):
    held = hold()
    assert not held.session.ended
    held("/quit")
    assert held.session.ended
