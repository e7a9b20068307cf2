"""Weakenings of source text: what a mistaken commit would change, applied to a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import UserError
from harness.mutants.site import Site

_LEFT_OUT = shutil.ignore_patterns("__pycache__", "tests", "*.tfstate*", ".terraform")

Root = Literal["bootstrap", "organization", "operations", "customer"]


@dataclass(frozen=True, slots=True)
class Edit:
    """In `file` (from the root of the project), `new` instead of `old`, which stands there once."""

    file: str
    old: str
    new: str

    def apply(self, tree: Path) -> None:
        """Edits the copy under `tree`. Raises `UserError` when `old` is not there exactly once, or
        nothing would change: such a mutant would be called unnoticed, and is a mistake of ours."""
        path = tree / self.file
        text = path.read_text(encoding="utf-8")
        if (times := text.count(self.old)) != 1:
            raise UserError(f"{self.file}: the text to edit stands there {times} times, not once")
        if self.old == self.new:
            raise UserError(f"{self.file}: the edit changes nothing")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class TerraformEdits:
    """A mistake in the Terraform source: `root` is applied again with it. For the customer root and
    the bootstrap, that is the root of the victim's first account."""

    root: Root
    edits: tuple[Edit, ...]
    before: Callable[[Site], None] | None = None
    """What somebody did by hand before; the apply then looks at what is there."""


@dataclass(frozen=True, slots=True)
class ClientEdits:
    """A mistake in the source of the client library, which the suite then uses."""

    edits: tuple[Edit, ...]


def edited_copy(
    project: Path, folders: Iterable[Path | str], edits: Iterable[Edit], tree: Path
) -> Path:
    """Copies folders of the project to `tree`, each to its own place, and edits them there.

    Raises `UserError` when an edit does not fit.
    """
    for folder in folders:
        shutil.copytree(project / folder, tree / folder, ignore=_LEFT_OUT)
    for edit in edits:
        edit.apply(tree)
    return tree
