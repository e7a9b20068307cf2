"""Ways out of a customer's log group: what is sent on from it carries records away."""

from __future__ import annotations

import json
from collections.abc import Callable

from harness.errors import UserError
from harness.mutants.model import Mutant, Notice
from harness.mutants.site import Site, allow
from harness.probes.stage import Group

_NAME = "bulkhead-mutant"


def _stream(site: Site, account: str) -> tuple[str, str]:
    """A Kinesis stream of an account and a role with which CloudWatch Logs may write into it."""
    region = site.victims_home.region
    kinesis = site.client(account, "kinesis", region)
    kinesis.create_stream(StreamName=_NAME, ShardCount=1)
    arn = f"arn:aws:kinesis:{region}:{account}:stream/{_NAME}"
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "logs.amazonaws.com"},
            }
        ],
    }
    writes = {"Version": "2012-10-17", "Statement": [allow("kinesis:PutRecord", arn)]}
    iam = site.client(account, "iam")
    role = iam.create_role(RoleName=_NAME, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.put_role_policy(RoleName=_NAME, PolicyName="write", PolicyDocument=json.dumps(writes))
    return arn, str(role["Arn"])


def _destination(site: Site, principal: object) -> str:
    """A destination in the operations account that takes logs of `principal`."""
    region = site.victims_home.region
    stream, role = _stream(site, site.operations)
    logs = site.client(site.operations, "logs", region)
    arn = logs.put_destination(destinationName=_NAME, targetArn=stream, roleArn=role)
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["logs:PutSubscriptionFilter", "logs:PutAccountPolicy"],
        "Resource": arn["destination"]["arn"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    logs.put_destination_policy(destinationName=_NAME, accessPolicy=json.dumps(policy))
    return str(arn["destination"]["arn"])


def _subscribe(site: Site) -> None:
    """The customer's administrator sends the group's events to operations, which asked for it."""
    home = site.victims_home
    arn = _destination(site, {"AWS": home.account})
    site.client(home.account, "logs", home.region).put_subscription_filter(
        logGroupName=home.group, filterName=_NAME, filterPattern="", destinationArn=arn
    )


def _subscribe_account(site: Site) -> None:
    home = site.victims_home
    arn = _destination(site, {"AWS": home.account})
    site.client(home.account, "logs", home.region).put_account_policy(
        policyName=_NAME,
        policyType="SUBSCRIPTION_FILTER_POLICY",
        policyDocument=json.dumps({"DestinationArn": arn, "FilterPattern": ""}),
        scope="ALL",
    )


def _subscribe_own(group: Callable[[Site], Group]) -> Callable[[Site], None]:
    """Inside the customer's account too, records leave the group that guards them."""

    def weaken(site: Site) -> None:
        home = site.victims_home
        stream, role = _stream(site, home.account)
        site.client(home.account, "logs", home.region).put_subscription_filter(
            logGroupName=group(site).name,
            filterName=_NAME,
            filterPattern="",
            destinationArn=stream,
            roleArn=role,
        )

    return weaken


def _records(site: Site) -> Group:
    return site.victims_home.groups[0]


def _content(site: Site) -> Group:
    """Raises `UserError` where there is no group for content."""
    if (group := site.victims_home.content) is None:
        raise UserError("the victim has no log group for content")
    return group


def _policy_of_group(site: Site) -> None:
    """A policy of the group alone, which a list of the account's does not show."""
    home, group = site.victims_home, _content(site)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{group.arn}:*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    site.client(home.account, "logs", home.region).put_resource_policy(
        resourceArn=group.arn, policyDocument=json.dumps(policy)
    )


def _untagged(site: Site) -> None:
    home = site.victims_home
    site.client(home.account, "kms", home.region).untag_resource(
        KeyId=_content(site).key_arn, TagKeys=["bulkhead:customer"]
    )


def _deliver(account: Callable[[Site], str]) -> Callable[[Site], None]:
    """An account offers a bucket to deliveries."""

    def weaken(site: Site) -> None:
        logs = site.client(account(site), "logs", site.victims_home.region)
        logs.put_delivery_destination(
            name=_NAME,
            deliveryDestinationConfiguration={"destinationResourceArn": f"arn:aws:s3:::{_NAME}"},
        )

    return weaken


def _dimension(field: str, group: Callable[[Site], Group]) -> Callable[[Site], None]:
    def weaken(site: Site) -> None:
        home = site.victims_home
        site.client(home.account, "logs", home.region).put_metric_filter(
            logGroupName=group(site).name,
            filterName=_NAME,
            filterPattern=f'{{ $["{field}"] = * }}',
            metricTransformations=[
                {
                    "metricName": "calls",
                    "metricNamespace": "mutant",
                    "metricValue": "1",
                    "dimensions": {"said": f'$["{field}"]'},
                }
            ],
        )

    return weaken


def _bearer_tokens(site: Site) -> None:
    home = site.victims_home
    site.client(home.account, "logs", home.region).put_bearer_token_authentication(
        logGroupIdentifier=home.group, bearerTokenAuthenticationEnabled=True
    )


OUTLETS = (
    Mutant(
        "L09",
        "a subscription filter sends a customer's records to operations",
        "logs",
        _subscribe,
        (Notice("no-deliveries"), Notice("record-elsewhere")),
        "test_settings or (test_canaries and {region})",
    ),
    Mutant(
        "L09-own",
        "a subscription filter sends records to a stream of the customer's account",
        "logs",
        _subscribe_own(_records),
        (Notice("no-deliveries"), Notice("record-elsewhere")),
        "test_records_go_nowhere_else or (test_canaries and {region})",
    ),
    Mutant(
        "L10",
        "a policy of the whole account sends a customer's records to operations",
        "logs",
        _subscribe_account,
        (Notice("account-subscriptions"), Notice("record-elsewhere")),
        "test_no_account_policy or (test_canaries and {region})",
    ),
    Mutant(
        "L11",
        "a destination in operations takes logs from everybody",
        "logs",
        lambda site: _ignore(_destination(site, "*")),
        (Notice("no-deliveries"),),
        "test_operations_receive",
    ),
    Mutant(
        "L12",
        "operations offers a bucket to deliveries",
        "logs",
        _deliver(lambda site: site.operations),
        (Notice("no-deliveries"),),
        "test_operations_receive",
    ),
    Mutant(
        "L12-customer",
        "a customer's account names somebody's bucket as the destination of deliveries",
        "logs",
        _deliver(lambda site: site.victims_home.account),
        (Notice("no-deliveries"),),
        "test_customers_deliver",
    ),
    Mutant(
        "L26",
        "a customer's log group takes events with a bearer token",
        "logs",
        _bearer_tokens,
        (Notice("bearer-tokens"),),
        "test_records_are_written_with_signatures",
    ),
    Mutant(
        "L27",
        "a metric filter makes a dimension of what stands in records",
        "logs",
        _dimension("gen_ai.conversation.id", _records),
        (Notice("metric-filters"), Notice("record-elsewhere")),
        "test_no_field_of_a_record or (test_canaries and {region})",
        more_rows=("O11",),
    ),
    Mutant(
        "L09-content",
        "a subscription filter sends prompts and answers to a stream of the customer's account",
        "logs",
        _subscribe_own(_content),
        (Notice("no-deliveries"), Notice("content-elsewhere")),
        "test_records_go_nowhere_else or (test_canaries and {region})",
    ),
    Mutant(
        "L27-content",
        "a metric filter makes a dimension of what was asked",
        "logs",
        _dimension("gen_ai.input.messages", _content),
        (Notice("metric-filters"),),
        "test_no_field_of_a_record",
        more_rows=("O11",),
    ),
    Mutant(
        "L08",
        "the policy of one log group lets a service write, whoever asked it to",
        "logs",
        _policy_of_group,
        (Notice("log-policies"),),
        "test_no_service_writes",
        more_rows=("L07",),
    ),
    Mutant(
        "G11-content",
        "the key of prompts and answers does not say whose it is",
        "KMS",
        _untagged,
        (Notice("key-tag"),),
        "test_key_bears",
    ),
)


def _ignore(_: object) -> None:
    """Only making it was wanted."""
