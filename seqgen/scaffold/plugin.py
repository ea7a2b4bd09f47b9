"""A new plugin from the templates: a folder for each kind of part, laid over what all plugins share."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgen import __version__
from seqgen.core.catalog import Catalog, option_of
from seqgen.core.contract import CONTRACT_VERSION
from seqgen.core.errors import MissingDependencyError, OutputError, UsageError
from seqgen.core.kinds import KINDS, Kind, checked_kind
from seqgen.files import move, new_folder, writing

TEMPLATES = Path(__file__).parent / "templates"

LONGEST = 30
"""Characters of a name: with more, the lines in which it stands would be broken otherwise by a formatter."""

SUMMARIES: Mapping[Kind, str] = {
    "tokenizer": "characters and frequent pairs of letters",
    "dataset": "text files, each paragraph one document",
    "backend": "a Markov chain, trained by counting",
    "sampler": "no token too many times in a row",
    "callback": "a line of JSON for each event of a run",
}

_NEEDS: Mapping[str, tuple[Kind, ...]] = {
    "annotated-doc>=0.0.3": KINDS,
    "annotated-types>=0.6": ("tokenizer", "dataset", "backend", "sampler"),
    "array-api-compat>=1.9": ("sampler",),
    "numpy>=2.1": ("tokenizer", "backend", "sampler"),
}
"""What the parts of each kind import, beside seqgen."""


@dataclass(frozen=True)
class NewPlugin:
    """A plugin, by its name and the kinds of its parts.

    Attributes:
        name: of its parts, as people write it: ``--tokenizer NAME``.
        kinds: a part of each.
    """

    name: str
    kinds: tuple[Kind, ...]

    @classmethod
    def of(cls, name: str, kinds: Iterable[str], catalog: Catalog) -> NewPlugin:
        """The plugin that a person asks for.

        Args:
            name: lower case letters, digits and single hyphens; ``seqgen-NAME`` means NAME.
            kinds: each a kind, or several joined by commas.
            catalog: the parts that there are.

        Raises:
            UsageError: the name or a kind is not one, or a part has that name already.
        """
        plugin = cls(_checked_name(name), _checked_kinds(kinds))
        for kind in plugin.kinds:
            for entry in catalog.entries(kind):
                if entry.name == plugin.name and entry.plugin.distribution != plugin.distribution:
                    owner = f"{entry.plugin.distribution} {entry.plugin.version}"
                    msg = f'There is a {kind} "{plugin.name}" already, in {owner}.  Choose another name.'
                    raise UsageError(msg)
        return plugin

    @property
    def distribution(self) -> str:
        """What pip calls it, and its folder."""
        return f"seqgen-{self.name}"

    @property
    def package(self) -> str:
        """What Python calls it."""
        return self.distribution.replace("-", "_")

    @property
    def first_steps(self) -> list[str]:
        """Commands that install, check and use it, run in its folder."""
        options = [f"{option_of(kind)} {self.name}" for kind in self.kinds if kind != "sampler"]
        sampler = [f"--sampler {self.name}"] if "sampler" in self.kinds else []
        return [
            'pip install --editable ".[dev]"',
            "pytest",
            f"seqgen check-plugin {self.distribution}",
            " ".join(["seqgen train", *options, "--max-time 60s"]),
            " ".join(["seqgen generate", *sampler, '--seed "the ice"']),
        ]

    def files(self) -> dict[str, str]:
        """Its files: paths within its folder to contents.

        Raises:
            MissingDependencyError: jinja2 is not installed.
        """
        try:
            import jinja2
        except ImportError as error:
            msg = 'A new plugin needs jinja2, which is not installed.  pip install "seqgen[plugins]"'
            raise MissingDependencyError(msg) from error
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # noqa: S701  what is written is no HTML
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        context = self._context()
        files = {}
        for root, template in _templates(self.kinds):
            path = environment.from_string(template.relative_to(root).as_posix()).render(context)
            files[path.removesuffix(".jinja")] = environment.get_template(
                template.relative_to(TEMPLATES).as_posix()
            ).render(context)
        return files

    def write(self, parent: Path) -> Path:
        """Write its folder into ``parent``, whole or not at all; gives the folder.

        Raises:
            OutputError: something of that name is there already, or it cannot be written.
            MissingDependencyError: jinja2 is not installed.
        """
        folder = parent / self.distribution
        if folder.exists():
            msg = f"{folder} exists already, and is left as it is.  Choose another name or --output folder."
            raise OutputError(msg)
        files = self.files()
        with new_folder(parent) as building, writing(folder):
            for path, content in files.items():
                (building / path).parent.mkdir(parents=True, exist_ok=True)
                (building / path).write_text(content, encoding="utf-8", newline="\n")
            move(building, folder)
        return folder

    def _context(self) -> dict[str, Any]:
        major, minor, *_ = __version__.split(".")
        needed = [requirement for requirement, kinds in _NEEDS.items() if set(kinds) & set(self.kinds)]
        return {
            "name": self.name,
            "distribution": self.distribution,
            "package": self.package,
            "contract": ".".join(map(str, CONTRACT_VERSION)),
            "prefix": "".join(word.capitalize() for word in self.name.split("-")),
            "kinds": self.kinds,
            "described": ", ".join(f"a {kind}" for kind in self.kinds),
            "summaries": SUMMARIES,
            "option_of": option_of,
            "requirements": sorted([*needed, f"seqgen>={major}.{minor}"]),
            "first_steps": self.first_steps,
            "year": dt.datetime.now(tz=dt.UTC).year,
        }


def _checked_name(name: str) -> str:
    bare = name.removeprefix("seqgen-")
    if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", bare) and len(bare) <= LONGEST:
        return bare
    allowed = f"lower case letters, digits and single hyphens, a letter first, at most {LONGEST} characters"
    near = re.sub(r"[^a-z0-9]+", "-", bare.lower()).lstrip("-0123456789")[:LONGEST].strip("-")
    hint = f"  Try {near}" if near else ""
    msg = f'"{name}" is no name for a plugin: {allowed}.{hint}'
    raise UsageError(msg)


def _checked_kinds(texts: Iterable[str]) -> tuple[Kind, ...]:
    wanted = [checked_kind(kind.strip()) for text in texts for kind in text.split(",")]
    return tuple(kind for kind in KINDS if kind in wanted)


def _templates(kinds: Iterable[Kind]) -> Iterator[tuple[Path, Path]]:
    """Each template with the folder that it is laid out from."""
    for layer in ("common", *kinds):
        root = TEMPLATES / layer
        for template in sorted(root.rglob("*.jinja")):
            yield root, template
