"""Reaches a target again from where another process left it."""

from __future__ import annotations

from harness.cloud.process import CloudProcess
from harness.errors import UserError
from harness.targets.aws import AwsTarget
from harness.targets.base import Place, Target
from harness.targets.embedded import EmbeddedTarget
from harness.targets.localstack import LocalStackTarget
from harness.targets.profiles import Access


def reach(place: Place, *, changing: bool = True) -> Target:
    """The target at that place. Without `changing`, real accounts are only read.

    Raises `UserError` for a target that this release does not know.
    """
    if place.target == EmbeddedTarget.name:
        cloud = CloudProcess.attach(place.endpoint, place.credentials, place.control)
        return EmbeddedTarget(cloud)
    if place.target == LocalStackTarget.name:
        return LocalStackTarget(
            CloudProcess.attach(place.endpoint, place.credentials, place.control)
        )
    if place.target == AwsTarget.name:
        return AwsTarget(Access.load(place.credentials), changing=changing)
    raise UserError(f"the target {place.target!r} is not known here; apply again")
