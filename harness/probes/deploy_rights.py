"""What the roles that deploy an account must not be able to do, as data: a request for each right.

Whoever deploys spans customers, so the deploy role and the plan role are attackers like any other.
`WALLS` must hold even where somebody attaches a policy of everything to them: the boundary holds
these. What nobody gave them is in `deploy_grants`.

Every request would do no harm if it were allowed: it names things that are not there, changes
nothing, or is undone.
"""

from __future__ import annotations

import io
import json
import zipfile

from harness.probes.fleet_rights import NOTHING, TRUST_NOBODY, Right
from harness.targets.base import DEPLOY_ROLE, PLAN_ROLE

NO_KEY = "00000000-0000-0000-0000-000000000000"
READER_PATH = "/bulkhead/reader/"
"""Where roles lie that may read records, which only the account's owner makes and changes."""

GROUP = ("{group_arn}", "{group_arn}:*", "{group_arn}:log-stream:", "{group_arn}:log-stream:*")
STREAM = (*GROUP, "{group_arn}:log-stream:{name}")
ROLE = "arn:aws:iam::{a}:role"
BOUNDARY = "arn:aws:iam::{a}:policy/bulkhead/bulkhead-boundary"
DEPLOY_BOUNDARY = "arn:aws:iam::{a}:policy/bulkhead/bulkhead-deploy-boundary"
EVERYTHING = "arn:aws:iam::aws:policy/AdministratorAccess"
TRUST_LAMBDA = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def logs(
    rows: tuple[str, ...], claim: str, operation: str, *resources: str, **request: object
) -> Right:
    action = f"logs:{_camel(operation)}"
    return Right(rows, claim, "logs", operation, action, resources or GROUP, request)


def kms(rows: tuple[str, ...], claim: str, operation: str, **request: object) -> Right:
    action = f"kms:{_camel(operation)}"
    return Right(rows, claim, "kms", operation, action, ("{key}",), request)


def iam(
    rows: tuple[str, ...], claim: str, operation: str, resource: str, **request: object
) -> Right:
    return Right(rows, claim, "iam", operation, f"iam:{_camel(operation)}", (resource,), request)


def _camel(operation: str) -> str:
    words = "".join(word.capitalize() for word in operation.split("_"))
    return {"CreateOpenIdConnectProvider": "CreateOpenIDConnectProvider"}.get(words, words)


def _zipped(name: str, text: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, text)
    return file.getvalue()


CODE = _zipped("x.py", "")
"""What a function runs that does nothing."""

INSIGHTS = Right(
    ("L23", "L21"),
    "have Contributor Insights read records",
    "cloudwatch",
    "put_insight_rule",
    "cloudwatch:PutInsightRule",
    ("arn:aws:cloudwatch:{r}:{a}:insight-rule/{name}",),
    {
        "RuleName": "{name}",
        "RuleState": "DISABLED",
        "RuleDefinition": json.dumps(
            {
                "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
                "LogGroupNames": ["{group}"],
                "LogFormat": "JSON",
                "Contribution": {"Keys": ["$.text"], "Filters": []},
                "AggregateOn": "Count",
            }
        ),
    },
    ("delete_insight_rules", {"RuleNames": ["{name}"]}),
)

READING = [
    logs(("L23",), "search records", "filter_log_events", logGroupName="{group}"),
    logs(
        ("L23",),
        "read records",
        "get_log_events",
        *STREAM,
        logGroupName="{group}",
        logStreamName="{name}",
    ),
    logs(
        ("L23",),
        "query records",
        "start_query",
        logGroupName="{group}",
        startTime=0,
        endTime=1,
        queryString="fields @message",
    ),
    logs(("L23",), "follow records", "start_live_tail", logGroupIdentifiers=["{group_arn}"]),
    logs(
        ("L23", "L09"),
        "send records on",
        "put_subscription_filter",
        logGroupName="{group}",
        filterName="{name}",
        filterPattern="",
        destinationArn="arn:aws:lambda:{r}:{a}:function:{name}",
    ),
    logs(
        ("L23", "L27"),
        "make a metric of records",
        "put_metric_filter",
        logGroupName="{group}",
        filterName="{name}",
        filterPattern="",
        metricTransformations=[
            {"metricName": "{name}", "metricNamespace": "{name}", "metricValue": "1"}
        ],
    ),
    logs(
        ("L23", "L13"),
        "export records",
        "create_export_task",
        *GROUP,
        **{"logGroupName": "{group}", "from": 0, "to": 1, "destination": "{name}"},
    ),
    logs(
        ("L23", "L10"),
        "subscribe to the whole account",
        "put_account_policy",
        "*",
        "arn:aws:logs:{r}:{a}:log-group:*",
        policyName="{name}",
        policyType="SUBSCRIPTION_FILTER_POLICY",
        policyDocument=json.dumps(
            {"DestinationArn": "arn:aws:lambda:{r}:{a}:function:{name}", "FilterPattern": ""}
        ),
    ),
    logs(
        ("L11",),
        "make a destination that takes logs",
        "put_destination",
        "arn:aws:logs:{r}:{a}:destination:{name}",
        destinationName="{name}",
        targetArn="arn:aws:kinesis:{r}:{a}:stream/{name}",
        roleArn="arn:aws:iam::{a}:role/{name}",
    ),
    logs(
        ("L12",),
        "make a place to deliver logs to",
        "put_delivery_destination",
        "arn:aws:logs:{r}:{a}:delivery-destination:{name}",
        name="{name}",
        deliveryDestinationConfiguration={"destinationResourceArn": "arn:aws:s3:::{name}"},
    ),
    Right(
        ("O03",),
        "make a sink that shows other accounts' logs",
        "oam",
        "create_sink",
        "oam:CreateSink",
        ("arn:aws:oam:{r}:{a}:sink/*", "*"),
        {"Name": "{name}"},
    ),
    INSIGHTS,
]

