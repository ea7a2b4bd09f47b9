"""``seqgen models export``, ``import``, ``push`` and ``pull``."""

from __future__ import annotations

import json
import shutil


def test_a_model_goes_to_somebody_in_one_file_and_writes_the_same_text_there(seqgen, novel, tmp_path, monkeypatch):
    text = seqgen("generate", "--seed", "the ", "--length", 20, "--random-seed", 1).stdout
    outcome = seqgen("models", "export", "novel@best", "novel.zip")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "novel.zip\n", "")
    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path / "theirs"))
    outcome = seqgen("models", "import", "novel.zip")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "novel:1\n", "")
    assert seqgen("generate", "--seed", "the ", "--length", 20, "--random-seed", 1).stdout == text


def test_importing_what_is_here_already_says_so(seqgen, novel):
    seqgen("models", "export", "novel", "novel.zip")
    outcome = seqgen("models", "import", "novel.zip")
    assert (outcome.stdout, outcome.stderr) == ("novel:1\n", "novel:1 is this model already.\n")
    record = json.loads(seqgen("models", "import", "novel.zip", "--json").stdout)
    assert record == {"model": "novel", "version": 1, "path": str(novel), "new": False}


def test_exporting_as_json_names_the_file_and_its_form(seqgen, novel):
    record = json.loads(seqgen("models", "export", "novel", "folder", "--json").stdout)
    assert record == {"model": "novel:1", "path": "folder", "format": "safetensors"}


def test_what_cannot_be_exported_or_imported_is_a_sentence(refused, novel, tmp_path):
    shutil.copy(novel / "config.json", tmp_path / "config.zip")
    assert refused("models", "import", "config.zip", exit_code=1) == (
        "config.zip is not an archive of a model: File is not a zip file."
    )
    assert refused("models", "import", "none.zip", exit_code=1) == "There is no file none.zip."
    assert refused("models", "export", "novel", "novel.tar", exit_code=2).startswith('--format is ".tar", but must be')
    assert refused("models", "export", "novel", "config.zip/x.zip", exit_code=1).startswith(
        "config.zip cannot be written"
    )
