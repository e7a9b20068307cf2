"""What was deployed, without secrets: a file by which another machine audits real accounts.

It is the saved deployment without external ids, and without where credentials are: whoever reads it
brings profiles of its own. Ids of accounts and keys, ARNs and guardrails are in it.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from harness.deploy.deployment import Deployment
from harness.deploy.environment import Environment
from harness.deploy.workspace import write_private
from harness.errors import UserError
from harness.targets.base import Place


def save_deployed(deployment: Deployment, path: Path) -> None:
    """Writes the file. Raises `UserError` where an external id would be in it, or it cannot be
    written."""
    shared = dataclasses.replace(
        deployment,
        place=Place(deployment.place.target, "", Path(), Path()),
        fleets={
            customer: dataclasses.replace(fleet, external_id="")
            for customer, fleet in deployment.fleets.items()
        },
    )
    document = {**shared.as_dict(), "environment": deployment.environment.name}
    text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    if any(secret in text for secret in deployment.external_ids.values() if secret):
        raise UserError(f"{path}: would hold an external id, so it was not written")
    try:
        write_private(path, text)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error


def load_deployed(path: Path, environment: Environment) -> Deployment:
    """Reads the file, for the environment of that name here. Raises `UserError` for a file that is
    not what `save_deployed` wrote, or is another environment's."""
    deployment = Deployment.load(path, environment)
    if any(deployment.external_ids.values()):
        raise UserError(
            f"{path}: holds external ids; it is no file of `bulkhead deployed`, and belongs on no "
            "other machine"
        )
    return deployment
