"""The rules of modules/organization-guardrails."""

from __future__ import annotations

from support.rules.changes import Rules, in_partition, put

WHERE = "modules/organization-guardrails"

PODS = ("customers", "hooli", "pods", "555555555556")
ISSUER = f"oidc.eks.eu-central-1.amazonaws.com/id/{'0123456789ABCDEF' * 2}"

RULES = Rules(
    WHERE,
    (f"{WHERE}/variables.tf",),
    {
        "operations_account_id": "011111111111",
        "customers": {
            "acme": {"accounts": ["222222222222", "222222222223"]},
            "globex-2": {"accounts": ["033333333333"], "own_organization": True},
            "hooli": {
                "accounts": ["555555555555", "555555555556"],
                "pods": {
                    "555555555556": {
                        "provider": ISSUER,
                        "namespace": "apps",
                        "service_account": "summaries",
                    }
                },
            },
        },
        "held_account_ids": ["044444444444"],
        "trusted_account_ids": ["888888888888"],
        "model_regions": ["eu-central-1", "us-gov-west-1"],
        "deployer_arns": [
            "arn:aws:iam::011111111111:role/bulkhead/bulkhead-deploy",
            "arn:aws:iam::011111111111:user/administrator",
        ],
        "bootstrapper_arns": ["arn:aws:iam::011111111111:role/OrganizationAccountAccessRole"],
        "stop_executor_arns": ["arn:aws:iam::011111111111:role/bulkhead/stop"],
        "stop_policy_arns": [
            "arn:aws:iam::011111111111:policy/bulkhead/fleet/bulkhead-*-stop",
            "arn:aws:iam::aws:policy/AWSDenyAll",
        ],
        "break_glass_role_arns": ["arn:aws:iam::011111111111:role/break/glass"],
        "break_glass_emails": ["security@example.com"],
        "federated_role_arns": [
            "arn:aws:iam::011111111111:role/ci/deploy",
            "arn:aws:iam::011111111111:role/aws-reserved/sso.amazonaws.com/*",
            "arn:aws:iam::011111111111:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_*",
            f"arn:aws:iam::011111111111:role/aws-reserved/sso.amazonaws.com/A_{'?' * 16}",
        ],
        "administrator_role_names": ["path/OrganizationAccountAccessRole"],
        "tags": {"team": "platform"},
    },
    (
        ("partition must", put("aws-cn", "partition")),
        ("name_prefix must", put("Bulkhead", "name_prefix")),
        ("name_prefix must", put("b" * 65, "name_prefix")),
        ("operations_account_id must", put("11111111111", "operations_account_id")),
        ("operations_account_id must", put("1111111111111", "operations_account_id")),
        ("customers must", put({}, "customers")),
        *(
            ("customers: a key must", put({"accounts": ["444444444444"]}, "customers", key))
            for key in ("Initech", "a--b", "a*", "a" * 33)
        ),
        ("customers: each customer needs", put([], "customers", "acme", "accounts")),
        ("customers: every account", put(["22222222222"], "customers", "acme", "accounts")),
        ("customers: every account", put(["22222222222*"], "customers", "acme", "accounts")),
        ("customers: an account is listed", put(["033333333333"], "customers", "acme", "accounts")),
        ("customers: the operations", put(["011111111111"], "customers", "acme", "accounts")),
        (
            "customers: a customer can have",
            put([f"{n:012}" for n in range(201)], "customers", "acme", "accounts"),
        ),
        ("held_account_ids: every", put(["44444444444"], "held_account_ids")),
        ("held_account_ids: an account is a", put(["222222222222"], "held_account_ids")),
        ("held_account_ids: the operations", put(["011111111111"], "held_account_ids")),
        ("held_account_ids: an account is in", put(["888888888888"], "held_account_ids")),
        ("trusted_account_ids: a customer's", put(["222222222222"], "trusted_account_ids")),
        ("deployer_arns must list", put([], "deployer_arns")),
        *(
            ("deployer_arns must be", put([arn], "deployer_arns"))
            for arn in (
                "arn:aws:iam::011111111111:role/*",
                "arn:aws:iam::222222222222:role/deploy",
                "arn:aws:iam::011111111111:role/${aws:username}",
                "arn:aws:sts::011111111111:assumed-role/deploy/x",
            )
        ),
        (
            "deployer_arns: a fleet",
            put(["arn:aws:iam::011111111111:role/bulkhead/fleet/bulkhead-acme"], "deployer_arns"),
        ),
        ("bootstrapper_arns must list", put([], "bootstrapper_arns")),
        (
            "bootstrapper_arns must be",
            put(["arn:aws:iam::222222222222:role/x"], "bootstrapper_arns"),
        ),
        ("bootstrapper_arns must be", put(["arn:aws:iam::011111111111:*"], "bootstrapper_arns")),
        (
            "bootstrapper_arns: a fleet",
            put(
                ["arn:aws:iam::011111111111:role/bulkhead/fleet/bulkhead-acme"],
                "bootstrapper_arns",
            ),
        ),
        (
            "stop_executor_arns must",
            put(["arn:aws:iam::011111111111:user/x"], "stop_executor_arns"),
        ),
        (
            "stop_executor_arns: a role",
            put(["arn:aws:iam::011111111111:role/bulkhead/spend/x"], "stop_executor_arns"),
        ),
        (
            "customers: without caller_roles",
            put([], "customers", "acme", "caller_roles"),
        ),
        ("customers: pods must", put(["555555555555"], "customers", "hooli", "accounts")),
        ("customers: pods become", put(["team/app"], "customers", "hooli", "caller_roles")),
        *(
            (f"customers: the {name} of pods", put(value, *PODS, name))
            for name, values in (
                ("provider", ("https://x", "*", "token.actions.githubusercontent.com")),
                ("namespace", ("app*", "")),
                ("service_account", ("*", "a:b")),
            )
            for value in values
        ),
        *(
            ("customers: caller_roles must", put([role], "customers", "acme", "caller_roles"))
            for role in ("/bulkhead/app", "app*", "${aws:username}")
        ),
        (
            "stop_executor_arns must",
            put(["arn:aws:iam::222222222222:role/x"], "stop_executor_arns"),
        ),
        *(
            ("stop_policy_arns must", put([arn], "stop_policy_arns"))
            for arn in (
                "*",
                "arn:aws:iam::011111111111:policy/*",
                "arn:aws:iam::aws:policy/*",
                "arn:aws:iam::011111111111:policy/bulkhead/fleet/bulkhead-*",
                "arn:aws:iam::222222222222:policy/bulkhead/fleet/acme-stop",
                "arn:aws:iam::011111111111:policy/${aws:username}-stop",
            )
        ),
        (
            "break_glass_role_arns: a role",
            put(
                ["arn:aws:iam::011111111111:role/bulkhead/bulkhead-deploy"], "break_glass_role_arns"
            ),
        ),
        (
            "break_glass_role_arns: a role",
            put(
                ["arn:aws:iam::011111111111:role/OrganizationAccountAccessRole"],
                "break_glass_role_arns",
            ),
        ),
        ("break_glass_emails must be", put(["security"], "break_glass_emails")),
        ("break_glass_emails must list", put([], "break_glass_emails")),
        ("trusted_account_ids: every", put(["8888"], "trusted_account_ids")),
        *(
            ("federated_role_arns must", put([arn], "federated_role_arns"))
            for arn in (
                "arn:aws:iam::011111111111:role/*",
                "arn:aws:iam::011111111111:role/ci/deploy*",
                "arn:aws:iam::011111111111:role/x/aws-reserved/sso.amazonaws.com/*",
                f"arn:aws:iam::011111111111:role/aws-reserved/sso.amazonaws.com/A_{'?' * 15}",
                f"arn:aws:iam::011111111111:role/aws-reserved/sso.amazonaws.com/?{'?' * 16}",
                f"arn:aws:iam::011111111111:role/ci/A_{'?' * 16}",
                "arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/*",
                "arn:aws:iam::011111111111:role/aws-reserved/sso.amazonaws.com/${aws:username}",
            )
        ),
        ("model_regions must", put([], "model_regions")),
        ("model_regions: name", put(["eu-*"], "model_regions")),
        ("model_regions: name", put(["unspecified"], "model_regions")),
        (
            "break_glass_role_arns must",
            put(["arn:aws:iam::011111111111:role/*"], "break_glass_role_arns"),
        ),
        (
            "break_glass_role_arns must",
            put(["arn:aws:iam::222222222222:role/admin"], "break_glass_role_arns"),
        ),
        ("administrator_role_names must", put(["Admin*"], "administrator_role_names")),
        ("administrator_role_names must", put(["${aws:username}"], "administrator_role_names")),
        *(
            (f"{name} must", in_partition("aws-us-gov", name))
            for name in (
                *("break_glass_role_arns", "federated_role_arns"),
                *("stop_executor_arns", "stop_policy_arns"),
            )
        ),
        ("bootstrapper_arns must be", in_partition("aws-us-gov", "bootstrapper_arns")),
        ("deployer_arns must be", in_partition("aws-us-gov", "deployer_arns")),
        ("tags: keys", put({"aws:x": "y"}, "tags")),
    ),
)
