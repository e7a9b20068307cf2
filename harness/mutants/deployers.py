"""Mistakes in the roles that deploy accounts: in their boundaries, their trust and their grants."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

from harness.errors import UserError
from harness.mutants.edits import Edit, TerraformEdits
from harness.mutants.guardrail_edits import without
from harness.mutants.model import Layer, Mutant, Notice
from harness.mutants.site import Site, Statements

MODULE = "modules/account-bootstrap"
PIN = """            # StringEquals, because ArnEquals expands wildcards.
            Condition = { StringEquals = { "aws:PrincipalArn" = exact } }
"""
PLAN = '    plan   = jsonencode({ Version = "2012-10-17", Statement = local.reads })\n'
OWN_GROUPS = """    when: retention
    resources:
      - "arn:{partition}:logs:{region}:{account}:log-group:/bulkhead/{customer}/*"
"""
EVERY_GROUP = OWN_GROUPS.replace("/bulkhead/{customer}/", "")
TOPICS = """    condition: { "ForAllValues:StringLike": \
{ "cloudwatch:AlarmActions": "arn:{partition}:sns:*:{account}:*" } }
"""
DEPLOY, MADE = "bulkhead-deploy-boundary", "bulkhead-boundary"


def _rewritten(
    site: Site, account: str, boundary: str, change: Callable[[Statements], Statements]
) -> None:
    """Gives a boundary other statements. Raises `UserError` where that changes nothing."""
    iam, arn = site.client(account, "iam"), f"arn:aws:iam::{account}:policy/bulkhead/{boundary}"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    changed = change(copy.deepcopy(document["Statement"]))
    if changed == document["Statement"]:
        raise UserError(f"{boundary} has not what should be taken from it")
    iam.create_policy_version(
        PolicyArn=arn,
        PolicyDocument=json.dumps({**document, "Statement": changed}),
        SetAsDefault=True,
    )


def _without(boundary: str, sid: str, *, operations: bool = False) -> Callable[[Site], None]:
    """Takes a statement out of a boundary, in the victim's account or in operations."""

    def weaken(site: Site) -> None:
        account = site.operations if operations else site.victims_home.account
        _rewritten(site, account, boundary, lambda all: [s for s in all if s.get("Sid") != sid])

    return weaken


def _forgetting(boundary: str, service: str) -> Callable[[Site], None]:
    """Takes a service's actions out of all denials of a boundary in the victim's account."""

    def without_it(statements: Statements) -> Statements:
        for statement in statements:
            if statement["Effect"] == "Deny" and isinstance(statement.get("Action"), list):
                kept = [a for a in statement["Action"] if not a.startswith(f"{service}:")]
                statement["Action"] = kept
        return statements

    return lambda site: _rewritten(site, site.victims_home.account, boundary, without_it)


def _any_target(site: Site) -> None:
    """The rule of the spend controls may send anywhere. Raises `UserError` where it may already."""
    iam, role = site.client(site.operations, "iam"), "bulkhead-deploy"
    document = iam.get_role_policy(RoleName=role, PolicyName="deploy")["PolicyDocument"]
    (grant,) = (s for s in document["Statement"] if s["Sid"] == "SpendRuleTarget")
    if not grant.pop("Condition", None):
        raise UserError("the rule of the spend controls may send anywhere already")
    iam.put_role_policy(RoleName=role, PolicyName="deploy", PolicyDocument=json.dumps(document))


def _any_budget(site: Site) -> None:
    """The deploy role of operations has any budget. Raises `UserError` where it has already."""
    iam, role = site.client(site.operations, "iam"), "bulkhead-deploy"
    document = iam.get_role_policy(RoleName=role, PolicyName="deploy")["PolicyDocument"]
    (grant,) = (s for s in document["Statement"] if s["Sid"] == "SpendBudgets")
    every = [f"arn:aws:budgets::{site.operations}:budget/*"]
    if grant["Resource"] == every:
        raise UserError("the deploy role of operations may have any budget already")
    grant["Resource"] = every
    iam.put_role_policy(RoleName=role, PolicyName="deploy", PolicyDocument=json.dumps(document))


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