LOSING = [
    # Not the group, but one that is made for it, whose name its rights reach.
    logs(
        ("K11", "L23"),
        "put records under another key",
        "associate_kms_key",
        "{group_arn}-{name}",
        "{group_arn}-{name}:log-stream:",
        "{group_arn}-{name}:*",
        logGroupName="{group}-{name}",
        kmsKeyId="{key}",
    ),
    logs(
        ("L20",),
        "delete records",
        "delete_log_group",
        "{group_arn}-{name}",
        "{group_arn}-{name}:log-stream:",
        logGroupName="{group}-{name}",
    ),
]

KEYS = [
    kms(
        ("L23", "K07"),
        "decrypt",
        "generate_data_key",
        KeyId="{key}",
        KeySpec="AES_256",
    ),
    kms(
        ("K06",),
        "grant the key to somebody",
        "create_grant",
        KeyId="{key}",
        GranteePrincipal=f"{ROLE}/{DEPLOY_ROLE}",
        Operations=["Decrypt"],
    ),
    kms(
        ("K08", "K06"),
        "change who may use the key",
        "put_key_policy",
        KeyId="{key}",
        PolicyName="default",
        Policy="{key_policy}",
    ),
    Right(
        ("K12",),
        "schedule the key for deletion",
        "kms",
        "schedule_key_deletion",
        "kms:ScheduleKeyDeletion",
        ("{key}",),
        {"KeyId": "{key}", "PendingWindowInDays": 30},
        ("cancel_key_deletion", {"KeyId": "{key}"}),
    ),
    Right(
        ("K12", "K08"),
        "give a key another name",
        "kms",
        "create_alias",
        "kms:CreateAlias",
        ("{key}", "arn:aws:kms:{r}:{a}:alias/{name}"),
        {"AliasName": "alias/{name}", "TargetKeyId": "{key}"},
        ("delete_alias", {"AliasName": "alias/{name}"}),
    ),
    kms(
        ("K12", "K08"),
        "take a tag from the key",
        "untag_resource",
        KeyId="{key}",
        TagKeys=["bulkhead-probe"],
    ),
]

SELF = [
    iam(
        ("P15",),
        "give itself rights",
        "put_role_policy",
        f"{ROLE}/{DEPLOY_ROLE}",
        RoleName="{deploy}",
        PolicyName="{name}",
        PolicyDocument=NOTHING,
    ),
    iam(
        ("P14", "P15"),
        "attach a policy of everything to the deploy role",
        "attach_role_policy",
        f"{ROLE}/{DEPLOY_ROLE}",
        RoleName="{deploy}",
        PolicyArn="arn:aws:iam::aws:policy/AWSDenyAll",
    ),
    iam(
        ("P15", "C02"),
        "change who may become the deploy role",
        "update_assume_role_policy",
        f"{ROLE}/{DEPLOY_ROLE}",
        RoleName="{deploy}",
        PolicyDocument="{deploy_trust}",
    ),
    iam(
        ("P15", "C02"),
        "change who may become the plan role",
        "update_assume_role_policy",
        f"{ROLE}/{PLAN_ROLE}",
        RoleName="{plan}",
        PolicyDocument="{plan_trust}",
    ),
    iam(
        ("P39", "P15"),
        "take the boundary of a role away",
        "delete_role_permissions_boundary",
        f"{ROLE}{READER_PATH}{{reader}}",
        RoleName="{reader}",
    ),
    iam(
        ("P39",),
        "take the boundary of a role that it could make away",
        "delete_role_permissions_boundary",
        f"{ROLE}/bulkhead/{{made}}",
        RoleName="{made}",
    ),
    iam(
        ("P39", "P15"),
        "widen the boundary of the deploy roles",
        "create_policy_version",
        DEPLOY_BOUNDARY,
        PolicyArn=DEPLOY_BOUNDARY,
        PolicyDocument=NOTHING,
    ),
    iam(
        ("P39", "P15"),
        "widen the boundary of the roles it makes",
        "create_policy_version",
        BOUNDARY,
        PolicyArn=BOUNDARY,
        PolicyDocument=NOTHING,
    ),
    iam(
        ("P15", "T27"),
        "change who may become a role that is none of its own",
        "update_assume_role_policy",
        f"{ROLE}/bulkhead/{{made}}",
        RoleName="{made}",
        PolicyDocument=TRUST_LAMBDA,
    ),
    iam(
        ("L23", "T27"),
        "change who may become a reader of records",
        "update_assume_role_policy",
        f"{ROLE}{READER_PATH}{{reader}}",
        RoleName="{reader}",
        PolicyDocument=TRUST_LAMBDA,
    ),
    iam(
        ("L23", "P15"),
        "change what a reader of records may do",
        "put_role_policy",
        f"{ROLE}{READER_PATH}{{reader}}",
        RoleName="{reader}",
        PolicyName="{name}",
        PolicyDocument=NOTHING,
    ),
]

