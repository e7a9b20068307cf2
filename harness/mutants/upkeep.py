"""What the design needs to go on working, broken: limits, tags, configurations, rights.

Walls that let nobody through show nothing if whoever is meant does not get through either.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness.errors import UserError
from harness.mutants.guardrails import SCP, edited
from harness.mutants.model import Failing, Mutant, Notice
from harness.mutants.site import Site, Statements, allow
from harness.probes.guardrail_held import POLICY

STOP = "bulkhead-spend-stop"
CANARIES = "test_canaries and {region}"


# --- limits on spending ---------------------------------------------------------------------------


def _alarms(site: Site) -> list[str]:
    """The alarms that stop somebody. Raises `UserError` where nobody is limited."""
    cloudwatch = site.client(site.operations, "cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix="bulkhead-spend.")
    if not (names := [a["AlarmName"] for page in pages for a in page["MetricAlarms"]]):
        raise UserError("no customer is limited")
    return names


def _alarm_gone(site: Site) -> None:
    name = next(each for each in _alarms(site) if each.endswith(".cache-read"))
    site.client(site.operations, "cloudwatch").delete_alarms(AlarmNames=[name])


def _alarm_silent(site: Site) -> None:
    site.client(site.operations, "cloudwatch").disable_alarm_actions(AlarmNames=_alarms(site)[:1])


def _rule_off(site: Site) -> None:
    site.client(site.operations, "events").disable_rule(Name=STOP)


def _stop_that_stops_nothing(site: Site) -> None:
    arn = f"arn:aws:iam::{site.operations}:policy/bulkhead/fleet/bulkhead-spend-{site.region}-stop"
    nothing = {"Effect": "Deny", "Action": "bedrock:CreateAgent", "Resource": "*"}
    site.client(site.operations, "iam").create_policy_version(
        PolicyArn=arn,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [nothing]}),
        SetAsDefault=True,
    )


def _executor_powerless(site: Site) -> None:
    site.inline(
        site.operations,
        f"bulkhead-spend-{site.region}-stop",
        lambda old: [each for each in old if each["Effect"] == "Deny"],
    )


def _stopped_by_mistake(site: Site) -> None:
    site.client(site.operations, "iam").attach_role_policy(
        RoleName=site.victim.role_name,
        PolicyArn=f"arn:aws:iam::{site.operations}:policy/bulkhead/fleet/"
        f"bulkhead-spend-{site.region}-stop",
    )


# --- profiles and configurations ------------------------------------------------------------------


def _untagged(site: Site) -> None:
    site.client(site.operations, "bedrock", site.victim.region).untag_resource(
        resourceARN=site.victim.profile, tagKeys=["bulkhead:customer"]
    )


def _charged_to_another(site: Site) -> None:
    site.client(site.operations, "bedrock", site.victim.region).tag_resource(
        resourceARN=site.victim.profile,
        tags=[{"key": "bulkhead:customer", "value": site.neighbor.customer}],
    )


def _configured(
    change: Callable[[Site, dict[str, Any]], None], *, elsewhere: bool = False
) -> Callable[[Site], None]:
    """Another document for the applications of the victim, in its main Region or in a further one.

    Raises `UserError` where it calls models from one Region only."""

    def weaken(site: Site) -> None:
        home = site.victims_home
        regions = [r for r in home.configuration if (r != home.region) == elsewhere]
        if not regions:
            raise UserError(f"{home} has no such configuration")
        name = home.configuration[regions[0]].partition(":parameter")[2]
        ssm = site.client(home.account, "ssm", home.region)
        document = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
        change(site, document)
        ssm.put_parameter(Name=name, Value=json.dumps(document), Overwrite=True)

    return weaken


def _group_beside_the_models(_: Site, document: dict[str, Any]) -> None:
    here, there = document["log_region"], document["region"]
    document["log_region"] = there
    for group in (document, document["content"] or {}):
        if arn := group.get("log_group_arn"):
            group["log_group_arn"] = arn.replace(here, there)


def _anothers_role(site: Site, document: dict[str, Any]) -> None:
    document["fleet_role_arn"] = site.neighbor.role_arn


# --- rights that are meant, and what ends them ----------------------------------------------------


def _without(sid: str) -> Callable[[Statements], Statements]:
    return lambda old: [each for each in old if each.get("Sid") != sid]


def _caller_without(sid: str) -> Callable[[Site], None]:
    def weaken(site: Site) -> None:
        home = site.victims_home
        site.inline(home.account, home.caller_role_name, _without(sid))

    return weaken


def _reader_blind(site: Site) -> None:
    home = site.victims_home
    reader = str(home.reader_role_arn).rpartition("/")[2]
    site.inline(home.account, reader, _without("ReadGroups"))


def _wrong_group(site: Site) -> None:
    """The key serves the group of that name in another account."""
    home, other = site.victims_home, site.neighbors_home

    def edit(statements: Statements) -> Statements:
        for statement in statements:
            equals = statement.get("Condition", {}).get("StringEquals", {})
            if (key := "kms:EncryptionContext:aws:logs:arn") in equals:
                equals[key] = home.group_arn.replace(home.account, other.account)
        return statements

    site.rewrite_key(edit)


def _unadministered(site: Site) -> None:
    """Its account may change the key as one role, which is gone tomorrow."""
    home = site.victims_home
    one = {"StringEquals": {"aws:PrincipalArn": f"arn:aws:iam::{home.account}:user/administrator"}}

    def edit(statements: Statements) -> Statements:
        for statement in statements:
            if statement["Effect"] == "Allow" and "AWS" in statement["Principal"]:
                statement["Condition"] = one
        return statements

    site.rewrite_key(edit)


def _anothers_key(site: Site) -> None:
    """The neighbor's key serves the victim's group, too."""
    home, other = site.victims_home, site.neighbors_home
    kms = site.client(other.account, "kms", other.region)
    policy = json.loads(kms.get_key_policy(KeyId=other.key_arn, PolicyName="default")["Policy"])
    rights = ["kms:Decrypt*", "kms:DescribeKey", "kms:Encrypt*", "kms:GenerateDataKey*"]
    logs = {"Service": f"logs.{home.region}.amazonaws.com"}
    owners = {"AWS": f"arn:aws:iam::{home.account}:root"}
    for principal in (logs, owners):
        policy["Statement"].append(
            {**allow([*rights, "kms:ReEncrypt*"], "*"), "Principal": principal}
        )
    kms.put_key_policy(KeyId=other.key_arn, PolicyName="default", Policy=json.dumps(policy))
    site.client(home.account, "logs", home.region).associate_kms_key(
        logGroupName=home.group, kmsKeyId=other.key_arn
    )


def _class_of_group(site: Site) -> None:
    home = site.victims_home
    logs = site.client(home.account, "logs", home.region)
    logs.delete_log_group(logGroupName=home.group)
    logs.create_log_group(
        logGroupName=home.group, kmsKeyId=home.key_arn, logGroupClass="INFREQUENT_ACCESS"
    )
    logs.put_retention_policy(logGroupName=home.group, retentionInDays=home.retention_in_days)


def _retention_of_all(site: Site) -> None:
    home = site.victims_home
    site.client(home.account, "logs", home.region).put_account_policy(
        policyName="bulkhead-mutant",
        policyType="RETENTION_POLICY",
        policyDocument=json.dumps(
            {"retentionInDays": "NEVER_EXPIRE", "enforcementMode": "RETROACTIVE"}
        ),
        scope="ALL",
    )


def _held_by_mistake(site: Site) -> None:
    management = site.client(site.stage.environment.management_account, "organizations")
    management.attach_policy(
        PolicyId=site.stage.guardrails[POLICY].policy_id, TargetId=site.victims_home.account
    )


UPKEEP = (
    Mutant(
        "B21",
        "nothing happens when a customer passes a limit",
        "Bedrock",
        _rule_off,
        (Notice("limit-stops"),),
        "test_a_limit_stops",
        more_rows=("C05",),
    ),
    Mutant(
        "B21-policy",
        "the policy that stops a customer denies nothing that it does",
        "Bedrock",
        _stop_that_stops_nothing,
        (Notice("limit-stops"), Notice("stopped-session")),
        "test_a_limit_stops or test_a_stop_reaches",
        more_rows=("C05",),
    ),
    Mutant(
        "B21-executor",
        "what is to stop customers may not",
        "Bedrock",
        _executor_powerless,
        (Notice("limit-stops"),),
        "test_a_limit_stops",
    ),
    Mutant(
        "B21-alarm",
        "one kind of tokens counts toward no limit",
        "Bedrock",
        _alarm_gone,
        (Notice("limit-alarms"),),
        "test_limits_count",
    ),
    Mutant(
        "B21-silent",
        "an alarm of a limit is switched off",
        "Bedrock",
        _alarm_silent,
        (Notice("limit-alarms"),),
        "test_limits_count",
    ),
    Mutant(
        "B21-others",
        "a customer that has passed no limit is stopped",
        "Bedrock",
        _stopped_by_mistake,
        (Notice("limit-spares"),),
        "test_a_limit_stops",
    ),
    Mutant(
        "P20-untagged",
        "a profile does not say whom its calls are charged to",
        "Bedrock",
        _untagged,
        (Notice("profile-tags"),),
        "test_profiles_bear",
    ),
    Mutant(
        "P20-charged",
        "a profile charges another customer",
        "Bedrock",
        _charged_to_another,
        (Notice("profile-tags"),),
        "test_profiles_bear",
    ),
    Mutant(
        "L29",
        "where models are called in a second Region, records are to go there",
        "logs",
        _configured(_group_beside_the_models, elsewhere=True),
        (Notice("record-delivered", row="L29"),),
        CANARIES,
    ),
    Mutant(
        "T26-configured",
        "an application is told to assume another customer's role",
        "runtime",
        _configured(_anothers_role),
        (Failing("test_canaries[", says="AssumeRoleError: cannot assume"),),
        CANARIES,
    ),
    Mutant(
        "T21-unread",
        "a caller role may not read what its application has to know",
        "caller role",
        _caller_without("ReadConfiguration"),
        (Notice("caller-reads"),),
        "test_caller_reads_its",
    ),
    Mutant(
        "L23-blind",
        "the customer's reader may not read what it is there for",
        "logs",
        _reader_blind,
        (Notice("reader-reads"),),
        "test_reader_reads_masked",
    ),
    Mutant(
        "K04",
        "a key serves the group of that name in another account",
        "KMS",
        _wrong_group,
        (Notice("key-policy", row="K04"),),
        "test_services_use",
    ),
    Mutant(
        "L02-unwritten",
        "a caller role may not write the records of its application",
        "caller role",
        _caller_without("WriteRecords"),
        (Notice("caller-writes"),),
        "test_caller_writes_to_its_own",
    ),
    Mutant(
        "K08",
        "a key can be administered as long as one user is there",
        "KMS",
        _unadministered,
        (Notice("key-administered"),),
        "test_customer_administers",
    ),
    Mutant(
        "K05",
        "two customers' records have one key",
        "KMS",
        _anothers_key,
        (Notice("log-group", row="K05"),),
        "test_records_are_encrypted",
    ),
    Mutant(
        "L19",
        "records lie in a class that masks nothing and lacks filters",
        "logs",
        _class_of_group,
        (Notice("log-group", row="L19"),),
        "test_records_are_encrypted",
    ),
    Mutant(
        "L18-account",
        "a policy of the whole account keeps everything for ever",
        "logs",
        _retention_of_all,
        (Notice("account-retention"),),
        "test_no_account_policy",
    ),
    Mutant(
        "L20-held",
        "a legal hold binds an account that nobody is to hold",
        "organization",
        _held_by_mistake,
        (Notice("guardrail-holds"),),
        "test_a_hold_binds",
        guarded=True,
        more_rows=("G09",),
    ),
    Mutant(
        "T34-owner",
        "a guardrail keeps the account's owner from bootstrapping it",
        "organization",
        edited(SCP, "OtherIdentities", Condition={}),
        (Notice("guardrail-spares"),),
        "test_who_bootstraps",
        guarded=True,
    ),
)
