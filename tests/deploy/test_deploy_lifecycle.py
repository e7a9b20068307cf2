"""The embedded environment with the real Terraform: applied, applied again, destroyed."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ruamel.yaml import YAML
from support.runs import copy_run

from harness.cli import start
from harness.cloud.process import CloudProcess
from harness.deploy.apply import (
    DEPLOYMENT_FILE,
    deploy,
    destroy,
    retire,
    unlisted_roots,
)
from harness.deploy.deployment import Deployment
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import Environment, load_environment
from harness.deploy.offboard import POLICY_NAME, deny_sessions
from harness.deploy.run import EXTERNAL_IDS_FILE, RootEvent, Run, root_names
from harness.deploy.terraform import Terraform
from harness.deploy.workspace import CUSTOMERS_FILE
from harness.probes.unguarded import without_scps
from harness.targets.embedded import EmbeddedTarget

ROOT = Path(__file__).parents[2]


def left(target: EmbeddedTarget, environment: Environment) -> dict[str, set[str]]:
    """Everything of ours that each account holds, except keys that wait for their deletion, and
    what probes of other tests had in place when the cloud was forked."""
    found: dict[str, set[str]] = {}
    for account in environment.accounts:
        session = target.session(account)
        names: set[str] = set()

        def client(service: str, region: str, session: Any = session) -> Any:
            return target.client(session, service, region)

        iam = client("iam", "us-east-1")
        names |= {role["Arn"] for role in iam.list_roles()["Roles"]}
        names |= {policy["Arn"] for policy in iam.list_policies(Scope="Local")["Policies"]}
        profiles = iam.list_instance_profiles()["InstanceProfiles"]
        names |= {profile["Arn"] for profile in profiles}
        for region in environment.regions:
            groups = client("logs", region).describe_log_groups()["logGroups"]
            names |= {group["arn"] for group in groups}
            kms = client("kms", region)
            names |= {a["AliasArn"] for a in kms.list_aliases()["Aliases"] if "TargetKeyId" in a}
            for key in kms.list_keys()["Keys"]:
                metadata = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
                if metadata["KeyState"] != "PendingDeletion":
                    names.add(key["KeyArn"])
            bedrock = client("bedrock", region)
            answer = bedrock.list_inference_profiles(typeEquals="APPLICATION")
            names |= {p["inferenceProfileArn"] for p in answer["inferenceProfileSummaries"]}
            pages = client("ssm", region).get_paginator("describe_parameters").paginate()
            names |= {p["Name"] for page in pages for p in page["Parameters"]}
        found[account] = {name for name in names if "bulkhead-probe" not in name}
    return found


@contextmanager
def copied(deployment: Deployment, folder: Path) -> Iterator[Deployment]:
    """The deployment in a fork of its cloud, with a copy of its run in `folder`, so that it stays
    as it is for other tests."""
    copy_run(deployment.place.credentials.parent, folder)
    with deployment.cloud().fork() as cloud:
        yield deployment.on(EmbeddedTarget(cloud))


def bound(policy: str, more: dict[str, Any]) -> str:
    """A policy document with one more statement."""
    document = json.loads(policy)
    document["Statement"].append(more)
    return json.dumps(document)


def drift(made: Deployment) -> None:
    """Changes by hand, as an administrator could without guardrails: a trust, a policy too many, a
    boundary taken away, the rule that stops spending switched off, and in a customer's account a
    trust and a policy."""
    target, environment = made.target(), made.environment

    def iam(account: str) -> Any:
        return target.client(target.session(account), "iam", "us-east-1")

    operations = iam(environment.operations_account)
    acme, globex, initech = (made.fleets[name].fleet_role_name for name in sorted(made.fleets))
    stranger = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{environment.probes.no_organization}:root"},
        "Action": "sts:AssumeRole",
    }
    anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    trust = operations.get_role(RoleName=acme)["Role"]["AssumeRolePolicyDocument"]
    with without_scps(target, environment, environment.operations_account):
        operations.update_assume_role_policy(
            RoleName=acme, PolicyDocument=bound(json.dumps(trust), stranger)
        )
        operations.put_role_policy(
            RoleName=globex,
            PolicyName="by-hand",
            PolicyDocument=bound('{"Version": "2012-10-17", "Statement": []}', anything),
        )
        operations.delete_role_permissions_boundary(RoleName=initech)
        session = target.session(environment.operations_account)
        target.client(session, "events", environment.region).disable_rule(
            Name="bulkhead-spend-stop"
        )

    home = made.accounts["333333333333"]
    customer = iam(home.account_id)
    trust = customer.get_role(RoleName=home.caller_role_name)["Role"]["AssumeRolePolicyDocument"]
    customer.update_assume_role_policy(
        RoleName=home.caller_role_name, PolicyDocument=bound(json.dumps(trust), stranger)
    )


DRIFTED = {
    "operations": {
        'update module.fleet.aws_iam_role.fleet["acme"]',
        'update module.fleet.aws_iam_role_policies_exclusive.fleet["globex"]',
        'update module.fleet.aws_iam_role.fleet["initech"]',
        'update module.spend.aws_cloudwatch_event_rule.stop["stop"]',
    },
    "globex 333333333333": {"update aws_iam_role.caller"},
}


def test_another_apply_would_change_only_what_was_changed_by_hand_and_destroy_leaves_nothing(
    deployment: Deployment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment = deployment.environment
    with CloudProcess.start(cloud_plan(environment), credentials=tmp_path / "credentials") as empty:
        before = left(EmbeddedTarget(empty), environment)

    saved = tmp_path / DEPLOYMENT_FILE
    with copied(deployment, tmp_path) as made:
        target = made.target()
        made.save(saved)
        assert Deployment.load(saved) == made
        assert saved.stat().st_mode & 0o077 == 0
        assert not any(secret in repr(made) for secret in made.external_ids.values())
        assert len(set(made.external_ids.values())) == len(environment.customers)

        after = left(target, environment)
        for account in environment.fleet_accounts:
            assert after[account] > before[account]
        for account in environment.probes.accounts:
            assert after[account] == before[account]

        # All that was not changed by hand is as an apply would make it.
        drift(made)
        monkeypatch.setattr("harness.cli.watched.running", lambda _: made)
        monkeypatch.setattr("harness.cli.watched.run_folder", lambda _: tmp_path)
        capsys.readouterr()
        assert start(["drift", environment.name, "--json"]) == 1
        told = json.loads(capsys.readouterr().out)
        assert [root["root"] for root in told["roots"]] == root_names(environment)
        assert told["unlisted"] == []
        found = {
            root["root"]: set(root["changes"])
            for root in told["roots"]
            if root["state"] == "changes"
        }
        same = [root for root in told["roots"] if root["state"] == "same"]
        assert len(same) == len(told["roots"]) - len(DRIFTED)
        assert found.keys() == DRIFTED.keys()
        assert found["operations"] == DRIFTED["operations"]
        assert {
            line.split("[")[0].replace("module.logging.", "")
            for line in found["globex 333333333333"]
        } == DRIFTED["globex 333333333333"]

        events: list[RootEvent] = []
        destroy(made, tmp_path, events.append)
        assert {e.root for e in events if e.state == "done"} == set(root_names(environment))
        assert left(target, environment) == before
        assert not saved.exists()


def access(made: Deployment, customer: str, account: str) -> Callable[[], str]:
    """A live session of the customer's fleet role; each call asks for a model with it, and returns
    the message of the refusal, or nothing where it is allowed."""
    target, fleet, home = made.target(), made.fleets[customer], made.accounts[account]
    caller = target.caller_session(home.caller_role_arn, home.caller, region=home.region)
    answer = target.client(caller, "sts", home.region).assume_role(
        RoleArn=fleet.fleet_role_arn,
        RoleSessionName=f"{fleet.session_name_prefix[account]}lifecycle",
        ExternalId=fleet.external_id,
    )
    runtime = target.client(target.assumed(answer["Credentials"]), "bedrock-runtime", home.region)

    def call() -> str:
        try:
            runtime.converse(
                modelId=profiles(made, customer)[0],
                messages=[{"role": "user", "content": [{"text": "hello"}]}],
            )
        except ClientError as error:
            return str(error.response["Error"]["Message"])
        return ""

    return call


def profiles(made: Deployment, customer: str) -> list[str]:
    """The ARNs of the customer's inference profiles, whichever way they are ordered."""

    def leaves(value: Any) -> list[str]:
        if isinstance(value, str):
            return [value]
        return [leaf for inner in value.values() for leaf in leaves(inner)]

    return leaves(made.fleets[customer].inference_profiles)


