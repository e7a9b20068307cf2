"""The organization's guardrails: what not even administrators can do, and that they bind at all.

What could change something if it were allowed is tried in a copy of the cloud.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.probes.bedrock import converse
from harness.probes.cast import ANYTHING, Actor, Cast
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Home
from harness.probes.unguarded import unguarded
from harness.targets.base import DEPLOY_ROLE, PLAN_ROLE

Tried = tuple[tuple[str, ...], str, tuple[str, ...], Callable[[], object]]
OPEN = {"Effect": "Allow", "Principal": {"AWS": "*"}}


def operations_attempts(cast: Cast, who: Actor, region: str, thing: str) -> dict[str, Tried]:
    """What would let content rest in the operations account, or leave it: rows, action, resources
    that a refusal may name, call. `thing` is what the attempt is at, where it needs one."""
    account = who.account
    bedrock = cast.client(who, "bedrock", region)
    runtime = cast.client(who, "bedrock-runtime", region)
    iam = cast.client(who, "iam")
    share = {
        "Effect": "Allow",
        "Principal": {"AWS": cast.stage.environment.probes.no_organization},
        "Action": "bedrock:ApplyGuardrail",
        "Resource": thing,
    }
    bucket = f"bulkhead-probe-{account}-{region}"
    logging = {
        "s3Config": {"bucketName": bucket},
        "textDataDeliveryEnabled": False,
    }
    model = next(iter(cast.stage.fleets.values())).model
    role = f"arn:aws:iam::{account}:role/bulkhead-probe-none"
    return {
        "PutModelInvocationLoggingConfiguration": (
            ("G01", "P18", "L04"),
            "bedrock:PutModelInvocationLoggingConfiguration",
            ("*",),
            lambda: bedrock.put_model_invocation_logging_configuration(loggingConfig=logging),
        ),
        "PutAccountDataRetention": (
            ("G01", "P35", "B04"),
            "bedrock:PutAccountDataRetention",
            ("*",),
            lambda: bedrock.put_account_data_retention(mode="default"),
        ),
        "CreateModelInvocationJob": (
            ("G01", "P22", "B06"),
            "bedrock:CreateModelInvocationJob",
            (
                f"arn:aws:bedrock:{region}::foundation-model/{model}",
                f"arn:aws:bedrock:{region}:{account}:model-invocation-job/*",
                "*",
            ),
            lambda: bedrock.create_model_invocation_job(
                jobName="bulkhead-probe",
                roleArn=role,
                modelId=model,
                inputDataConfig={"s3InputDataConfig": {"s3Uri": "s3://bulkhead-probe-none/in"}},
                outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://bulkhead-probe-none/out"}},
            ),
        ),
        "StartAsyncInvoke": (
            ("G01", "P23", "B07"),
            "bedrock:InvokeModel",
            (
                f"arn:aws:bedrock:{region}:{account}:async-invoke/*",
                f"arn:aws:bedrock:{region}::foundation-model/amazon.nova-reel-v1:1",
            ),
            lambda: runtime.start_async_invoke(
                modelId="amazon.nova-reel-v1:1",
                modelInput={"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "probe"}},
                outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{bucket}"}},
            ),
        ),
        "PutResourcePolicy": (
            ("G13", "P36"),
            "bedrock:PutResourcePolicy",
            (thing,),
            lambda: bedrock.put_resource_policy(
                resourceArn=thing,
                resourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [share]}),
            ),
        ),
        "DeleteEnforcedGuardrailConfiguration": (
            ("B15",),
            "bedrock:DeleteEnforcedGuardrailConfiguration",
            ("*",),
            lambda: bedrock.delete_enforced_guardrail_configuration(configId=thing),
        ),
        "GetAsyncInvoke": (
            ("G01", "P23"),
            "bedrock:GetAsyncInvoke",
            (thing,),
            lambda: runtime.get_async_invoke(invocationArn=thing),
        ),
        "CreateServiceSpecificCredential": (
            ("P34",),
            "iam:CreateServiceSpecificCredential",
            (f"arn:aws:iam::{account}:user/{thing}",),
            lambda: iam.create_service_specific_credential(
                UserName=thing, ServiceName="bedrock.amazonaws.com"
            ),
        ),
        "CreateUser": (
            ("P34",),
            "iam:CreateUser",
            (f"arn:aws:iam::{account}:user/bulkhead-probe-none",),
            lambda: iam.create_user(UserName="bulkhead-probe-none"),
        ),
        "CreateOpenIDConnectProvider": (
            ("T34",),
            "iam:CreateOpenIDConnectProvider",
            (f"arn:aws:iam::{account}:oidc-provider/token.example.com",),
            lambda: iam.create_open_id_connect_provider(
                Url="https://token.example.com", ThumbprintList=["0" * 40]
            ),
        ),
        "LeaveOrganization": (
            ("G09",),
            "organizations:LeaveOrganization",
            ("*",),
            cast.client(who, "organizations").leave_organization,
        ),
    }


def make_bucket(cast: Cast, who: Actor, region: str, service: str) -> str:
    """A bucket that a service may write to: but for the guardrail, what names it would be taken."""
    bucket, s3 = f"bulkhead-probe-{who.account}-{region}", cast.client(who, "s3", region)
    where: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else where))
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"StringEquals": {"aws:SourceAccount": who.account}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    return bucket


def make_answer(cast: Cast, who: Actor, region: str) -> str:
    """A call whose answer is stored; what it is known by."""
    bucket = make_bucket(cast, who, region, "bedrock.amazonaws.com")
    answer = cast.client(who, "bedrock-runtime", region).start_async_invoke(
        modelId="amazon.nova-reel-v1:1",
        modelInput={"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "probe"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{bucket}"}},
    )
    return str(answer["invocationArn"])


def make_sink(cast: Cast, home: Home) -> str:
    """A sink of an account that no guardrail binds, which would take a customer's links."""
    taker = cast.administrator(cast.stage.environment.probes.control)
    oam = cast.client(taker, "oam", home.region)
    sink: str = oam.create_sink(Name="bulkhead-probe")["Arn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": home.account},
        "Action": ["oam:CreateLink", "oam:UpdateLink"],
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    oam.put_sink_policy(SinkIdentifier=sink, Policy=json.dumps(policy))
    return sink


