"""The rules of modules/log-keys."""

from __future__ import annotations

from support.rules.changes import CALLER_ARN, Rules, in_partition, put

WHERE = "modules/log-keys"

RULES = Rules(
    WHERE,
    (f"{WHERE}/variables.tf",),
    {
        "customer": "acme",
        "account_id": "222222222222",
        "owner_arns": ["arn:aws:iam::222222222222:role/bulkhead/owner"],
        "content": True,
        "tags": {"team": "platform"},
    },
    (
        ("partition must", in_partition("aws-cn")),
        ("owner_arns must be", in_partition("aws-us-gov", "owner_arns")),
        ("customer must", put("acme*", "customer")),
        ("customer must", put("Acme", "customer")),
        ("customer must", put("a" * 33, "customer")),
        ("account_id must", put(22222222222, "account_id")),
        ("owner_arns must name", put([], "owner_arns")),
        *(
            ("owner_arns must be", put([arn], "owner_arns"))
            for arn in (
                "arn:aws:iam::111111111111:role/owner",
                "arn:aws:iam::222222222222:root",
                "arn:aws:iam::222222222222:role/*",
                "arn:aws:iam::222222222222:role/${aws:username}",
            )
        ),
        ("owner_arns names the caller", put([CALLER_ARN], "owner_arns")),
        *(
            (
                "owner_arns names a role that deploys",
                put([f"arn:aws:iam::222222222222:role/bulkhead/{role}"], "owner_arns"),
            )
            for role in ("bulkhead-deploy", "bulkhead-plan")
        ),
        ("caller_role must", put("app*", "caller_role")),
        ("caller_role must", put("/app", "caller_role")),
        ("key_deletion_window_in_days must", put(6, "key_deletion_window_in_days")),
        ("key_deletion_window_in_days must", put(31, "key_deletion_window_in_days")),
        ("tags: keys", put({"bulkhead:customer": "globex"}, "tags")),
    ),
)
