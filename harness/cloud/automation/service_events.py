"""Events that AWS services put on the default bus of an account by themselves."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from moto.events.models import events_backends

from harness.cloud.automation.series import Place


def put_service_event(
    place: Place,
    *,
    source: str,
    detail_type: str,
    resources: Sequence[str],
    detail: Mapping[str, Any],
    at: datetime,
) -> None:
    """Let every rule of the default bus have the event; what matches sends it to its targets."""
    account, region = place
    bus = events_backends[account][region].event_buses["default"]
    for rule in tuple(bus.rules.values()):
        event: Any = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": account,
            "time": at.timestamp(),
            "region": region,
            "resources": list(resources),
            "detail": dict(detail),
            "ingestion-time": at.timestamp(),
        }
        rule.send_to_targets(event)
