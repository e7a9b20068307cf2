"""The rules of modules/operations-baseline."""

from __future__ import annotations

from support.rules.changes import Rules, in_partition, put

WHERE = "modules/operations-baseline"

RULES = Rules(
    WHERE,
    (f"{WHERE}/variables.tf",),
    {
        "operations_account_id": "011111111111",
        "bucket_prefix": "bulkhead-trail",
        "retention_in_days": 90,
        "break_glass_role_arns": ["arn:aws:iam::011111111111:role/break/glass"],
        "break_glass_bus_arn": "arn:aws:events:eu-central-1:999999999999:event-bus/alarm",
        "tags": {"team": "platform"},
    },
    (
        ("partition must", put("aws-cn", "partition")),
        ("operations_account_id must", put("11111111111", "operations_account_id")),
        ("bucket_prefix must", put("Trail", "bucket_prefix")),
        ("bucket_prefix must", put("t" * 36, "bucket_prefix")),
        ("bucket_prefix must", put("trail-", "bucket_prefix")),
        ("retention_in_days must", put(89, "retention_in_days")),
        ("retention_in_days must", put(90.5, "retention_in_days")),
        (
            "break_glass_role_arns must",
            put(["arn:aws:iam::011111111111:role/*"], "break_glass_role_arns"),
        ),
        (
            "break_glass_role_arns must",
            put(["arn:aws:iam::222222222222:role/glass"], "break_glass_role_arns"),
        ),
        (
            "break_glass_bus_arn must be the",
            put("arn:aws:events:eu-central-1:999999999999:event-bus/*", "break_glass_bus_arn"),
        ),
        ("break_glass_bus_arn must be given", put("", "break_glass_bus_arn")),
        (
            "break_glass_bus_arn is in",
            put("arn:aws:events:eu-central-1:011111111111:event-bus/alarm", "break_glass_bus_arn"),
        ),
        ("break_glass_role_arns must", in_partition("aws-us-gov", "break_glass_role_arns")),
        ("break_glass_bus_arn must be the", in_partition("aws-us-gov", "break_glass_bus_arn")),
        ("tags: keys", put({"bulkhead:x": "y"}, "tags")),
    ),
)