def identity(made: Deployment, customer: str, account: str) -> dict[str, str]:
    """What makes a customer itself, none of which another may ever have."""
    target, environment = made.target(), made.environment
    iam = target.client(target.session(environment.operations_account), "iam", "us-east-1")
    home = target.client(target.session(account), "iam", "us-east-1")
    fleet = made.fleets[customer]
    caller = home.get_role(RoleName=made.accounts[account].caller_role_name)
    return {
        "role": iam.get_role(RoleName=fleet.fleet_role_name)["Role"]["RoleId"],
        "caller": caller["Role"]["RoleId"],
        "external id": fleet.external_id,
        "key": made.accounts[account].kms_key_arn,
        **{f"profile {n}": arn for n, arn in enumerate(profiles(made, customer))},
    }


EXTERNAL_ID = "/external-id"


def kept_external_id(made: Deployment, account: str) -> list[tuple[str, str]]:
    """The external ids that the account keeps: type and value."""
    target = made.target()
    ssm = target.client(target.session(account), "ssm", made.environment.region)
    pages = ssm.get_paginator("get_parameters_by_path").paginate(
        Path="/bulkhead", Recursive=True, WithDecryption=True
    )
    kept = [p for page in pages for p in page["Parameters"] if p["Name"].endswith(EXTERNAL_ID)]
    return [(p["Type"], p["Value"]) for p in kept]