def make_destination(cast: Cast, home: Home) -> str:
    """A destination of an account that no guardrail binds, which would take a customer's logs."""
    taker = cast.administrator(cast.stage.environment.probes.control)
    name, account = "bulkhead-probe", taker.account
    stream = f"arn:aws:kinesis:{home.region}:{account}:stream/{name}"
    cast.client(taker, "kinesis", home.region).create_stream(StreamName=name, ShardCount=1)
    trust = {"Principal": {"Service": "logs.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = cast.create_role(
        account,
        cast.helper_name("destination"),
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **trust}]},
    )
    logs = cast.client(taker, "logs", home.region)
    made = logs.put_destination(destinationName=name, targetArn=stream, roleArn=role)
    arn = str(made["destination"]["arn"])
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": home.account},
        "Action": "logs:PutSubscriptionFilter",
        "Resource": arn,
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    logs.put_destination_policy(destinationName=name, accessPolicy=json.dumps(policy))
    return arn


def make_enforced(cast: Cast, who: Actor, region: str) -> str:
    """A guardrail of Bedrock that is enforced in the account; the configuration's id."""
    bedrock = cast.client(who, "bedrock", region)
    guardrail = make_guardrail(cast, who, region)
    version = bedrock.create_guardrail_version(guardrailIdentifier=guardrail)["version"]
    answer = bedrock.put_enforced_guardrail_configuration(
        guardrailInferenceConfig={
            "guardrailIdentifier": guardrail,
            "guardrailVersion": version,
        }
    )
    return str(answer["configId"])


def make_user(cast: Cast, who: Actor) -> str:
    """A user of IAM, as one that was there before the guardrails."""
    name = "bulkhead-probe-user"
    cast.client(who, "iam").create_user(UserName=name)
    return name


def make_guardrail(cast: Cast, who: Actor, region: str) -> str:
    """A guardrail of Bedrock, which could be shared."""
    answer = cast.client(who, "bedrock", region).create_guardrail(
        name="bulkhead-probe",
        blockedInputMessaging="no",
        blockedOutputsMessaging="no",
        wordPolicyConfig={"wordsConfig": [{"text": "probe"}]},
    )
    return str(answer["guardrailArn"])


REGIONAL = (
    "PutModelInvocationLoggingConfiguration",
    "PutAccountDataRetention",
    "CreateModelInvocationJob",
    "StartAsyncInvoke",
    "PutResourcePolicy",
    "DeleteEnforcedGuardrailConfiguration",
)
# In one Region: of all accounts, or what tells for each Region.
GLOBAL = (
    "GetAsyncInvoke",
    "CreateServiceSpecificCredential",
    "CreateUser",
    "CreateOpenIDConnectProvider",
    "LeaveOrganization",
)


IDENTITIES = ("CreateUser", "CreateOpenIDConnectProvider")


