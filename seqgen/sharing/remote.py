"""A team's registry at any URL that fsspec knows: ``URL/NAME/VERSION/``, the same folders as at home.

**A reader never sees half a model.**  ``manifest.json`` is written last, and a folder without one is no model.

**One of several that push the same version wins.**  Who pushes first creates ``.claim.json``, which names the manifest to
come, by an operation that the file system lets succeed once.  Others see it, or the manifest, and are told.  Only the bytes
of that manifest's files are written beside it, so that nothing is mixed.

**An interrupted push goes on.**  Whoever finds their own claim skips the files that are there with their size, but for those
that were there before the claim, which it names: another's push may have left them.  The claim is removed when the manifest is
there.  Of a model that is there, files of another size than its manifest's are written anew.
"""

from __future__ import annotations

import contextlib
import getpass
import platform
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from seqgen.checkpoint import SavedModel
from seqgen.core.errors import ModelExistsError, ModelNotFoundError, RemoteError, SeqgenError, UsageError
from seqgen.manifest import MANIFEST, verify
from seqgen.registry import Registry, check_name
from seqgen.registry.names import VERSION
from seqgen.sharing.arrival import Arrival, Listed, digest_of, read_listed
from seqgen.sharing.download import Progress, download
from seqgen.sharing.place import Place
from seqgen.untrusted import parse_json, shown

CLAIM = ".claim.json"

_LOOKS, _PAUSE_SECONDS = 40, 0.05  # how long a claim may be empty, between being created and being written

_REFERENCE = re.compile(rf"(?P<name>[^:@]+)(:(?P<number>{VERSION}))?")


@dataclass(frozen=True)
class Pushed:
    """What became of a push.

    Attributes:
        where: what it is called there, without credentials.
        new: False where it was there already.
        repaired: it was there, and files of it that were missing or cut off were written anew.
    """

    where: str
    new: bool
    repaired: bool = False


