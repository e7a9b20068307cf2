"""The rules of modules/client-configuration."""

from __future__ import annotations

from typing import Any

from support.rules.changes import ACME_ID, AIPS, OWN, Change, Rules, in_partition, put

WHERE = "modules/client-configuration"
GROUPS = "arn:aws:logs:eu-central-1:222222222222:log-group:"


def other_account(value: Any) -> Change:
    """A change of a configuration's account, and of its groups with it."""

    def change(variables: dict[str, Any]) -> None:
        variables["account_id"] = value
        for field in ("log_group_arn", "content_log_group_arn"):
            variables[field] = variables[field].replace("222222222222", str(value))

    return change


def home_role(variables: dict[str, Any]) -> None:
    """The fleet role, and the profiles with it, in the customer's own account."""
    variables["fleet_role_arn"] = "arn:aws:iam::222222222222:role/x"
    for profiles in variables["inference_profiles"].values():
        for name, arn in profiles.items():
            profiles[name] = arn.replace("011111111111", "222222222222")


def no_profiles(variables: dict[str, Any]) -> None:
    variables["inference_profiles"], variables["quotas"] = {}, {}


def odd_region(variables: dict[str, Any]) -> None:
    profiles = variables["inference_profiles"]
    profiles["eu-.*-1"] = {"amazon.nova-lite-v1:0": profiles["eu-west-1"]["amazon.nova-lite-v1:0"]}


def model_named(name: str) -> Change:
    """A change that adds a model under this name."""

    def change(variables: dict[str, Any]) -> None:
        variables["inference_profiles"]["eu-west-1"][name] = f"{AIPS}eu-west-1{OWN}a3"

    return change


RULES = Rules(
    WHERE,
    (f"{WHERE}/variables.tf",),
    {
        "customer": "acme",
        "account_id": "222222222222",
        "fleet_role_arn": "arn:aws:iam::011111111111:role/bulkhead/fleet/bulkhead-acme",
        "external_id_parameter": "/bulkhead/acme/external-id",
        "inference_profiles": {
            "eu-central-1": {"amazon.nova-lite-v1:0": f"{AIPS}eu-central-1{OWN}a1"},
            "eu-west-1": {"amazon.nova-lite-v1:0": f"{AIPS}eu-west-1{OWN}a2"},
        },
        "log_group_arn": f"{GROUPS}/bulkhead/acme/bedrock",
        "content_log_group_arn": f"{GROUPS}/bulkhead/acme/content",
        "metrics_namespace": "Bulkhead",
        "quotas": {"amazon.nova-lite-v1:0": {"tokens_per_minute": 1000}},
    },
    (
        ("partition must", in_partition("aws-cn")),
        ("fleet_role_arn must", in_partition("aws-us-gov", "fleet_role_arn")),
        ("inference_profiles must have the ARNs", in_partition("aws-us-gov", "inference_profiles")),
        ("log_group_arn must", in_partition("aws-us-gov", "log_group_arn")),
        ("content_log_group_arn must", in_partition("aws-us-gov", "content_log_group_arn")),
        ("customer must", put("Acme", "customer")),
        ("customer must", put("a" * 33, "customer")),
        ("account_id must", other_account(22222222222)),
        ("fleet_role_arn must", put("arn:aws:iam::011111111111:role/*", "fleet_role_arn")),
        ("fleet_role_arn names", home_role),
        *(
            ("external_id_parameter must", put(name, "external_id_parameter"))
            for name in (ACME_ID, "/bulkhead/*", "/bulkhead/${aws:userid}", f"/{'a' * 512}")
        ),
        ("inference_profiles must have at least", no_profiles),
        ("inference_profiles must have at least", put({}, "inference_profiles", "eu-west-1")),
        ("inference_profiles must have at least", odd_region),
        *(
            ("inference_profiles: a model", model_named(name))
            for name in ("", "nova", "amazon.*", "amazon.Nova", f"{AIPS}eu-west-1{OWN}a3")
        ),
        *(
            (
                "inference_profiles must have the ARNs",
                put(arn, "inference_profiles", "eu-west-1", "amazon.nova-lite-v1:0"),
            )
            for arn in (
                f"{AIPS}eu-central-1{OWN}a2",
                "arn:aws:bedrock:eu-west-1:222222222222:application-inference-profile/a2",
                "arn:aws:bedrock:eu-west-1:011111111111:inference-profile/a2",
                f"{AIPS}eu-west-1{OWN}*",
            )
        ),
        ("log_group_arn must", put(f"{GROUPS}/bulkhead/acme/bedrock:*", "log_group_arn")),
        ("log_group_arn must", put(f"{GROUPS.replace('222', '111')}/x", "log_group_arn")),
        (
            "content_log_group_arn must",
            put(f"{GROUPS.replace('central', 'west')}/x", "content_log_group_arn"),
        ),
        (
            "content_log_group_arn is",
            put(f"{GROUPS}/bulkhead/acme/bedrock", "content_log_group_arn"),
        ),
        ("metrics_namespace must", put("AWS/Bedrock", "metrics_namespace")),
        ("metrics_namespace must", put("Bulk head", "metrics_namespace")),
        ("quotas name a model", put({"x.y": {"tokens_per_minute": 1}}, "quotas")),
        (
            "quotas must be whole",
            put(0, "quotas", "amazon.nova-lite-v1:0", "tokens_per_minute"),
        ),
        (
            "quotas must be whole",
            put(1.5, "quotas", "amazon.nova-lite-v1:0", "requests_per_minute"),
        ),
        ("tags: keys", put({"aws:x": "y"}, "tags")),
    ),
)
