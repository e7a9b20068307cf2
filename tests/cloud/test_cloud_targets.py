"""Names of operations in the header X-Amz-Target, as different SDKs write them."""

from __future__ import annotations

from typing import Any

import pytest
from support.cloud import A, Clients


@pytest.mark.parametrize("prefix", ["", "com.amazonaws.cloudtrail.v20131101."])
def test_cloudtrail_has_two_names(clients: Clients, prefix: str) -> None:
    """The SDK for Go sends the short one, botocore the long one."""
    cloudtrail = clients(A, "cloudtrail")

    def rename(request: Any, **_: Any) -> None:
        request.headers.replace_header("X-Amz-Target", f"{prefix}CloudTrail_20131101.ListTrails")

    cloudtrail.meta.events.register("before-sign.cloudtrail.ListTrails", rename)
    try:
        assert cloudtrail.list_trails()["Trails"] == []
    finally:
        cloudtrail.meta.events.unregister("before-sign.cloudtrail.ListTrails", rename)