def _of_operations(identifier: str, title: str, sid: str, *more: str) -> Mutant:
    """What the boundary of operations says of the executors that the deploy role makes."""
    return Mutant(
        identifier,
        title,
        "permission",
        _without(MADE, sid, operations=True),
        (Notice("made-in-operations", "/bulkhead/spend/"),),
        "test_an_executor_that_was_given",
        more_rows=more,
    )


def _only_the_guardrail(identifier: str, title: str, sid: str, path: str, test: str) -> Mutant:
    """What no boundary says of a role that the deploy role of operations makes."""
    return Mutant(
        identifier,
        title,
        "organization",
        without(sid),
        (Notice("made-in-operations", path),),
        test,
        guarded=True,
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
    Mutant(
        "P39-elsewhere",
        "a deploy role may make any role within a boundary that it writes itself",
        "permission",
        _without(DEPLOY, "NoFleetBoundaryElsewhere", operations=True),
        (Notice("deploy-walls", "operations deploy role"),),
        "test_walls_hold_whatever",
        more_rows=("P14",),
    ),
    _wall("L20-deploy", "a deploy role may delete records", "logs", "NoLoss", "K11"),
    _wall(
        *("P14-borrowed", "a deploy role may change others' code", "permission"),
        *("NoCodeOfOthers", "L23"),
    ),
    _wall(
        *("T27-deploy", "a deploy role may open roles that are not its own", "permission"),
        *("OwnRolesOnly", "P15"),
    ),
    Mutant(
        "L23-insights",
        "nothing keeps a deploy role from Contributor Insights",
        "logs",
        _forgetting(DEPLOY, "cloudwatch"),
        (Notice("deploy-walls", "deploy role"),),
        "test_walls_hold_whatever",
        more_rows=("L21",),
    ),
    Mutant(
        "L23-made-insights",
        "nothing keeps roles that are made from Contributor Insights",
        "logs",
        _forgetting(MADE, "cloudwatch"),
        (Notice("made-roles", "caller"),),
        "test_what_deployers_make",
        more_rows=("L21",),
    ),
    _made("L20-made", "roles that are made may delete records", "logs", "NoLossOfRecords"),
    _made(
        *("P14-made", "roles that are made may change others' code", "permission"),
        *("NoCodeOfOthers", "L23"),
    ),
    _of_operations(
        "P40-executor", "executors may attach any policy to fleet roles", "NoIdentities"
    ),
    _of_operations(
        "P40-others", "executors may give others rights by what is called a stop", "NoStopOfOthers"
    ),
    _of_operations(
        "P14-machine", "executors may start whatever state machine operations has", "NoOtherMachine"
    ),
    _of_operations(
        *("P39-executor", "executors may do what the deploy role gives them", "OnlyStops"),
        *("C05", "P17"),
    ),
    _only_the_guardrail(
        *("P39-fleet", "fleet roles may do what the deploy role gives them"),
        *("FleetRolesOnlyCall", "/bulkhead/fleet/", "test_a_fleet_role_that_was_given"),
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
        TerraformEdits("bootstrap", (Edit(f"{MODULE}/modules/trust/main.tf", PIN, ""),)),
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
        "the deploy role may shorten the retention of every log group of its account",
        "logs",
        TerraformEdits("bootstrap", (Edit(f"{MODULE}/grants.yaml", OWN_GROUPS, EVERY_GROUP),)),
        (Notice("deploy-rights", "deploy role"),),
        "test_deployers_cannot",
    ),
    Mutant(
        "P14-alarms-source",
        "the deploy role may have alarms do anything",
        "permission",
        TerraformEdits("bootstrap", (Edit(f"{MODULE}/grants.yaml", TOPICS, ""),)),
        (Notice("deploy-rights", "deploy role"),),
        "test_deployers_cannot",
    ),
    Mutant(
        "O16-deploy",
        "the deploy role of operations may have alarms told to anybody",
        "permission",
        _any_target,
        (Notice("deploy-rights", "operations deploy role"),),
        "test_deployers_cannot",
        more_rows=("C05",),
    ),
    Mutant(
        "C05-budgets",
        "the deploy role of operations may change every budget of the account",
        "permission",
        _any_budget,
        (Notice("deploy-rights", "operations deploy role"),),
        "test_deployers_cannot",
        more_rows=("P14",),
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
