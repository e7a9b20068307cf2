"""Guardrails that somebody edited by hand: an exemption, a statement left out, one account more.

They stay attached, so that only what they say tells.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness.mutants.edits import Edit, TerraformEdits
from harness.mutants.guardrails import RCP, SCP, edited
from harness.mutants.model import Mutant, Notice
from harness.mutants.site import Site

DOCUMENTS = Notice("guardrail-documents")
STATEMENTS = Notice("guardrail-statements")

# Statements that may be left out, with the rows that they answer, for which only what the documents
# say tells: no cloud plays these endpoints, or the request cannot be made without breaking more.
LEFT_OUT = {
    "SharedUnknown": "G15",
    "LogCentralization": "G16",
    "Mantle": "P10",
    "MantleWithoutResource": "P10",
    "OtherEndpoints": "G01",
    "DataRetentionOfMantle": "P35",
    "RolesForNoFederation": "G10",
    "CallersForNoFederation": "T34",
    "SpendRolesOnlyStop": "P39",
}

# Those that somebody tries to pass: row, probe, tests.
TRIED = {
    "DestinationsElsewhere": (
        "L09",
        "guardrail-customers",
        "test_customers_administrators_cannot and PutSubscriptionFilter",
    ),
    "OtherIdentities": (
        "P34",
        "guardrail-operations",
        "test_operators_cannot_anywhere and CreateUser",
    ),
    "ReadingStoredAnswers": (
        "P23",
        "guardrail-operations",
        "test_operators_cannot_anywhere and GetAsyncInvoke",
    ),
    "ReadingByAdministrators": (
        "L24",
        "guardrail-administrators",
        "test_ready_made_administrators",
    ),
    "AdministratorsAsOthers": ("L24", "guardrail-administrators", "test_ready_made_administrators"),
    "Tags": (
        "G11",
        "guardrail-customers",
        "test_customers_administrators_cannot and UntagResource",
    ),
    "Watching": ("G01", "guardrail-changes", "test_nobody_else_changes_a_fleet and StopLogging"),
    "WatchingByOthers": (
        "G17",
        "guardrail-changes",
        "test_nobody_else_changes_a_fleet and DeleteAlarms",
    ),
    "FleetRolesOnlyCall": ("P39", "made-in-operations", "test_a_fleet_role_that_was_given"),
    "CallersForOwnAccounts": ("G12", "guardrail-caller", "test_an_open_caller"),
}

# Of the policy that binds who is held: attached to nobody here, so that no account misses it.
OF_A_HOLD = {
    "HeldRecords": ("L20", "held records may be deleted", (Notice("guardrail-held"), STATEMENTS)),
    "HeldKeys": ("K12", "the keys of held records may go", (Notice("guardrail-held"), STATEMENTS)),
    "HeldAccount": ("L20", "an account with held records may be closed", (STATEMENTS,)),
}


def without(sid: str) -> Callable[[Site], None]:
    """Take the statement out of every policy that has it."""

    def weaken(site: Site) -> None:
        organizations: Any = site.client(site.stage.environment.management_account, "organizations")
        for guardrail in site.stage.guardrails.values():
            document = json.loads(guardrail.document)
            kept = [s for s in document["Statement"] if s["Sid"] != sid]
            if len(kept) < len(document["Statement"]):
                organizations.update_policy(
                    PolicyId=guardrail.policy_id,
                    Content=json.dumps({**document, "Statement": kept}),
                )

    return weaken


def _one_more(site: Site) -> None:
    listed = [
        site.operations,
        *site.stage.homes,
        site.stage.environment.probes.other_organization,
    ]
    edited(
        RCP,
        "RolesForListedAccounts",
        Condition={
            "StringNotEquals": {"aws:PrincipalAccount": listed},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        },
    )(site)


def _spared(**condition: object) -> Callable[[Site], None]:
    return edited(SCP, "InvocationLogging", Condition=condition)


GUARDRAIL_EDITS = (
    Mutant(
        "G21-name",
        "a guardrail spares roles whose name starts with Admin",
        "organization",
        _spared(ArnNotLike={"aws:PrincipalArn": "arn:aws:iam::*:role/Admin*"}),
        (DOCUMENTS, STATEMENTS),
        "test_guardrails_attached and (as_deployed or InvocationLogging)",
        guarded=True,
    ),
    Mutant(
        "G21-tag",
        "a guardrail spares principals that bear a tag",
        "organization",
        _spared(StringNotEquals={"aws:PrincipalTag/team": "platform"}),
        (DOCUMENTS, STATEMENTS),
        "test_guardrails_attached and (as_deployed or InvocationLogging)",
        guarded=True,
    ),
    Mutant(
        "G10-account",
        "one account more may assume roles of the operations account",
        "organization",
        _one_more,
        (DOCUMENTS, Notice("guardrail-trust", "other organization")),
        "test_guardrails_are_as_deployed or test_an_open_trust",
        guarded=True,
    ),
    Mutant(
        "P34",
        "of the ways to make API keys, a guardrail denies one",
        "organization",
        edited(SCP, "ApiKeys", Action="bedrock:CallWithBearerToken"),
        (Notice("guardrail-operations"), STATEMENTS),
        "(test_operators_cannot_anywhere and CreateServiceSpecificCredential)"
        " or (test_each_statement and ApiKeys)",
        guarded=True,
    ),
    Mutant(
        "L14",
        "of what takes records out, a guardrail forgets scheduled queries and pipelines",
        "organization",
        edited(
            SCP,
            "WaysOut",
            Action=[
                *("logs:CreateExportTask", "logs:PutAccountPolicy"),
                "logs:PutBearerTokenAuthentication",
            ],
        ),
        (DOCUMENTS, STATEMENTS),
        "test_guardrails_attached and (as_deployed or WaysOut)",
        guarded=True,
    ),
    *(
        Mutant(
            f"{row}-{sid}",
            f"the guardrail {sid} was left out",
            "organization",
            without(sid),
            (DOCUMENTS, STATEMENTS),
            f"test_guardrails_attached and (as_deployed or {sid})",
            guarded=True,
        )
        for sid, row in LEFT_OUT.items()
    ),
    *(
        Mutant(
            f"{row}-{sid}",
            f"the guardrail {sid} was left out",
            "organization",
            without(sid),
            (Notice(probe), STATEMENTS),
            f"({tests}) or (test_each_statement and {sid})",
            guarded=True,
        )
        for sid, (row, probe, tests) in TRIED.items()
    ),
    *(
        Mutant(
            f"{row}-{sid}",
            f"the guardrail {sid} was left out: {what}",
            "organization",
            without(sid),
            notices,
            f"test_nobody_of_a_held or (test_each_statement and {sid})",
            guarded=True,
        )
        for sid, (row, what, notices) in OF_A_HOLD.items()
    ),
    Mutant(
        "L20-HeldRecords-owner",
        "a legal hold spares the administrator of the account",
        "organization",
        edited(
            SCP,
            "HeldRecords",
            Condition={"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/administrator"}},
        ),
        (Notice("guardrail-held"), STATEMENTS),
        "test_nobody_of_a_held or (test_each_statement and HeldRecords)",
        guarded=True,
    ),
    Mutant(
        "P35-source",
        "the guardrail of Bedrock's retention spares principals that bear a tag",
        "organization",
        TerraformEdits(
            "organization",
            (
                Edit(
                    "modules/organization-guardrails/policies.tf",
                    'Condition = { StringNotEquals = { "bedrock:DataRetentionMode" = "none" } }',
                    'Condition = { StringNotEquals = { "bedrock:DataRetentionMode" = "none", '
                    '"aws:PrincipalTag/team" = "platform" } }',
                ),
            ),
        ),
        (STATEMENTS,),
        "test_each_statement",
        guarded=True,
    ),
)
