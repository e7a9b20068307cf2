"""What attempts at guardrails have in common: how they are written down, and a bucket to fill."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness.probes.cast import Actor, Cast

Tried = tuple[tuple[str, ...], str, tuple[str, ...], Callable[[], object]]
"""Rows of the catalogue, action, resources that a refusal may name, call."""


def make_bucket(cast: Cast, who: Actor, region: str, service: str) -> str:
    """A bucket that a service may write to: but for the guardrail, what names it would be taken."""
    bucket, s3 = f"bulkhead-probe-{who.account}-{region}", cast.client(who, "s3", region)
    where: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else where))
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"StringEquals": {"aws:SourceAccount": who.account}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    return bucket
