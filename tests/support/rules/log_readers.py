"""The rules of modules/log-readers."""

from __future__ import annotations

from typing import Any

from support.rules.changes import CALLER_ARN, Change, Rules, in_partition, put

WHERE = "modules/log-readers"


def granted(field: str, value: Any) -> Change:
    return put(value, "support_access", "case-1", field)


def ticket_named(name: str) -> Change:
    """A change that gives the grant another ticket."""

    def change(variables: dict[str, Any]) -> None:
        variables["support_access"][name] = variables["support_access"].pop("case-1")

    return change


RULES = Rules(
    WHERE,
    (f"{WHERE}/variables.tf",),
    {
        "customer": "acme",
        "account_id": "222222222222",
        "operations_account_id": "111111111111",
        "reader": {"principal_arns": ["arn:aws:iam::222222222222:user/a/auditor"], "content": True},
        "support_access": {
            "case-1": {
                "principal_arns": ["arn:aws:iam::888888888888:role/support/engineer"],
                "granted_at": "2026-01-12T08:00:00Z",
                "expires_at": "2026-01-19T08:00:00Z",
            }
        },
        "permissions_boundary_arn": "arn:aws:iam::222222222222:policy/bulkhead/reader-boundary",
    },
    (
        ("partition must", in_partition("aws-cn")),
        ("reader.principal_arns must", in_partition("aws-us-gov", "reader")),
        ("support_access: principals must", in_partition("aws-us-gov", "support_access")),
        ("permissions_boundary_arn must", in_partition("aws-us-gov", "permissions_boundary_arn")),
        ("customer must", put("Acme", "customer")),
        ("customer must", put("a" * 33, "customer")),
        ("account_id must", put(22222222222, "account_id")),
        ("operations_account_id must", put(11111111111, "operations_account_id")),
        ("operations_account_id is", put("222222222222", "operations_account_id")),
        ("caller_role must", put("app*", "caller_role")),
        ("caller_role must", put("/app", "caller_role")),
        ("caller_role must", put("${aws:username}", "caller_role")),
        *(
            ("reader.principal_arns must", put([arn], "reader", "principal_arns"))
            for arn in (
                "arn:aws:iam::111111111111:role/support",
                "arn:aws:iam::333333333333:role/support",
                "arn:aws:iam::222222222222:root",
                "arn:aws:iam::222222222222:role/*",
                "*",
            )
        ),
        ("reader.principal_arns names", put([CALLER_ARN], "reader", "principal_arns")),
        ("support_access: a ticket", ticket_named("Case-1")),
        ("support_access: a ticket", ticket_named("c" * 33)),
        ("support_access: a grant must name", granted("principal_arns", [])),
        *(
            ("support_access: principals must", granted("principal_arns", [arn]))
            for arn in (
                "arn:aws:iam::888888888888:root",
                "arn:aws:iam::888888888888:user/engineer",
                "arn:aws:iam::888888888888:role/support/*",
                "arn:aws:iam::*:role/support/engineer",
            )
        ),
        (
            "support_access: nobody",
            granted("principal_arns", ["arn:aws:iam::111111111111:role/support"]),
        ),
        ("support_access: granted_at", granted("granted_at", "2026-01-12")),
        ("support_access: granted_at", granted("expires_at", "2026-13-12T08:00:00Z")),
        ("support_access: granted_at", granted("expires_at", "2026-01-13T08:00:00+02:00")),
        ("support_access: a grant must expire", granted("expires_at", "2026-01-19T08:00:01Z")),
        ("support_access: a grant must expire", granted("expires_at", "2026-01-12T08:00:00Z")),
        ("permissions_boundary_arn must", put("boundary", "permissions_boundary_arn")),
        (
            "permissions_boundary_arn must",
            put("arn:aws:iam::111111111111:policy/x", "permissions_boundary_arn"),
        ),
        ("tags: keys", put({"bulkhead:customer": "globex"}, "tags")),
    ),
)
