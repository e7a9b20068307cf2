"""Every validation rule of modules and roots refuses what it is there for, with its own message.

Only `variables.tf` (and the locals a rule looks at) are planned: no provider, a tenth of a second.
Each case breaks one rule alone, so that it fails when that rule is gone; a rule without a case
fails too.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import botocore.session
import pytest
from support.rules import RULES, Change
from support.rules.changes import ACME_ID

from harness.deploy.environment import load_environment
from harness.errors import UserError

ROOT = Path(__file__).parents[2]

FLEET = "modules/operations-role-fleet"
OPERATIONS = "environments/embedded/operations"


class Workbench(Protocol):
    """What this file needs of the `Workbench` in conftest.py."""

    folder: Path

    def init(self) -> None: ...
    def run(self, *arguments: str, fails: bool = False, more: Mapping[str, str] = {}) -> str: ...
    def refusals(self, variables: dict[str, Any]) -> list[str]: ...


def messages_of(where: str) -> dict[str, str]:
    """Every rule by its message up to the first interpolation: the variable that it guards."""
    text = (ROOT / where / "variables.tf").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for block in re.split(r"^variable ", text, flags=re.MULTILINE)[1:]:
        for message in re.findall(r'error_message = "((?:[^"\\]|\\.)*)"', block):
            start = message.split("${")[0]
            assert start not in found, f"two rules of {where} have one message: {start}"
            found[start] = block.split('"')[1]
    return found


@pytest.mark.parametrize("where", RULES)
def test_good_variables_are_accepted(where: str, workbench: Callable[..., Workbench]) -> None:
    assert workbench(*RULES[where].files, at=where).refusals(RULES[where].good) == []


@pytest.mark.parametrize(
    ("where", "start", "change"),
    [
        pytest.param(where, start, change, id=f"{where.rsplit('/')[-1]}-{number}-{start}")
        for where, rules in RULES.items()
        for number, (start, change) in enumerate(rules.cases)
    ],
)
def test_a_broken_variable_is_refused_by_its_rule_alone(
    where: str, start: str, change: Change, workbench: Callable[..., Workbench]
) -> None:
    variables = copy.deepcopy(RULES[where].good)
    change(variables)
    refusals = workbench(*RULES[where].files, at=where).refusals(variables)
    assert len(refusals) == 1, refusals
    assert refusals[0].startswith(start)


@pytest.mark.parametrize("where", RULES)
def test_every_rule_has_a_case_and_every_case_one_rule(where: str) -> None:
    messages = list(messages_of(where))
    starts = {start for start, _ in RULES[where].cases}
    assert all(sum(m.startswith(s) for m in messages) == 1 for s in starts)
    # `partition must` is in both modules; within one, no start fits two rules.
    assert [m for m in messages if not any(m.startswith(s) for s in starts)] == []


def test_the_known_regions_are_those_of_the_sdk() -> None:
    text = (ROOT / FLEET / "regions.tf").read_text(encoding="utf-8")
    session = botocore.session.Session()
    known = [
        region
        for partition in ("aws", "aws-us-gov")
        for region in session.get_available_regions("bedrock", partition)
    ]
    listed = re.findall(r'^    "([a-z0-9-]+)",$', text, re.MULTILINE)
    assert listed == sorted(known)


@pytest.mark.parametrize("where", RULES)
def test_every_variable_is_typed_described_and_not_null(where: str) -> None:
    text = (ROOT / where / "variables.tf").read_text(encoding="utf-8")
    for block in re.split(r"^variable ", text, flags=re.MULTILINE)[1:]:
        name = block.split('"')[1]
        fields = {
            "description": r"^  description\s*= (\"|<<-EOT)",
            "type": r"^  type\s*= (?!any)",
            "nullable": r"^  (nullable\s*= false|default\s*= null)",
        }
        missing = [f for f, p in fields.items() if not re.search(p, block, re.MULTILINE)]
        assert not missing, f"{where}: variable {name} lacks {missing}"


AUDITED = """ci:
  github: {repository: a/b, deploy_environment: d, plan_environment: p, audit_environment: a}
