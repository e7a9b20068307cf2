"""The guardrails that are attached: what Terraform deployed, statement by statement, and that each
statement denies what it is for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from harness.probes.cast import Cast
from harness.probes.guardrail_decisions import failures, strange_keys
from harness.probes.guardrail_held import POLICY as HELD
from harness.probes.guardrail_purpose import Purpose
from harness.probes.guardrail_requests import PURPOSES, of_customer
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Home

KINDS = {"scp": "SERVICE_CONTROL_POLICY", "rcp": "RESOURCE_CONTROL_POLICY"}
EVIDENCE = "the engine's decisions on the policies that are attached"


def attached(cast: Cast, account: str, kind: str) -> dict[str, str]:
    """The documents of a kind that are attached to an account itself, by id; AWS's own left out."""
    stage = cast.stage
    organizations = cast.client(
        cast.administrator(stage.environment.management_account), "organizations"
    )
    pages = organizations.get_paginator("list_policies_for_target").paginate(
        TargetId=account, Filter=KINDS[kind]
    )
    own = [p["Id"] for page in pages for p in page["Policies"] if not p["AwsManaged"]]
    return {i: organizations.describe_policy(PolicyId=i)["Policy"]["Content"] for i in own}


def held_policy(cast: Cast) -> dict[str, str]:
    """The document of the policy for accounts that are held, as it is now, by id."""
    stage = cast.stage
    organizations = cast.client(
        cast.administrator(stage.environment.management_account), "organizations"
    )
    wanted = stage.guardrails[HELD].policy_id
    return {wanted: organizations.describe_policy(PolicyId=wanted)["Policy"]["Content"]}


def by_sid(document: str) -> Mapping[str, Any]:
    return {s.get("Sid", str(i)): s for i, s in enumerate(json.loads(document)["Statement"])}


def differences(deployed: str, found: str) -> list[str]:
    """What the policy that was found says otherwise, statement by statement."""
    wanted, seen = by_sid(deployed), by_sid(found)
    return [
        *(f"{sid} is gone" for sid in wanted if sid not in seen),
        *(f"{sid} is new" for sid in seen if sid not in wanted),
        *(f"{sid} is changed" for sid in wanted if sid in seen and wanted[sid] != seen[sid]),
    ]


def test_guardrails_are_as_deployed(probe: Recorder, cast: Cast) -> None:
    """An exemption, one more trusted account, an action less: all that Terraform did not write."""
    environment = cast.stage.environment
    for account in environment.fleet_accounts:
        found = {i: d for kind in KINDS for i, d in attached(cast, account, kind).items()}
        for name, expected in cast.stage.guardrails.items():
            if account not in expected.accounts:
                continue
            document = found.get(expected.policy_id)
            wrong = (
                ["it is not attached"]
                if document is None
                else differences(expected.document, document)
            )
            probe.state(
                Subject(
                    "guardrail-documents",
                    ("G01", "G09", "G10", "G21"),
                    "the guardrails of an account say what was deployed",
                    cast.administrator(environment.management_account),
                    "organizations:DescribePolicy",
                    f"{name} of {account}",
                    (),
                ),
                expected="as deployed",
                observed="otherwise" if wrong else "as deployed",
                holds=not wrong,
                why=", ".join(wrong)
                or f"{len(by_sid(expected.document))} statements are as deployed",
            )


@pytest.mark.parametrize("purpose", PURPOSES, ids=[f"{p.policy}-{p.sid}" for p in PURPOSES])
def test_each_statement_denies_what_it_is_for(
    probe: Recorder, cast: Cast, purpose: Purpose
) -> None:
    stage = cast.stage
    operations = stage.environment.operations_account
    kind = purpose.policy.rpartition("-")[2]
    homes = list(stage.homes.values())
    for customer in stage.fleets if "{customer}" in purpose.policy else [homes[0].customer]:
        own = [home for home in homes if home.customer == customer]
        home, fleet = own[0], stage.fleets[customer]
        account = operations if purpose.policy.startswith("operations") else home.account
        names = {
            "a": account,
            "b": own[-1].account,
            "n": next((h.account for h in homes if h.customer != customer), operations),
            "o": operations,
            "x": stage.environment.probes.no_organization,
            "r": stage.environment.region,
            "customer": customer,
            "fleet": fleet.role_arn,
            "boundary": f"{fleet.role_arn.replace(':role/', ':policy/')}-boundary",
            "model": fleet.model_arn,
            "aip": fleet.profile,
            "group": home.group_arn,
            "key": home.key_arn,
        }
        found = attached(cast, account, kind)
        if purpose.policy == HELD:
            # Tried where nobody is held, too: it is what would be attached.
            found |= held_policy(cast)
        documents = list(found.values())
        pods = {h.account for h in own if h.caller == "eks-irsa"}
        tried = [failures(p, documents, names) for p in of_customer(purpose, account, pods)]
        let_through = [phrase for through, _ in tried for phrase in through]
        stopped = [phrase for _, by_mistake in tried for phrase in by_mistake]
        strange = strange_keys(purpose, documents)
        wrong = [*let_through, *(f"it has a condition of its own: {key}" for key in strange)]
        probe.state(
            Subject(
                "guardrail-statements",
                purpose.rows,
                f"the guardrail {purpose.sid} denies what it is for, and nothing beside it",
                cast.administrator(stage.environment.management_account),
                purpose.denies[0].action,
                f"{purpose.policy.format_map(names)} of {account}",
                (),
            ),
            # Nobody asked for it: it is counted among what is read, not among what was refused.
            expected="its purpose",
            observed="let through" if wrong else "too much is denied" if stopped else "its purpose",
            holds=False if wrong else None if stopped else True,
            why="; ".join([*wrong, *stopped]) or f"{len(purpose.denies)} requests are denied by it",
            evidence=EVIDENCE,
        )


def of_pods(homes: list[Home]) -> set[tuple[str, str]]:
    """Policy and Sid of the statements that are there only where pods come with a token."""
    by_token = {h.customer for h in homes if h.caller == "eks-irsa"}
    return {
        (
            f"customer-{h.customer}-rcp",
            f"PodsOf{h.account}" if h.caller == "eks-irsa" else "CallersForNoTokens",
        )
        for h in homes
        if h.customer in by_token
    } | {
        (f"customer-{h.customer}-rcp", "CallersForNoTokens")
        for h in homes
        if h.customer in by_token and h.further_callers
    }


def test_every_statement_has_a_purpose(probe: Recorder, cast: Cast) -> None:
    """A statement that nobody tries could be gone tomorrow."""
    known = {
        (purpose.policy.format(customer=customer), purpose.sid)
        for purpose in PURPOSES
        for customer in cast.stage.fleets
    } | of_pods(list(cast.stage.homes.values()))
    deployed = {
        (name, sid)
        for name, guardrail in cast.stage.guardrails.items()
        for sid in by_sid(guardrail.document)
    }
    odd = sorted(f"{sid} of {name}" for name, sid in known ^ deployed)
    probe.state(
        Subject(
            "guardrail-statements",
            ("G01",),
            "every statement of the guardrails is tried",
            cast.administrator(cast.stage.environment.management_account),
            "organizations:DescribePolicy",
            "all guardrails",
            (),
        ),
        expected="all are tried",
        observed="not all" if odd else "all are tried",
        holds=not odd,
        why=", ".join(odd) or f"{len(known)} statements are tried",
    )
