"""Where records lie and where they go: log groups, the ways out of them, links, trails.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/userguide/iam-access-control-overview-cwl.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.snapshot.parsed import parsed, tags
from harness.snapshot.reader import Gone, Reader

_ACCOUNT_POLICIES = (
    "DATA_PROTECTION_POLICY",
    "FIELD_INDEX_POLICY",
    "METRIC_EXTRACTION_POLICY",
    "RETENTION_POLICY",
    "SUBSCRIPTION_FILTER_POLICY",
    "TRANSFORMER_POLICY",
)
_GROUPS = "log_groups"


def log_groups(reader: Reader) -> dict[str, Any]:
    """The log groups of a Region, by ARN."""
    found = {}
    for group in reader.every(_GROUPS, "logs", "describe_log_groups", "logGroups"):
        arn = str(group["arn"]).removesuffix(":*")
        try:
            found[arn] = _group(reader, arn, group)
        except Gone:
            continue
    return found


def _group(reader: Reader, arn: str, group: Mapping[str, Any]) -> dict[str, Any]:
    name = group["logGroupName"]

    def ask(operation: str, *absent: str, **params: str) -> Mapping[str, Any]:
        return reader.of(_GROUPS, arn, "logs", operation, absent=absent, **params)

    protection: Any = None
    if group.get("dataProtectionStatus"):
        protection = ask("get_data_protection_policy", logGroupIdentifier=name).get(
            "policyDocument"
        )
    return {
        "class": str(group.get("logGroupClass", "STANDARD")),
        "key": str(group.get("kmsKeyId") or ""),
        "retention_in_days": group.get("retentionInDays"),
        "data_protection": parsed(protection) if protection else None,
        "bearer_tokens": bool(group.get("bearerTokenAuthenticationEnabled")),
        "subscription_filters": {
            each["filterName"]: _subscription(each)
            for each in ask("describe_subscription_filters", logGroupName=name).get(
                "subscriptionFilters", ()
            )
        },
        "metric_filters": sorted(
            each["filterName"]
            for each in ask("describe_metric_filters", logGroupName=name).get("metricFilters", ())
        ),
        "policies": [
            parsed(each["policyDocument"])
            for each in ask(
                "describe_resource_policies",
                "ResourceNotFoundException",
                policyScope="RESOURCE",
                resourceArn=arn,
            ).get("resourcePolicies", ())
        ],
        "tags": tags(ask("list_tags_for_resource", resourceArn=arn).get("tags")),
    }


def _subscription(each: Mapping[str, Any]) -> dict[str, str]:
    return {
        "destination": str(each["destinationArn"]),
        "role": str(each.get("roleArn") or ""),
        "pattern": str(each.get("filterPattern") or ""),
    }


def log_resource_policies(reader: Reader) -> dict[str, Any]:
    """The policies by which the account lets services write to its log groups, by name."""
    return {
        each["policyName"]: parsed(each["policyDocument"])
        for each in reader.every(
            *("log_resource_policies", "logs", "describe_resource_policies"), "resourcePolicies"
        )
    }


def log_account_policies(reader: Reader) -> dict[str, Any]:
    """The policies for all log groups of the account, by kind and name."""
    return {
        f"{each['policyType']} {each['policyName']}": {
            "selection": str(each.get("selectionCriteria") or ""),
            "document": parsed(each["policyDocument"]),
        }
        for kind in _ACCOUNT_POLICIES
        for each in reader.every(
            *("log_account_policies", "logs", "describe_account_policies", "accountPolicies"),
            policyType=kind,
        )
    }


def log_destinations(reader: Reader) -> dict[str, Any]:
    """The destinations that other accounts may send logs to, by ARN."""
    return {
        each["arn"]: {
            "target": str(each.get("targetArn", "")),
            "role": str(each.get("roleArn", "")),
            "policy": parsed(each["accessPolicy"]) if each.get("accessPolicy") else None,
        }
        for each in reader.every(
            "log_destinations", "logs", "describe_destinations", "destinations"
        )
    }


def deliveries(reader: Reader) -> dict[str, Any]:
    """What services deliver logs from and to, by the delivery's id."""
    return {
        each["id"]: {
            "source": str(each.get("deliverySourceName", "")),
            "destination": str(each.get("deliveryDestinationArn", "")),
        }
        for each in reader.every("deliveries", "logs", "describe_deliveries", "deliveries")
    }


