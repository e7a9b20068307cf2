"""What an audit finds beside what was deployed: each thing, once, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from support.snapshots import (
    ACME,
    ADMIN,
    GLOBEX,
    NOBODY,
    OPERATIONS,
    REGION,
    STOP,
    fleet_arn,
    group_arn,
    key_arn,
    policy,
    profile_arn,
    role,
    role_arn,
    small,
)

from harness.snapshot.extras import extras
from harness.snapshot.files import schema

Edit = Callable[[dict[str, Any]], object]
OPEN = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{NOBODY}:root"},
    "Action": "*",
    "Resource": "*",
}
GROUP = group_arn(ACME, "acme")


def roles(document: dict[str, Any], account: str = OPERATIONS) -> dict[str, Any]:
    found: dict[str, Any] = document["accounts"][account]["identity"]["roles"]
    return found


def there(document: dict[str, Any], account: str = ACME) -> dict[str, Any]:
    found: dict[str, Any] = document["accounts"][account]["regions"][REGION]
    return found


def trusting(document: dict[str, Any], account: str, arn: str, principal: Any) -> None:
    roles(document, account)[arn]["trust"]["Statement"].append(
        {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    )


def gap(section: str, account: str = ACME, region: str = REGION) -> dict[str, str]:
    return {
        "account": account,
        "region": region,
        "section": section,
        "resource": "",
        "call": "x:get_x",
        "code": "AccessDenied",
    }


def test_nothing_is_found_where_all_is_as_it_was_deployed() -> None:
    assert extras(small()) == extras(small())
    assert extras(small()).findings == () and extras(small()).notes == ()


FINDINGS: dict[str, tuple[Edit, str, str]] = {
    "a policy on a fleet role": (
        lambda d: roles(d)[fleet_arn("acme")]["attached"].append(ADMIN),
        "attached",
        fleet_arn("acme"),
    ),
    "a policy on a caller role": (
        lambda d: roles(d, ACME)[role_arn(ACME, "bulkhead-caller")]["attached"].append(ADMIN),
        "attached",
        role_arn(ACME, "bulkhead-caller"),
    ),
    "a stop that allows": (
        lambda d: (
            roles(d)[fleet_arn("acme")]["attached"].append(STOP),
            d["accounts"][OPERATIONS]["identity"]["policies"][STOP]["versions"].update(
                v1=policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
            ),
        ),
        "attached",
        fleet_arn("acme"),
    ),
    "no boundary": (
        lambda d: roles(d)[fleet_arn("acme")].update(boundary=None),
        "boundary",
        fleet_arn("acme"),
    ),
    "no fleet role": (lambda d: roles(d).pop(fleet_arn("acme")), "fleet-role", fleet_arn("acme")),
    "a fleet role trusts a stranger": (
        lambda d: trusting(
            d, OPERATIONS, fleet_arn("acme"), {"AWS": f"arn:aws:iam::{NOBODY}:root"}
        ),
        "trust",
        fleet_arn("acme"),
    ),
    "a fleet role trusts another customer": (
        lambda d: trusting(
            d, OPERATIONS, fleet_arn("acme"), {"AWS": role_arn(GLOBEX, "bulkhead-caller")}
        ),
        "trust",
        fleet_arn("acme"),
    ),
    "a caller role trusts a service more": (
        lambda d: trusting(
            d, ACME, role_arn(ACME, "bulkhead-caller"), {"Service": "ec2.amazonaws.com"}
        ),
        "trust",
        role_arn(ACME, "bulkhead-caller"),
    ),
    "a role of somebody's trusts everybody": (
        lambda d: (
            roles(d).update({role_arn(OPERATIONS, "x"): role(OPERATIONS, "x", policy())}),
            trusting(d, OPERATIONS, role_arn(OPERATIONS, "x"), "*"),
        ),
        "trust",
        role_arn(OPERATIONS, "x"),
    ),
    "a trust that says nothing": (
        lambda d: roles(d)[fleet_arn("acme")].update(trust=policy({"Effect": "Allow"})),
        "trust",
        fleet_arn("acme"),
    ),
    "a bucket of a customer's for everybody": (
        lambda d: d["accounts"][ACME]["buckets"].update(
            site={
                "region": "eu-central-1",
                "public_access_block": None,
                "ownership": None,
                "policy": policy(
                    {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
                ),
            }
        ),
        "resource-policy",
        "site",
    ),
    "a key's policy that is no JSON": (
        lambda d: there(d)["keys"][key_arn(ACME)].update(policy="not JSON: 0"),
        "resource-policy",
        key_arn(ACME),
    ),
    "a key lets in a stranger": (
        lambda d: there(d)["keys"][key_arn(ACME)]["policy"]["Statement"].append(OPEN),
        "resource-policy",
        key_arn(ACME),
    ),
    "a key serves the groups of others": (
        lambda d: there(d)["keys"][key_arn(ACME)]["policy"]["Statement"][1].pop("Condition"),
        "resource-policy",
        key_arn(ACME),
    ),
    "a key is granted": (
        lambda d: there(d)["keys"][key_arn(ACME)]["grants"].append(
            {"grantee": "x", "retiring": "", "operations": ["Decrypt"], "constraints": {}}
        ),
        "grant",
        key_arn(ACME),
    ),
    "a subscription": (
        lambda d: there(d)["log_groups"][GROUP]["subscription_filters"].update(
            x={"destination": "arn:x", "role": "", "pattern": ""}
        ),
        "way-out",
        GROUP,
    ),
    "a bearer token": (
        lambda d: there(d)["log_groups"][GROUP].update(bearer_tokens=True),
        "way-out",
        GROUP,
    ),
    "a link": (
        lambda d: there(d)["links"].update(link={"sink": "s", "types": []}),
        "way-out",
        "link",
    ),
    "an event rule to elsewhere": (
        lambda d: there(d)["event_buses"].update(
            bus={
                "policy": None,
                "rules": {
                    "r": {
                        "state": "ENABLED",
                        "targets": [f"arn:aws:events:{REGION}:{NOBODY}:event-bus/default"],
                    }
                },
            }
        ),
        "event-rule",
        "bus",
    ),
    "records are kept for a day": (
        lambda d: there(d)["log_groups"][GROUP].update(retention_in_days=1),
        "log-group",
        GROUP,
    ),
    "records have no key": (
        lambda d: there(d)["log_groups"][GROUP].update(key=""),
        "log-group",
        GROUP,
    ),
    "nothing is masked": (
        lambda d: there(d)["log_groups"][GROUP].update(data_protection=None),
        "log-group",
        GROUP,
    ),
    "no log group": (lambda d: there(d)["log_groups"].pop(GROUP), "log-group", GROUP),
    "invocations are logged": (
        lambda d: there(d, OPERATIONS).update(invocation_logging={"s3Config": {}}),
        "invocation-logging",
        f"account {OPERATIONS} in {REGION}",
    ),
    "Bedrock keeps prompts": (
        lambda d: there(d, OPERATIONS).update(data_retention="default"),
        "data-retention",
        f"account {OPERATIONS} in {REGION}",
    ),
    "a profile of nobody": (
        lambda d: d["environment"]["customers"]["acme"].update(inference_profiles=[]),
        "inference-profile",
        profile_arn("acme"),
    ),
    "a guardrail is gone": (
        lambda d: d["organizations"]["o-1"]["policies"].pop("p-1"),
        "guardrail",
        "operations-scp",
    ),
    "a guardrail binds no more": (
        lambda d: d["organizations"]["o-1"]["policies"]["p-1"].update(targets=[]),
        "guardrail",
        "operations-scp",
    ),
    "log groups could not be read": (
        lambda d: d["unreadable"].append(gap("log_groups")),
        "unreadable",
        f"log groups of {ACME} {REGION}",
    ),
    "retention could not be read": (
        lambda d: d["unreadable"].append(gap("data_retention", OPERATIONS)),
        "unreadable",
        f"data retention of {OPERATIONS} {REGION}",
    ),
    "the organization could not be read": (
        lambda d: d["unreadable"].append(
            gap("organization", d["environment"]["management_account"], "")
        ),
        "unreadable",
        f"organization of {small()['environment']['management_account']}",
    ),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_each_thing_is_found(name: str) -> None:
    edit, check, subject = FINDINGS[name]
    document = small()
    edit(document)
    assert list(schema().iter_errors(document)) == []
    found = extras(document).findings
    assert {(each.check, each.subject) for each in found} == {(check, subject)}
    assert all(each.what for each in found)


def test_a_stop_is_by_design_and_told() -> None:
    document = small()
    roles(document)[fleet_arn("acme")]["attached"].append(STOP)
    found = extras(document)
    assert found.findings == ()
    assert [(note.check, note.subject) for note in found.notes] == [("stopped", fleet_arn("acme"))]
    assert "acme is stopped" in found.notes[0].what


def test_what_no_check_looks_at_may_be_unread() -> None:
    document = small()
    document["unreadable"] += [
        gap("public_access_block", region=""),
        gap("data_retention"),
        # To which organization an outsider belongs.
        gap("organization", NOBODY, ""),
    ]
    found = extras(document)
    assert found.findings == ()
    assert [note.check for note in found.notes] == ["unreadable"] * 3


@pytest.mark.parametrize(
    ("trusted", "found"),
    [
        (f"arn:aws:iam::{OPERATIONS}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_A_1", 0),
        ("arn:aws:iam::555555555555:role/operators", 1),
    ],
    ids=["of operations", "of a trusted account"],
)
def test_a_break_glass_role_is_let_in_from_operations_or_told_of(trusted: str, found: int) -> None:
    document = small()
    arn = role_arn(OPERATIONS, "glass")
    roles(document)[arn] = role(OPERATIONS, "glass", policy())
    trusting(document, OPERATIONS, arn, {"AWS": trusted})
    told = extras(document).findings
    assert [(each.check, each.subject) for each in told] == [("trust", arn)] * found


HUB = "token.actions.githubusercontent.com"
JOBS = {job: [f"{HUB} repo:a/b:environment:{job}"] for job in ("deploy", "plan", "audit")}


def told_of(name: str, host: str, subject: str | list[str], jobs: Mapping[str, Any]) -> list[str]:
    """What is found of a role that such a job may become."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACME}:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": subject}},
    }
    document = small()
    document["environment"]["jobs"] = jobs
    arn = f"arn:aws:iam::{ACME}:role/bulkhead/{name}"
    roles(document, ACME)[arn] = role(ACME, name.rpartition("/")[2], policy(trust))
    told = extras(document).findings
    assert {each.subject for each in told} <= {arn}
    return [each.what.removeprefix("its trust lets in ").split()[0] for each in told]