def versions(made: Deployment, account: str) -> list[int]:
    """How often each external id of the account was written."""
    target = made.target()
    ssm = target.client(target.session(account), "ssm", made.environment.region)
    pages = ssm.get_paginator("describe_parameters").paginate()
    kept = [p for page in pages for p in page["Parameters"] if p["Name"].endswith(EXTERNAL_ID)]
    return [p["Version"] for p in kept]


def without(environment: Environment, customer: str, tree: Path) -> Environment:
    """The environment with one customer struck from `customers.yaml`, in a copy of the project."""
    return changed(environment, tree, lambda document: document["customers"].pop(customer))


def changed(environment: Environment, tree: Path, change: Callable[[Any], object]) -> Environment:
    """The environment with another `customers.yaml`, in a copy of the project."""
    path = tree / "environments" / environment.name
    shutil.copytree(ROOT / "modules", tree / "modules")
    shutil.copytree(environment.path, path, ignore=shutil.ignore_patterns(".terraform*"))
    yaml = YAML()
    file = path / CUSTOMERS_FILE
    document = yaml.load(file.read_text(encoding="utf-8"))
    change(document)
    yaml.dump(document, file)
    return load_environment(path)


def test_a_customer_leaves_alone_is_denied_first_and_comes_again_as_a_stranger(
    deployment: Deployment, tmp_path: Path
) -> None:
    environment, account = deployment.environment, "333333333333"
    assert list(environment.customers).index("globex") == 1, "not the middle one"
    smaller = without(environment, "globex", tmp_path / "tree")
    assert list(smaller.customers) == ["acme", "initech"]

    with copied(deployment, tmp_path) as made:
        target = made.target()
        before = identity(made, "globex", account)
        assert kept_external_id(made, account) == [("SecureString", before["external id"])]
        call, neighbour = access(made, "globex", account), access(made, "acme", "222222222222")
        assert call() == neighbour() == ""

        # Leaving, records and all: denied before anything of it goes.
        refusals: dict[str, str] = {}

        def during(event: RootEvent) -> None:
            refusals.setdefault(event.root, call())

        retire(made, tmp_path, "globex", during)
        assert list(refusals) == ["globex 333333333333", "bootstrap 333333333333"]
        assert "with an explicit deny" in refusals["globex 333333333333"]
        assert kept_external_id(made, account) == []

        # The deny stands while the role is removed, and nobody else is touched.
        refusals.clear()
        events: list[RootEvent] = []
        left_over = deploy(
            smaller, target, tmp_path, lambda event: (events.append(event), during(event))[0]
        )
        assert "with an explicit deny" in refusals["organization"]
        assert "with an explicit deny" in refusals["operations"]
        assert call() and neighbour() == ""
        changed = {event.root: event.changed for event in events if event.state == "done"}
        assert changed["operations"]
        assert [
            c for c in changed["operations"] if not re.fullmatch(r'delete .*\["globex["/].*', c)
        ] == []
        for root in root_names(smaller):
            if root.startswith(("acme", "initech")):
                assert changed[root] == (), root
        assert set(left_over.fleets) == {"acme", "initech"}
        assert "globex" not in json.loads((tmp_path / EXTERNAL_IDS_FILE).read_text("utf-8"))
        documents = {file.name for file in (tmp_path / "handover").iterdir()}
        assert documents == {"acme.tfvars.json", "initech.tfvars.json"}

        # Another customer under the old name, in the same account.
        roots: list[str] = []
        seen: list[list[str]] = []
        again = deploy(
            environment,
            target,
            tmp_path,
            lambda event: roots.append(event.root) if event.state == "done" else None,
            when_waiting=lambda: seen.append(list(roots)),
        )
        # What comes next may be prepared once, when only customers' roots are left to begin.
        assert len(seen) == 1 and "operations" in seen[0]
        assert not [name for name in seen[0] if name.startswith(tuple(environment.customers))]
        assert sorted(roots) == sorted(root_names(environment))
        after = identity(again, "globex", account)
        assert after.keys() == before.keys()
        assert {name for name in before if before[name] == after[name]} == set()
        assert "explicit deny" not in call() != "", "a session of the predecessor lives on"
        assert access(again, "globex", account)() == ""
        assert kept_external_id(again, account) == [("SecureString", after["external id"])]
        assert versions(again, "222222222222") == [1], "an id that stays is not kept anew"
        for customer, other in (("acme", "222222222222"), ("initech", "444444444444")):
            assert identity(again, customer, other) == identity(made, customer, other)


