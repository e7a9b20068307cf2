"""Every command line in the documentation exists: `bulkhead …`, `make …` and our own modules."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from harness.cli.commands import commands

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    + [
        page
        for folder in ("docs", "environments", "modules", "client")
        for page in (ROOT / folder).rglob("*.md")
        if not {".terraform", "node_modules"} & set(page.parts)
    ]
)
RECIPES = [ROOT / "docs" / "ci" / name for name in ("github.yml", "gitlab.yml")]
# `mini` is the example of docs/operate.md.
ENVIRONMENTS = {path.parent.name for path in (ROOT / "environments").glob("*/customers.yaml")} | {
    "mini"
}
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
_OURS = ("bulkhead", ".venv/bin/bulkhead")
_PYTHON = ("python", ".venv/bin/python")
# What is told to others runs where the client is installed and the harness is not.
_CLIENT = "bulkhead."


def lines_of(text: str) -> Iterator[str]:
    """The lines of shell in it: without prompt, comment and output, continuations joined."""
    for line in text.replace("\\\n", " ").splitlines():
        yield line.strip().removeprefix("$ ")


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Each command line of ours with where it stands."""
    sources = [(page, _FENCE.findall(page.read_text(encoding="utf-8"))) for page in PAGES]
    blocks = [
        (page.relative_to(ROOT), text)
        for page, fences in sources
        for _, language, text in fences
        if language in ("", "sh")
    ]
    blocks += [(recipe.relative_to(ROOT), text) for recipe in RECIPES for text in scripts(recipe)]
    for page, text in blocks:
        for line in lines_of(text):
            try:
                words = shlex.split(line, comments=True)
            except ValueError:
                continue  # output, or a text over several lines
            for step in split(words):
                program = step[0] if step else ""
                if program in (*_OURS, "make") or (program in _PYTHON and step[1:2] == ["-m"]):
                    yield str(page), step


def split(words: list[str]) -> Iterator[list[str]]:
    """The commands of a line, each without variables before it and redirections."""
    step: list[str] = []
    for word in [*words, ";"]:
        if word in (";", "&&", "||", "|", "&") or word.startswith((">", "<", "2>")):
            while step and re.fullmatch(r"[A-Z_]+=.*", step[0]):
                step = step[1:]
            yield step
            step = []
        else:
            step.append(word)


