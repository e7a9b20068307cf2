"""Settings that let content rest where it must not (tables L and K)."""

from __future__ import annotations

import json
from collections.abc import Callable

from harness.mutants.model import Mutant, Notice
from harness.mutants.site import Site

GROUP = "/aws/bedrock/invocations"
ROLE = "bedrock-invocation-logging"


def _invocation_logging(
    region: Callable[[Site], str], what: str = "textDataDeliveryEnabled"
) -> Callable[[Site], None]:
    """Switch invocation logging on in the operations account, as the Bedrock guide says.

    https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
    """

    def weaken(site: Site) -> None:
        where = region(site)
        site.client(site.operations, "logs", where).create_log_group(logGroupName=GROUP)
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "bedrock.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": site.operations},
                        "ArnLike": {
                            "aws:SourceArn": f"arn:aws:bedrock:{where}:{site.operations}:*"
                        },
                    },
                }
            ],
        }
        stream = (
            f"arn:aws:logs:{where}:{site.operations}:log-group:{GROUP}"
            ":log-stream:aws/bedrock/modelinvocations"
        )
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                    "Resource": stream,
                }
            ],
        }
        iam = site.client(site.operations, "iam")
        role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        iam.put_role_policy(RoleName=ROLE, PolicyName="write", PolicyDocument=json.dumps(policy))
        site.client(site.operations, "bedrock", where).put_model_invocation_logging_configuration(
            loggingConfig={
                "cloudWatchConfig": {"logGroupName": GROUP, "roleArn": role["Arn"]},
                "textDataDeliveryEnabled": False,
                what: True,
            }
        )

    return weaken


def _another_region(site: Site) -> str:
    return next(r for r in site.stage.environment.regions if r != site.victim.region)


def _no_key(site: Site) -> None:
    """As when somebody deletes the group and the application's next start makes it again."""
    home = site.victims_home
    logs = site.client(home.account, "logs", home.region)
    logs.delete_log_group(logGroupName=home.group)
    logs.create_log_group(logGroupName=home.group)
    logs.put_retention_policy(logGroupName=home.group, retentionInDays=30)


def _open_key(principal: Callable[[Site], object]) -> Callable[[Site], None]:
    def weaken(site: Site) -> None:
        site.key_policy(
            {
                "Effect": "Allow",
                "Principal": {"AWS": principal(site)},
                "Action": "kms:*",
                "Resource": "*",
            }
        )

    return weaken


def _ten_years(site: Site) -> None:
    home = site.victims_home
    logs = site.client(home.account, "logs", home.region)
    logs.put_retention_policy(logGroupName=home.group, retentionInDays=3653)


def _retention_mode(mode: str) -> Callable[[Site], None]:
    return lambda site: site.client(
        site.operations, "bedrock", site.victim.region
    ).put_account_data_retention(mode=mode)


SETTINGS = (
    Mutant(
        "L04",
        "model invocation logging is on in the operations account",
        "Bedrock",
        _invocation_logging(lambda site: site.victim.region),
        (Notice("invocation-logging"), Notice("prompt-at-rest")),
        "test_settings or (test_canaries and {region})",
    ),
    Mutant(
        "L04-elsewhere",
        "model invocation logging is on in a Region that nobody uses",
        "Bedrock",
        _invocation_logging(_another_region),
        (Notice("invocation-logging"),),
        "test_invocation_logging",
    ),
    Mutant(
        "L05",
        "model invocation logging leaves text out, and keeps images",
        "Bedrock",
        _invocation_logging(lambda site: site.victim.region, "imageDataDeliveryEnabled"),
        (Notice("invocation-logging"),),
        "test_invocation_logging",
    ),
    Mutant(
        "K01",
        "the operations account may use a customer's key",
        "logs",
        _open_key(lambda site: f"arn:aws:iam::{site.operations}:root"),
        (Notice("key", "operations role"),),
        "test_nobody_uses",
    ),
    Mutant(
        "K06",
        "everybody may use a customer's key",
        "logs",
        _open_key(lambda _: "*"),
        (Notice("key", "no organization"), Notice("key", "other role")),
        "test_nobody_uses",
    ),
    Mutant(
        "K09",
        "a customer's log group has no key",
        "logs",
        _no_key,
        (Notice("log-group"),),
        "test_records_are_encrypted",
    ),
    Mutant(
        "L18",
        "a customer's records are kept for ten years",
        "logs",
        _ten_years,
        (Notice("log-group"),),
        "test_records_are_encrypted",
    ),
    Mutant(
        "P35-default",
        "Bedrock keeps of prompts what each model's provider asks for",
        "Bedrock",
        _retention_mode("default"),
        (Notice("data-retention"),),
        "test_bedrock_keeps",
    ),
    Mutant(
        "B04",
        "Bedrock's retention was never set",
        "Bedrock",
        _retention_mode("inherit"),
        (Notice("data-retention"),),
        "test_bedrock_keeps",
    ),
    Mutant(
        "P35-shared",
        "Bedrock shares prompts with the models' providers",
        "Bedrock",
        _retention_mode("provider_data_share"),
        (Notice("data-retention"),),
        "test_bedrock_keeps",
    ),
)
