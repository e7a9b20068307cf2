"""An environment that uses what the embedded one does not, applied and tried: other callers, a
legal hold, a budget, masks and alarms of a customer's own, the key of cross-region profiles.

One apply serves all tests; what they change they change in forks of the cloud.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from ruamel.yaml import YAML
from support.runs import copy_run
from support.tokens import Issuer

from harness.cloud.process import CloudProcess
from harness.deploy import edit
from harness.deploy.apply import deploy, destroy, pending_changes, retire
from harness.deploy.deployment import CustomerAccount, Deployment
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import load_environment
from harness.deploy.preview import preview
from harness.deploy.run import RootEvent, Run, Scope
from harness.deploy.terraform import Terraform
from harness.deploy.workspace import CUSTOMERS_FILE
from harness.errors import UserError
from harness.targets.base import DEPLOY_ROLE, role_arn
from harness.targets.embedded import EmbeddedTarget

ROOT = Path(__file__).parents[2]
ACME, PODS, GLOBEX = "222222222222", "222222222223", "333333333333"
OPERATIONS, REGION = "111111111111", "eu-central-1"
CLUSTER = f"oidc.eks.{REGION}.amazonaws.com/id/{'0123456789ABCDEF' * 2}"
CROSS_REGION = "eu.anthropic.claude-3-haiku-20240307-v1:0"
SUBJECT = "system:serviceaccount:apps:summaries"
EXISTING = f"arn:aws:iam::{GLOBEX}:role/apps/summaries"
CALLER_POLICIES = f"arn:aws:iam::{GLOBEX}:policy/bulkhead/caller/summaries/*"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
OF_THE_APPLICATION = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}],
    }
)
BOUNDARY = f"arn:aws:iam::{GLOBEX}:policy/bulkhead/bulkhead-boundary"
CUSTOMERS = f"""
acme:
  accounts:
    - {{ account_id: "{ACME}", caller: eks-pod-identity, alarms: {{ heartbeat_minutes: 0 }} }}
    - account_id: "{PODS}"
      caller: eks-irsa
      pods: {{ oidc_provider: {CLUSTER}, namespace: apps, service_account: summaries }}
  models: ["{CROSS_REGION}"]
globex:
  accounts:
    - {{ account_id: "{GLOBEX}", caller: existing, caller_role: apps/summaries }}
  models: ["amazon.nova-lite-v1:0"]
  legal_hold: true
  masked: {{ records: [EmailAddress], content: [EmailAddress, Ssn-US] }}
  spend:
    limits: [{{ minutes: 60, input_tokens: 1000, output_tokens: 1000 }}]
    monthly_budget_usd: 100
"""
PEOPLE = {"identity_center_region": "eu-west-1", "permission_sets": ["Operators"]}


@dataclasses.dataclass(frozen=True)
class Applied:
    """The environment as it was applied, and what the tests ask of it."""

    deployment: Deployment
    run: Path
    issuer: Issuer

    @property
    def target(self) -> EmbeddedTarget:
        return self.deployment.target()

    def owner(self, account: str, service: str, region: str = REGION) -> Any:
        return self.target.client(self.target.session(account), service, region)

    def deployer(self, account: str, service: str) -> Any:
        session = self.target.deployer_session("deploy", account, region=REGION)
        return self.target.client(session, service, REGION)

    def pod(self, subject: str = SUBJECT) -> boto3.Session:
        """The session that a pod of that service account gets by its token."""
        sts = boto3.client(
            "sts",
            region_name=REGION,
            endpoint_url=self.target.endpoint_url,
            config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
        )
        answer = sts.assume_role_with_web_identity(
            RoleArn=self.home(PODS).caller_role_arn,
            RoleSessionName="app",
            WebIdentityToken=self.issuer.token(iss=f"https://{CLUSTER}", sub=subject),
        )
        return self.target.assumed(answer["Credentials"])

    def home(self, account: str) -> CustomerAccount:
        return self.deployment.accounts[account]

    def caller(self, account: str) -> boto3.Session:
        """The account's application, started as it is there."""
        if account == PODS:
            return self.pod()
        runs = {ACME: "eks-pod-identity", GLOBEX: "lambda"}[account]
        return self.target.caller_session(self.home(account).caller_role_arn, runs, region=REGION)