def read(recipe: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(recipe.read_text(encoding="utf-8"))
    return loaded


def scripts(recipe: Path) -> list[str]:
    """What the jobs of a recipe run."""
    document = read(recipe)
    jobs = document.get("jobs", document)
    return [
        str(line)
        for job in jobs.values()
        if isinstance(job, dict)
        for line in (
            *(step.get("run", "") for step in job.get("steps", ())),
            *job.get("script", ()),
        )
    ]


COMMANDS = list(command_lines())


def parse(words: list[str]) -> None:
    """Raises click's exception for a command line that does not exist, or is of an environment that
    does not."""
    command: click.Command = commands
    context: click.Context | None = None
    rest = words
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        context = click.Context(command, context, info_name=command.name)
        found = command.get_command(context, rest[0])
        if found is None:
            raise click.UsageError(f"no command {rest[0]}")
        command, rest = found, rest[1:]
    with click.Context(command, context).scope():
        made = command.make_context(command.name, list(rest), parent=context)
    named = made.params.get("environment")
    if named is not None and named not in ENVIRONMENTS:
        raise click.UsageError(f"no environment {named}")


@pytest.mark.parametrize(
    ("page", "words"),
    [
        pytest.param(page, words, id=f"{page}-{number}-{' '.join(words[:3])}")
        for number, (page, words) in enumerate(COMMANDS)
    ],
)
def test_the_command_exists(page: str, words: list[str]) -> None:
    program, arguments = words[0], words[1:]
    if program == "make":
        targets = set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
        named = [each for each in arguments if "=" not in each and not each.startswith("-")]
        assert set(named) <= targets, page
    elif program in _PYTHON:
        assert arguments[1].startswith(_CLIENT) or find_spec(arguments[1]), page
    else:
        try:
            parse(arguments)
        except click.exceptions.Exit as end:
            assert end.exit_code == 0, page  # --help
        except click.BadParameter as error:
            # A file of the reader's own, or a place for one.
            assert "cannot be read" in error.message, f"{page}: {error.message}"


def test_command_lines_were_found() -> None:
    pages = {page for page, words in COMMANDS if words[0] in _OURS}
    wanted = {"README.md", "docs/getting-started.md", "docs/real-aws.md", "docs/watch.md"}
    assert {*wanted, "docs/ci/github.yml", "docs/ci/gitlab.yml"} <= pages


@pytest.mark.parametrize(
    "words",
    [
        ["snapsot", "embedded"],
        ["audit", "embedded", "--no-such"],
        ["audit"],
        ["apply", "sandbox", "--target", "azure"],
        ["customer", "add", "embedded"],
        ["apply", "environments/sandbox"],
    ],
)
def test_a_command_line_that_does_not_exist_is_noticed(words: list[str]) -> None:
    with pytest.raises(click.UsageError):
        parse(words)


# --- what the recipes may -------------------------------------------------------------------------


def test_one_job_of_github_has_a_token_at_night_and_in_an_environment() -> None:
    recipe = read(RECIPES[0])
    assert recipe["permissions"] == {}
    jobs = recipe["jobs"]
    signed = {name for name, job in jobs.items() if "id-token" in job["permissions"]}
    assert signed == {"audit"}
    assert jobs["audit"]["permissions"] == {"contents": "read", "id-token": "write"}
    assert jobs["audit"]["environment"] == "sandbox-audit"
    assert jobs["audit"]["if"] == "${{ github.event_name == 'schedule' }}"
    assert all("environment" not in job for name, job in jobs.items() if name != "audit")
    assert "secrets." not in RECIPES[0].read_text(encoding="utf-8")


def test_one_job_of_gitlab_has_a_token_at_night_and_on_a_protected_branch() -> None:
    recipe = read(RECIPES[1])
    assert recipe["default"]["id_tokens"] == {}
    signed = {
        name
        for name, job in recipe.items()
        if isinstance(job, dict) and name != "default" and "id_tokens" in job
    }
    assert signed == {"audit-sandbox"}
    (rule,) = recipe["audit-sandbox"]["rules"]
    for condition in (
        '$CI_PIPELINE_SOURCE == "schedule"',
        '$CI_COMMIT_BRANCH == "audit"',
        '$CI_COMMIT_REF_PROTECTED == "true"',
    ):
        assert condition in rule["if"]
    assert "||" not in rule["if"]
    # Its branch runs nothing else.
    for name in ("lint", "check", "test"):
        assert recipe[name]["rules"] == [{"if": '$CI_COMMIT_BRANCH != "audit"'}]


def wrong_in_github(recipe: dict[str, Any]) -> list[str]:
    """What neither the schema nor zizmor minds."""
    jobs, found = recipe["jobs"], []
    for name, job in jobs.items():
        uses = [step for step in job["steps"] if "uses" in step]
        found += [f"{name}: no end"] if "timeout-minutes" not in job else []
        found += [f"{name}: needs {n}" for n in [job.get("needs", name)] if n not in jobs]
        found += [
            f"{name}: keeps its token"
            for step in uses
            if step["uses"].startswith("actions/checkout@")
            and step.get("with", {}).get("persist-credentials") is not False
        ]
    if "event_name" not in recipe["concurrency"]["group"]:
        found.append("a push ends the audit that waits")
    return found


def wrong_in_gitlab(recipe: dict[str, Any]) -> list[str]:
    """What the schema does not mind."""
    found = [] if re.search(r"@sha256:[0-9a-f]{64}$", recipe["default"]["image"]) else ["no pin"]
    for name, job in recipe.items():
        if isinstance(job, dict) and "script" in job:
            found += [] if "timeout" in job else [f"{name}: no end"]
            found += [] if job["stage"] in recipe["stages"] else [f"{name}: stage {job['stage']}"]
            found += [f"{name}: image"] if "image" in job else []
    return found


def test_what_the_linters_of_the_recipes_do_not_see_is_as_it_should_be() -> None:
    github, gitlab = map(read, RECIPES)
    assert wrong_in_github(github) == wrong_in_gitlab(gitlab) == []
    github["jobs"]["test"] |= {"needs": "nothing"}
    del github["jobs"]["lint"]["timeout-minutes"]
    github["jobs"]["check"]["steps"][0]["with"]["persist-credentials"] = True
    github["concurrency"]["group"] = "${{ github.ref }}"
    assert wrong_in_github(github) == [
        *("lint: no end", "test: needs nothing", "check: keeps its token"),
        "a push ends the audit that waits",
    ]
    gitlab["default"]["image"] = "python:3.12"
    gitlab["test"]["stage"] = "tset"
    assert wrong_in_gitlab(gitlab) == ["no pin", "test: stage tset"]


@pytest.mark.parametrize("answer", ["", '{"message": "no"}', "<html>"])
def test_a_token_that_github_does_not_give_is_no_finding(tmp_path: Path, answer: str) -> None:
    """Exit code 1 says that something is not as it was deployed."""
    (script,) = (text for text in scripts(RECIPES[0]) if "--token" in text)
    curl = tmp_path / "curl"
    curl.write_text(f"#!/bin/sh\nprintf '%s' '{answer}'\n", encoding="utf-8")
    curl.chmod(0o755)
    bulkhead = tmp_path / ".venv" / "bin" / "bulkhead"
    bulkhead.parent.mkdir(parents=True)
    bulkhead.write_text('#!/bin/sh\ncat "$RUNNER_TEMP/token"\n', encoding="utf-8")
    bulkhead.chmod(0o755)
    bulkhead.with_name("python").symlink_to(sys.executable)
    environ = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path),
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.invalid?",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
    }

    def run() -> int:
        # As GitHub runs what names no shell.
        return subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=environ).returncode

    assert run() == 2
    assert not (tmp_path / "token").exists() and not (tmp_path / "audit.json").exists()
    curl.write_text("#!/bin/sh\nprintf '%s' '{\"value\": \"t\"}'\n", encoding="utf-8")
    assert run() == 0
    assert (tmp_path / "audit.json").read_text(encoding="utf-8") == "t"
    assert not (tmp_path / "token").exists()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_the_audit_reads_only_and_keeps_its_report_alone(recipe: Path) -> None:
    text = recipe.read_text(encoding="utf-8")
    (line,) = (line for script in scripts(recipe) for line in lines_of(script) if " audit " in line)
    words = shlex.split(line)
    assert {"--no-probes", "--json", "--token", "--deployed"} <= set(words)
    assert words[words.index("--target") + 1] == "aws"
    assert words[-2:] == [">", "audit.json"]
    assert "trap 'rm -f" in text and "umask 077" in text
    assert not re.search(r"AKIA|aws_access_key|AWS_SECRET", text, re.IGNORECASE)
