"""The organizations of an environment's accounts: the tree, and every policy with its targets.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.snapshot.parsed import parsed
from harness.snapshot.reader import Gone, Reader

_SECTION = "organization"
_POLICY_TYPES = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
"""Those that decide access; others manage tags, backups and settings."""
_NONE = ("AWSOrganizationsNotInUseException",)


def organizations(own: Reader, others: Sequence[Reader]) -> dict[str, Any]:
    """By id: the organization that `own` manages, and those that the other accounts are in, of
    which only the id and who manages it can be told from within."""
    found: dict[str, Any] = {}
    mine = _described(own)
    if mine is not None:
        found[mine["Id"]] = _whole(own, mine)
    known = {account for each in found.values() for account in each["accounts"]}
    for reader in others:
        if reader.account in known:
            continue
        theirs = _described(reader)
        if theirs is not None:
            each = found.setdefault(theirs["Id"], _empty(theirs))
            each["accounts"][reader.account] = {"parent": None}
    return found


def _described(reader: Reader) -> Mapping[str, Any] | None:
    answer = reader.of(_SECTION, "", "organizations", "describe_organization", absent=_NONE)
    told: Mapping[str, Any] | None = answer.get("Organization")
    return told


def _empty(organization: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "management_account": str(organization["MasterAccountId"]),
        "policy_types": [],
        "units": {},
        "accounts": {},
        "policies": {},
        "delegated": {},
    }


def _whole(reader: Reader, organization: Mapping[str, Any]) -> dict[str, Any]:
    found = _empty(organization)
    for root in reader.every(_SECTION, "organizations", "list_roots", "Roots"):
        types = [t["Type"] for t in root["PolicyTypes"] if t["Status"] == "ENABLED"]
        found["policy_types"] = sorted(set(types) & set(_POLICY_TYPES))
        _tree(reader, root["Id"], root["Name"], None, found)
    for kind in _POLICY_TYPES:
        for each in reader.every(
            _SECTION, "organizations", "list_policies", "Policies", Filter=kind
        ):
            try:
                found["policies"][each["Id"]] = _policy(reader, each, kind)
            except Gone:
                continue
    for admin in reader.every(
        "delegated", "organizations", "list_delegated_administrators", "DelegatedAdministrators"
    ):
        services = reader.every(
            "delegated",
            "organizations",
            "list_delegated_services_for_account",
            "DelegatedServices",
            AccountId=admin["Id"],
        )
        found["delegated"][admin["Id"]] = sorted(s["ServicePrincipal"] for s in services)
    return found


def _tree(
    reader: Reader, identifier: str, name: str, parent: str | None, found: dict[str, Any]
) -> None:
    found["units"][identifier] = {"name": name, "parent": parent}
    for account in reader.every(
        _SECTION, "organizations", "list_accounts_for_parent", "Accounts", ParentId=identifier
    ):
        found["accounts"][account["Id"]] = {"parent": identifier}
    for unit in reader.every(
        *(_SECTION, "organizations", "list_organizational_units_for_parent"),
        "OrganizationalUnits",
        ParentId=identifier,
    ):
        _tree(reader, unit["Id"], unit["Name"], identifier, found)


def _policy(reader: Reader, policy: Mapping[str, Any], kind: str) -> dict[str, Any]:
    identifier = policy["Id"]
    told = reader.of(_SECTION, "", "organizations", "describe_policy", PolicyId=identifier)
    targets = reader.every(
        *(_SECTION, "organizations", "list_targets_for_policy", "Targets"), PolicyId=identifier
    )
    # Without its text it cannot be parsed, and whoever it binds is denied.
    content = told.get("Policy", {}).get("Content", "unreadable")
    return {
        "name": policy["Name"],
        "type": kind,
        "document": parsed(content),
        "targets": sorted(target["TargetId"] for target in targets),
    }