def make_existing(target: EmbeddedTarget) -> None:
    """What the customer does itself: its role, within the boundary that the bootstrap made."""
    iam = target.client(target.session(GLOBEX), "iam", REGION)
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam.create_role(
        RoleName="summaries",
        Path="/apps/",
        AssumeRolePolicyDocument=json.dumps(trust),
        PermissionsBoundary=BOUNDARY,
    )
    # What its application needs besides is its own affair.
    iam.put_role_policy(RoleName="summaries", PolicyName="own", PolicyDocument=OF_THE_APPLICATION)


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    tree, run = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("run")
    shutil.copytree(ROOT / "modules", tree / "modules")
    path = tree / "environments" / "embedded"
    left_out = shutil.ignore_patterns(".terraform*")
    shutil.copytree(ROOT / "environments" / "embedded", path, ignore=left_out)
    yaml, file = YAML(typ="safe"), path / CUSTOMERS_FILE
    document = yaml.load(file.read_text(encoding="utf-8"))
    document["customers"] = yaml.load(CUSTOMERS)
    document["operations"]["people"] = PEOPLE
    document["operations"]["budget_emails"] = ["spending@example.com"]
    document["operations"]["inference_profile_key"] = "application-or-system"
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(document, stream)
    environment, issuer = load_environment(path), Issuer()
    plan = dataclasses.replace(cloud_plan(environment), issuers={f"https://{CLUSTER}": issuer.keys})
    with CloudProcess.start(plan, credentials=run / "credentials") as cloud:
        target = EmbeddedTarget(cloud)
        # With the cluster, whoever made it.
        target.client(target.session(PODS), "iam", REGION).create_open_id_connect_provider(
            Url=f"https://{CLUSTER}", ClientIDList=["sts.amazonaws.com"]
        )

        def after(event: RootEvent) -> None:
            if (event.root, event.state) == (f"bootstrap {GLOBEX}", "done"):
                make_existing(target)

        yield Applied(deploy(environment, target, run, after), run, issuer)


def refusal(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError, match="AccessDenied") as error:
        call(**request)
    return str(error.value)


@pytest.mark.parametrize("account", [ACME, PODS, GLOBEX])
def test_every_kind_of_caller_calls_and_records(applied: Applied, account: str) -> None:
    session, home = applied.caller(account), applied.home(account)
    target, fleet = applied.target, applied.deployment.fleets[home.customer]
    answer = target.client(session, "sts", REGION).assume_role(
        RoleArn=fleet.fleet_role_arn,
        RoleSessionName=f"{fleet.session_name_prefix[account]}app",
        ExternalId=fleet.external_id,
    )
    (profile,) = fleet.inference_profiles[REGION].values()
    said = target.client(target.assumed(answer["Credentials"]), "bedrock-runtime", REGION).converse(
        modelId=profile, messages=[{"role": "user", "content": [{"text": "hello"}]}]
    )
    assert said["output"]["message"]["content"]
    logs = target.client(session, "logs", REGION)
    named = {"logGroupName": home.log_group_name, "logStreamName": "fields"}
    logs.create_log_stream(**named)
    logs.put_log_events(**named, logEvents=[{"timestamp": 1, "message": "{}"}])
    refusal(logs.filter_log_events, logGroupName=home.log_group_name)


def test_a_cross_region_profile_opens_models_through_the_customers_own(applied: Applied) -> None:
    iam = applied.owner(OPERATIONS, "iam")
    role = applied.deployment.fleets["acme"].fleet_role_name
    policy = iam.get_role_policy(RoleName=role, PolicyName="invoke-own-profiles")["PolicyDocument"]
    by_sid = {statement["Sid"]: statement for statement in policy["Statement"]}
    own = by_sid["InvokeOwnProfiles"]["Resource"]
    system = f"arn:aws:bedrock:{REGION}:{OPERATIONS}:inference-profile/{CROSS_REGION}"
    through = by_sid["InvokeModelsThroughOwnProfiles"]["Condition"]["StringEquals"]
    assert through["bedrock:InferenceProfileArn"] == [*own, system]


def test_no_other_pod_becomes_the_caller(applied: Applied) -> None:
    refusal(applied.pod, subject="system:serviceaccount:apps:other")


def test_another_apply_changes_nothing(applied: Applied) -> None:
    assert pending_changes(applied.deployment, applied.run) == {}


