"""What the owner of an account needs to bootstrap it: enough, and nothing too many.

Owners who have what docs/owner.yaml lists, and no other right, apply the bootstraps, apply them
changed, plan and destroy them. Some customers' owners lack one action and are given it once they
were refused, all in the minute that Terraform waits for the rules of two buckets.
"""

from __future__ import annotations

import configparser
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.owners import KINDS, OWNER, Owners, rights
from support.real_accounts import CI, EXAMPLE, sandbox

from harness.cloud.process import CloudProcess
from harness.deploy.environment import Environment, load_environment
from harness.deploy.run import Run
from harness.deploy.terraform import Changes, Terraform
from harness.deploy.workspace import CUSTOMERS_FILE
from harness.errors import UserError
from harness.targets.embedded import EmbeddedTarget

JOB = "bootstrap"
APPLY = {"100000010003": "iam:TagRole", "100000010004": "kms:CreateAlias"}
DESTROY = {"100000010010": "iam:DeleteRolePolicy"}
"""By account of a customer: what its owner lacks at first."""
HELD = {"kms:PutKeyPolicy"}
"""What whoever makes a key must have, and asks for only when its policy changes.
https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html"""
GLASS = "break_glass: { roles: [glass], emails: [owner@example.com] }"
LATER = f"\ncontent: true{CI}"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """With a trail, an account of states, and customers' accounts whose owners lack something."""
    made = sandbox(tmp_path_factory.mktemp("sandbox"), second=False, whole=True)
    example = f'      - {{ account_id: "{EXAMPLE}", caller: lambda }}\n'
    others = "".join(example.replace(EXAMPLE, account) for account in (*APPLY, *DESTROY))
    return edited(made, example, example.replace("lambda", "existing, caller_role: app/x") + others)


def edited(environment: Environment, before: str, after: str, more: str = "") -> Environment:
    file = environment.path / CUSTOMERS_FILE
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after) + more, encoding="utf-8")
    return load_environment(environment.path)


@dataclass
class Bootstrapped:
    """What came of it all."""

    asked: dict[str, set[str]]
    """By kind of account: what its owners asked for and were given."""
    refused: dict[str, str]
    """By account: what its owner was told who lacked something."""
    planned: dict[str, bool]
    """By account: whether a plan of what was applied had something to change."""
    left: set[str]
    """Roles and policies that are there at the end, but for the owners."""


@pytest.fixture(scope="module")
def owners(environment: Environment, started: CloudProcess) -> Owners:
    """Have what is listed."""
    keys = configparser.RawConfigParser()
    keys.read(started.credentials)
    made = Owners(environment, started, keys, EmbeddedTarget(started))
    made.give(JOB)
    return made


@pytest.fixture(scope="module")
def bootstrapped(owners: Owners, tmp_path_factory: pytest.TempPathFactory) -> Bootstrapped:
    environment, target = owners.environment, owners.target
    run_dir = tmp_path_factory.mktemp("run")
    lacking = APPLY | DESTROY
    for account, action in lacking.items():
        owners.give(JOB, without=action, only=account)
    refused, planned = dict[str, str](), dict[str, bool]()

    def apply(root: Terraform, variables: dict[str, Any]) -> Changes:
        return root.apply(variables)

    def plan(root: Terraform, variables: dict[str, Any]) -> None:
        planned[variables["account_id"]] = not root.plan(variables).empty

    def some_refused(run: Run, work: Any, account_ids: dict[str, str]) -> None:
        with pytest.raises(UserError), run.bootstraps(work):
            pass
        for root, error in run.failed.items():
            refused[root.rpartition(" ")[2]] = str(error)
        for account in account_ids:
            owners.give(JOB, only=account)

    run = Run(environment, run_dir, None, target=target)
    run.init()
    some_refused(run, apply, APPLY)

    changed = edited(environment, "existing, caller_role: app/x", "lambda", LATER)
    changed = edited(changed, "operations:\n", f"operations:\n  {GLASS}\n")
    run = Run(changed, run_dir, None, target=target)
    run.init()
    for work in (apply, plan):
        with run.bootstraps(work):
            pass
    some_refused(run, run.undo_bootstrap, DESTROY)
    with run.bootstraps(run.undo_bootstrap, list(DESTROY)):
        pass
    return Bootstrapped(owners.asked(), refused, planned, set(_left(owners)))


def _left(owners: Owners) -> Iterator[str]:
    for account in owners.environment.bootstrapped_accounts:
        iam = owners.everything("iam", account)
        yield from (each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"])
        yield from (each["Arn"] for each in iam.list_roles()["Roles"] if each["RoleName"] != OWNER)


@pytest.mark.parametrize("kind", KINDS.values())
def test_a_bootstrap_needs_what_is_listed(bootstrapped: Bootstrapped, kind: str) -> None:
    listed = rights(JOB)
    several = [*listed["everywhere"], *listed[kind]]
    assert len(several) == len(set(several))
    held = HELD if "kms:CreateKey" in several else set[str]()
    assert bootstrapped.asked[kind] == set(several) - held


def test_what_is_listed_is_enough(bootstrapped: Bootstrapped, environment: Environment) -> None:
    assert bootstrapped.planned == dict.fromkeys(environment.bootstrapped_accounts, False)
    assert bootstrapped.left == set()


def test_without_an_action_an_owner_is_refused(bootstrapped: Bootstrapped) -> None:
    """The twin is their second try, with the action."""
    lacking = APPLY | DESTROY
    assert bootstrapped.refused.keys() == lacking.keys()
    for account, action in lacking.items():
        assert action in bootstrapped.refused[account]


def test_nobody_makes_a_key_whose_policy_they_could_not_change(owners: Owners) -> None:
    """Not by Terraform, which goes on trying for minutes."""
    (held,) = HELD
    own = {"AWS": f"arn:aws:iam::{EXAMPLE}:root"}
    statement = {"Effect": "Allow", "Principal": own, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    kms = owners.target.client(owners.target.session(EXAMPLE), "kms", "eu-central-1")
    owners.give(JOB, without=held, only=EXAMPLE)
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        kms.create_key(Policy=policy)
    owners.give(JOB, only=EXAMPLE)
    assert kms.create_key(Policy=policy)
