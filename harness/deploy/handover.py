"""Hands a customer over to the roots and the applications in its own accounts.

The operations root writes one document for each customer; that is all a customer root gets, and no
root reads another's state. The document names no secret. The external id travels apart: the owner
of each account of the customer keeps it as a SecureString in that account, where the customer
decides who reads it, and it is in no state of a customer root.
https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-parameter-store.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from harness.deploy.deployment import CustomerAccount, Fleet
from harness.deploy.workspace import write_private
from harness.errors import UserError
from harness.targets.base import Target

FOLDER = "handover"


def write_documents(folder: Path, fleets: Iterable[Fleet]) -> None:
    """Writes each customer's document as a variable file of the customer root, and removes those of
    customers that are no more."""
    names = set()
    for fleet in fleets:
        name = f"{fleet.customer}.tfvars.json"
        names.add(name)
        text = json.dumps({"handover": dict(fleet.handover)}, indent=2, sort_keys=True)
        write_private(folder / name, text + "\n")
    for file in folder.glob("*.tfvars.json"):
        if file.name not in names:
            file.unlink()


def write_page(
    folder: Path, fleet: Fleet, accounts: Iterable[CustomerAccount], environment: str
) -> Path:
    """Writes what a customer is to know of its place in the operations account, for people; it
    names no secret. Returns where it is."""
    name = fleet.customer
    lines = [
        f"# {name} in {environment}",
        "",
        f"Fleet role: `{fleet.fleet_role_arn}`  ",
        f"External id: in the parameter `{parameter_name(name)}` of each account, never sent",
        "",
        "| model | Region | inference profile |",
        "|---|---|---|",
    ]
    for region, profiles in fleet.inference_profiles.items():
        lines += [f"| `{model}` | {region} | `{arn}` |" for model, arn in profiles.items()]
    for account in accounts:
        prefix = fleet.session_name_prefix[account.account_id]
        lines += [
            "",
            f"## Account {account.account_id}",
            "",
            f"Runs as (`{account.caller}`): `{account.caller_role_arn}`  ",
            f"Names of its sessions start with: `{prefix}`  ",
            f"Records: `{account.log_group_name}` in {account.region}, kept "
            f"{account.retention_in_days} days",
            "",
            "An application starts the client from the document of its Region:",
            "",
        ]
        lines += [f"- {region}: `{place}`" for region, place in account.configuration.items()]
    path = folder / f"{name}.md"
    write_private(path, "\n".join(lines) + "\n")
    return path


def keep_external_id(target: Target, account: str, region: str, fleet: Fleet) -> None:
    """Has the account's owner keep the customer's external id there, unless it is there already.

    What is kept is told by its description, since nobody needs to decrypt the value to compare it.
    Raises `UserError` where the owner may not.
    """
    ssm = target.client(target.session(account), "ssm", region)
    name = parameter_name(fleet.customer)
    description = f"External id of {fleet.customer}, {_fingerprint(fleet.external_id)}"
    try:
        if description not in [found["Description"] for found in _described(ssm, name)]:
            ssm.put_parameter(
                Name=name,
                Type="SecureString",
                Value=fleet.external_id,
                Description=description,
                Overwrite=True,
            )
            if target.labels:
                # Tags cannot be given where a value may be overwritten.
                ssm.add_tags_to_resource(
                    ResourceType="Parameter",
                    ResourceId=name,
                    Tags=[{"Key": key, "Value": value} for key, value in target.labels.items()],
                )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise UserError(f"account {account}: parameter {name} cannot be kept: {code}") from error


def forget_external_id(target: Target, account: str, region: str, customer: str) -> None:
    """Has the account's owner delete what `keep_external_id` kept there. None is no error.

    Raises `UserError` where the owner may not.
    """
    ssm = target.client(target.session(account), "ssm", region)
    name = parameter_name(customer)
    try:
        # Not `delete_parameter`, which fails where there is none.
        ssm.delete_parameters(Names=[name])
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise UserError(f"account {account}: parameter {name} cannot be deleted: {code}") from error


def parameter_name(customer: str) -> str:
    """Where a customer's external id is kept in its own accounts."""
    return f"/bulkhead/{customer}/external-id"


def _described(ssm: Any, name: str) -> list[dict[str, Any]]:
    filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=filters)
    return [{"Description": "", **found} for page in pages for found in page["Parameters"]]


def _fingerprint(external_id: str) -> str:
    """Tells two ids apart and nothing about either: ids are random and long."""
    return hashlib.sha256(external_id.encode()).hexdigest()[:12]