def test_who_bootstraps_makes_what_ci_is_trusted_through(probe: Recorder, copied: Cast) -> None:
    """The twin of the two below: the guardrail that stops others spares its owner."""
    owner = copied.administrator(copied.stage.environment.operations_account)
    region = copied.stage.environment.region
    attempts = operations_attempts(copied, owner, region, "")
    rows, action, arns, call = attempts["CreateOpenIDConnectProvider"]
    probe.allowed(
        Subject(
            "guardrail-spares",
            rows,
            "who bootstraps operations makes the identity provider of CI",
            owner,
            action,
            "operations account",
            arns,
        ),
        call,
    )


@pytest.mark.parametrize("operation", GLOBAL)
def test_operators_cannot_anywhere(probe: Recorder, copied: Cast, operation: str) -> None:
    refuse_operator(probe, copied, copied.stage.environment.region, operation)


@pytest.mark.parametrize("operation", REGIONAL)
def test_operators_cannot(probe: Recorder, copied: Cast, region: str, operation: str) -> None:
    refuse_operator(probe, copied, region, operation)


def refuse_operator(probe: Recorder, copied: Cast, region: str, operation: str) -> None:
    owner = copied.administrator(copied.stage.environment.operations_account)
    # Whoever bootstraps the account makes what CI is trusted through; nobody else does.
    operator = copied.operations_role() if operation in IDENTITIES else owner
    bedrock = copied.client(operator, "bedrock", region)
    thing = ""
    with unguarded(copied, operator.account):
        if operation in ("PutModelInvocationLoggingConfiguration", "StartAsyncInvoke"):
            make_bucket(copied, owner, region, "bedrock.amazonaws.com")
        if operation == "GetAsyncInvoke":
            thing = make_answer(copied, owner, region)
        if operation == "PutResourcePolicy":
            thing = make_guardrail(copied, owner, region)
        if operation == "DeleteEnforcedGuardrailConfiguration":
            thing = make_enforced(copied, owner, region)
        if operation == "CreateServiceSpecificCredential":
            thing = make_user(copied, owner)
    rows, action, arns, call = operations_attempts(copied, operator, region, thing)[operation]
    probe.denied(
        Subject(
            "guardrail-operations",
            rows,
            f"not even an administrator of operations can call {operation}",
            operator,
            action,
            f"operations account in {region}",
            arns,
        ),
        call,
        twin=bedrock.get_model_invocation_logging_configuration,
    )


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


TRAIL = "bulkhead-operations"
MAKERS = {"UpdateDeployer": DEPLOY_ROLE, "UpdatePlanner": PLAN_ROLE}


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


def test_operators_cannot_call_models_elsewhere(probe: Recorder, cast: Cast, region: str) -> None:
    """Neither in another Region nor through a global profile, which may run anywhere."""
    environment = cast.stage.environment
    if region in environment.model_regions:
        named = "global.anthropic.claude-sonnet-4-20250514-v1:0"
        account = environment.operations_account
        arns: tuple[str, ...] = (
            "arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-20250514-v1:0",
            f"arn:aws:bedrock:{region}:{account}:inference-profile/{named}",
        )
    else:
        named = next(iter(cast.stage.fleets.values())).model
        arns = (f"arn:aws:bedrock:{region}::foundation-model/{named}",)
    operator = cast.administrator(environment.operations_account)
    own = next(iter(cast.stage.fleets.values())).model
    probe.denied(
        Subject(
            "guardrail-region",
            ("G03", "G04", "B09", "P06"),
            "not even an administrator of operations can call a model in another Region",
            operator,
            "bedrock:InvokeModel",
            f"{named} in {region}",
            arns,
        ),
        lambda: converse(cast, operator, named, region),
        twin=lambda: converse(cast, operator, own),
    )


CUSTOMERS = (
    *("PutAccountPolicy", "CreateExportTask", "PutBearerTokenAuthentication", "CreateLink"),
    *("UntagResource", "PutSubscriptionFilter", "CreateScheduledQuery", "CreateTelemetryPipeline"),
)