def test_a_customer_that_is_stopped_stays_so_until_it_is_taken_back(
    deployment: Deployment, tmp_path: Path
) -> None:
    """At once by one call, and by the list for every apply to come."""
    environment, account = deployment.environment, "333333333333"
    stopped = changed(
        environment,
        tmp_path / "tree",
        lambda document: document["customers"]["globex"].update(stopped=True),
    )
    assert stopped.customers["globex"].stopped and not stopped.customers["acme"].stopped

    with copied(deployment, tmp_path) as made:
        target, fleet = made.target(), made.fleets["globex"]
        call, neighbour = access(made, "globex", account), access(made, "acme", "222222222222")
        assert call() == neighbour() == ""

        def apply(wanted: Environment) -> set[str]:
            def work(root: Terraform, variables: dict[str, Any]) -> tuple[str, ...]:
                root.apply(variables)
                return root.changed

            return set(Run(wanted, tmp_path, None, target=target).operations(work))

        deny_sessions(target, fleet.fleet_role_arn)
        assert "with an explicit deny" in call()
        Run(stopped, tmp_path, None, target=target).init()
        changes = apply(stopped)
        assert 'create module.fleet.aws_iam_role_policy.stopped["globex"]' in changes
        assert [each for each in changes if '["globex"]' not in each] == []
        assert "with an explicit deny" in call()
        assert apply(stopped) == set()
        assert "with an explicit deny" in call()
        assert neighbour() == ""

        # The boundary holds by itself, and the next apply mends what was taken off by hand.
        operator = target.session(environment.operations_account)
        iam = target.client(operator, "iam", "us-east-1")
        with without_scps(target, environment, environment.operations_account):
            iam.delete_role_policy(RoleName=fleet.fleet_role_name, PolicyName=POLICY_NAME)
        assert "with an explicit deny in a permissions boundary" in call()
        again = apply(stopped)
        assert 'create module.fleet.aws_iam_role_policy.stopped["globex"]' in again
        assert "with an explicit deny" in call()

        assert apply(environment)
        assert call() == neighbour() == ""