def test_the_deploy_role_gives_the_customers_role_its_rights_and_changes_nothing_else(
    applied: Applied,
) -> None:
    deployer, name = applied.deployer(GLOBEX, "iam"), EXISTING.rpartition("/")[2]
    role = deployer.get_role(RoleName=name)["Role"]
    assert role["Arn"] == EXISTING == applied.home(GLOBEX).caller_role_arn
    assert fnmatchcase(caller_policy(applied), CALLER_POLICIES)
    trust = json.dumps(role["AssumeRolePolicyDocument"])
    told = refusal(deployer.update_assume_role_policy, RoleName=name, PolicyDocument=trust)
    assert "permissions boundary" in told
    refusal(deployer.delete_role, RoleName=name)
    refusal(deployer.delete_role_permissions_boundary, RoleName=name)


def caller_policy(applied: Applied) -> str:
    """The one policy that Bulkhead gave the customer's role."""
    role = {"RoleName": EXISTING.rpartition("/")[2]}
    attached = applied.owner(GLOBEX, "iam").list_attached_role_policies(**role)["AttachedPolicies"]
    (arn,) = (each["PolicyArn"] for each in attached if each["PolicyArn"] != ADMINISTRATOR)
    return str(arn)


def other_policies(iam: Any) -> list[str]:
    """What refusals say to a deployer that is at the policies which the customer gave its role."""
    role = {"RoleName": EXISTING.rpartition("/")[2]}
    theirs = {**role, "PolicyName": "own"}
    return [
        refusal(iam.put_role_policy, **theirs, PolicyDocument=OF_THE_APPLICATION),
        refusal(iam.delete_role_policy, **theirs),
        refusal(
            iam.put_role_policy,
            **{**theirs, "PolicyName": "new"},
            PolicyDocument=OF_THE_APPLICATION,
        ),
        refusal(iam.attach_role_policy, **role, PolicyArn=ADMINISTRATOR),
        refusal(iam.detach_role_policy, **role, PolicyArn=ADMINISTRATOR),
    ]


def test_the_customers_own_policies_of_its_role_are_no_deploy_roles(applied: Applied) -> None:
    """Whatever the deploy role is given."""
    with applied.deployment.cloud().fork() as cloud:
        there = dataclasses.replace(
            applied, deployment=applied.deployment.on(EmbeddedTarget(cloud))
        )
        owner, iam = there.owner(GLOBEX, "iam"), there.deployer(GLOBEX, "iam")
        owner.attach_role_policy(RoleName="summaries", PolicyArn=ADMINISTRATOR)
        deployer = DEPLOY_ROLE.rpartition("/")[2]
        owner.attach_role_policy(RoleName=deployer, PolicyArn=ADMINISTRATOR)
        for told in other_policies(iam):
            assert "explicit deny in a permissions boundary" in told
        # Its own it takes away and gives again, and changes none that somebody may have.
        named = {"RoleName": "summaries", "PolicyArn": caller_policy(there)}
        for told in (
            refusal(
                iam.create_policy_version,
                PolicyArn=named["PolicyArn"],
                PolicyDocument=OF_THE_APPLICATION,
                SetAsDefault=True,
            ),
            refusal(iam.set_default_policy_version, PolicyArn=named["PolicyArn"], VersionId="v1"),
        ):
            assert "explicit deny in a permissions boundary" in told
        iam.detach_role_policy(**named)
        iam.attach_role_policy(**named)


