"""The rules of modules/state-store."""

from __future__ import annotations

from support.rules.changes import Rules, in_partition, put

WHERE = "modules/state-store"

RULES = Rules(
    WHERE,
    (f"{WHERE}/variables.tf",),
    {
        "account_id": "888888888888",
        "environment": "production",
        "owner_arns": ["arn:aws:iam::888888888888:role/owner"],
        "deployed_account_ids": ["111111111111", "222222222222"],
        "deploy_principal_arns": {"customer": ["arn:aws:iam::333333333333:role/onboarding"]},
        "plan_principal_arns": {"operations": ["arn:aws:iam::333333333333:user/reviewer"]},
        "github": {
            "repository": "acme@123456/infrastructure.live@456789",
            "deploy_environment": "production",
            "plan_environment": "production-plan",
        },
        "gitlab": {
            "url": "https://gitlab.example.com",
            "project": "acme/platform/infrastructure",
            "deploy_branch": "main",
            "plan_branch": "plan/next",
        },
        "tags": {"team": "platform"},
    },
    (
        ("partition must", in_partition("aws-cn")),
        ("owner_arns must be", in_partition("aws-us-gov", "owner_arns")),
        ("deploy_principal_arns must", in_partition("aws-us-gov", "deploy_principal_arns")),
        ("plan_principal_arns must", in_partition("aws-us-gov", "plan_principal_arns")),
        ("account_id must", put(88888888888, "account_id")),
        ("environment must", put("Production", "environment")),
        ("environment must", put("e" * 17, "environment")),
        ("environment must", put("*", "environment")),
        ("deployed_account_ids must", put([], "deployed_account_ids")),
        ("deployed_account_ids must", put(["1111"], "deployed_account_ids")),
        ("deployed_account_ids lists", put(["888888888888"], "deployed_account_ids")),
        ("owner_arns must name", put([], "owner_arns")),
        *(
            ("owner_arns must be", put([arn], "owner_arns"))
            for arn in (
                "arn:aws:iam::333333333333:role/owner",
                "arn:aws:iam::888888888888:root",
                "arn:aws:iam::888888888888:role/*",
            )
        ),
        *(
            case
            for key in ("deploy_principal_arns", "plan_principal_arns")
            for case in (
                (f"{key}: the roots", put(["arn:aws:iam::333333333333:role/x"], key, "bootstrap")),
                *(
                    (f"{key} must", put([arn], key, "customer"))
                    for arn in (
                        "arn:aws:iam::333333333333:root",
                        "arn:aws:iam::333333333333:role/*",
                        "arn:aws:iam::*:role/ci",
                        "arn:aws:iam::333333333333:user/${aws:username}",
                    )
                ),
                (
                    f"{key} names somebody",
                    put(["arn:aws:iam::222222222222:role/x"], key, "customer"),
                ),
            )
        ),
        ("bucket_prefix must", put("State", "bucket_prefix")),
        ("bucket_prefix must", put("s" * 34, "bucket_prefix")),
        ("bucket_prefix must", put("state-", "bucket_prefix")),
        ("former_states_days must", put(6, "former_states_days")),
        ("former_states_days must", put(7.5, "former_states_days")),
        ("tags: keys", put({"bulkhead:x": "y"}, "tags")),
    ),
)
