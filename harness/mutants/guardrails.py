"""Guardrails of the organization that are missing or do not bind, and what then shares content.

The guardrails stay in place but for the mistake; the ways that share content need them gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness.mutants.model import Mutant, Notice
from harness.mutants.site import Site

RCP = "RESOURCE_CONTROL_POLICY"
SCP = "SERVICE_CONTROL_POLICY"


def _organizations(site: Site) -> Any:
    return site.client(site.stage.environment.management_account, "organizations")


def _own(site: Site, kind: str) -> list[dict[str, Any]]:
    """The environment's own policies of a kind."""
    listed = _organizations(site).list_policies(Filter=kind)["Policies"]
    return [policy for policy in listed if not policy["AwsManaged"]]


def _detach(kind: str, account: Callable[[Site], str] | None = None) -> Callable[[Site], None]:
    """Detach the policies of a kind, from one account or from all."""

    def weaken(site: Site) -> None:
        organizations = _organizations(site)
        for policy in _own(site, kind):
            for target in organizations.list_targets_for_policy(PolicyId=policy["Id"])["Targets"]:
                if account is None or target["TargetId"] == account(site):
                    organizations.detach_policy(PolicyId=policy["Id"], TargetId=target["TargetId"])

    return weaken


def edited(kind: str, sid: str, **changes: object) -> Callable[[Site], None]:
    """Change the statement of that Sid, in every policy that has it."""

    def weaken(site: Site) -> None:
        organizations = _organizations(site)
        known = False
        for policy in _own(site, kind):
            document = json.loads(
                organizations.describe_policy(PolicyId=policy["Id"])["Policy"]["Content"]
            )
            for statement in document["Statement"]:
                if statement["Sid"] == sid:
                    known = True
                    statement.update(changes)
                    organizations.update_policy(PolicyId=policy["Id"], Content=json.dumps(document))
        if not known:
            raise LookupError(f"no guardrail has a statement {sid}")

    return weaken


def _deployer_alone(site: Site) -> None:
    deploy = f"arn:aws:iam::{site.operations}:role/bulkhead/bulkhead-deploy"
    edited(SCP, "Deployers", Resource=[deploy])(site)


def _link(site: Site, kind: str = "AWS::Logs::LogGroup") -> str:
    """Operations asks for the logs of a customer, whose administrator agrees; the link's ARN."""
    home = site.victims_home
    oam = site.client(site.operations, "oam", home.region)
    sink = oam.create_sink(Name="bulkhead-mutant")["Arn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": home.account},
        "Action": ["oam:CreateLink", "oam:UpdateLink"],
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    oam.put_sink_policy(SinkIdentifier=sink, Policy=json.dumps(policy))
    made = site.client(home.account, "oam", home.region).create_link(
        LabelTemplate="$AccountName", ResourceTypes=[kind], SinkIdentifier=sink
    )
    return str(made["Arn"])


def _linked(site: Site) -> None:
    _link(site)


def _widened(site: Site) -> None:
    """A link that shows metrics, and later more."""
    home, metrics = site.victims_home, "AWS::CloudWatch::Metric"
    link = _link(site, metrics)
    site.client(home.account, "oam", home.region).update_link(
        Identifier=link, ResourceTypes=[metrics, "AWS::Logs::LogGroup"]
    )


def _telemetry(site: Site) -> None:
    """The management account has deliveries switched on in every account."""
    management = site.stage.environment.management_account
    service = "observabilityadmin.amazonaws.com"
    _organizations(site).enable_aws_service_access(ServicePrincipal=service)
    site.client(
        management, "observabilityadmin", site.victims_home.region
    ).create_telemetry_rule_for_organization(
        RuleName="bulkhead-mutant",
        Rule={
            "ResourceType": "AWS::EC2::VPC",
            "TelemetryType": "Logs",
            "DestinationConfiguration": {
                "DestinationType": "cloud-watch-logs",
                "DestinationPattern": "/flows/<resourceId>",
                "RetentionInDays": 30,
            },
        },
    )


def _centralize(site: Site) -> None:
    """The management account has CloudWatch copy a customer's logs to operations."""
    home = site.victims_home
    management = site.stage.environment.management_account
    service = "observabilityadmin.amazonaws.com"
    _organizations(site).enable_aws_service_access(ServicePrincipal=service)
    site.client(
        management, "observabilityadmin", home.region
    ).create_centralization_rule_for_organization(
        RuleName="bulkhead-mutant",
        Rule={
            "Source": {
                "Regions": [home.region],
                "Scope": f"AccountId = '{home.account}'",
                "SourceLogsConfiguration": {
                    "LogGroupSelectionCriteria": "*",
                    "EncryptedLogGroupStrategy": "ALLOW",
                },
            },
            "Destination": {
                "Region": home.region,
                "Account": site.operations,
                "DestinationLogsConfiguration": {
                    "LogsEncryptionConfiguration": {"EncryptionStrategy": "AWS_OWNED"}
                },
            },
        },
    )