@pytest.mark.parametrize("operation", CUSTOMERS)
def test_customers_administrators_cannot(
    probe: Recorder, copied: Cast, account: str, operation: str
) -> None:
    """Ways for records to leave an account, which its own administrator could open."""
    home, who = copied.stage.homes[account], copied.administrator(account)
    logs, oam = (copied.client(who, service, home.region) for service in ("logs", "oam"))
    kms = copied.client(who, "kms", home.region)
    bucket = f"bulkhead-probe-{account}-{home.region}"
    if operation == "CreateExportTask":
        make_bucket(copied, who, home.region, f"logs.{home.region}.amazonaws.com")
    sink = make_sink(copied, home) if operation == "CreateLink" else ""
    elsewhere = make_destination(copied, home) if operation == "PutSubscriptionFilter" else ""
    groups = tuple(home.group_arn + end for end in ("", ":*", ":log-stream:", ":log-stream:*"))
    tried: dict[str, Tried] = {
        "PutAccountPolicy": (
            ("L10", "L18"),
            "logs:PutAccountPolicy",
            ("*", f"arn:aws:logs:{home.region}:{account}:log-group:*"),
            lambda: logs.put_account_policy(
                # No key tells the kinds apart; this one would be taken.
                policyName="probe",
                policyType="FIELD_INDEX_POLICY",
                policyDocument=json.dumps({"Fields": ["probe"]}),
            ),
        ),
        "CreateExportTask": (
            ("L13",),
            "logs:CreateExportTask",
            groups,
            lambda: logs.create_export_task(
                **{
                    "logGroupName": home.group,
                    "from": 0,
                    "to": 1,
                    "destination": bucket,
                }
            ),
        ),
        "PutBearerTokenAuthentication": (
            ("L26",),
            "logs:PutBearerTokenAuthentication",
            groups,
            lambda: logs.put_bearer_token_authentication(
                logGroupIdentifier=home.group, bearerTokenAuthenticationEnabled=True
            ),
        ),
        "PutSubscriptionFilter": (
            ("L09", "L11"),
            "logs:PutSubscriptionFilter",
            (elsewhere,),
            lambda: logs.put_subscription_filter(
                logGroupName=home.group,
                filterName="probe",
                filterPattern="",
                destinationArn=elsewhere,
            ),
        ),
        "CreateScheduledQuery": (
            ("L14",),
            "logs:CreateScheduledQuery",
            ("*", f"arn:aws:logs:{home.region}:{account}:scheduled-query:*"),
            lambda: logs.create_scheduled_query(
                name="probe",
                queryLanguage="CWLI",
                queryString="fields @message",
                logGroupIdentifiers=[home.group],
                scheduleExpression="cron(0 * * * ? *)",
                executionRoleArn=f"arn:aws:iam::{account}:role/bulkhead-probe-none",
            ),
        ),
        "CreateTelemetryPipeline": (
            ("L14",),
            "observabilityadmin:CreateTelemetryPipeline",
            ("*", f"arn:aws:observabilityadmin:{home.region}:{account}:telemetry-pipeline/*"),
            lambda: copied.client(who, "observabilityadmin", home.region).create_telemetry_pipeline(
                Name="probe", Configuration={"Body": "{}"}
            ),
        ),
        "UntagResource": (
            ("G11", "K01"),
            "kms:UntagResource",
            (home.key_arn,),
            lambda: kms.untag_resource(KeyId=home.key_arn, TagKeys=["bulkhead:customer"]),
        ),
        "CreateLink": (
            ("G15", "O01", "O02"),
            "oam:CreateLink",
            (sink, f"arn:aws:oam:{home.region}:{account}:link/*"),
            lambda: oam.create_link(
                LabelTemplate="probe", ResourceTypes=["AWS::Logs::LogGroup"], SinkIdentifier=sink
            ),
        ),
    }
    rows, action, arns, call = tried[operation]
    probe.denied(
        Subject(
            "guardrail-customers",
            rows,
            f"not even a customer's administrator can call {operation}",
            who,
            action,
            str(home),
            arns,
        ),
        call,
        twin=lambda: logs.describe_log_groups(logGroupNamePrefix=home.group),
    )


@pytest.mark.parametrize("name", ["OrganizationAccountAccessRole", "AWSControlTowerExecution"])
def test_ready_made_administrators_read_no_records(
    probe: Recorder, copied: Cast, customer: str, name: str
) -> None:
    """A role that an organization makes in its accounts, with every right there."""
    homes = copied.stage.homes.values()
    home = next(each for each in homes if each.customer == customer)
    who = copied.role_named(home.account, name)
    logs = copied.client(who, "logs", home.region)
    for action, arns, call in (
        (
            "logs:FilterLogEvents",
            tuple(home.group_arn + end for end in ("", ":*", ":log-stream:", ":log-stream:*")),
            lambda: logs.filter_log_events(logGroupName=home.group),
        ),
        ("sts:AssumeRole", (copied.control_role,), lambda: copied.assume_control(who)),
    ):
        probe.denied(
            Subject(
                "guardrail-administrators",
                ("L24", "L21"),
                "a role that the organization makes in a customer's account neither reads records"
                " nor becomes another",
                who,
                action,
                str(home),
                arns,
            ),
            call,
            twin=lambda: logs.describe_log_groups(logGroupNamePrefix=home.group),
        )
