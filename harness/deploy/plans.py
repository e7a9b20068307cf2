"""The plans of an applied environment, where every policy is known, and the files behind them.

A plan before the first apply does not know the policies that name a generated ARN. So the
environment is applied to a throwaway cloud first, and planned again there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.deploy.deployment import Deployment
from harness.deploy.environment import CUSTOMER_ROOT
from harness.deploy.run import EXTERNAL_IDS_FILE, parallel_roots
from harness.deploy.terraform import VARIABLES_FILE, Terraform
from harness.deploy.toolchain import prepare_toolchain
from harness.deploy.workspace import RUNS, private_folder, project_root
from harness.errors import UserError

_INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """The plan of one root: its name, its folder, and Terraform's JSON, which holds secrets."""

    name: str
    root: Path
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """Where a resource is written: a file, its first and last line, and the lines themselves."""

    file: Path
    start: int
    end: int
    lines: tuple[str, ...]


def plan_documents(deployment: Deployment, run_dir: Path) -> list[PlanDocument]:
    """Plans every root that was applied in `run_dir` once more, with the variables it had.

    Raises `UserError` when one cannot be planned. The deployment's cloud must be running.
    """
    toolchain = prepare_toolchain(private_folder(project_root() / RUNS / "terraform"))
    roots = {file.parent.name: file.parent for file in deployment.environment.path.glob("*/*.tf")}
    environ = deployment.target().environ(None)
    hidden = json.loads((run_dir / EXTERNAL_IDS_FILE).read_text(encoding="utf-8")).values()

    def plan(folder: Path) -> PlanDocument:
        root = _root_of(folder.name, roots)
        terraform = Terraform(
            toolchain,
            root,
            folder=folder,
            data=run_dir / "data" / root.name,
            environ=environ,
            label=folder.name,
            hidden=hidden,
            one_provider=True,
        )
        variables = json.loads((folder / VARIABLES_FILE).read_text(encoding="utf-8"))
        text = terraform.plan_document(variables, refresh=False)
        return PlanDocument(folder.name, root, text)

    folders = sorted(state.parent for state in (run_dir / "state").glob("*/terraform.tfstate"))
    with ThreadPoolExecutor(min(2, parallel_roots())) as pool:
        return list(pool.map(plan, folders))


def _root_of(name: str, roots: Mapping[str, Path]) -> Path:
    """The root module of a state: of its name, or of all accounts of a kind or of customers."""
    for root, folder in roots.items():
        if re.fullmatch(rf"{re.escape(root)}(-\d{{12}})?", name):
            return folder
    if CUSTOMER_ROOT not in roots:
        raise UserError(f"{name}: no root module of the environment belongs to this state")
    return roots[CUSTOMER_ROOT]


class Origins:
    """Finds the Terraform behind a resource of a plan, by the modules that the plan names.

    checkov looks for type and name alone, and takes the wrong file where two modules have both.
    """

    def __init__(self, plan: PlanDocument) -> None:
        self._root = plan.root
        self._configuration = json.loads(plan.text)["configuration"]["root_module"]

    def block(self, address: str) -> Block | None:
        """The block of a resource; None for one that is not written in this project.

        Terraform's format closes a block in the first column, which `make lint` holds.
        """
        parts = _INDEX.sub("", address).split(".")
        folder, configuration = self._root, self._configuration
        while parts[:1] == ["module"] and len(parts) > 2:
            call = configuration.get("module_calls", {}).get(parts[1])
            if call is None or not call["source"].startswith("."):
                return None
            folder, configuration = folder / call["source"], call["module"]
            parts = parts[2:]
        if len(parts) != 2:
            return None
        opening = re.compile(rf'resource\s+"{re.escape(parts[0])}"\s+"{re.escape(parts[1])}"\s*{{')
        for file in sorted(folder.resolve().glob("*.tf")):
            lines = file.read_text(encoding="utf-8").splitlines()
            for start, line in enumerate(lines):
                if opening.match(line):
                    end = next((n for n, x in _after(lines, start) if x.startswith("}")), start)
                    return Block(file, start + 1, end + 1, tuple(lines[start : end + 1]))
        return None


def _after(lines: list[str], start: int) -> Iterable[tuple[int, str]]:
    return ((number, lines[number]) for number in range(start, len(lines)))


def resources_of(plan: PlanDocument) -> list[dict[str, Any]]:
    """The resources that the plan leaves, those of modules included."""
    found: list[dict[str, Any]] = []
    modules = [json.loads(plan.text)["planned_values"]["root_module"]]
    while modules:
        module = modules.pop()
        found += [r for r in module.get("resources", []) if r["mode"] == "managed"]
        modules += module.get("child_modules", [])
    return found
