"""What of an apply or a destroy is done already, so that the next one goes on where it ended.

A file in the run's folder, written anew after each root: whatever ends a run, a kill included,
leaves it right. A run that comes to its end takes it away, so that only a run that did not is gone
on with, and drift is not overlooked by one that did. A root is done for what it was made of: its
files, the modules, `customers.yaml`, its variables and where it was applied. Where one of these
has changed since, it is done again.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from harness.deploy.workspace import write_private

FILE = "unfinished.json"
FORMAT = "bulkhead-unfinished/1"
Verb = Literal["apply", "destroy"]


class Journal:
    """The roots that a run has done. Safe for threads."""

    def __init__(self, path: Path, verb: Verb) -> None:
        """Goes on with what `path` says of a run of the same kind; anything else is forgotten."""
        self._path, self._verb = path, verb
        self._lock = threading.Lock()
        self._done: dict[str, str] = {}
        self.kept: set[str] = set()
        """The roots that were found done."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if (document["format"], document["verb"]) == (FORMAT, verb):
                self._done = {str(root): str(of) for root, of in document["done"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # Nothing was begun, or nobody knows what: then all of it is done.
            pass

    def has(self, root: str, of: str) -> bool:
        """Whether the root is done, of what `fingerprint` says of it now."""
        with self._lock:
            if self._done.get(root) != of:
                return False
            self.kept.add(root)
            return True

    def add(self, root: str, of: str) -> None:
        """Writes down that a root is done."""
        with self._lock:
            self._done[root] = of
            self._write()

    def begin(self) -> None:
        """Says that a run has begun."""
        with self._lock:
            self._write()

    def end(self) -> None:
        """Says that nothing is left."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        document = {"format": FORMAT, "verb": self._verb, "done": self._done}
        write_private(self._path, json.dumps(document, indent=2, sort_keys=True) + "\n")


def unfinished(folder: Path) -> Verb | None:
    """Which kind of run has not come to its end, if any."""
    try:
        verb = json.loads((folder / FILE).read_text(encoding="utf-8"))["verb"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return verb if verb in ("apply", "destroy") else None


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