@dataclass(frozen=True)
class Remote:
    """A team's registry."""

    place: Place

    @classmethod
    def at(cls, url: str) -> Remote:
        """The registry at a URL, or in a folder.

        Raises:
            UsageError, MissingDependencyError, RemoteError: see :class:`~seqgen.sharing.place.Place`.
        """
        return cls(Place.at(url))

    def names(self) -> list[str]:
        """The models that have a version there, sorted."""
        return [name for name in self.place.names() if _is_name(name) and self.versions(name)]

    def versions(self, name: str) -> list[int]:
        """The versions of a model that are whole, oldest first."""
        numbers = sorted(int(each) for each in (self.place / name).names() if re.fullmatch(VERSION, each))
        return [number for number in numbers if (self.place / name / str(number) / MANIFEST).size() is not None]

    def push(self, saved: SavedModel, name: str, number: int, *, progress: Progress) -> Pushed:
        """Write a model there as this version of this name.

        Raises:
            ModelExistsError: another model has that name and version there, or is being pushed.
            DamagedModelError: a file here is not what was written.
            RemoteError: the place cannot be reached, or refuses.
        """
        check_name(name)
        target = self.place / name / str(number)
        manifest = (saved.folder / MANIFEST).read_bytes()
        listed = read_listed(saved.manifest, where=saved.where)
        for file in listed:
            verify(saved.folder, file, saved.manifest, where=saved.where)
        if self._is_there(target, manifest):
            repaired = self._write(target, saved, listed, trusted=listed, progress=progress)
            self._remove_left_claim(target, manifest)
            return Pushed(str(target), new=False, repaired=repaired)
        claim = {
            "manifest_sha256": digest_of(manifest),
            "by": f"{_user()} on {platform.node()}",
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            # Looked up before the claim is there: whatever comes later is written for this manifest.
            "files_before": sorted(listed.keys() & {*target.names()}),
        }
        trusted: Collection[str] = ()
        if (target / CLAIM).create(claim):
            done = self._is_done(target, manifest)
        else:
            found = self._claim_for(target, manifest)
            done, trusted = found is None, _written_under(found, listed)
        if done:
            return Pushed(str(target), new=False)
        try:
            self._write(target, saved, listed, trusted=trusted, progress=progress)
            if self._claim_for(target, manifest) is not None:
                (target / MANIFEST).put_whole(manifest)
        except RemoteError:
            # Another who pushed the same model, and was done first, has removed the part that was being written here.
            if not self._is_there(target, manifest):
                raise
            return Pushed(str(target), new=False)
        self._let_go(target)
        with contextlib.suppress(RemoteError):  # the model is there all the same
            target.remove_parts({*listed, MANIFEST})
        return Pushed(str(target), new=True)

    def _write(
        self,
        target: Place,
        saved: SavedModel,
        listed: Mapping[str, Listed],
        *,
        trusted: Collection[str],
        progress: Progress,
    ) -> bool:
        """Write the files of a model, but for its manifest; whether any was written.

        Args:
            target: where.
            saved: the model.
            listed: its files.
            trusted: the files that were written for this model if they are there, so that those of their size need not be
                written again.
            progress: told how much is through.
        """
        total, through = sum(each.bytes for each in listed.values()), 0

        def told(count: int) -> None:
            nonlocal through
            through += count
            progress(min(through, total), total)

        before, written = 0, False
        for file, each in listed.items():
            if file not in trusted or (target / file).size() != each.bytes:
                (target / file).put(saved.folder / file, told)
                written = True
            before += each.bytes
            told(before - through)
        return written

    def pull(self, reference: str, registry: Registry, *, progress: Progress, name: str | None = None) -> Arrival:
        """Fetch a version into a registry, under its number where that is free; see :func:`~seqgen.sharing.download.download`.

        Args:
            reference: ``NAME``, its latest version there, or ``NAME:3``.
            registry: where it goes.
            progress: told how much is there.
            name: of the model here; None: the same.

        Raises:
            UsageError: not such a reference.
            ModelNotFoundError: there is no such model; names what there is.
        """
        match = _REFERENCE.fullmatch(reference)
        if not match or not _is_name(match["name"]):
            raise UsageError(f'"{shown(reference)}" is not a model of {self.place}: write NAME or NAME:VERSION.')
        number = self._number(match["name"], int(match["number"]) if match["number"] else None)
        source = self.place / match["name"] / str(number)
        advice = f"Whoever has the model whole: remove {source} and push it again."
        return download(source, registry, name or match["name"], progress=progress, number=number, advice=advice)

    def _number(self, name: str, number: int | None) -> int:
        """The version that is meant: the one that is named, or the latest.

        Raises:
            ModelNotFoundError: it is not there; names what there is.
        """
        # Asked for itself first: a web server may give files and list no folders.
        if number is not None and (self.place / name / str(number) / MANIFEST).size() is not None:
            return number
        there = self.versions(name)
        if not there:
            raise ModelNotFoundError(f'{self.place} has no model "{name}".  {self.described()}')
        if number is not None:
            raise ModelNotFoundError(
                f"{self.place} has no version {number} of {name}.  It has: {', '.join(map(str, there))}"
            )
        return there[-1]

    def described(self) -> str:
        """What there is, in a sentence."""
        found = [f"{name}:{number}" for name in self.names() for number in self.versions(name)]
        more = f" and {len(found) - 20} more" if len(found) > 20 else ""
        if not found and self.place.is_http:
            return "It lists none.  If that server lists no folders, name the version too: NAME:VERSION."
        return f"It has: {', '.join(found[:20])}{more}" if found else "It has none."

    def _is_there(self, target: Place, manifest: bytes) -> bool:
        """Whether this very model is there.

        Raises:
            ModelExistsError: another one is.
        """
        found = (target / MANIFEST).read_small()
        if found is None or found == manifest:
            return found is not None
        _, name, number = target.path.rsplit("/", 2)
        there = [int(number)]
        with contextlib.suppress(RemoteError):  # it gives the manifest, but may list no folders
            there += self.versions(name)
        raise ModelExistsError(
            f"{target} is another model, and versions do not change.  Push this one as another: --as {name}:{max(there) + 1}"
        )

    def _is_done(self, target: Place, manifest: bytes) -> bool:
        """Whether somebody has finished between the look and our claim, which goes then.

        Raises:
            ModelExistsError: with another model.
        """
        try:
            done = self._is_there(target, manifest)
        except ModelExistsError:
            self._let_go(target)
            raise
        if done:
            self._let_go(target)
        return done

    def _let_go(self, target: Place) -> None:
        """Remove our claim beside a manifest, as far as that can be done: nobody looks at it there."""
        with contextlib.suppress(RemoteError):
            (target / CLAIM).remove()

    def _claim_for(self, target: Place, manifest: bytes) -> dict[str, Any] | None:
        """The claim there, which is for this manifest; None: it is gone, since the model is there.

        Raises:
            ModelExistsError: it is for another one.
        """
        found: Any = None
        for _ in range(_LOOKS):
            content = (target / CLAIM).read_small()
            if content is None and self._is_there(target, manifest):
                return None
            with contextlib.suppress(ValueError, RecursionError):
                found = parse_json(content or b"")
                break
            time.sleep(_PAUSE_SECONDS)  # it is just being written
        claim: dict[str, Any] = found if isinstance(found, dict) else {}
        if claim.get("manifest_sha256") == digest_of(manifest):
            return claim
        raise ModelExistsError(
            f"{target}: another model is being pushed there, by {shown(claim.get('by', 'somebody'))} since "
            f"{shown(claim.get('since', 'just now'))}.  If that was given up, remove {target}"
        )

    def _remove_left_claim(self, target: Place, manifest: bytes) -> None:
        """Remove the claim for a model that is there, as a push leaves it that ended just before it would have removed it."""
        with contextlib.suppress(SeqgenError, ValueError, RecursionError):  # the model is there all the same
            claim = parse_json((target / CLAIM).read_small() or b"{}")
            if isinstance(claim, dict) and claim.get("manifest_sha256") == digest_of(manifest):
                (target / CLAIM).remove()


def _written_under(claim: Mapping[str, Any] | None, listed: Collection[str]) -> Collection[str]:
    """The files that cannot be another model's: all but those that were there before the claim; none, where it does not say."""
    before = (claim or {}).get("files_before")
    return {*listed}.difference(map(str, before)) if isinstance(before, list) else ()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # in a container, a number may have no name
        return "somebody"


def _is_name(name: str) -> bool:
    try:
        check_name(name)
    except UsageError:
        return False
    return True