@pytest.mark.parametrize(
    ("name", "subject", "found"),
    [
        ("bulkhead-deploy", "repo:a/b:environment:deploy", []),
        ("bulkhead-plan", "repo:a/b:environment:plan", []),
        ("bulkhead-audit", "repo:a/b:environment:audit", []),
        ("state/bulkhead-state-x-operations", "repo:a/b:environment:deploy", []),
        ("state/bulkhead-state-x-operations-plan", "repo:a/b:environment:plan", []),
        # Who plans would deploy; somebody else's repository; any job of this one.
        ("bulkhead-deploy", "repo:a/b:environment:plan", ["a"]),
        ("state/bulkhead-state-x-operations", "repo:a/b:environment:plan", ["a"]),
        ("bulkhead-deploy", "repo:evil/b:environment:deploy", ["a"]),
        ("bulkhead-deploy", "repo:a/b:*", ["a"]),
        ("bulkhead-deploy", ["repo:a/b:environment:x", "repo:c/d:environment:x"], ["more"]),
        ("bulkhead-other", "repo:a/b:environment:deploy", ["whoever"]),
    ],
)
def test_the_named_job_of_ci_may_become_a_role_that_deploys_plans_or_audits(
    name: str, subject: str | list[str], found: list[str]
) -> None:
    assert told_of(name, HUB, subject, JOBS) == found


def test_no_job_may_where_none_is_named_or_another_issuer_vouches() -> None:
    subject = "repo:a/b:environment:deploy"
    assert told_of("bulkhead-deploy", HUB, subject, {}) == ["a"]
    assert told_of("bulkhead-deploy", "oidc.evil.example", subject, JOBS) == ["a"]
    assert told_of("bulkhead-deploy", HUB, subject, JOBS) == []


def test_a_service_linked_role_is_aws_s_own() -> None:
    document = small()
    arn = f"arn:aws:iam::{OPERATIONS}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
    own = role(OPERATIONS, "AWSServiceRoleForX", policy(OPEN))
    roles(document)[arn] = {**own, "path": "/aws-service-role/x.amazonaws.com/"}
    assert extras(document).findings == ()
