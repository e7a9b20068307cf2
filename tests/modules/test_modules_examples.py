"""Every example of every module is applied, as it stands, to an embedded cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cloud.process import CloudProcess
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import load_environment
from harness.deploy.secrets import new_external_id
from harness.deploy.terraform import Terraform
from harness.deploy.toolchain import Toolchain
from harness.targets.embedded import EmbeddedTarget
from scripts import terraform_files
from scripts.docs.readme import modules

ROOT = Path(__file__).parents[2]
MODULES = list(modules())
EXAMPLES = sorted(folder for module in MODULES for folder in module.glob("examples/*"))


def named(folder: Path) -> str:
    return f"{folder.parent.parent.name}-{folder.name}"


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """A cloud with the accounts of the embedded environment, and nothing in them."""
    plan = cloud_plan(load_environment(ROOT / "environments" / "embedded"))
    file = tmp_path_factory.mktemp("examples") / "credentials"
    with CloudProcess.start(plan, credentials=file) as cloud:
        yield cloud


def required_variables(folder: Path) -> set[str]:
    return {
        name
        for file in folder.glob("*.tf")
        for name, body in terraform_files.labelled(terraform_files.read(file), "variable")
        if "default" not in body
    }


def shown(document: dict[str, Any]) -> dict[str, Any]:
    """What an example gives to the module that it is an example of."""
    (body,) = (
        body
        for _, body in terraform_files.labelled(document, "module")
        if terraform_files.text(body["source"]) == "../.."
    )
    return body


def customers(document: dict[str, Any]) -> set[str]:
    """The customers of an example of the fleet, which may be in its locals."""
    given = shown(document)["customers"]
    if not isinstance(given, dict):
        (given,) = (block["customers"] for block in document["locals"] if "customers" in block)
    return set(given)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_every_module_has_a_small_and_a_whole_example(module: Path) -> None:
    assert {"minimal", "complete"} <= {folder.name for folder in module.glob("examples/*")}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_the_whole_example_sets_every_variable(module: Path) -> None:
    declared = {
        name
        for file in module.glob("*.tf")
        for name, _ in terraform_files.labelled(terraform_files.read(file), "variable")
    }
    document = terraform_files.read(module / "examples" / "complete" / "main.tf")
    assert declared - set(shown(document)) == set()


@pytest.mark.parametrize("folder", EXAMPLES, ids=named)
def test_an_example_applies(
    folder: Path, accounts: CloudProcess, toolchain: Toolchain, tmp_path: Path
) -> None:
    document = terraform_files.read(folder / "main.tf")
    (account,) = {
        terraform_files.text(account)
        for _, provider in terraform_files.labelled(document, "provider")
        for account in provider["allowed_account_ids"]
    }
    variables = {}
    # An example brings all but its secrets.
    if required := required_variables(folder):
        assert required == {"external_ids"}
        variables["external_ids"] = {key: new_external_id() for key in customers(document)}
    with accounts.fork() as cloud:
        terraform = Terraform(
            toolchain,
            folder,
            folder=tmp_path / "work",
            data=tmp_path / "data",
            environ=EmbeddedTarget(cloud).environ(account),
            label=named(folder),
            one_provider=True,
        )
        terraform.init()
        changes = terraform.apply(variables)
        assert changes.planned
        assert changes.done == len(changes.planned)
        outputs = terraform.output()
    assert outputs
    assert all(outputs.values())
    written = json.dumps(outputs)
    assert not any(secret in written for secret in variables.get("external_ids", {}).values())
