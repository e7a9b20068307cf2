"""The rules of modules/inference-profiles."""

from __future__ import annotations

from support.rules.changes import Rules, put

WHERE = "modules/inference-profiles"

RULES = Rules(
    WHERE,
    (f"{WHERE}/variables.tf",),
    {
        "operations_account_id": "011111111111",
        "models": {
            "acme": ["amazon.nova-lite-v1:0", "anthropic.claude-3-5-sonnet-20240620-v1:0"],
            "globex-2": ["eu.amazon.nova-lite-v1:0", "amazon.titan-text-lite-v1:0:4k"],
        },
        "cross_region_destinations": {"eu": ["eu-central-1", "eu-west-1"]},
        "tags": {"team": "platform"},
    },
    (
        ("partition must", put("aws-cn", "partition")),
        ("operations_account_id must", put("1111111111111", "operations_account_id")),
        *(
            ("models: a customer's key", put(["amazon.nova-lite-v1:0"], "models", key))
            for key in ("ACME", "acme_2", "acme*", "ac${aws:username}", "a" * 33)
        ),
        ("models: each customer needs", put([], "models", "acme")),
        ("models: a model is listed twice", put(["a.b-c", "a.b.c"], "models", "acme")),
        ("models: profiles of two", put(["2.amazon.titan-text-lite-v1:0:4k"], "models", "globex")),
        *(
            ("models: a model must", put([value], "models", "acme"))
            for value in ("amazon.*", "Amazon.nova-lite-v1:0", "amazon.nova-${aws:userid}")
        ),
        ("models: global", put(["global.amazon.nova-lite-v1:0"], "models", "acme")),
        *(
            (
                "cross_region_destinations: the prefix",
                put(["eu-west-1"], "cross_region_destinations", prefix),
            )
            for prefix in ("global", "EU")
        ),
        *(
            (
                "cross_region_destinations: name regions",
                put([region], "cross_region_destinations", "eu"),
            )
            for region in ("eu-*", "unspecified", "")
        ),
        ("cross_region_destinations: list every", put([], "cross_region_destinations", "us")),
        ("tags: keys", put("acme", "tags", "Bulkhead:customer")),
        ("tags: keys", put("acme", "tags", "aws:x")),
    ),
)