def masking(made: Deployment, account: str) -> dict[str, str]:
    """What masks each of our groups of an account; nothing where none does."""
    target, region = made.target(), made.environment.region
    logs = target.client(target.session(account), "logs", region)
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/bulkhead/")
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    documents = [logs.get_data_protection_policy(logGroupIdentifier=name) for name in names]
    return {
        name: document.get("policyDocument", "")
        for name, document in zip(names, documents, strict=True)
    }


def test_content_that_is_turned_off_and_kept_stays_masked(
    deployment: Deployment, tmp_path: Path
) -> None:
    """As environments/README.md says."""
    account = "444444444444"
    environment, tree = deployment.environment, tmp_path / "tree"
    assert environment.content
    keeping = changed(environment, tree / "on", lambda d: d.update(keep_records=True))
    off = changed(keeping, tree / "off", lambda d: d.update(content=False))

    with copied(deployment, tmp_path) as made:

        def apply(environment: Environment, *forgotten: str) -> None:
            def work(root: Terraform, variables: dict[str, Any], _: object) -> None:
                if forgotten:
                    assert root.forget(forgotten)
                root.apply({**variables, "profile": account})

            run = Run(environment, tmp_path, None, target=made.target())
            run.customers(made.fleets, work, "initech")

        apply(keeping)
        before = masking(made, account)
        assert set(before) == {"/bulkhead/initech/bedrock", "/bulkhead/initech/content"}
        assert all(before.values())
        apply(off, "aws_cloudwatch_log_data_protection_policy")
        assert masking(made, account) == before


def test_records_and_keys_stay_where_they_are_to_be_kept(
    deployment: Deployment, tmp_path: Path
) -> None:
    with copied(deployment, tmp_path) as made:
        keeping = dataclasses.replace(
            made, environment=dataclasses.replace(made.environment, keep_records=True)
        )
        before = left(made.target(), made.environment)["444444444444"]
        masked = masking(made, "444444444444")
        assert len(masked) == 2 and all(masked.values())
        retire(keeping, tmp_path, "initech")
        after = left(made.target(), made.environment)["444444444444"]
        kept = {name for name in before if ":log-group:" in name or ":kms:" in name}
        assert kept and kept <= after < before
        assert masking(made, "444444444444") == masked
        # What the owner made stays with the records: who reads them, and who would deploy.
        roles = {name.partition(":role/")[2] for name in after if ":role/bulkhead/" in name}
        assert roles == {
            "bulkhead/bulkhead-deploy",
            "bulkhead/bulkhead-plan",
            "bulkhead/reader/bulkhead-reader",
        }
        assert unlisted_roots(made.environment, tmp_path) == []

        # Nor do they go when the owner's part does.
        owner = Run(keeping.environment, tmp_path, None, target=made.target())
        with owner.bootstraps(owner.undo_bootstrap, ["444444444444"]):
            pass
        last = left(made.target(), made.environment)["444444444444"]
        assert kept <= last
        assert not [name for name in last if ":role/bulkhead/" in name]