def _delegate(site: Site) -> None:
    service = "observabilityadmin.amazonaws.com"
    organizations = _organizations(site)
    organizations.enable_aws_service_access(ServicePrincipal=service)
    organizations.register_delegated_administrator(
        AccountId=site.operations, ServicePrincipal=service
    )


def _forward(site: Site) -> None:
    """An event rule of the customer sends to the bus of operations."""
    home = site.victims_home
    events = site.client(home.account, "events", home.region)
    events.put_rule(Name="bulkhead-mutant", EventPattern='{"source": ["aws.logs"]}')
    bus = f"arn:aws:events:{home.region}:{site.operations}:event-bus/default"
    events.put_targets(Rule="bulkhead-mutant", Targets=[{"Id": "1", "Arn": bus}])


def _call_an_address(site: Site) -> None:
    """An event rule of the customer posts to an address of somebody's."""
    home = site.victims_home
    events = site.client(home.account, "events", home.region)
    connection = events.create_connection(
        Name="bulkhead-mutant",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "key", "ApiKeyValue": "value"}},
    )
    address = events.create_api_destination(
        Name="bulkhead-mutant",
        ConnectionArn=connection["ConnectionArn"],
        InvocationEndpoint="https://collector.example.com/",
        HttpMethod="POST",
    )
    events.put_rule(Name="bulkhead-mutant", EventPattern='{"source": ["aws.logs"]}')
    events.put_targets(
        Rule="bulkhead-mutant", Targets=[{"Id": "1", "Arn": address["ApiDestinationArn"]}]
    )


# Each attempt, with the statement that stands in its way: without it, the attempt must succeed.
# `no evidence` would not do, so what the attempt needs must be there.
_ATTEMPTS = {
    "PutAccountDataRetention": ("P35", "DataRetention"),
    "CreateModelInvocationJob": ("P22", "BatchJobs"),
    "StartAsyncInvoke": ("P23", "StoredAnswers"),
    "PutResourcePolicy": ("P36", "ResourcePolicies"),
    "DeleteEnforcedGuardrailConfiguration": ("B15", "EnforcedGuardrail"),
    "CreateServiceSpecificCredential": ("P34", "ApiKeys"),
    "CreateUser": ("P34", "OtherIdentities"),
    "LeaveOrganization": ("G09", "Leaving"),
}
_CHANGES = {
    "UpdateAssumeRolePolicy": ("P15", "FleetRoles"),
    "AttachRolePolicy": ("P40", "Attachments"),
    "DetachRolePolicy": ("C05", "Stops"),
    "CreatePolicyVersion": ("P39", "FleetPolicies"),
    "UntagResource": ("P20", "Profiles"),
    "UpdateDeployer": ("P14", "Deployers"),
    "DeleteAlarms": ("G17", "WatchingByOthers"),
    "CreateSink": ("O03", "Receiving"),
}
_OF_CUSTOMERS = {
    "PutAccountPolicy": ("L10", "WaysOut"),
    "CreateExportTask": ("L13", "WaysOut"),
    "PutBearerTokenAuthentication": ("L26", "WaysOut"),
    "CreateLink": ("G15", "SharedLogs"),
    "UntagResource": ("K01", "Tags"),
}
_MORE_ROWS = {"ResourcePolicies": ("G13",)}
_NEVER: dict[str, object] = {"Action": "aws-portal:ViewBilling"}


def _opened(
    attempts: dict[str, tuple[str, str]], probe: str, test: str, of: str = ""
) -> tuple[Mutant, ...]:
    return tuple(
        Mutant(
            f"{row}-{of}{operation}",
            f"the guardrail {sid} denies something else, which leaves {operation} open",
            "organization",
            edited(SCP, sid, **_NEVER),
            (Notice(probe), Notice("guardrail-statements")),
            f"({test} and {operation}) or (test_each_statement and {sid})",
            guarded=True,
            more_rows=_MORE_ROWS.get(sid, ()),
        )
        for operation, (row, sid) in attempts.items()
    )


