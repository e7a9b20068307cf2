"""Shows an operator that you can act in an AWS account, without giving away anything.

`python -m bulkhead.ownership CHALLENGE` prints a URL to send back. It is a presigned
`sts:GetCallerIdentity` with the challenge as a signed header: it tells the account and the ARN of
whoever signed it, to whoever knows the challenge, for a quarter of an hour. It needs no permission,
and opens nothing.
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

from __future__ import annotations

import argparse
import re
import sys

import boto3
from botocore.exceptions import BotoCoreError, NoCredentialsError
from botocore.signers import RequestSigner

HEADER = "x-bulkhead-challenge"
_CHALLENGE = re.compile(r"bulkhead/[A-Za-z0-9._-]+/[a-z0-9-]+/[0-9]{12}/[A-Za-z0-9_-]{43}")


def signed(
    challenge: str, region: str, session: boto3.Session | None = None, *, valid: int = 900
) -> str:
    """The URL that proves who the session is, good for `valid` seconds.

    `region` is the main Region of the operator, who says it with the challenge. Raises `ValueError`
    for what is no challenge, and botocore's errors where there are no credentials.
    """
    if not _CHALLENGE.fullmatch(challenge):
        raise ValueError("this is no challenge; copy it whole, it starts with bulkhead/")
    session = session or boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    sts = session.client("sts", region_name=region)
    signer = RequestSigner(
        sts.meta.service_model.service_id,
        region,
        "sts",
        "v4",
        credentials,
        session.events,
    )
    request = {
        "method": "GET",
        "url": f"{sts.meta.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {HEADER: challenge},
        "context": {},
    }
    url: str = signer.generate_presigned_url(
        request, operation_name="GetCallerIdentity", expires_in=valid, region_name=region
    )
    return url


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m bulkhead.ownership", description=__doc__)
    parser.add_argument("challenge", help="what the operator sent you")
    parser.add_argument("--region", required=True, help="the operator's main Region")
    parser.add_argument("--profile", help="of your AWS configuration; default as the AWS CLI's")
    given = parser.parse_args(arguments)
    try:
        session = boto3.Session(profile_name=given.profile)
        print(signed(given.challenge, given.region, session))
    except (ValueError, BotoCoreError) as error:
        print(f"bulkhead: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