def delivery_sources(reader: Reader) -> dict[str, Any]:
    """What logs may be delivered of, by name."""
    return {
        each["name"]: {
            "type": str(each.get("logType", "")),
            "resources": sorted(each.get("resourceArns", ())),
        }
        for each in reader.every(
            "delivery_sources", "logs", "describe_delivery_sources", "deliverySources"
        )
    }


def delivery_destinations(reader: Reader) -> dict[str, Any]:
    """Where logs may be delivered to, by ARN."""
    section, found = "delivery_destinations", {}
    for each in reader.every(
        section, "logs", "describe_delivery_destinations", "deliveryDestinations"
    ):
        arn = each["arn"]
        try:
            told = reader.of(
                *(section, arn, "logs", "get_delivery_destination_policy"),
                absent=("ResourceNotFoundException",),
                deliveryDestinationName=each["name"],
            )
        except Gone:
            continue
        policy = (told.get("policy") or {}).get("deliveryDestinationPolicy")
        found[arn] = {
            "resource": str(
                each.get("deliveryDestinationConfiguration", {}).get("destinationResourceArn", "")
            ),
            "policy": parsed(policy) if policy else None,
        }
    return found


def sinks(reader: Reader) -> dict[str, Any]:
    """The sinks of a Region, by ARN, with whoever is linked to them."""
    found = {}
    for each in reader.every("sinks", "oam", "list_sinks", "Items"):
        arn = each["Arn"]
        try:
            policy = reader.of(
                *("sinks", arn, "oam", "get_sink_policy"),
                absent=("ResourceNotFoundException",),
                SinkIdentifier=arn,
            ).get("Policy")
            linked = reader.of("sinks", arn, "oam", "list_attached_links", SinkIdentifier=arn)
        except Gone:
            continue
        found[arn] = {
            "name": str(each.get("Name", "")),
            "policy": parsed(policy) if policy else None,
            "links": sorted(str(link["LinkArn"]) for link in linked.get("Items", ())),
        }
    return found


def links(reader: Reader) -> dict[str, Any]:
    """The links through which others see what an account keeps, by ARN."""
    return {
        each["Arn"]: {
            "sink": str(each.get("SinkArn", "")),
            "types": sorted(each.get("ResourceTypes", ())),
        }
        for each in reader.every("links", "oam", "list_links", "Items")
    }


def trails(reader: Reader) -> dict[str, Any]:
    """The trails whose home is this Region, by ARN."""
    found = {}
    for page in reader.pages("trails", "cloudtrail", "describe_trails"):
        for each in page["trailList"]:
            if each.get("HomeRegion", reader.region) != reader.region:
                continue
            arn = each["TrailARN"]
            try:
                status = reader.of("trails", arn, "cloudtrail", "get_trail_status", Name=arn)
            except Gone:
                continue
            found[arn] = {
                "bucket": str(each.get("S3BucketName") or ""),
                "log_group": str(each.get("CloudWatchLogsLogGroupArn") or ""),
                "role": str(each.get("CloudWatchLogsRoleArn") or ""),
                "key": str(each.get("KmsKeyId") or ""),
                "multi_region": bool(each.get("IsMultiRegionTrail")),
                "organization": bool(each.get("IsOrganizationTrail")),
                "logging": bool(status.get("IsLogging")),
            }
    return found


def centralization_rules(reader: Reader) -> dict[str, Any]:
    """The rules that copy logs of an organization's accounts to one of them, by name; asked where
    the organization is managed."""
    section, service = "centralization_rules", "observabilityadmin"
    found = {}
    for each in reader.every(
        *(section, service, "list_centralization_rules_for_organization"),
        "CentralizationRuleSummaries",
    ):
        try:
            told = reader.of(
                *(section, "", service, "get_centralization_rule_for_organization"),
                RuleIdentifier=each["RuleName"],
            )
        except Gone:
            continue
        found[each["RuleName"]] = told.get("CentralizationRule") or {}
    return found
