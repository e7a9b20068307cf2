"""Least privilege, measured: what the deploy roles may do against what deploying asks for.

The embedded cloud remembers every permission that it decided. Here the accounts are applied,
planned and destroyed as the roles that deploy them, with a budget added: what was asked for is all
that the roles were given, but for what `grants.yaml` says a change needs, with its reason.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.runs import copy_run

from harness.deploy.apply import deploy, deployers_destroy, pending_changes
from harness.deploy.deployment import Deployment
from harness.deploy.environment import Environment, load_environment
from harness.deploy.workspace import CUSTOMERS_FILE, project_root
from harness.errors import UserError
from harness.iam import (
    NamedPolicy,
    PolicyKind,
    PolicySet,
    Principal,
    Request,
    decide,
    parse_policy,
)
from harness.targets.base import DEPLOYERS, Deployer, role_arn
from harness.targets.embedded import EmbeddedTarget

GRANTS = Path("modules") / "account-bootstrap" / "grants.yaml"
KINDS = ("operations", "customer", "organization")


@dataclass(frozen=True)
class Role:
    """A deploy role: its policy as IAM shows it, and what it asked for and was given."""

    kind: str
    deployer: Deployer
    statements: list[dict[str, Any]]
    asked: list[Request] = field(repr=False)

    def allows(self, request: Request, statements: list[dict[str, Any]]) -> bool:
        """Whether these statements, instead of its own, would have given what it asked for."""
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        policy = NamedPolicy(PolicyKind.IDENTITY, "grants", parse_policy(document))
        return decide(request, PolicySet(identity=(policy,), resource=_left(request))).allowed


def _left(request: Request) -> NamedPolicy | None:
    """The key's policy leaves everything to the account's identity policies."""
    if not request.action.startswith("kms:") or request.resource == "*":
        return None
    root = {"AWS": f"arn:aws:iam::{request.resource_account}:root"}
    statement = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return NamedPolicy(PolicyKind.KEY, "key", parse_policy(document))


def with_budget(environment: Environment, tree: Path) -> Environment:
    """The environment with what it leaves out, since reading it takes Terraform five seconds."""
    shutil.copytree(project_root() / "modules", tree / "modules")
    path = tree / environment.path.relative_to(project_root())
    shutil.copytree(environment.path, path, ignore=shutil.ignore_patterns(".terraform*"))
    file, yaml = path / CUSTOMERS_FILE, YAML(typ="safe")
    document = yaml.load(file.read_text(encoding="utf-8"))
    document["operations"]["budget_emails"] = ["spending@example.com"]
    document["customers"]["initech"]["spend"]["monthly_budget_usd"] = 5000
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(document, stream)
    return load_environment(path)


@pytest.fixture(scope="module")
def roles(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Role]]:
    """The deploy roles of all accounts, after a plan, and a destroy as far as they can."""
    environment = deployment.environment
    run, work = deployment.place.credentials.parent, tmp_path_factory.mktemp("run")
    copy_run(run, work)
    with deployment.cloud().fork() as cloud:
        target = EmbeddedTarget(cloud)
        made = deploy(with_budget(environment, tmp_path_factory.mktemp("tree")), target, work)
        kinds = dict.fromkeys(environment.deployed_accounts, "customer") | {
            environment.management_account: "organization",
            environment.operations_account: "operations",
        }
        policies: dict[tuple[str, Deployer], list[dict[str, Any]]] = {}
        for account in kinds:
            iam = target.client(target.session(account), "iam", environment.region)
            for deployer in DEPLOYERS:
                name = role_arn(deployer, account).rpartition("/")[2]
                got = iam.get_role_policy(RoleName=name, PolicyName=deployer)
                policies[account, deployer] = got["PolicyDocument"]["Statement"]
        assert pending_changes(made, work) == {}
        # The records, their masking and their key are what the deploy role must not remove.
        with pytest.raises(UserError, match="logs:DeleteDataProtectionPolicy"):
            deployers_destroy(made, work)
        yield [
            Role(
                kind,
                deployer,
                policies[account, deployer],
                cloud.asked(role_arn(deployer, account)),
            )
            for account, kind in kinds.items()
            for deployer in DEPLOYERS
        ]


def actions_of(statement: Mapping[str, Any]) -> list[str]:
    action = statement["Action"]
    return [action] if isinstance(action, str) else list(action)


def changes(kind: str, deployer: Deployer = "deploy") -> dict[str, dict[str, str]]:
    """By sid: the actions that only a change asks for, with their reasons. Sids are of statements:
    what the plan role gets is in those that read."""
    grants = YAML(typ="safe").load((project_root() / GRANTS).read_text(encoding="utf-8"))[kind]
    if deployer == "plan":
        return {f"Read{grant['sid']}": grant.get("preview", {}) for grant in grants}
    return {grant["sid"]: grant.get("change", {}) for grant in grants}


def test_every_grant_names_its_actions_one_by_one(roles: list[Role]) -> None:
    for role in roles:
        for statement in role.statements:
            assert statement["Effect"] == "Allow"
            assert not [action for action in actions_of(statement) if "*" in action]


@pytest.mark.parametrize("deployer", list(DEPLOYERS))
@pytest.mark.parametrize("kind", KINDS)
def test_without_any_one_action_deploying_fails(
    roles: list[Role], kind: str, deployer: Deployer
) -> None:
    """Each action of each statement, taken away alone, refuses something that was asked for."""
    chosen = [role for role in roles if (role.kind, role.deployer) == (kind, deployer)]
    spared = changes(kind, deployer)
    needless = []
    for index, statement in enumerate(chosen[0].statements):
        for action in actions_of(statement):
            needed = False
            for role in chosen:
                less = [dict(each) for each in role.statements]
                kept = [a for a in actions_of(less[index]) if a != action]
                less[index]["Action"] = kept
                without = [each for each in less if each["Action"]]
                concerned = [r for r in role.asked if r.action == action]
                if any(not role.allows(request, without) for request in concerned):
                    needed = True
                    break
            justified = action in spared.get(statement["Sid"], {})
            if needed == justified:
                said = "is needed without any change" if needed else "nothing asks for it"
                needless.append(f"{statement['Sid']}: {action}: {said}")
    assert not needless, f"{GRANTS}, {kind}:\n" + "\n".join(needless)


@pytest.mark.parametrize("deployer", list(DEPLOYERS))
@pytest.mark.parametrize("kind", KINDS)
def test_every_request_was_the_grants_to_give(
    roles: list[Role], kind: str, deployer: Deployer
) -> None:
    """The twin: with its own statements the replay gives each role all that it asked for."""
    for role in roles:
        if (role.kind, role.deployer) == (kind, deployer):
            assert role.asked
            missing = [r for r in role.asked if not role.allows(r, role.statements)]
            assert not missing, sorted({f"{r.action} on {r.resource}" for r in missing})


@pytest.mark.parametrize("deployer", list(DEPLOYERS))
@pytest.mark.parametrize("kind", KINDS)
def test_every_change_has_its_reason(kind: str, deployer: Deployer) -> None:
    for sid, reasons in changes(kind, deployer).items():
        for action, reason in reasons.items():
            assert isinstance(reason, str) and len(reason.split()) > 3, f"{sid}: {action}"


def test_the_plan_role_only_reads(roles: list[Role]) -> None:
    for role in roles:
        if role.deployer == "plan":
            for request in role.asked:
                verb = request.action.partition(":")[2]
                assert verb.startswith(("Get", "List", "Describe", "Validate", "View"))


def test_a_principal_without_requests_has_asked_for_nothing(deployment: Deployment) -> None:
    assert (
        deployment.cloud().asked(Principal.from_arn("arn:aws:iam::111111111111:role/x").arn) == []
    )