OTHERS = [
    Right(
        ("P39", "L23"),
        "make a role without the boundary",
        "iam",
        "create_role",
        "iam:CreateRole",
        (f"{ROLE}{{made_path}}{{name}}",),
        {
            "RoleName": "{name}",
            "Path": "{made_path}",
            "AssumeRolePolicyDocument": TRUST_NOBODY,
        },
        ("delete_role", {"RoleName": "{name}"}),
    ),
    Right(
        ("P39", "L23"),
        "make a role with a boundary of its choice",
        "iam",
        "create_role",
        "iam:CreateRole",
        (f"{ROLE}{{made_path}}{{name}}",),
        {
            "RoleName": "{name}",
            "Path": "{made_path}",
            "AssumeRolePolicyDocument": TRUST_NOBODY,
            "PermissionsBoundary": EVERYTHING,
        },
        ("delete_role", {"RoleName": "{name}"}),
    ),
    Right(
        ("P34",),
        "make a user",
        "iam",
        "create_user",
        "iam:CreateUser",
        ("arn:aws:iam::{a}:user/{name}",),
        {"UserName": "{name}"},
        ("delete_user", {"UserName": "{name}"}),
    ),
    iam(
        ("P34",),
        "make a key of a user",
        "create_access_key",
        "arn:aws:iam::{a}:user/{name}",
        UserName="{name}",
    ),
    iam(
        ("T34",),
        "let another identity provider in",
        "create_open_id_connect_provider",
        "arn:aws:iam::{a}:oidc-provider/token.example.com",
        Url="https://token.example.com",
        ThumbprintList=["0" * 40],
    ),
    Right(
        ("C01", "P16"),
        "become a fleet role",
        "sts",
        "assume_role",
        "sts:AssumeRole",
        ("{fleet_arn}",),
        {"RoleArn": "{fleet_arn}", "RoleSessionName": "{session}", "ExternalId": "{external_id}"},
    ),
    Right(
        ("C03",),
        "renew itself",
        "sts",
        "assume_role",
        "sts:AssumeRole",
        (f"{ROLE}/{DEPLOY_ROLE}",),
        {"RoleArn": f"{ROLE}/{DEPLOY_ROLE}", "RoleSessionName": "probe"},
    ),
    Right(
        ("P16",),
        "become a role elsewhere that trusts its account",
        "sts",
        "assume_role",
        "sts:AssumeRole",
        ("{control_arn}",),
        {"RoleArn": "{control_arn}", "RoleSessionName": "probe"},
    ),
    Right(
        ("P16",),
        "read a secret",
        "secretsmanager",
        "get_secret_value",
        "secretsmanager:GetSecretValue",
        ("{secret}",),
        {"SecretId": "{secret}"},
    ),
    Right(
        ("T21",),
        "read a parameter, such as an external id",
        "ssm",
        "get_parameter",
        "ssm:GetParameter",
        ("arn:aws:ssm:{r}:{a}:parameter/{name}",),
        {"Name": "/{name}", "WithDecryption": True},
    ),
    Right(
        ("P03", "P02"),
        "call a model",
        "bedrock-runtime",
        "converse",
        "bedrock:InvokeModel",
        ("arn:aws:bedrock:{r}::foundation-model/{model}",),
        {"modelId": "{model}", "messages": [{"role": "user", "content": [{"text": "probe"}]}]},
    ),
    Right(
        ("P18", "L04"),
        "switch invocation logging on",
        "bedrock",
        "put_model_invocation_logging_configuration",
        "bedrock:PutModelInvocationLoggingConfiguration",
        ("*",),
        {"loggingConfig": {"textDataDeliveryEnabled": False}},
    ),
]

WALLS = [*READING, *LOSING, *KEYS, *SELF, *OTHERS]

BORROWED = [
    Right(
        ("P14", "L23"),
        "change code that runs as somebody else",
        "lambda",
        "update_function_code",
        "lambda:UpdateFunctionCode",
        ("arn:aws:lambda:{r}:{a}:function:{function}",),
        {"FunctionName": "{function}", "ZipFile": CODE},
    ),
]
"""Walls like `WALLS`, where a function is there whose code could be changed."""
