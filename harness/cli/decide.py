"""decide: cases as JSON lines from files or standard input, one line of answer for each.

Only one line is held at a time, and each answer is written as soon as it is known, so that the
command can stand in a pipe. Nothing but the policy language is imported: see `harness.cli.start`.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, TextIO

from harness.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE
from harness.iam.cases import answer, load_case, read_case
from harness.iam.errors import PolicyError

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes. A longer line is an error; it is passed over, not held."""
_LONGEST_MESSAGE = 1000


class _Gone(Exception):
    """Nobody takes the output any more."""


def decide_files(names: Sequence[str]) -> int:
    """Decides every case in the files; `-`, or no name at all, is standard input.

    Returns the exit code: a line or file that cannot be read counts more than a disagreement.
    """
    code = 0
    try:
        for name in names or ("-",):
            for number, line in _lines(name):
                code = max(code, _decide(_shown_name(name), number, line))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except _Gone as gone:
        return _give_up(gone.__cause__)
    return code


def _decide(name: str, number: int, line: bytes | PolicyError) -> int:
    """Answers one line; blank ones have no answer."""
    case_id = None
    try:
        if isinstance(line, PolicyError):
            raise line
        if not line.strip():
            return 0
        data = load_case(_text(line))
        if isinstance(data.get("id"), str):
            case_id = data["id"]
        answered = answer(read_case(data))
    except PolicyError as error:
        return _refuse(name, number, case_id, str(error))
    except Exception as error:  # a fault of the engine must not keep the other lines from answers
        return _refuse(name, number, case_id, f"not decided: {type(error).__name__}: {error}")
    agrees = answered.get("agrees", True)
    if not agrees:
        expected, decision = answered["expected"], answered["decision"]
        said = f"{case_id}: expected {expected}, decided {decision}: {answered['why']}"
        _say(name, number, said)
    _write(answered)
    return 0 if agrees else EXIT_FAILED


def _refuse(name: str, number: int, case_id: str | None, message: str) -> int:
    if len(message) > _LONGEST_MESSAGE:
        message = message[:_LONGEST_MESSAGE] + "…"
    _say(name, number, f"{case_id}: {message}" if case_id else message)
    _write({"id": case_id, "error": message, "file": name, "line": number})
    return EXIT_USAGE


def _lines(name: str) -> Iterator[tuple[int, bytes | PolicyError]]:
    """The lines of a file with their numbers; an error in the place of one that cannot be read."""
    number = 0
    try:
        with _opened(name) as stream:
            while line := stream.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                    while line and not line.endswith(b"\n"):
                        line = stream.readline(LONGEST_LINE)
                    yield number, PolicyError(f"the line is longer than {LONGEST_LINE} bytes")
                    continue
                yield number, line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
    except OSError as error:
        yield number + 1, PolicyError(f"cannot be read: {error.strerror or error}")


def _opened(name: str) -> BinaryIO:
    if name == "-":
        return open(0, "rb", closefd=False)
    return open(name, "rb")  # noqa: PTH123  # pathlib takes longer to load than a case to decide


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError(f"the line is not UTF-8 text: byte {error.start + 1}") from error


def _shown_name(name: str) -> str:
    return "<stdin>" if name == "-" else name


def _write(data: dict[str, Any]) -> None:
    _put(sys.stdout, json.dumps(data))


def _say(name: str, number: int, message: str) -> None:
    """One line on standard error, whatever is in the message."""
    text = f"{name}:{number}: {message}"
    _put(sys.stderr, "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text))


def _put(stream: TextIO | None, line: str) -> None:
    try:
        if stream is not None:
            stream.write(line + "\n")
            stream.flush()
    except OSError as error:
        raise _Gone from error


def _give_up(error: BaseException | None) -> int:
    """The end when output cannot be written; a reader that has gone needs no message."""
    gone = isinstance(error, BrokenPipeError)
    if not gone:
        with contextlib.suppress(OSError):
            os.write(2, f"bulkhead: the answers cannot be written: {error}\n".encode())
    # What is left in the buffers must not fail again when the interpreter ends.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    return EXIT_FAILED if gone else EXIT_USAGE
