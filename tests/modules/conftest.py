"""Runs Terraform on copies of the modules, offline and without credentials.

Copies, because `terraform init` writes beside the configuration and tests run in parallel.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.roots import SHARED, Plan, Planned, Plans

from harness.deploy.environment import load_environment
from harness.deploy.provider import attached, named
from harness.deploy.toolchain import Toolchain, prepare_toolchain

ROOT = Path(__file__).parents[2]
EMPTY: Mapping[str, str] = {}


@dataclass(frozen=True)
class Workbench:
    """A folder with a copy of some Terraform, and the Terraform to run on it."""

    folder: Path
    toolchain: Toolchain

    @property
    def environ(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
        return kept | self.toolchain.environ()

    def run(self, *arguments: str, fails: bool = False, more: Mapping[str, str] = EMPTY) -> str:
        """Standard output of a command; a surprising exit code fails the test with all output."""
        done = subprocess.run(
            [str(self.toolchain.executable), *arguments],
            cwd=self.folder,
            env={**self.environ, **more},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if (done.returncode != 0) != fails:
            pytest.fail(
                f"{' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def init(self) -> None:
        self.run("init", "-input=false", "-backend=false")

    def test(self, *arguments: str) -> str:
        """What `terraform test` says of files that mock the provider: then nothing configures one,
        and all their runs do with one process of it, where each would start several."""
        counted = self.folder.with_name(f"{self.folder.name}-provider")
        counted.mkdir()
        (counted / "main.tf").write_text('provider "aws" {}\n', encoding="utf-8")
        kinds = named([self.folder])
        with attached(counted, self.folder / ".terraform", self.environ, kinds=kinds) as loan:
            return self.run("test", "-json", *arguments, more=loan.environ)

    def refusals(self, variables: Mapping[str, Any]) -> list[str]:
        """The messages with which a plan refuses these variables; empty when it accepts them."""
        file = self.folder / "case.tfvars.json"
        file.write_text(json.dumps(variables), encoding="utf-8")
        done = subprocess.run(
            [str(self.toolchain.executable), "plan", "-json", "-input=false", f"-var-file={file}"],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        errors = [m["diagnostic"]["detail"] for m in messages if m["@level"] == "error"]
        assert bool(errors) == bool(done.returncode), done.stdout + done.stderr
        return [" ".join(error.split("\n\nThis was checked by")[0].split()) for error in errors]


@pytest.fixture(scope="session")
def toolchain(tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    return prepare_toolchain(tmp_path_factory.mktemp("toolchain"))


@pytest.fixture(scope="session")
def workbench_in(toolchain: Toolchain) -> Callable[..., Workbench]:
    """Makes a workbench in a folder, with these files or folders of the project at the same
    relative paths; `at` is where Terraform runs."""

    def make(folder: Path, *paths: str, at: str) -> Workbench:
        for path in paths:
            source, target = ROOT / path, folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(
                    source, target, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*")
                )
            else:
                shutil.copy(source, target)
        (folder / at).mkdir(parents=True, exist_ok=True)
        return Workbench(folder / at, toolchain)

    return make


@pytest.fixture
def workbench(tmp_path: Path, workbench_in: Callable[..., Workbench]) -> Callable[..., Workbench]:
    """`workbench_in` a folder of the test's own."""
    return lambda *paths, at: workbench_in(tmp_path, *paths, at=at)


@pytest.fixture
def plans(tmp_path: Path, workbench_in: Callable[..., Workbench]) -> Plans:
    """Plans a root of the embedded environment with changes of its `customers.yaml`, once for each
    of some variables: one Terraform for all of them."""

    def run(
        root: str,
        changes: Mapping[str, str],
        variables: Sequence[Mapping[str, Any]],
        *mocks: str,
    ) -> list[Planned]:
        where = f"environments/embedded/{root}"
        # Of its own, so that a test may ask several times.
        folder = tmp_path / f"planned-{len(list(tmp_path.glob('planned-*')))}"
        bench = workbench_in(folder, "modules", *SHARED, where, at=where)
        file = bench.folder.parent / "customers.yaml"
        text = file.read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, new, 1)
        file.write_text(text, encoding="utf-8")
        load_environment(file.parent)  # the harness takes it, too
        runs = "".join(mocks)
        for number, values in enumerate(variables):
            given = "".join(f"    {name} = {json.dumps(v)}\n" for name, v in values.items())
            runs += f'\nrun "plan_{number}" {{\n  command = plan\n  variables {{\n{given}  }}\n}}\n'
        tests = bench.folder / "tests"
        tests.mkdir()
        (tests / "fields.tftest.hcl").write_text(runs, encoding="utf-8")
        bench.init()
        lines = map(json.loads, bench.test("-verbose").splitlines())
        made = {
            line["@testrun"]: line["test_plan"] for line in lines if line["type"] == "test_plan"
        }
        return [
            {
                change["address"]: change["change"]["after"]
                for change in made[f"plan_{number}"]["resource_changes"]
                if change["mode"] == "managed"
            }
            for number in range(len(variables))
        ]

    return run


@pytest.fixture
def plan(plans: Plans) -> Plan:
    """`plans` for one set of variables."""

    def run(
        root: str, changes: Mapping[str, str], variables: Mapping[str, Any], *mocks: str
    ) -> Planned:
        (planned,) = plans(root, changes, [variables], *mocks)
        return planned

    return run