"""


@pytest.mark.parametrize(
    ("quota", "refused", "more"),
    [
        ("inference_profiles_per_region: 5", False, ""),
        ("inference_profiles_per_region: 4", True, ""),
        ("roles: 7", False, ""),
        ("roles: 6", True, ""),
        ("roles: 7", True, AUDITED),
        ("roles: 8", False, AUDITED),
        ("managed_policies: 6", False, ""),
        ("managed_policies: 5", True, ""),
        ("alarms_per_region: 5", False, ""),
        ("alarms_per_region: 4", True, ""),
    ],
)
def test_a_plan_is_refused_for_more_than_one_operations_account_holds(
    quota: str, refused: bool, more: str, workbench: Callable[..., Workbench]
) -> None:
    """The real outputs over a module that makes nothing; the harness counts the same before."""
    bench = workbench(*RULES[OPERATIONS].files, f"{OPERATIONS}/outputs.tf", at=OPERATIONS)
    (bench.folder / "fleet").mkdir()
    (bench.folder / "fleet" / "outputs.tf").write_text('output "customers" {\n  value = {}\n}\n')
    (bench.folder / "main.tf").write_text('module "fleet" {\n  source = "./fleet"\n}\n')
    file = bench.folder.parent / "customers.yaml"
    text = file.read_text(encoding="utf-8")
    changed = text.replace("operations:\n", f"operations:\n  quotas: {{ {quota} }}\n", 1)
    assert changed != text
    file.write_text(changed + more, encoding="utf-8")
    bench.init()
    refusals = bench.refusals(RULES[OPERATIONS].good)
    assert len(refusals) == int(refused), refusals
    if refused:
        assert refusals[0].startswith("customers.yaml lists more than one operations account holds")
        assert f"of {quota.rsplit(maxsplit=1)[-1]}. Move customers to another cell" in refusals[0]
    try:
        load_environment(file.parent)
    except UserError as error:
        assert refused
        assert "more than one operations account holds" in str(error)
    else:
        assert not refused


def test_refused_external_ids_are_not_shown_where_the_environment_gives_them(
    workbench: Callable[..., Workbench],
) -> None:
    """As environments/README.md gives them; of a file Terraform shows the lines."""
    bench = workbench(*RULES[OPERATIONS].files, at=OPERATIONS)
    bench.init()
    ids = {"acme": ACME_ID}
    plan = ("plan", "-json", "-input=false")
    given = {"TF_VAR_external_ids": json.dumps(ids)}
    shown = bench.run(*plan, fails=True, more=given)
    assert "external_ids must" in shown and ACME_ID not in shown
    (bench.folder / "ids.tfvars.json").write_text(json.dumps({"external_ids": ids}))
    assert ACME_ID in bench.run(*plan, "-var-file=ids.tfvars.json", fails=True)


STUB = """
output "{name}" {{
  value = null
}}
"""


@pytest.mark.parametrize(
    ("root", "variables", "one", "none"),
    [
        ("organization", {}, ("guardrails",), ()),
        ("operations", None, ("fleet",), ()),
        (
            "bootstrap",
            {"account_id": "333333333333"},
            (),
            ("bootstrap", "audit", "states", "baseline", "keys", "readers"),
        ),
    ],
)
def test_a_plan_is_refused_for_a_customer_under_the_name_of_one_that_left(
    root: str,
    variables: dict[str, Any] | None,
    one: tuple[str, ...],
    none: tuple[str, ...],
    workbench: Callable[..., Workbench],
) -> None:
    """The real outputs over modules that make nothing; the harness says the same before."""
    where = f"environments/embedded/{root}"
    files = (f"{where}/{name}.tf" for name in ("variables", "locals", "outputs"))
    support = "environments/embedded/bootstrap/support.yaml"
    bench = workbench(*RULES[OPERATIONS].files[:2], support, *files, at=where)
    stub = bench.folder / "stub"
    stub.mkdir()
    outputs = (bench.folder / "outputs.tf").read_text(encoding="utf-8")
    asked = sorted(set(re.findall(r"(?:module\.guardrails|\[\*\])\.(\w+)", outputs)))
    text = "".join(STUB.format(name=name) for name in asked)
    text += 'output "customers" {\n  value = {}\n}\n'
    (stub / "outputs.tf").write_text(text, encoding="utf-8")
    calls = [f'module "{name}" {{\n  source = "./stub"\n}}\n' for name in one]
    calls += [
        f'module "{name}" {{\n  source   = "./stub"\n  for_each = toset([])\n}}\n' for name in none
    ]
    (bench.folder / "main.tf").write_text("".join(calls), encoding="utf-8")
    bench.init()
    given = RULES[OPERATIONS].good if variables is None else variables
    file = bench.folder.parent / "customers.yaml"
    before = file.read_text(encoding="utf-8")
    for left, refused in (("hooli", False), ("globex", True)):
        former = f'former_customers:\n  {left}: {{ left: "2026-01-31", accounts: [] }}\n'
        file.write_text(before + former, encoding="utf-8")
        refusals = bench.refusals(given)
        assert len(refusals) == int(refused), refusals
        assert not refused or refusals[0].startswith("customers.yaml lists globex, which left")
