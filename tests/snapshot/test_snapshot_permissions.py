"""What the audit role is given against what reading asks for: enough, and nothing too many.

Every part of a snapshot, and the settings of the baseline, are read in a copy of the cloud as roles
that have what `modules/audit-role` gives and nothing else, in accounts that hold one of each thing
that is read. Then each right that a part used is taken away, one at a time, and the part is read
again: it must come back with a gap, or fail.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from ruamel.yaml import YAML

from harness.deploy.baseline import read_baseline
from harness.deploy.deployment import Deployment
from harness.deploy.workspace import project_root
from harness.errors import UserError
from harness.probes.unguarded import without_scps
from harness.snapshot.observability import centralization_rules
from harness.snapshot.organization import organizations
from harness.snapshot.reader import Gaps, Reader
from harness.snapshot.take import HOME, OF_ACCOUNTS, OF_REGIONS, take
from harness.targets.base import Target
from harness.targets.embedded import EmbeddedTarget

READS = "modules/audit-role/reads.yaml"
KEY = bytes(32)
ROOM = "222222222222"
NAME = "bulkhead-audit"
NO_ADDRESS = {"s3:GetAccountPublicAccessBlock"}
"""What the embedded cloud has no address for: S3 Control puts the account into the host's name."""

UNANSWERED = ["ssm:get_resource_policies UnknownOperationException"]
"""What the embedded cloud decides and does not do."""


def statements(kind: str, without: str = "") -> list[dict[str, Any]]:
    """What the role of such an account is given, but for one action."""
    reads = YAML(typ="safe").load((project_root() / READS).read_text(encoding="utf-8"))
    return [
        {"Effect": "Allow", "Action": kept, "Resource": "*"}
        for read in (*reads["everywhere"], *reads[kind])
        if (kept := [action for action in read["actions"] if action != without])
    ]


def actions(*kinds: str) -> set[str]:
    reads = YAML(typ="safe").load((project_root() / READS).read_text(encoding="utf-8"))
    return {action for kind in kinds for read in reads[kind] for action in read["actions"]}


@dataclass(frozen=True)
class Lab:
    """A copy of the cloud, and roles in it that may read."""

    made: Deployment
    target: EmbeddedTarget

    def kind(self, account: str) -> str:
        environment = self.made.environment
        return {
            environment.management_account: "organization",
            environment.operations_account: "operations",
        }.get(account, "customer")

    def admin(self, service: str, account: str = ROOM, region: str = "") -> Any:
        session = self.target.session(account)
        return self.target.client(session, service, region or self.made.environment.region)

    def give(self, account: str, role: str, rights: list[dict[str, Any]]) -> None:
        document = {"Version": "2012-10-17", "Statement": rights}
        self.admin("iam", account).put_role_policy(
            RoleName=role, PolicyName="read", PolicyDocument=json.dumps(document)
        )

    def reader(self, account: str, role: str) -> boto3.Session:
        """A session of a new role that may read what an audit reads there."""
        principal = {"AWS": f"arn:aws:iam::{account}:root"}
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        document = {"Version": "2012-10-17", "Statement": [trust]}
        self.admin("iam", account).create_role(
            RoleName=role, Path="/bulkhead/", AssumeRolePolicyDocument=json.dumps(document)
        )
        self.give(account, role, statements(self.kind(account)))
        arn = f"arn:aws:iam::{account}:role/bulkhead/{role}"
        answer = self.admin("sts", account).assume_role(RoleArn=arn, RoleSessionName="audit")
        return self.target.assumed(answer["Credentials"])

    def asked(self, account: str, role: str) -> set[str]:
        arn = f"arn:aws:iam::{account}:role/bulkhead/{role}"
        return {request.action for request in self.made.cloud().asked(arn)}


class As:
    """The target, where some accounts are read by other sessions than their administrators'."""

    def __init__(self, target: Target, sessions: Mapping[str, boto3.Session]) -> None:
        self._target, self._sessions = target, sessions

    def session(self, account: str) -> boto3.Session:
        return self._sessions.get(account) or self._target.session(account)

    def client(self, session: boto3.Session, service: str, region: str, **settings: Any) -> Any:
        return self._target.client(session, service, region, **settings)


@pytest.fixture(scope="module")
def lab(deployment: Deployment) -> Iterator[Lab]:
    with deployment.cloud().fork() as cloud:
        target = EmbeddedTarget(cloud)
        found = Lab(deployment.on(target), target)
        with without_scps(target, found.made.environment, ROOM):
            furnish(found)
            yield found


