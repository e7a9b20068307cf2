"""An account without the organization's service control policies, for a moment.

What an attempt needs can be made there, so that only the wall in question stands between the
attempt and its success.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.deploy.environment import Environment
from harness.targets.base import Target

if TYPE_CHECKING:
    from harness.probes.cast import Cast


@contextlib.contextmanager
def without_scps(target: Target, environment: Environment, account: str) -> Iterator[None]:
    """Within, no SCP of ours is on the account. Raises botocore's `ClientError`."""
    management = target.session(environment.management_account)
    organizations = target.client(management, "organizations", environment.region)
    pages = organizations.get_paginator("list_policies_for_target").paginate(
        TargetId=account, Filter="SERVICE_CONTROL_POLICY"
    )
    own = [p["Id"] for page in pages for p in page["Policies"] if not p["AwsManaged"]]
    taken: list[str] = []
    try:
        for policy in own:
            organizations.detach_policy(PolicyId=policy, TargetId=account)
            taken.append(policy)
        yield
    finally:
        for policy in taken:
            organizations.attach_policy(PolicyId=policy, TargetId=account)


def unguarded(cast: Cast, account: str) -> contextlib.AbstractContextManager[None]:
    """The same for the cloud of a cast."""
    return without_scps(cast.stage.target, cast.stage.environment, account)
