"""Lists that must be empty."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from botocore.exceptions import ClientError

from harness.probes.result import Recorder, Subject


def absent(probe: Recorder, subject: Subject, read: Callable[[], Sequence[object]]) -> None:
    """The list that `read` returns must be empty; not being able to read it proves nothing."""
    try:
        found = len(read())
    except ClientError as error:
        probe.state(subject, expected="none", observed="unknown", holds=None, why=str(error))
        return
    seen = f"{found} found" if found else "none"
    why = seen if found else "there is none"
    probe.state(subject, expected="none", observed=seen, holds=not found, why=why)
