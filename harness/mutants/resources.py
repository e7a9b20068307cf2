"""Policies of keys, buckets and other resources that let in whom no role's policies name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness.mutants.model import Mutant, Notice
from harness.mutants.site import Site, Statement

OPEN = Notice("resource-policies")
TESTS = "test_no_resource_of_operations"


def _bucket(
    principal: Callable[[Site], object], **condition: Callable[[Site], object]
) -> Callable[[Site], None]:
    """A bucket of operations that takes objects of `principal`; `condition` by operator."""

    def weaken(site: Site) -> None:
        s3, bucket = site.client(site.operations, "s3"), "bulkhead-mutant-bucket"
        where: Any = {"LocationConstraint": site.region}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        statement: Statement = {
            "Effect": "Allow",
            "Principal": principal(site),
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
        }
        if condition:
            statement["Condition"] = {name: make(site) for name, make in condition.items()}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    return weaken


def _customers(site: Site) -> dict[str, list[str]]:
    return {"AWS": [f"arn:aws:iam::{account}:root" for account in site.stage.homes]}


def _fleet_path(site: Site) -> dict[str, str]:
    return {"aws:PrincipalArn": f"arn:aws:iam::{site.operations}:role/bulkhead/fleet/*"}


def _key_elsewhere(site: Site) -> None:
    """A key of operations in another Region, for a fleet role."""
    region = next(r for r in site.stage.environment.regions if r != site.region)
    root = f"arn:aws:iam::{site.operations}:root"
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": name}, "Action": action, "Resource": "*"}
        for name, action in ((root, "kms:*"), (site.victim.role_arn, "kms:Encrypt"))
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    site.client(site.operations, "kms", region).create_key(Policy=policy)


def _decrypt(site: Site) -> None:
    site.key_policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{site.operations}:root"},
            "Action": "kms:Decrypt",
            "Resource": "*",
        }
    )


RESOURCES = (
    Mutant(
        "C10",
        "a bucket's policy lets a fleet role in",
        "role chaining",
        _bucket(lambda site: {"AWS": site.victim.role_arn}),
        (OPEN,),
        TESTS,
    ),
    Mutant(
        "C10-pattern",
        "a bucket is open to everybody whose role's name is like a fleet role's",
        "role chaining",
        _bucket(lambda _: "*", ArnLike=_fleet_path),
        (OPEN,),
        TESTS,
    ),
    Mutant(
        "C10-elsewhere",
        "a key in a Region that nobody uses lets a fleet role in",
        "role chaining",
        _key_elsewhere,
        (OPEN,),
        TESTS,
    ),
    Mutant(
        "L06",
        "a bucket of operations takes objects of the customers' accounts",
        "logs",
        _bucket(_customers),
        (OPEN,),
        TESTS,
    ),
    Mutant(
        "L13",
        "a bucket of operations takes what CloudWatch Logs exports for a customer",
        "logs",
        _bucket(
            lambda site: {"Service": f"logs.{site.region}.amazonaws.com"},
            StringEquals=lambda site: {"aws:SourceAccount": site.victims_home.account},
        ),
        (OPEN,),
        TESTS,
    ),
    Mutant(
        "K01-decrypt",
        "the operations account may decrypt with a customer's key, and nothing else",
        "KMS",
        _decrypt,
        (Notice("key-policy"),),
        "test_key_policy_says",
    ),
)
