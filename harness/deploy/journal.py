"""What of an apply or a destroy is done already, so that the next one goes on where it ended.

A file in the run's folder, written anew after each root: whatever ends a run, a kill included,
leaves it right. A run that comes to its end strikes its roots, so that only a run that did not is
gone on with, and drift is not overlooked by one that did. A root is done for what it was made of:
its files, the modules, `customers.yaml`, its variables and where it was applied. Where one of these
has changed since, it is done again.

Runs about some roots leave what those about others had not done: it is left until a run does it, or
until one of the other kind is about it, since what was asked for last is what is meant.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from harness.deploy.workspace import write_private

FILE = "unfinished.json"
FORMAT = "bulkhead-unfinished/2"
Verb = Literal["apply", "destroy"]
VERBS: tuple[Verb, ...] = get_args(Verb)


@dataclass(slots=True)
class Unfinished:
    """What runs of one kind, which have not come to their end, have done and left."""

    done: dict[str, str] = field(default_factory=dict)
    """By root: what it was made of."""
    left: list[str] = field(default_factory=list)
    whole: bool = False
    """Whether one of them was about the whole environment."""


class Journal:
    """The roots that a run has done. Safe for threads."""

    def __init__(self, path: Path, verb: Verb) -> None:
        """Goes on with what `path` says of runs of the same kind. What is damaged, or of another
        release, is forgotten: then all of it is done."""
        self._path, self._verb = path, verb
        self._lock = threading.Lock()
        self._of = _read(path)
        self.kept: set[str] = set()
        """The roots that were found done."""

    @property
    def left(self) -> list[str]:
        """The roots that runs of this kind have begun with and not done."""
        with self._lock:
            return list(self._of[self._verb].left)

    def has(self, root: str, of: str) -> bool:
        """Whether the root is done, of what `fingerprint` says of it now."""
        with self._lock:
            if self._of[self._verb].done.get(root) != of:
                return False
            self.kept.add(root)
            return True

    def start(self, root: str) -> None:
        """Writes down that a root is worked on: it is no more as any run left it."""
        with self._lock:
            were = [each.done.pop(root, None) for each in self._of.values()]
            if any(were):
                self._write()

    def add(self, root: str, of: str) -> None:
        """Writes down that a root is done."""
        with self._lock:
            self._of[self._verb].done[root] = of
            self._write()

    def begin(self, roots: Sequence[str], known: Collection[str], *, whole: bool = False) -> None:
        """Says that a run about these roots, or the `whole` environment, has begun. What was left
        of roots that are not `known` any more is forgotten."""
        with self._lock:
            for verb, each in self._of.items():
                stays = {*known, *roots} if verb == self._verb else {*known} - {*roots}
                each.left = [root for root in each.left if root in stays]
                each.whole = each.whole and bool(each.left)
            own = self._of[self._verb]
            own.left += [root for root in roots if root not in own.left]
            own.whole = own.whole or whole
            self._write()

    def finish(self, *roots: str) -> None:
        """Says that nothing is left to do about these roots."""
        with self._lock:
            own = self._of[self._verb]
            left = [root for root in own.left if root not in roots]
            if left != own.left:
                own.left = left
                self._write()

    def _write(self) -> None:
        said: dict[str, Any] = {
            verb: {"done": each.done, "left": each.left, "whole": each.whole}
            for verb, each in self._of.items()
            if each.left
        }
        if not said:
            self._path.unlink(missing_ok=True)
            return
        document = {"format": FORMAT, **said}
        write_private(self._path, json.dumps(document, indent=2, sort_keys=True) + "\n")


def unfinished(folder: Path) -> dict[Verb, Unfinished]:
    """By kind: the runs that have not come to their end."""
    return {verb: each for verb, each in _read(folder / FILE).items() if each.left}


def _read(path: Path) -> dict[Verb, Unfinished]:
    found = {verb: Unfinished() for verb in VERBS}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] == FORMAT:
            for verb in VERBS:
                said = document.get(verb, {"done": {}, "left": [], "whole": False})
                done = {str(root): str(of) for root, of in said["done"].items()}
                found[verb] = Unfinished(done, list(map(str, said["left"])), said["whole"] is True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {verb: Unfinished() for verb in VERBS}
    return found


def fingerprint(root: Path, modules: str, variables: Mapping[str, Any], place: str) -> str:
    """What a root is made of, as a digest: its folder and the files beside it, the digest of the
    modules, its variables (of which external ids are too long to be guessed), where it goes."""
    said = json.dumps(dict(variables), sort_keys=True)
    return digest(files(root), files(root.parent, deep=False), modules, said, place)


def files(folder: Path, *, deep: bool = True) -> str:
    """A digest of the files of a folder, but for what Terraform keeps there."""
    found = hashlib.sha256()
    for file in sorted(folder.rglob("*") if deep else folder.glob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and not any(part.startswith(".terraform") for part in file.parts):
            found.update(f"{len(name)} {name} {file.stat().st_size} ".encode())
            found.update(file.read_bytes())
    return found.hexdigest()


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
