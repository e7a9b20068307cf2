"""The rules of environments/embedded/bootstrap."""

from __future__ import annotations

from support.rules.changes import SCHEMA, SHARED, Rules, put

WHERE = "environments/embedded/bootstrap"

RULES = Rules(
    WHERE,
    (
        SHARED,
        SCHEMA,
        *(f"{WHERE}/{name}" for name in ("variables.tf", "locals.tf", "support.yaml")),
    ),
    {
        "account_id": "999999999999",
    },
    (("account_id is neither", put("666666666666", "account_id")),),
)
