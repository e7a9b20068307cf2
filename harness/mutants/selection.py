"""Which test files pytest needs to look into for a `-k` expression: collecting takes its time.

Never fewer than hold a match: a file counts if a name in the expression occurs in its own name or
in that of one of its tests, and all files count where no name is that of a test.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

_TERM = re.compile(r"\btest_\w+")
_TEST = re.compile(r"^(?:async )?def (test_\w+)|^class (Test\w*)", re.MULTILINE)


def files(folder: Path, expression: str) -> tuple[Path, ...]:
    """The files of `folder` in which tests may match, or the folder itself."""
    terms = _TERM.findall(expression)
    found = tuple(
        path
        for path, names in _names(folder)
        if any(term in name for term in terms for name in names)
    )
    return found or (folder,)


@functools.cache
def _names(folder: Path) -> tuple[tuple[Path, tuple[str, ...]], ...]:
    return tuple(
        (path, (path.stem, *("".join(each) for each in _TEST.findall(path.read_text("utf-8")))))
        for path in sorted(folder.rglob("test_*.py"))
    )
