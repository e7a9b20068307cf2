"""A copy of the cloud in which every customer has turned its own account against the others.

A customer administers its account: it can rewrite what its caller role may do. Walls between
customers must therefore stand without anything that is written in a customer's account. Real
deployments are not changed for this; the embedded cloud is forked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.deploy.deployment import Deployment
from harness.probes.cast import ANYTHING
from harness.probes.stage import Home, Stage
from harness.targets.base import Target
from harness.targets.embedded import EmbeddedTarget


@contextmanager
def hostile_stage(deployment: Deployment) -> Iterator[Stage]:
    """The stage of a fork in which each caller role may do whatever its account can allow."""
    with deployment.cloud().fork() as cloud:
        target = EmbeddedTarget(cloud)
        stage = Stage.of(deployment.on(target), target)
        for home in stage.homes.values():
            free(target, home)
        yield stage


def free(target: Target, home: Home) -> None:
    """Give a caller role all rights and take away every denial of its own."""
    iam = target.client(target.session(home.account), "iam", home.region)
    role = home.caller_role_name
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
    if "PermissionsBoundary" in iam.get_role(RoleName=role)["Role"]:
        iam.delete_role_permissions_boundary(RoleName=role)
    iam.put_role_policy(RoleName=role, PolicyName="anything", PolicyDocument=ANYTHING)
