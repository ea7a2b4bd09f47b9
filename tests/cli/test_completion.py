"""Shell completion, as bash asks for it."""

from __future__ import annotations

import pytest


@pytest.fixture
def completed(seqgen, monkeypatch):
    """What bash is offered for the last word of a line."""

    def complete(line: str) -> list[str]:
        with monkeypatch.context() as patch:
            patch.setenv("_SEQGEN_COMPLETE", "complete_bash")
            patch.setenv("COMP_WORDS", line)
            patch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
            outcome = seqgen()
        assert (outcome.exit_code, outcome.stderr) == (0, "")
        return outcome.stdout.split()

    return complete


def test_commands(completed):
    assert completed("seqgen t") == ["train"]
    assert {"train", "generate", "evaluate", "models", "corpora", "doctor"} <= set(completed("seqgen "))
    assert {"list", "show", "export", "import", "push", "pull"} <= set(completed("seqgen models "))


def test_names_of_options(completed):
    assert completed("seqgen generate --temp") == ["--temperature"]
    assert {"--hidden-size", "--resume", "--from", "--max-time"} <= set(completed("seqgen train --"))


def test_values_of_options_that_have_a_few(completed):
    assert completed("seqgen train --optimizer ") == ["adamw", "adam", "sgd", "rmsprop"]
    assert completed("seqgen train --preset tu") == ["tutorial"]
    assert completed("seqgen list-plugins --kind tok") == ["tokenizer"]
    assert completed("seqgen corpora get shak") == ["shakespeare"]


def test_names_of_parts_and_models(completed, novel):
    assert completed("seqgen train --tokenizer b") == ["byte", "bpe"]
    assert completed("seqgen train --backend t") == ["torch"]
    assert completed("seqgen generate --sampler top") == ["top-k", "top-p"]
    assert completed("seqgen plugin show sampler gr") == ["greedy", "grammar"]
    assert completed("seqgen generate --model n") == ["novel"]
    assert completed("seqgen models show n") == ["novel"]


def test_a_plugin_that_fails_writes_nothing_into_the_line(completed, install):
    install("bad", "raise RuntimeError('boom')")
    assert completed("seqgen tr") == ["train"]
    assert completed("seqgen generate --sampler top") == ["top-k", "top-p"]


@pytest.mark.parametrize("arguments", [("--show-completion",), ("--install-completion",)])
def test_the_script_for_bash_calls_seqgen(run_python, tmp_path, arguments):
    # shellingham asks the process tree which shell this is; here it is told.
    code = "import shellingham, sys; shellingham.detect_shell = lambda: ('bash', '/bin/bash')\n"
    result = run_python(
        code + "from seqgen.cli.app import main; main(sys.argv[1:])", *arguments, env={"HOME": tmp_path}
    )
    assert (result.exit_code, result.stderr) == (0, "")
    installed = tmp_path / ".bash_completions" / "seqgen.sh"
    script = installed.read_text() if installed.exists() else result.stdout
    assert "_SEQGEN_COMPLETE=complete_bash" in script
    assert "complete -o default -F _seqgen_completion seqgen" in script
