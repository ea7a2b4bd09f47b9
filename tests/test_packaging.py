"""What is in the wheel and the sdist, and what the constraints pin."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SCAFFOLD = ROOT / "seqgen" / "scaffold"
EXTRAS = PROJECT["optional-dependencies"]
CORPORA = sorted(path.relative_to(ROOT / "corpora").as_posix() for path in (ROOT / "corpora").rglob("*.*"))
PINNED = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
}


def build(project: Path, target: str, folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder],
        cwd=project,
        check=True,
        capture_output=True,
    )
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_the_package_the_corpora_and_the_licence_and_nothing_else(wheel):
    names = names_in(wheel)
    assert {name.split("/")[0] for name in names} == {
        "seqgen",
        wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info",
    }
    assert {f"seqgen/_corpora/{file}" for file in CORPORA} <= names
    assert "seqgen/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    templates = {f"seqgen/scaffold/{path.relative_to(SCAFFOLD).as_posix()}" for path in SCAFFOLD.rglob("*.jinja")}
    assert "seqgen/scaffold/templates/common/.github/workflows/ci.yml.jinja" in templates
    assert templates <= names
    assert not [name for name in names - templates if "__pycache__" in name or "/tests/" in name]


def test_the_sdist_has_what_the_wheel_is_built_from_and_no_tests_for_these_run_in_the_repository(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.split("/")[1] for name in archive.getnames()}
    described = {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"}
    assert names - {".gitignore"} == {"seqgen", "corpora", *described}


def test_a_wheel_built_from_the_sdist_has_the_same_files(sdist, wheel, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    rebuilt = build(unpacked, "wheel", tmp_path / "wheel")
    assert names_in(rebuilt) == names_in(wheel)


def test_an_installed_wheel_finds_its_corpora_in_itself(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import sys; sys.path.insert(0, sys.argv[1]); from seqgen import corpora; print(corpora.locate('ice'))"
    found = subprocess.run(
        [sys.executable, "-c", code, tmp_path], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert Path(found.stdout.strip()) == tmp_path / "seqgen" / "_corpora" / "ice.txt"


def requirements() -> Iterator[tuple[str, Requirement]]:
    for line in PROJECT["dependencies"]:
        yield "seqgen", Requirement(line)
    for extra, lines in EXTRAS.items():
        for line in lines:
            yield f"seqgen[{extra}]", Requirement(line)


def test_the_constraints_pin_every_dependency_to_a_version_in_its_range():
    for owner, requirement in requirements():
        name = canonicalize_name(requirement.name)
        if name == "seqgen":
            continue
        assert name in PINNED, f"{owner} needs {requirement}: make constraints"
        assert requirement.specifier.contains(PINNED[name]), f"{owner} needs {requirement}, pinned is {PINNED[name]}"


def test_the_constraints_pin_what_the_dependencies_need_in_turn():
    missing = set()
    seen = set()
    waiting = [requirement for _, requirement in requirements()]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen or name == "seqgen":
            continue
        seen.add(key)
        if name not in PINNED:
            missing.add(name)
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # an extra that is not installed here
            continue
        for line in needed:
            inner = Requirement(line)
            markers = [{"extra": extra} for extra in requirement.extras] or [{"extra": ""}]
            if inner.marker is None or any(inner.marker.evaluate(marker) for marker in markers):
                waiting.append(inner)
    # PyPI's torch for Linux brings CUDA packages, pinned by torch itself.
    assert {name for name in missing if not name.startswith(("nvidia-", "cuda-", "triton"))} == set()


def test_torch_is_pinned_without_a_local_version_so_that_any_index_serves_it():
    assert "+" not in PINNED["torch"]


def test_the_extra_all_has_every_extra_that_training_and_generating_may_need():
    (everything,) = (Requirement(line) for line in EXTRAS["all"])
    elsewhere = {
        "h5",
        "hub",
        "mlflow",
        "numba",
        "onnx",
        "plot",
        "sweep",
        "tensorboard",
        "wandb",
    }  # for sharing, following, searching, and very long texts
    assert everything.extras == set(EXTRAS) - {"all", "testing", "plugins", "docs", "dev"} - elsewhere


def test_everything_that_seqgen_imports_is_a_declared_dependency():
    declared = {canonicalize_name(needed.name) for owner, needed in requirements() if owner not in NOT_FOR_USERS}
    distributions = metadata.packages_distributions()
    undeclared = {
        f"{module} ({file.relative_to(ROOT)})"
        for file in (ROOT / "seqgen").rglob("*.py")
        for module in imported_by(file) - set(sys.stdlib_module_names) - {"seqgen"} - OPTIONAL
        if not declared & {canonicalize_name(name) for name in [module, *distributions.get(module, [])]}
    }
    assert undeclared == set()


NOT_FOR_USERS = {"seqgen[docs]", "seqgen[dev]"}
OPTIONAL = {
    "IPython",  # there when seqgen runs in a notebook
    "jax",  # an engine of Keras that a user may choose instead of TensorFlow
}


def imported_by(file: Path) -> set[str]:
    imported = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            imported.add(node.module)
    return {module.split(".")[0] for module in imported}
