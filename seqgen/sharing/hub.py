"""The Hugging Face Hub: ``hf://USER/NAME``, a repository with the files of one model at its top.

A push is one commit on ``main``, titled ``version 3``, and a tag, ``v3``: all of a version appears at once.  It names the commit
that it follows, and the Hub refuses it if another has come between, so that of several pushes one wins.  A pull takes
what one commit has, and goes on where it broke off.  Where no revision is named, that is the last push: what was edited on the
Hub since, as the model card, is not what the manifest says.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqgen.checkpoint import SavedModel
from seqgen.core.errors import (
    DamagedModelError,
    MissingDependencyError,
    ModelExistsError,
    ModelNotFoundError,
    RemoteError,
    SeqgenError,
    UsageError,
)
from seqgen.manifest import MANIFEST, verify
from seqgen.registry import Registry
from seqgen.registry.names import VERSION
from seqgen.sharing.arrival import Arrival, read_listed
from seqgen.sharing.download import Progress, download
from seqgen.sharing.place import Place
from seqgen.sharing.remote import Pushed
from seqgen.untrusted import parse_json

if TYPE_CHECKING:
    from huggingface_hub import HfApi

SCHEME = "hf://"

_URL = re.compile(r"hf://(?P<repository>[\w.-]+/(?P<name>[\w.-]+))(@(?P<revision>[\w./-]+))?/?")


@dataclass(frozen=True)
class HubModel:
    """A model on the Hub.

    Attributes:
        repository: ``USER/NAME``.
        name: the second half.
        revision: a tag, branch or commit; None: the last that was pushed.
    """

    repository: str
    name: str
    revision: str | None

    @classmethod
    def at(cls, url: str) -> HubModel:
        """What a URL names.

        Raises:
            UsageError: not of the form ``hf://USER/NAME`` or ``hf://USER/NAME@REVISION``.
        """
        match = _URL.fullmatch(url)
        if not match:
            raise UsageError(
                f"{url} is not a model on the Hugging Face Hub: write hf://USER/NAME or hf://USER/NAME@v3."
            )
        return cls(match["repository"], match["name"], match["revision"])

    def __str__(self) -> str:
        return f"{SCHEME}{self.repository}" + (f"@{self.revision}" if self.revision else "")

    def push(self, saved: SavedModel, number: int) -> Pushed:
        """Commit a model as this version; the repository is made where it is missing, and is private then.

        The progress is shown by huggingface_hub itself.

        Raises:
            ModelExistsError: another model was pushed as this version, or while this one was.
            DamagedModelError: a file here is not what was written.
            RemoteError: the Hub cannot be reached, or refuses.
            MissingDependencyError: huggingface_hub is not installed.
        """
        api = _api()
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete
        from huggingface_hub.errors import HfHubHTTPError

        if self.revision:
            raise UsageError(f"A push goes to {SCHEME}{self.repository}; {self.revision} can only be pulled.")
        listed = read_listed(saved.manifest, where=saved.where)
        for name in listed:
            verify(saved.folder, name, saved.manifest, where=saved.where)
        title, tag = f"version {number}", f"v{number}"
        manifest = (saved.folder / MANIFEST).read_bytes()
        with self._asked("pushed to"):
            api.create_repo(self.repository, private=True, exist_ok=True)
            commits = api.list_repo_commits(self.repository)
            pushed = next((commit.commit_id for commit in commits if commit.title == title), None)
            new = pushed is None
            if pushed is not None and (self._place(pushed) / MANIFEST).read_small() != manifest:
                free = max(_number(commit.title) or 0 for commit in commits) + 1
                raise ModelExistsError(
                    f"{self} has another model as its version {number}, and versions do not change.  Push this one as "
                    f"another: --as {self.name}:{free}"
                )
            if pushed is None:
                parent = commits[0].commit_id
                added = [CommitOperationAdd(name, saved.folder / name) for name in [*listed, MANIFEST]]
                removed = [CommitOperationDelete(name, is_folder=False) for name in self._left_over(parent, listed)]
                try:
                    pushed = api.create_commit(
                        self.repository, [*added, *removed], commit_message=title, parent_commit=parent
                    ).oid
                except HfHubHTTPError as error:
                    if error.response is not None and error.response.status_code in (409, 412):
                        raise ModelExistsError(f"Somebody else pushed to {self} meanwhile.  Push again.") from error
                    raise
            api.create_tag(self.repository, tag=tag, revision=pushed, exist_ok=True)
        return Pushed(f"{self}@{tag}", new=new)

    def pull(self, registry: Registry, *, progress: Progress, name: str | None = None) -> Arrival:
        """Fetch it into a registry; see :func:`~seqgen.sharing.download.download`.

        Raises:
            ModelNotFoundError: there is no such repository or revision.
            MissingDependencyError: huggingface_hub is not installed.
        """
        api = _api()
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        with self._asked("read"):
            try:
                commits = api.list_repo_commits(self.repository, revision=self.revision)
            except (RepositoryNotFoundError, RevisionNotFoundError) as error:
                raise ModelNotFoundError(f"There is no {self}, or it is not for you to see: hf auth login") from error
            commit = commits[0]
        if self.revision is None:
            commit = next((each for each in commits if _number(each.title)), commit)
        return download(
            self._place(commit.commit_id), registry, name or self.name, progress=progress, number=_number(commit.title)
        )

    def _left_over(self, commit: str, listed: Collection[str]) -> list[str]:
        """The files of the version that a commit has, by its manifest, without those listed: a clone has one version's alone."""
        place = self._place(commit)
        with contextlib.suppress(DamagedModelError, ValueError, RecursionError):  # no manifest, or a stranger's
            before = parse_json((place / MANIFEST).read_small() or b"")
            if isinstance(before, dict):
                return sorted(read_listed(before, where=str(self)).keys() & {*place.names()} - {*listed})
        return []

    def _place(self, commit: str) -> Place:
        """The files of one commit."""
        from huggingface_hub import HfFileSystem

        files = HfFileSystem(endpoint=os.environ.get("HF_ENDPOINT"), skip_instance_cache=True)
        return Place(files, f"{self.repository}@{commit}", str(self))

    @contextlib.contextmanager
    def _asked(self, doing: str) -> Iterator[None]:
        try:
            yield
        except SeqgenError:
            raise
        except Exception as error:
            first, *_ = [*str(error).strip().splitlines(), type(error).__name__]
            raise RemoteError(f"{self} cannot be {doing}: {first.rstrip('.')}.") from error


def _number(title: str) -> int | None:
    """The version that a commit is, by its title; None where it is no push."""
    match = re.fullmatch(f"version ({VERSION})", title)
    return int(match[1]) if match else None


def _api() -> HfApi:
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        msg = 'The Hugging Face Hub needs huggingface_hub, which is not installed.  pip install "seqgen[hub]"'
        raise MissingDependencyError(msg) from error
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT"), library_name="seqgen")
