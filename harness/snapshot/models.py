"""What an account set for Bedrock in a Region: logging, retention, profiles, guardrails.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
https://docs.aws.amazon.com/bedrock/latest/userguide/data-retention.html
"""

from __future__ import annotations

from typing import Any

from harness.snapshot.parsed import parsed, tags
from harness.snapshot.reader import Gone, Reader


def invocation_logging(reader: Reader) -> dict[str, Any] | None:
    """Where model invocations are logged; None where they are not."""
    told = reader.of(
        *("invocation_logging", "", "bedrock", "get_model_invocation_logging_configuration")
    )
    return dict(told["loggingConfig"]) if told.get("loggingConfig") else None


def data_retention(reader: Reader) -> str | None:
    """How long Bedrock keeps what is sent to models, in its own word; None where unknown."""
    told = reader.of("data_retention", "", "bedrock", "get_account_data_retention")
    return str(told["mode"]) if "mode" in told else None


def inference_profiles(reader: Reader) -> dict[str, Any]:
    """The application inference profiles of a Region, by ARN."""
    section, found = "inference_profiles", {}
    for each in reader.every(
        *(section, "bedrock", "list_inference_profiles", "inferenceProfileSummaries"),
        typeEquals="APPLICATION",
    ):
        arn = each["inferenceProfileArn"]
        try:
            told = reader.of(section, arn, "bedrock", "list_tags_for_resource", resourceARN=arn)
        except Gone:
            continue
        found[arn] = {
            "name": str(each["inferenceProfileName"]),
            "models": sorted(model["modelArn"] for model in each.get("models", ())),
            "tags": tags(told.get("tags")),
        }
    return found


def guardrails(reader: Reader) -> dict[str, Any]:
    """The guardrails of a Region, by ARN, with who else may use them."""
    found = {}
    for each in reader.every("guardrails", "bedrock", "list_guardrails", "guardrails"):
        arn = each["arn"]
        try:
            policy = reader.of(
                *("guardrails", arn, "bedrock", "get_resource_policy"),
                absent=("ResourceNotFoundException",),
                resourceArn=arn,
            ).get("resourcePolicy")
            told = reader.of(
                "guardrails", arn, "bedrock", "list_tags_for_resource", resourceARN=arn
            )
        except Gone:
            continue
        found[arn] = {
            "name": str(each.get("name", "")),
            "policy": parsed(policy) if policy else None,
            "tags": tags(told.get("tags")),
        }
    return found


def enforced_guardrails(reader: Reader) -> list[str]:
    """The guardrails that the account forces on every call."""
    return sorted(
        str(each.get("guardrailArn") or each.get("guardrailIdentifier") or each.get("configId"))
        for each in reader.every(
            *("enforced_guardrails", "bedrock", "list_enforced_guardrails_configuration"),
            "guardrailsConfig",
        )
    )
