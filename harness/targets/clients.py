"""boto3 clients of many sessions that differ in their credentials only.

Building one takes milliseconds: a class with a method for each operation, rules of endpoints, a
pool of connections. A suite that acts as hundreds of principals spends a fifth of its time on it,
so one is built for each service and region, and given other credentials.
"""

from __future__ import annotations

import copy
from typing import Any

import boto3
from botocore.client import ClientMeta
from botocore.signers import RequestSigner

OWN = frozenset({"s3", "s3control", "s3outposts"})
"""Services whose clients hand themselves to what they register, and so cannot serve another."""

_names: dict[str, str] = {}
"""What botocore calls the events of services that it renamed, as far as it was worked out."""


def known(events: Any) -> Any:
    """The same emitter of events, which does not work out again how each is called now: a tenth of
    what a call computes, where a client makes only a few."""
    events._alias_name_cache = _names
    return events


def rebound(model: Any, session: boto3.Session) -> Any:
    """A client like `model`, of none of the services in `OWN`, that signs as `session`.

    Both share their connections, and nothing that either registers later. Looks into botocore,
    which has no such copy of its own; tests/targets holds that it acts as a client of its own does.
    """
    client = object.__new__(type(model))
    client.__dict__.update(model.__dict__)
    events = known(copy.copy(model.meta.events))
    signer, service = model._request_signer, model.meta.service_model
    signs = f"request-created.{service.service_id.hyphenize()}"
    events.unregister(signs, signer.handler)
    client._request_signer = RequestSigner(
        service.service_id,
        signer.region_name,
        signer.signing_name,
        signer.signature_version,
        session.get_credentials(),  # type: ignore[arg-type]
        events,
    )
    events.register(signs, client._request_signer.handler)
    client._endpoint = copy.copy(model._endpoint)
    client._endpoint._event_emitter = events
    client._cache = {}
    client.meta = ClientMeta(
        events,
        model.meta.config,
        model.meta.endpoint_url,
        service,
        model.meta.method_to_api_mapping,
        model.meta.partition,
    )
    return client