GUARDRAILS = (
    *_opened(_ATTEMPTS, "guardrail-operations", "test_operators_cannot"),
    *_opened(_CHANGES, "guardrail-changes", "test_nobody_else_changes_a_fleet", "fleet-"),
    *_opened(_OF_CUSTOMERS, "guardrail-customers", "test_customers_administrators_cannot"),
    Mutant(
        "G01-detached",
        "the organization's service control policies are attached to nothing",
        "organization",
        _detach(SCP),
        (Notice("guardrail-operations"), Notice("guardrails-attached")),
        "(test_operators_cannot and eu-central) or test_no_account_stands",
        guarded=True,
    ),
    Mutant(
        "G10",
        "the organization's resource control policies are attached to nothing",
        "organization",
        _detach(RCP),
        (Notice("guardrail-trust"), Notice("guardrail-key"), Notice("guardrails-attached")),
        "test_an_open or test_no_account_stands",
        guarded=True,
    ),
    Mutant(
        "G09",
        "one customer's account has lost its guardrails",
        "organization",
        _detach(SCP, lambda site: site.victims_home.account),
        (Notice("guardrails-attached"),),
        "test_no_account_stands",
        guarded=True,
    ),
    Mutant(
        "P15-planner",
        "of the roles that come from the bootstrap, a guardrail leaves the plan role out",
        "organization",
        _deployer_alone,
        (Notice("guardrail-changes"), Notice("guardrail-statements")),
        "(test_nobody_else_changes_a_fleet and UpdatePlanner)"
        " or (test_each_statement and Deployers)",
        guarded=True,
    ),
    Mutant(
        "P34-spared",
        "a guardrail against other identities spares whoever has all rights",
        "organization",
        edited(SCP, "OtherIdentities", Condition={"StringNotLike": {"aws:PrincipalArn": "*"}}),
        (Notice("guardrail-operations"), Notice("guardrail-statements")),
        "test_operators_cannot_anywhere or (test_each_statement and OtherIdentities)",
        guarded=True,
    ),
    Mutant(
        "T27-open-caller",
        "nothing but its own trust keeps strangers from a caller role",
        "organization",
        edited(RCP, "CallersForOwnAccounts", Action="sts:TagSession"),
        (Notice("guardrail-caller", "operations"), Notice("guardrail-statements")),
        "test_an_open_caller or (test_each_statement and CallersForOwnAccounts)",
        guarded=True,
    ),
    Mutant(
        "T27-open-further",
        "guardrails know the caller role, and not those that the customer makes itself",
        "organization",
        edited(
            RCP,
            "CallersForOwnAccounts",
            Resource=["arn:aws:iam::*:role/bulkhead/bulkhead-caller"],
        ),
        (Notice("guardrail-caller", "operations"),),
        "test_an_open_further_caller",
        guarded=True,
    ),
    Mutant(
        "G21",
        "the denial of invocation logging has a condition that never holds",
        "organization",
        edited(SCP, "InvocationLogging", Condition={"Null": {"aws:PrincipalArn": "true"}}),
        (Notice("guardrail-operations"),),
        "test_operators_cannot and PutModelInvocationLogging",
        guarded=True,
    ),
    Mutant(
        "G03",
        "models may be called in every Region",
        "organization",
        edited(SCP, "ModelsElsewhere", Action="bedrock:Retrieve"),
        (Notice("guardrail-region"),),
        "test_operators_cannot_call",
        guarded=True,
        more_rows=("G04",),
    ),
    Mutant(
        "G11",
        "the records' key is guarded by its organization only",
        "organization",
        edited(
            RCP,
            "KeysForOwnAccounts",
            Condition={"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}},
        ),
        (Notice("guardrail-key", "operations"),),
        "test_an_open_key",
        guarded=True,
    ),
    Mutant(
        "O01",
        "a customer's log group is linked to the operations account",
        "organization",
        _linked,
        (
            *(Notice("links"), Notice("sinks"), Notice("linked-groups")),
            Notice("foreign-records", "operations"),
        ),
        "test_sharing or test_nobody_outside_reads_records",
        more_rows=("G15", "O03", "L01"),
    ),
    Mutant(
        "O02",
        "a link that showed metrics shows a customer's log groups, too",
        "organization",
        _widened,
        (Notice("links", row="O02"),),
        "test_sharing",
    ),
    Mutant(
        "O09",
        "the organization has deliveries switched on in its accounts",
        "organization",
        _telemetry,
        (Notice("telemetry-rules"),),
        "test_nobody_but_management",
        guarded=True,
    ),
    Mutant(
        "O04",
        "the organization copies a customer's logs to the operations account",
        "organization",
        _centralize,
        (Notice("record-elsewhere"),),
        "test_canaries and {region}",
        more_rows=("O05", "O06", "G16"),
    ),
    Mutant(
        "O04-rule",
        "the organization has a rule that copies a customer's logs to the operations account",
        "organization",
        _centralize,
        (Notice("centralization"), Notice("trusted-access")),
        "test_nobody_but_management",
        guarded=True,
        more_rows=("G16", "O08"),
    ),
    Mutant(
        "O07",
        "the operations account is a delegated administrator of CloudWatch",
        "organization",
        _delegate,
        (Notice("delegated-administrators"),),
        "test_nobody_but_management",
        guarded=True,
        more_rows=("G08",),
    ),
    Mutant(
        "O16",
        "a customer's events are forwarded to the operations account",
        "logs",
        _forward,
        (Notice("event-rules"),),
        "test_no_events_leave",
    ),
    Mutant(
        "O16-address",
        "a customer's events are posted to an address of the internet",
        "logs",
        _call_an_address,
        (Notice("event-rules"),),
        "test_no_events_leave",
    ),
)
