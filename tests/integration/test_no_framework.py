"""Without any framework seqgen lists its parts and generates from models that were trained elsewhere."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PIP = ["--disable-pip-version-check", "--quiet"]
FRAMEWORKS = ("torch", "keras", "tensorflow", "jax", "numba", "tokenizers")


@pytest.fixture(scope="module")
def linked_environment(tmp_path_factory):
    """A virtual environment with seqgen and what it depends on, and nothing else that is installed here.

    seqgen is installed by pip; the distributions it needs are linked from this environment, so it takes no network.
    """
    folder = tmp_path_factory.mktemp("linked")
    packages = create_environment(folder, "--without-pip")
    offline = [*PIP, "--no-index", "--no-deps", "--no-build-isolation", "--target", packages]
    subprocess.run([sys.executable, "-m", "pip", "install", *offline, ROOT], check=True)
    for name in needed_by("seqgen"):
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (packages / top).exists():
                (packages / top).symlink_to(distribution.locate_file(top))
    return folder


@pytest.fixture(scope="module")
def installed_environment(tmp_path_factory):
    """A virtual environment into which pip has installed seqgen alone, in the pinned versions; takes the network."""
    folder = tmp_path_factory.mktemp("installed")
    create_environment(folder)
    constraints = ["--constraint", ROOT / "constraints.txt"]
    subprocess.run([python_of(folder), "-m", "pip", "install", *PIP, *constraints, ROOT], check=True)
    return folder


def create_environment(folder, *options):
    """A virtual environment; gives where its packages go."""
    subprocess.run([sys.executable, "-m", "venv", *options, folder], check=True)
    return Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))


def python_of(folder):
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def needed_by(name):
    """The distributions that one needs, with what these need in turn, extras left out."""
    found, left = set(), [canonicalize_name(name)]
    while left:
        for text in importlib.metadata.requires(left.pop()) or ():
            requirement = Requirement(text)
            needed = canonicalize_name(requirement.name)
            if needed not in found and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
                found.add(needed)
                left.append(needed)
    return found


@pytest.fixture(scope="module")
def model_from_elsewhere(shared_main, small_corpus):
    """The folder of a model that torch trained."""
    arguments = ["--backend", "torch", "--max-steps", 3, "--hidden-size", 16, "--name", "north", "--quiet", "--json"]
    result = shared_main("train", small_corpus, *arguments)
    assert result.exit_code == 0, result.stderr
    return Path(json.loads(result.stdout)["path"])


@pytest.fixture(
    params=["linked_environment", pytest.param("installed_environment", marks=pytest.mark.slow)], ids=["linked", "pip"]
)
def seqgen_alone(request, seqgen_home, tmp_path):
    """``seqgen ARGUMENTS`` where no framework is installed."""
    folder = request.getfixturevalue(request.param)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def run(*arguments, code=None):
        program = ["-m", "seqgen"] if code is None else ["-c", code]
        return subprocess.run(
            [python_of(folder), *program, *map(str, arguments)],
            env={**environment, "COLUMNS": "200", "NO_COLOR": "1"},
            cwd=tmp_path,
            capture_output=True,
            check=False,
            text=True,
        )

    return run


def test_no_framework_is_there_and_seqgen_comes_from_the_environment(seqgen_alone):
    code = f"import importlib.util as u, seqgen; print([n for n in {FRAMEWORKS} if u.find_spec(n)], seqgen.__file__)"
    result = seqgen_alone(code=code)
    assert result.stdout.startswith("[] "), result.stderr
    assert str(ROOT / "seqgen") not in result.stdout


def test_parts_are_listed_with_what_each_lacks(seqgen_alone):
    result = seqgen_alone("list-plugins", "--json")
    assert result.returncode == 0, result.stderr
    parts = {(part["kind"], part["name"]): part for part in json.loads(result.stdout)["parts"]}
    assert parts["backend", "numpy"]["ready"]
    assert parts["backend", "torch"]["install"] == 'pip install "seqgen[torch]"'
    assert parts["backend", "keras"]["install"] == 'pip install "seqgen[keras]"'
    assert parts["tokenizer", "bpe"]["install"] == 'pip install "seqgen[bpe]"'


def test_a_model_trained_elsewhere_generates_the_text_that_it_generates_there(
    seqgen_alone, seqgen_home, model_from_elsewhere, shared_main
):
    shutil.copytree(model_from_elsewhere, seqgen_home / "models" / "north" / "1")
    options = ["--seed", "The ice", "--length", 100, "--random-seed", 3]
    result = seqgen_alone("generate", *options)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout) == len("The ice") + 100 + len("\n")
    there = shared_main("generate", "--model", model_from_elsewhere, "--backend", "torch", *options)
    assert result.stdout == there.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], 'No backend that trains is installed.  pip install "seqgen[torch]" or "seqgen[keras]"'),
        (["--backend", "torch"], 'Backend "torch" needs torch, which is not installed.  pip install "seqgen[torch]"'),
        (["--backend", "keras"], 'which is not installed.  pip install "seqgen[keras]"'),
        (["--backend", "numpy"], "Backend numpy generates but does not train."),
    ],
)
def test_training_says_which_extra_to_install(seqgen_alone, options, sentence):
    result = seqgen_alone("train", *options)
    assert result.returncode in (1, 2)
    assert result.stdout == ""
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_the_doctor_says_what_is_missing(seqgen_alone):
    result = seqgen_alone("doctor", "--json")
    assert result.returncode == 0, result.stderr
    backends = {backend["name"]: backend for backend in json.loads(result.stdout)["backends"]}
    assert backends["numpy"]["can_train"] is False
    assert "seqgen[torch]" in backends["torch"]["problem"]
