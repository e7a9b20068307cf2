"""The rules of environments/embedded/operations."""

from __future__ import annotations

from support.rules.changes import ACME_ID, GLOBEX_ID, SCHEMA, SHARED, Rules, put

WHERE = "environments/embedded/operations"

RULES = Rules(
    WHERE,
    (
        SHARED,
        SCHEMA,
        f"{WHERE}/variables.tf",
        f"{WHERE}/locals.tf",
    ),
    {"external_ids": {"acme": ACME_ID, "globex": GLOBEX_ID, "initech": "x"}},
    (("external_ids must", put({"acme": ACME_ID}, "external_ids")),),
)
