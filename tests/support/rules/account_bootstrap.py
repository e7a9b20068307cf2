"""The rules of modules/account-bootstrap."""

from __future__ import annotations

from typing import Any

from support.rules.changes import Rules, in_partition, put

WHERE = "modules/account-bootstrap"


def unknown_kind(variables: dict[str, Any]) -> None:
    variables["kind"], variables["customer"] = "sandbox", ""


def held(variables: dict[str, Any]) -> None:
    variables["legal_hold"], variables["kind"], variables["customer"] = True, "operations", ""


RULES = Rules(
    WHERE,
    (f"{WHERE}/variables.tf",),
    {
        "account_id": "222222222222",
        "kind": "customer",
        "customer": "acme",
        "regions": ["eu-central-1", "us-gov-west-1"],
        "deploy_principal_arns": ["arn:aws:iam::888888888888:role/ci/deploy"],
        "plan_principal_arns": ["arn:aws:iam::222222222222:user/somebody"],
        "github": {
            "repository": "acme/infrastructure.live",
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
        ("deploy_principal_arns must", in_partition("aws-us-gov", "deploy_principal_arns")),
        ("plan_principal_arns must", in_partition("aws-us-gov", "plan_principal_arns")),
        ("account_id must", put(22222222222, "account_id")),
        ("kind must", unknown_kind),
        ("customer must be", put("", "customer")),
        ("customer must be", put("operations", "kind")),
        ("customer must start", put("Acme", "customer")),
        ("customer must start", put("a" * 33, "customer")),
        ("caller_role must", put("app*", "caller_role")),
        ("caller_role must", put("/app", "caller_role")),
        ("caller_role must", put("${aws:username}", "caller_role")),
        ("caller_role is", put("bulkhead/bulkhead-deploy", "caller_role")),
        ("caller_role is", put("bulkhead/reader/somebody", "caller_role")),
        ("legal_hold is", held),
        ("regions must", put([], "regions")),
        ("regions: name", put(["eu-*"], "regions")),
        *(
            (f"{key} must", put([arn], key))
            for key in ("deploy_principal_arns", "plan_principal_arns")
            for arn in (
                "arn:aws:iam::888888888888:root",
                "arn:aws:iam::888888888888:role/*",
                "arn:aws:iam::*:role/ci",
                "arn:aws:sts::888888888888:assumed-role/ci/session",
                "arn:aws:iam::888888888888:user/${aws:username}",
            )
        ),
        *(
            (
                f"{key} names",
                put(["arn:aws:iam::222222222222:role/bulkhead/bulkhead-plan"], key),
            )
            for key in ("deploy_principal_arns", "plan_principal_arns")
        ),
        ("tags: keys", put({"bulkhead:customer": "x"}, "tags")),
    ),
)
