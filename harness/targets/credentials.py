"""Credentials of a profile for other programs: `-m harness.targets.credentials FILE ACCOUNT`.

FILE is a saved `Access`. Terraform asks for them (`credential_process`), so that no secret is
copied into any file and Identity Center works wherever it works for the AWS CLI. They are given for
the listed accounts only.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from harness.errors import UserError
from harness.targets.aws import AwsTarget
from harness.targets.profiles import Access


def main(arguments: list[str]) -> int:
    """Prints the credentials as JSON; returns the exit code."""
    file, account = arguments
    try:
        session = AwsTarget(Access.load(Path(file))).session(account)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    found = session.get_credentials()
    assert found is not None  # it has just signed a request
    keys = found.get_frozen_credentials()
    said = {
        "Version": 1,
        "AccessKeyId": keys.access_key,
        "SecretAccessKey": keys.secret_key,
    }
    if keys.token:
        said["SessionToken"] = keys.token
    expires = getattr(found, "_expiry_time", None)
    if expires is not None:
        said["Expiration"] = expires.isoformat()
    print(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