def furnish(lab: Lab) -> None:
    """One of each thing of which more is read than that it is there, in one account."""
    region = lab.made.environment.region
    bucket = "bulkhead-audited"
    lab.admin("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region}
    )
    principal = {"Service": "cloudtrail.amazonaws.com"}
    put = {"Effect": "Allow", "Principal": principal, "Action": "s3:*"}
    arns = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    policy = {"Version": "2012-10-17", "Statement": [{**put, "Resource": arns}]}
    lab.admin("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    lab.admin("cloudtrail").create_trail(Name="audited", S3BucketName=bucket)
    lab.admin("secretsmanager").create_secret(Name="audited", SecretString="x")
    lab.admin("sns").create_topic(Name="audited")
    lab.admin("sqs").create_queue(QueueName="audited")
    lab.admin("ssm").put_parameter(Name="/audited", Value="x", Type="String", Tier="Advanced")
    lab.admin("events").put_rule(Name="audited", EventPattern='{"source":["x"]}')
    lab.admin("oam").create_sink(Name="audited")
    lab.admin("logs").put_delivery_destination(
        name="audited", deliveryDestinationConfiguration={"destinationResourceArn": arns[0]}
    )
    lab.admin("bedrock").create_guardrail(
        name="audited",
        blockedInputMessaging="x",
        blockedOutputsMessaging="x",
        wordPolicyConfig={"wordsConfig": [{"text": "x"}]},
    )
    iam = lab.admin("iam")
    iam.create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=["sts.amazonaws.com"]
    )
    starts = {"Service": "lambda.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": starts, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    iam.create_role(RoleName="audited", AssumeRolePolicyDocument=json.dumps(document))
    iam.attach_role_policy(RoleName="audited", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("a.py", "")
    lab.admin("lambda").create_function(
        FunctionName="audited",
        Runtime="python3.12",
        Role=f"arn:aws:iam::{ROOM}:role/audited",
        Handler="a.b",
        Code={"ZipFile": code.getvalue()},
    )
    manager = lab.admin("organizations", lab.made.environment.management_account)
    manager.enable_aws_service_access(ServicePrincipal=DELEGATED)
    manager.register_delegated_administrator(AccountId=ROOM, ServicePrincipal=DELEGATED)
    management = lab.made.environment.management_account
    lab.admin("observabilityadmin", management, HOME).create_centralization_rule_for_organization(
        RuleName="audited",
        Rule={
            "Source": {
                "Regions": [region],
                "Scope": f"AccountId = '{ROOM}'",
                "SourceLogsConfiguration": {
                    "LogGroupSelectionCriteria": "*",
                    "EncryptedLogGroupStrategy": "ALLOW",
                },
            },
            "Destination": {
                "Region": region,
                "Account": lab.made.environment.operations_account,
                "DestinationLogsConfiguration": {
                    "LogsEncryptionConfiguration": {"EncryptionStrategy": "AWS_OWNED"}
                },
            },
        },
    )


DELEGATED = "observabilityadmin.amazonaws.com"


@dataclass(frozen=True)
class Part:
    """Something that is read of an account, and what could not be."""

    name: str
    account: str
    read: Callable[[Target], list[str]]

    @property
    def role(self) -> str:
        return f"audit-{self.name.replace('_', '-')}"


def parts(lab: Lab) -> list[Part]:
    environment = lab.made.environment
    management, operations = environment.management_account, environment.operations_account

    def section(
        account: str, region: str, read: Callable[[Reader], Any]
    ) -> Callable[[Target], list[str]]:
        def run(target: Target) -> list[str]:
            gaps = Gaps()
            read(Reader(target, gaps, account, region, HOME))
            return [f"{gap.call} {gap.code}" for gap in gaps]

        return run

    def baseline(target: Target) -> list[str]:
        try:
            read_baseline(environment, target)
        except UserError as error:
            return [str(error)]
        return []

    return [
        *(
            Part(name, ROOM, section(ROOM, "", read))
            for name, read in OF_ACCOUNTS.items()
            if name != "public_access_block"
        ),
        *(Part(n, ROOM, section(ROOM, environment.region, r)) for n, r in OF_REGIONS.items()),
        Part(
            "organizations", management, section(management, "", lambda own: organizations(own, []))
        ),
        Part("centralization", management, section(management, "", centralization_rules)),
        Part("baseline-costs", management, baseline),
        Part("baseline-models", operations, baseline),
    ]


def test_each_right_is_needed_and_no_other(lab: Lab) -> None:
    needed: dict[str, set[str]] = {"everywhere": set(), "organization": set(), "operations": set()}
    needless: list[str] = []
    for part in parts(lab):
        session = lab.reader(part.account, part.role)
        target: Any = As(lab.target, {part.account: session})
        assert part.read(target) in ([], UNANSWERED), part.name
        used = lab.asked(part.account, part.role)
        assert used, part.name
        kind = lab.kind(part.account)
        for action in sorted(used):
            lab.give(part.account, part.role, statements(kind, action))
            if not any("AccessDenied" in gap for gap in part.read(target)):
                needless.append(f"{part.name}: without {action} it was read")
            needed[kind if action in actions(*({kind} - {"customer"})) else "everywhere"].add(
                action
            )
    assert not needless
    assert needed["everywhere"] == actions("everywhere") - NO_ADDRESS
    assert needed["organization"] == actions("organization")
    assert needed["operations"] == actions("operations")


def test_with_these_rights_alone_an_audit_reads_everything(lab: Lab) -> None:
    environment = lab.made.environment
    environment = dataclasses.replace(environment, regions=(environment.region,))
    sessions = {account: lab.reader(account, NAME) for account in environment.deployed_accounts}
    target: Any = As(lab.target, sessions)
    document = take(dataclasses.replace(lab.made, environment=environment), target, KEY)
    assert {(gap["call"], gap["code"]) for gap in document["unreadable"]} == {
        ("s3control:get_public_access_block", "EndpointConnectionError"),
        ("ssm:get_resource_policies", "UnknownOperationException"),
    }
    assert len(read_baseline(environment, target)) > 3
    for account, session in sessions.items():
        assert lab.asked(account, NAME) <= actions("everywhere", lab.kind(account))
        # They give nothing else: not what was read, and no other role.
        for service, call, params in (
            ("secretsmanager", "get_secret_value", {"SecretId": "audited"}),
            ("ssm", "get_parameter", {"Name": "/audited"}),
            ("iam", "create_role", {"RoleName": "x", "AssumeRolePolicyDocument": "{}"}),
            ("logs", "filter_log_events", {"logGroupName": "/bulkhead/acme/bedrock"}),
        ):
            client = lab.target.client(session, service, environment.region)
            with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
                getattr(client, call)(**params)
