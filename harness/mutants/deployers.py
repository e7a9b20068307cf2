"""Mistakes in the roles that deploy accounts: in their boundaries, their trust and their grants."""

from __future__ import annotations

import json
from collections.abc import Callable

from harness.errors import UserError
from harness.mutants.edits import Edit, TerraformEdits
from harness.mutants.model import Layer, Mutant, Notice
from harness.mutants.site import Site

MODULE = "modules/account-bootstrap"
PIN = """            # StringEquals, because ArnEquals expands wildcards.
            Condition = { StringEquals = { "aws:PrincipalArn" = exact } }
"""
PLAN = '    plan   = jsonencode({ Version = "2012-10-17", Statement = local.reads })\n'
TAGGING = """      - logs:PutRetentionPolicy
      - logs:TagResource
"""
DEPLOY, MADE = "bulkhead-deploy-boundary", "bulkhead-boundary"


def _without(boundary: str, *sids: str) -> Callable[[Site], None]:
    """Takes statements out of a boundary in the victim's account."""

    def weaken(site: Site) -> None:
        account = site.victims_home.account
        iam, arn = site.client(account, "iam"), f"arn:aws:iam::{account}:policy/bulkhead/{boundary}"
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"][
            "Document"
        ]
        kept = [each for each in document["Statement"] if each.get("Sid") not in sids]
        if len(kept) != len(document["Statement"]) - len(sids):
            raise UserError(f"{boundary} has no statement {' or '.join(sids)}")
        iam.create_policy_version(
            PolicyArn=arn,
            PolicyDocument=json.dumps({**document, "Statement": kept}),
            SetAsDefault=True,
        )

    return weaken


def _may_change_keys(site: Site) -> None:
    """The key's own policy leaves this to its owners, which would hide that the boundary does."""
    site.key_policy(without="OwnersOnly")
    _without(MADE, "NoKeysOfRecords")(site)


def _wall(identifier: str, title: str, layer: Layer, sid: str, *more: str) -> Mutant:
    return Mutant(
        identifier,
        title,
        layer,
        _without(DEPLOY, sid),
        (Notice("deploy-walls", "deploy role"),),
        "test_walls_hold_whatever",
        more_rows=more,
    )


def _made(identifier: str, title: str, layer: Layer, sid: str, *more: str) -> Mutant:
    return Mutant(
        identifier,
        title,
        layer,
        _without(MADE, sid),
        (Notice("made-roles", "caller"),),
        "test_what_deployers_make",
        more_rows=more,
    )


DEPLOYERS = (
    _wall("L23-reading", "nothing keeps a deploy role from records", "logs", "NoReading"),
    _wall(
        *("L23-outlets", "nothing keeps a deploy role from sending records on", "logs"),
        *("NoWayOut", "L09", "L10", "L11", "L12", "L13", "L27", "O03"),
    ),
    _wall("K12-deploy", "a deploy role may do all with keys", "KMS", "NoKeys", "K06", "K08"),
    _wall("T21-deploy", "a deploy role may read external ids", "permission", "NoParameters"),
    _wall("P16-deploy", "a deploy role may read secrets", "permission", "NoSecrets"),
    _wall("P18-deploy", "a deploy role may call models", "Bedrock", "NoModels", "P02"),
    _wall(
        *("P34-deploy", "a deploy role may make users and become others", "permission"),
        *("NoOtherIdentities", "P16", "C03"),
    ),
    _wall("P15-deploy", "a deploy role may change itself", "permission", "NoBootstrap", "L23"),
    _wall(
        *("P39-deploy", "a deploy role may make roles without a boundary", "permission"),
        "NoRoleWithoutBoundary",
    ),
    _wall(
        *("P39-away", "a deploy role may take boundaries away", "permission"),
        "NoBoundaryTakenAway",
    ),
    _made("L23-made", "roles that are made may read records", "logs", "NoRecords", "L21", "L09"),
    Mutant(
        "K08-made",
        "roles that are made may change who may use the key",
        "KMS",
        _may_change_keys,
        (Notice("made-roles", "caller"),),
        "test_what_deployers_make",
    ),
    _made("K07-made", "roles that are made may decrypt records", "KMS", "NoDecryptionOfRecords"),
    _made("P34-made", "roles that are made may make users", "permission", "NoIdentities"),
    Mutant(
        "P39-bootstrap-source",
        "the deploy roles have no boundary",
        "permission",
        TerraformEdits(
            "bootstrap",
            (
                Edit(
                    f"{MODULE}/main.tf",
                    "  permissions_boundary = aws_iam_policy.deploy_boundary.arn\n",
                    "",
                ),
            ),
        ),
        (Notice("deploy-boundary"), Notice("deploy-walls", "deploy role")),
        "test_boundaries_are_alike or test_walls_hold_whatever",
    ),
    Mutant(
        "C02-bootstrap-source",
        "every principal of the account may become its deploy roles",
        "role chaining",
        TerraformEdits("bootstrap", (Edit(f"{MODULE}/policies.tf", PIN, ""),)),
        (Notice("deployer", "other role"), Notice("deployer", "user")),
        "test_nobody_becomes_a_deployer",
    ),
    Mutant(
        "P14-bootstrap-source",
        "the plan role may change what it plans",
        "permission",
        TerraformEdits(
            "bootstrap",
            (
                Edit(
                    f"{MODULE}/policies.tf",
                    PLAN,
                    PLAN.replace("local.reads", "concat(local.reads, local.writes)"),
                ),
            ),
        ),
        (Notice("deploy-rights", "plan role"),),
        "test_deployers_cannot",
    ),
    Mutant(
        "L20-bootstrap-source",
        "the deploy role may delete records",
        "logs",
        TerraformEdits(
            "bootstrap",
            (
                Edit(
                    f"{MODULE}/grants.yaml",
                    TAGGING,
                    f"      - logs:DeleteLogGroup\n{TAGGING}",
                ),
            ),
        ),
        (Notice("deploy-rights", "deploy role"),),
        "test_deployers_cannot",
    ),
    Mutant(
        "P39-caller-source",
        "the caller role has no boundary",
        "caller role",
        TerraformEdits(
            "customer",
            (
                Edit(
                    "modules/customer-logging/main.tf",
                    "  permissions_boundary = local.boundary\n",
                    "",
                ),
            ),
        ),
        (Notice("made-roles", "caller"),),
        "test_what_deployers_make",
    ),
)