def test_other_rights_of_the_customers_role_are_another_policy(
    applied: Applied, tmp_path: Path
) -> None:
    """By the deploy role, as long as the role has its boundary."""
    copy_run(applied.run, tmp_path)
    with applied.deployment.cloud().fork() as cloud:
        made = applied.deployment.on(EmbeddedTarget(cloud))
        there = dataclasses.replace(applied, deployment=made)
        run, before = (
            Run(made.environment, tmp_path, None, target=made.target()),
            caller_policy(there),
        )

        def apply(root: Terraform, variables: dict[str, Any], _: Any) -> None:
            # A second document, for another region.
            profiles = variables["handover"]["inference_profiles"]
            moved = {k: v.replace(REGION, "eu-west-1") for k, v in profiles[REGION].items()}
            variables["handover"]["inference_profiles"] = {**profiles, "eu-west-1": moved}
            root.apply(variables)

        with run.stopping():
            run.customers(made.fleets, apply, only=["globex"])
        after = caller_policy(there)
        assert after != before and fnmatchcase(after, CALLER_POLICIES)
        owner = there.owner(GLOBEX, "iam")
        with pytest.raises(ClientError, match="NoSuchEntity"):
            owner.get_policy(PolicyArn=before)
        # Off the boundary, what the role may do is nothing that the deploy role says.
        owner.delete_role_permissions_boundary(RoleName="summaries")
        iam, named = there.deployer(GLOBEX, "iam"), {"RoleName": "summaries", "PolicyArn": after}
        refusal(iam.detach_role_policy, **named)
        refusal(iam.attach_role_policy, **named)
        with pytest.raises(ClientError, match="DeleteConflict"):
            iam.delete_policy(PolicyArn=after)


def test_each_right_over_the_customers_role_is_one_that_deploying_needs(
    applied: Applied, tmp_path: Path
) -> None:
    """Measured: what was asked for by an apply, a plan and a destroy as far as the role can."""
    copy_run(applied.run, tmp_path)
    with applied.deployment.cloud().fork() as cloud:
        made = applied.deployment.on(EmbeddedTarget(cloud))
        run = Run(made.environment, tmp_path, None, target=made.target())
        with run.stopping(), pytest.raises(UserError, match="logs:DeleteDataProtectionPolicy"):
            run.customers(
                made.fleets, lambda root, variables, _: root.destroy(variables), only=["globex"]
            )
        asked = {
            (r.action, CALLER_POLICIES if fnmatchcase(r.resource, CALLER_POLICIES) else r.resource)
            for r in cloud.asked(role_arn("deploy", GLOBEX))
        }
    role = DEPLOY_ROLE.rpartition("/")[2]
    policy = applied.owner(GLOBEX, "iam").get_role_policy(RoleName=role, PolicyName="deploy")
    given = {
        (action, resource)
        for statement in policy["PolicyDocument"]["Statement"]
        if "Caller" in statement["Sid"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }
    # What only a change asks for, as grants.yaml says.
    changes = {("iam:UntagPolicy", CALLER_POLICIES)}
    assert changes <= given
    of_the_role = {each for each in asked if each[1] in (EXISTING, CALLER_POLICIES)}
    assert of_the_role == given - changes


def test_what_is_held_neither_expires_nor_ends(applied: Applied) -> None:
    home, other = applied.home(GLOBEX), applied.home(ACME)
    pages = applied.owner(GLOBEX, "logs").get_paginator("describe_log_groups").paginate()
    groups = [group for page in pages for group in page["logGroups"]]
    assert {group["logGroupName"] for group in groups} == {
        "/bulkhead/globex/bedrock",
        "/bulkhead/globex/content",
    }
    assert not [group for group in groups if "retentionInDays" in group]
    retention = {"logGroupName": home.log_group_name, "retentionInDays": 1}
    refusal(applied.deployer(GLOBEX, "logs").put_retention_policy, **retention)
    # Nor does the account's owner, who could without the hold.
    owner, ending = applied.owner(GLOBEX, "kms"), {"PendingWindowInDays": 7}
    logs = applied.owner(GLOBEX, "logs")
    for told in (
        refusal(owner.schedule_key_deletion, KeyId=home.kms_key_arn, **ending),
        refusal(owner.disable_key, KeyId=home.kms_key_arn),
        refusal(logs.put_retention_policy, **retention),
        refusal(logs.delete_log_group, logGroupName=home.log_group_name),
    ):
        assert "explicit deny in a service control policy" in told
    # Where no hold is, whoever deploys sets the retention.
    applied.deployer(ACME, "logs").put_retention_policy(
        logGroupName=other.log_group_name, retentionInDays=other.retention_in_days
    )


def test_a_hold_ends_neither_with_a_struck_line_nor_with_a_destroy(
    applied: Applied, tmp_path: Path
) -> None:
    """Before anything is planned, denied or destroyed."""
    environment = applied.deployment.environment
    text = (environment.path / CUSTOMERS_FILE).read_text(encoding="utf-8")
    struck = edit.remove(text, ["customers", "globex"])
    only = Scope((), True, frozenset())
    lost = f"{GLOBEX} is held, and nobody says"
    with pytest.raises(UserError, match=lost):
        preview(applied.deployment, struck, only, applied.run)
    copy_run(applied.run, tmp_path)
    only_acme = {"acme": environment.customers["acme"]}
    acme = dataclasses.replace(environment, customers=only_acme, holds={})
    with pytest.raises(UserError, match=lost):
        deploy(acme, applied.target, tmp_path, scope=only)
    with pytest.raises(UserError, match=f"{GLOBEX} is held, and a destroy takes away"):
        destroy(applied.deployment, applied.run)
    iam = applied.owner(OPERATIONS, "iam")
    names = iam.list_role_policies(RoleName="bulkhead-globex")["PolicyNames"]
    assert names == ["invoke-own-profiles"]


def test_masks_and_alarms_are_as_the_customer_wants(applied: Applied) -> None:
    logs = applied.owner(GLOBEX, "logs")
    masked = {
        group: json.loads(
            logs.get_data_protection_policy(logGroupIdentifier=f"/bulkhead/globex/{group}")[
                "policyDocument"
            ]
        )["Statement"][1]["DataIdentifier"]
        for group in ("bedrock", "content")
    }
    named = "arn:aws:dataprotection::aws:data-identifier/"
    assert masked == {
        "bedrock": [f"{named}EmailAddress"],
        "content": [f"{named}EmailAddress", f"{named}Ssn-US"],
    }

    def silent(account: str) -> bool:
        pages = applied.owner(account, "cloudwatch").get_paginator("describe_alarms").paginate()
        names = {alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]}
        assert names
        return not [name for name in names if name.endswith("-heartbeat")]

    assert (silent(ACME), silent(PODS)) == (True, False)


