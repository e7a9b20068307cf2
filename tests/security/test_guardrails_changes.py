"""The organization's guardrails of what keeps customers apart: nobody but who deploys changes it.

What could change something if it were allowed is tried in a copy of the cloud.
"""

from __future__ import annotations

import contextlib
import json

import pytest

from harness.probes.cast import ANYTHING, Actor, Cast
from harness.probes.guardrail_attempts import Tried, make_bucket
from harness.probes.result import Recorder, Subject
from harness.probes.unguarded import unguarded
from harness.targets.base import DEPLOY_ROLE, PLAN_ROLE

OPEN = {"Effect": "Allow", "Principal": {"AWS": "*"}}
TRAIL = "bulkhead-operations"
MAKERS = {"UpdateDeployer": DEPLOY_ROLE, "UpdatePlanner": PLAN_ROLE}
CHANGES = (
    *("CreateRole", "UpdateAssumeRolePolicy", "AttachRolePolicy", "DetachRolePolicy"),
    *("PutRolePermissionsBoundary", "CreatePolicyVersion", "UntagResource"),
    *("CreateInferenceProfile", "UpdateDeployer", "UpdatePlanner", "CreateSink", "DeleteAlarms"),
    "StopLogging",
)


@pytest.mark.parametrize("operation", CHANGES)
def test_nobody_else_changes_a_fleet(probe: Recorder, copied: Cast, operation: str) -> None:
    """A role of operations with every right is no deploy role. Without the guardrail, the account's
    administrator does each of these."""
    fleet = next(iter(copied.stage.fleets.values()))
    who, account = copied.operations_role(), copied.stage.environment.operations_account
    administrator = copied.administrator(account)
    boundary = fleet.role_arn.replace(":role/", ":policy/") + "-boundary"
    deployer, planner = (f"arn:aws:iam::{account}:role/{r}" for r in (DEPLOY_ROLE, PLAN_ROLE))
    trust = json.dumps(
        {"Version": "2012-10-17", "Statement": [{**OPEN, "Action": "sts:AssumeRole"}]}
    )
    anything = "arn:aws:iam::aws:policy/AdministratorAccess"

    def tried(actor: Actor) -> dict[str, Tried]:
        iam, bedrock = copied.client(actor, "iam"), copied.client(actor, "bedrock", fleet.region)
        role, path = fleet.role_name, fleet.role_arn.partition(":role")[2].rpartition("/")[0] + "/"
        return {
            "CreateRole": (
                ("G01", "P15"),
                "iam:CreateRole",
                (f"arn:aws:iam::{account}:role{path}bulkhead-probe",),
                lambda: iam.create_role(
                    RoleName="bulkhead-probe", Path=path, AssumeRolePolicyDocument=trust
                ),
            ),
            "UpdateAssumeRolePolicy": (
                ("G01", "P15"),
                "iam:UpdateAssumeRolePolicy",
                (fleet.role_arn,),
                lambda: iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust),
            ),
            "AttachRolePolicy": (
                ("P40",),
                "iam:AttachRolePolicy",
                (fleet.role_arn,),
                lambda: iam.attach_role_policy(RoleName=role, PolicyArn=anything),
            ),
            "DetachRolePolicy": (
                ("C05",),
                "iam:DetachRolePolicy",
                (fleet.role_arn,),
                lambda: iam.detach_role_policy(RoleName=role, PolicyArn=anything),
            ),
            "PutRolePermissionsBoundary": (
                ("P39",),
                "iam:PutRolePermissionsBoundary",
                (fleet.role_arn,),
                lambda: iam.put_role_permissions_boundary(
                    RoleName=role, PermissionsBoundary=anything
                ),
            ),
            "CreatePolicyVersion": (
                ("P39",),
                "iam:CreatePolicyVersion",
                (boundary,),
                lambda: iam.create_policy_version(
                    PolicyArn=boundary, PolicyDocument=ANYTHING, SetAsDefault=True
                ),
            ),
            "UntagResource": (
                ("P20",),
                "bedrock:UntagResource",
                (fleet.profile,),
                lambda: bedrock.untag_resource(
                    resourceARN=fleet.profile, tagKeys=["bulkhead:customer"]
                ),
            ),
            "CreateInferenceProfile": (
                ("P20",),
                "bedrock:CreateInferenceProfile",
                (f"arn:aws:bedrock:{fleet.region}:{account}:application-inference-profile/*",),
                lambda: bedrock.create_inference_profile(
                    inferenceProfileName="bulkhead-probe",
                    modelSource={"copyFrom": fleet.model_arn},
                ),
            ),
            "UpdateDeployer": (
                ("P14", "P15"),
                "iam:UpdateAssumeRolePolicy",
                (deployer,),
                lambda: iam.update_assume_role_policy(
                    RoleName="bulkhead-deploy", PolicyDocument=trust
                ),
            ),
            "UpdatePlanner": (
                ("P14", "P15"),
                "iam:UpdateAssumeRolePolicy",
                (planner,),
                lambda: iam.update_assume_role_policy(
                    RoleName="bulkhead-plan", PolicyDocument=trust
                ),
            ),
            "DeleteAlarms": (
                ("G17", "C05"),
                "cloudwatch:DeleteAlarms",
                (f"arn:aws:cloudwatch:{fleet.region}:{account}:alarm:bulkhead-spend-probe",),
                lambda: copied.client(actor, "cloudwatch", fleet.region).delete_alarms(
                    AlarmNames=["bulkhead-spend-probe"]
                ),
            ),
            "StopLogging": (
                ("G01",),
                "cloudtrail:StopLogging",
                (f"arn:aws:cloudtrail:{fleet.region}:{account}:trail/{TRAIL}",),
                lambda: copied.client(actor, "cloudtrail", fleet.region).stop_logging(Name=TRAIL),
            ),
            "CreateSink": (
                ("O03",),
                "oam:CreateSink",
                ("*", f"arn:aws:oam:{fleet.region}:{account}:sink/*"),
                lambda: copied.client(actor, "oam", fleet.region).create_sink(Name="bulkhead"),
            ),
        }

    iam = copied.client(administrator, "iam")
    if operation == "DetachRolePolicy":
        with unguarded(copied, account):
            iam.attach_role_policy(RoleName=fleet.role_name, PolicyArn=anything)
    if operation in MAKERS:
        make_deployer(copied, administrator, MAKERS[operation], trust)
    if operation == "DeleteAlarms":
        make_alarm(copied, administrator, fleet.region)
    if operation == "StopLogging":
        make_trail(copied, administrator, fleet.region)
    rows, action, arns, call = tried(who)[operation]
    probe.denied(
        Subject(
            "guardrail-changes",
            rows,
            f"nobody but who deploys can {action.partition(':')[2]} where customers are kept apart",
            who,
            action,
            f"{operation} in operations",
            arns,
        ),
        call,
        twin=copied.client(who, "iam").list_roles,
    )
    with unguarded(copied, account):
        tried(administrator)[operation][-1]()


def make_deployer(cast: Cast, administrator: Actor, role: str, trust: str) -> None:
    """The deploy role or the plan role, where the environment has none."""
    iam = cast.client(administrator, "iam")
    path, _, name = role.rpartition("/")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, Path=f"/{path}/", AssumeRolePolicyDocument=trust)


def make_trail(cast: Cast, administrator: Actor, region: str) -> None:
    """The trail of operations, where the environment has none."""
    trails = cast.client(administrator, "cloudtrail", region)
    if TRAIL not in [each["Name"] for each in trails.describe_trails()["trailList"]]:
        bucket = make_bucket(cast, administrator, region, "cloudtrail.amazonaws.com")
        trails.create_trail(Name=TRAIL, S3BucketName=bucket)


def make_alarm(cast: Cast, administrator: Actor, region: str) -> None:
    """An alarm that is named like those of spending."""
    cast.client(administrator, "cloudwatch", region).put_metric_alarm(
        AlarmName="bulkhead-spend-probe",
        Namespace="AWS/Bedrock",
        MetricName="InputTokenCount",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
