"""The rules of modules/audit-role."""

from __future__ import annotations

from support.rules.changes import Rules, in_partition, put

WHERE = "modules/audit-role"
ARN = "arn:aws:iam::888888888888:role/ci/audit"

RULES = Rules(
    WHERE,
    (f"{WHERE}/variables.tf",),
    {
        "account_id": "222222222222",
        "kind": "customer",
        "principal_arns": [ARN, "arn:aws:iam::222222222222:user/auditor"],
        "tags": {"cost-center": "assistant"},
    },
    (
        ("partition must", in_partition("aws-cn")),
        ("principal_arns must", in_partition("aws-us-gov", "principal_arns")),
        ("account_id must", put(22222222222, "account_id")),
        ("kind must", put("sandbox", "kind")),
        *(
            ("principal_arns must", put([arn], "principal_arns"))
            for arn in (
                "arn:aws:iam::888888888888:root",
                "arn:aws:iam::888888888888:role/ci/*",
                "arn:aws:sts::888888888888:assumed-role/audit/x",
                "*",
            )
        ),
        (
            "principal_arns names",
            put(["arn:aws:iam::222222222222:role/bulkhead/bulkhead-audit"], "principal_arns"),
        ),
        ("tags: keys", put({"Bulkhead:run": "x"}, "tags")),
        ("tags: keys", put({"aws:x": "x"}, "tags")),
    ),
)