def test_the_budget_stops_its_customer_and_only_the_deploy_role_changes_it(
    applied: Applied,
) -> None:
    named = {"AccountId": OPERATIONS, "BudgetName": "bulkhead-spend-globex"}
    deployer = applied.deployer(OPERATIONS, "budgets")
    budget = deployer.describe_budget(**named)["Budget"]
    assert budget["BudgetLimit"] == {"Amount": "100", "Unit": "USD"}
    (action,) = applied.owner(OPERATIONS, "budgets").describe_budget_actions_for_budget(**named)[
        "Actions"
    ]
    assert action["Definition"]["IamActionDefinition"]["Roles"] == ["bulkhead-globex"]
    executor = action["ExecutionRoleArn"]
    assert executor.startswith(f"arn:aws:iam::{OPERATIONS}:role/bulkhead/spend/")
    # Whoever deploys may say what an action attaches; the role that it acts through does not do it.
    definition = {
        "IamActionDefinition": {
            "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
            "Roles": ["bulkhead-globex"],
        }
    }
    other = f"arn:aws:iam::{OPERATIONS}:role/bulkhead/bulkhead-deploy"
    change = {**named, "ActionId": action["ActionId"], "Definition": definition}
    told = refusal(deployer.update_budget_action, **change, ExecutionRoleArn=other)
    assert "iam:PassRole" in told


def test_a_customer_that_leaves_while_held_leaves_its_records(
    applied: Applied, tmp_path: Path
) -> None:
    copy_run(applied.run, tmp_path)
    with applied.deployment.cloud().fork() as cloud:
        made = applied.deployment.on(EmbeddedTarget(cloud))
        retire(made, tmp_path, "globex")
        there = dataclasses.replace(applied, deployment=made)
        pages = there.owner(GLOBEX, "logs").get_paginator("describe_log_groups").paginate()
        assert len([group for page in pages for group in page["logGroups"]]) == 2
        key = there.owner(GLOBEX, "kms").describe_key(KeyId=there.home(GLOBEX).kms_key_arn)
        assert key["KeyMetadata"]["KeyState"] == "Enabled"
        iam = there.owner(GLOBEX, "iam")
        # Of its role what the customer gave it stays.
        assert iam.list_role_policies(RoleName="summaries")["PolicyNames"] == ["own"]
        left = iam.list_attached_role_policies(RoleName="summaries")["AttachedPolicies"]
        assert left == []
        assert iam.get_role(RoleName="bulkhead-reader")["Role"]["Path"] == "/bulkhead/reader/"
