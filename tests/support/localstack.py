"""LocalStack for tests: started for real where it is installed, and skipped loudly where not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.targets.localstack import python, running

ROOT = Path(__file__).parents[2]


def need_localstack() -> None:
    """Skip the test where no LocalStack is installed; the reason says how to get one."""
    try:
        python(ROOT)
    except UserError as missing:
        pytest.skip(f"LocalStack was not tried: {missing}")


@contextmanager
def localstack(folder: Path) -> Iterator[str]:
    """Within, one runs; yields its host and port."""
    need_localstack()
    with running(ROOT, folder) as host:
        yield host
