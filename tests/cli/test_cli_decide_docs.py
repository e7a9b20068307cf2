"""The examples of docs/decide.md do what the page says, and its schema describes all lines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from harness.iam.cases import answer, load_case, read_case
from harness.iam.errors import PolicyError
from harness.iam.policy import PolicyKind

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "decide.md").read_text(encoding="utf-8")
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs/decide.schema.json").read_text(encoding="utf-8"))
CASES = sorted((ROOT / "tests" / "iam" / "cases").glob("*.jsonl"))
_FENCE = re.compile(r"^```(json|console)(?: file=(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands(console: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, here-documents included, with the output below it."""
    for shown in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, output = shown.partition("\n")
        if "<<'END'" in command:
            document, _, output = output.partition("\nEND\n")
            command += f"\n{document}\nEND\n"
        yield command, output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to run in, where `bulkhead` and `python3` are those of the tests."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    programs = tmp_path / "bin"
    programs.mkdir()
    main = "-c 'from harness.cli import main; main()' "
    for name, before in (("bulkhead", main), ("python3", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {before}"$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return tmp_path


def test_every_example_does_what_the_page_says(folder: Path) -> None:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "LC_ALL": "C"}
    run = 0
    for kind, name, text in _FENCE.findall(PAGE):
        if kind == "json":
            (folder / name).write_text(text, encoding="utf-8")
            continue
        for command, output in commands(text):
            ended = subprocess.run(
                ["sh", "-c", command],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
            )
            assert ended.stdout == output, command
            run += 1
    assert run == 6


def test_the_schema_is_one_and_knows_every_kind() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["$defs"]["kind"]["enum"]) == set(map(str, PolicyKind))


def valid(name: str, data: Any) -> bool:
    return Draft202012Validator({**SCHEMA, "oneOf": [SCHEMA["oneOf"][NAMES[name]]]}).is_valid(data)


NAMES = {"case": 0, "answer": 1, "refusal": 2}


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_the_schema_describes_cases_and_answers(file: Path) -> None:
    for line in file.read_text(encoding="utf-8").splitlines():
        data = load_case(line)
        assert valid("case", data), line
        assert valid("answer", answer(read_case(data))), line


@pytest.mark.parametrize(
    "change",
    [
        {"Id": "x"},
        {"id": 1},
        {"expected": "Maybe"},
        {"identityPolicies": {}},
        {"scps": [{}]},
        {"rcps": {}},
        {"permissionsBoundary": {"Version": "2013-01-01", "Statement": []}},
        {"sessionPolicy": 1},
        {"request": {}},
        {"request": {"principal": "*", "action": "s3", "resource": "*"}},
        {"request": {"principal": "*", "action": "a:b", "resource": "bucket"}},
        {"request": {"principal": "*", "action": "a:b", "resource": "*", "resourceAccount": "1"}},
        {"request": {"principal": "*", "action": "a:b", "resource": "*", "context": {"a": "b"}}},
        {"request": {"principal": "*", "action": "a:b", "resource": "*", "context": {"a:b": {}}}},
    ],
)
def test_what_the_schema_refuses_the_command_refuses(change: dict[str, Any]) -> None:
    data = json.loads(CASES[0].read_text(encoding="utf-8").splitlines()[0])
    assert valid("case", data)
    assert not valid("case", {**data, **change})
    with pytest.raises(PolicyError):
        read_case({**data, **change})


def test_refusals_have_a_schema() -> None:
    assert valid("refusal", {"id": None, "error": "x", "file": "<stdin>", "line": 1})
    assert not valid("refusal", {"id": None, "error": "x"})
