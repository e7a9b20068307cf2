"""The rules of modules/spend-controls."""

from __future__ import annotations

from typing import Any

from support.rules.changes import Change, Rules, in_partition, put

WHERE = "modules/spend-controls"
PROFILE = "arn:aws:bedrock:eu-west-1:011111111111:application-inference-profile"


def limited(value: Any, *path: str | int) -> Change:
    return put(value, "customers", "acme", *path)


def limited_customer_named(name: str) -> Change:
    """A change that gives the limited customer `acme` another key."""

    def change(variables: dict[str, Any]) -> None:
        variables["customers"][name] = variables["customers"].pop("acme")

    return change


RULES = Rules(
    WHERE,
    (f"{WHERE}/variables.tf",),
    {
        "operations_account_id": "011111111111",
        "customers": {
            "acme": {
                "fleet_role_name": "bulkhead-acme",
                "inference_profile_arns": [f"{PROFILE}/aaaaaaaaaaaa", f"{PROFILE}/bbbbbbbbbbbb"],
                "limits": [
                    {"minutes": 1, "input_tokens": 1000, "output_tokens": 200},
                    {
                        "minutes": 1440,
                        "input_tokens": 50000,
                        "output_tokens": 10000,
                        "cache_write_tokens": 1,
                        "cache_read_tokens": 1,
                        "calls": 1,
                    },
                ],
                "monthly_budget_usd": 500,
            },
            "globex": {
                "fleet_role_name": "bulkhead-globex",
                "inference_profile_arns": [f"{PROFILE}/cccccccccccc"],
                "limits": [{"minutes": 60, "input_tokens": 1, "output_tokens": 1}],
                "on_limit": "notify",
            },
        },
        "alarm_topic_arns": ["arn:aws:sns:eu-west-1:111111111111:platform"],
        "budget_emails": ["finance@example.com"],
        "permissions_boundary_arn": "arn:aws:iam::011111111111:policy/bulkhead/boundary",
        "tags": {"team": "platform"},
    },
    (
        ("partition must", put("aws-cn", "partition")),
        ("operations_account_id must", put(11111111111, "operations_account_id")),
        ("customers: a key must", limited_customer_named("Acme")),
        ("customers: a key must", limited_customer_named("ac$me")),
        ("customers: fleet_role_name must", limited("bulkhead.acme", "fleet_role_name")),
        ("customers: fleet_role_name must", limited("bulkhead/acme", "fleet_role_name")),
        (
            "customers: two customers have one fleet role",
            limited("BULKHEAD-globex", "fleet_role_name"),
        ),
        ("customers: list 1 to 10", limited([], "inference_profile_arns")),
        (
            "customers: list 1 to 10",
            limited([f"{PROFILE}/{n:012}" for n in range(11)], "inference_profile_arns"),
        ),
        (
            "customers: inference_profile_arns must",
            limited(f"{PROFILE}/aaaaaaaaaaaa".replace("0111", "0222"), "inference_profile_arns", 0),
        ),
        (
            "customers: inference_profile_arns must",
            limited(
                "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0",
                *("inference_profile_arns", 0),
            ),
        ),
        (
            "customers: an inference profile is listed twice",
            limited(f"{PROFILE}/cccccccccccc", "inference_profile_arns", 0),
        ),
        ("customers: each customer needs 1 to 5 limits", limited([], "limits")),
        (
            "customers: each customer needs 1 to 5 limits",
            limited(
                [{"minutes": n, "input_tokens": 1, "output_tokens": 1} for n in range(1, 7)],
                "limits",
            ),
        ),
        ("customers: minutes of a limit", limited(0, "limits", 0, "minutes")),
        ("customers: minutes of a limit", limited(1441, "limits", 0, "minutes")),
        ("customers: minutes of a limit", limited(1.5, "limits", 0, "minutes")),
        ("customers: two limits of a customer", limited(1440, "limits", 0, "minutes")),
        ("customers: the tokens of a limit", limited(0, "limits", 0, "input_tokens")),
        ("customers: the tokens of a limit", limited(0.5, "limits", 0, "output_tokens")),
        ("customers: the tokens of a limit", limited(0, "limits", 1, "cache_write_tokens")),
        ("customers: the tokens of a limit", limited(-1, "limits", 1, "cache_read_tokens")),
        ("customers: the tokens of a limit", limited(0, "limits", 1, "calls")),
        ("customers: on_limit must", limited("warn", "on_limit")),
        ("customers: on_limit is notify", put([], "alarm_topic_arns")),
        ("customers: monthly_budget_usd must", limited(-1, "monthly_budget_usd")),
        ("customers: monthly_budget_usd must", limited(0.5, "monthly_budget_usd")),
        ("customers: AWS Budgets is", in_partition("aws-us-gov")),
        ("customers: a monthly_budget_usd needs", put([], "budget_emails")),
        ("alarm_topic_arns must", put(["platform"], "alarm_topic_arns")),
        ("budget_emails must", put(["finance"], "budget_emails")),
        ("budget_emails must", put([f"f{n}@example.com" for n in range(11)], "budget_emails")),
        (
            "permissions_boundary_arn must",
            put("arn:aws:iam::222222222222:policy/boundary", "permissions_boundary_arn"),
        ),
        ("customers: inference_profile_arns must", in_partition("aws-us-gov", "customers")),
        ("alarm_topic_arns must", in_partition("aws-us-gov", "alarm_topic_arns")),
        ("permissions_boundary_arn must", in_partition("aws-us-gov", "permissions_boundary_arn")),
        ("tags: keys", put({"aws:x": "y"}, "tags")),
    ),
)
