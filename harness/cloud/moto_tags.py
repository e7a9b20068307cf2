"""Tags of resources, for `aws:ResourceTag`, out of moto's state.

Three answers: the tags, none (nothing there, or nothing that can be tagged), or not known. Where
tags are not known, a policy that asks for them cannot be decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.backends import get_backend

Tags = Mapping[str, str]
Reader = Callable[[Any, str, str], Tags | None]
"""From a service's backend, a resource's ARN and the last field of it to its tags."""


def tags_of(arn: str, service: str, region: str, account: str, resource: str) -> Tags | None:
    """The tags of a resource of an account that exists; None where they are not known."""
    if service == "s3":
        # A bucket's tags count only once ABAC is switched on for it, which cannot be done here.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging-enable-abac.html
        return {}
    reader = _READERS.get(service)
    if reader is None or (service == "cloudwatch" and not region):
        return None  # dashboards are of no Region, and moto keeps no tags of them
    backends: Any = get_backend(service)  # type: ignore[call-overload]
    return reader(backends[account][region or "aws"], arn, resource)


def tag_dict(tags: Any) -> dict[str, str]:
    """Tags as a mapping, from any of the forms in which moto keeps them."""
    if isinstance(tags, Mapping):
        return {str(k): str(v["Value"] if isinstance(v, Mapping) else v) for k, v in tags.items()}
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags or ()}


def _iam(backend: Any, arn: str, resource: str) -> Tags | None:
    """Roles are left to the estate, which finds them faster."""
    kind, _, path = resource.partition("/")
    if kind == "policy":
        policy = backend.managed_policies.get(arn)
        return {} if policy is None else tag_dict(policy.tags)
    if kind == "user":
        return tag_dict(backend.tagger.get_tag_dict_for_resource(arn))
    if kind == "instance-profile":
        profile = backend.instance_profiles.get(path.rsplit("/", 1)[-1])
        return {} if profile is None else tag_dict(profile.tags)
    return {} if kind in ("group", "root", "access-report") else None


def _kms(backend: Any, _arn: str, resource: str) -> Tags | None:
    kind, _, key_id = resource.partition("/")
    return tag_dict(backend.tagger.get_tag_dict_for_resource(key_id)) if kind == "key" else {}


def _logs(backend: Any, arn: str, resource: str) -> Tags | None:
    kind, _, rest = resource.partition(":")
    if kind != "log-group":
        return None
    group = f"{arn.removesuffix(resource)}log-group:{rest.split(':', 1)[0]}"
    return tag_dict(backend.tagger.get_tag_dict_for_resource(group))


def _sqs(backend: Any, _arn: str, resource: str) -> Tags | None:
    queue = backend.queues.get(resource)
    return {} if queue is None else tag_dict(queue.tags)


def _sns(backend: Any, arn: str, _resource: str) -> Tags | None:
    topic = backend.topics.get(arn)
    return {} if topic is None else tag_dict(topic._tags)


def _secretsmanager(backend: Any, arn: str, _resource: str) -> Tags | None:
    secret = backend.secrets.get(arn)
    secret = getattr(secret, "source", secret)
    return {} if secret is None else tag_dict(secret.tags)


def _dynamodb(backend: Any, _arn: str, resource: str) -> Tags | None:
    kind, _, rest = resource.partition("/")
    table = backend.tables.get(rest.split("/", 1)[0]) if kind == "table" else None
    if table is None:
        return {} if kind == "table" else None
    return tag_dict(table.tags)


def _kinesis(backend: Any, _arn: str, resource: str) -> Tags | None:
    kind, _, name = resource.partition("/")
    if kind != "stream" or "/" in name:
        return None
    stream = backend.streams.get(name)
    return {} if stream is None else tag_dict(stream.tags)


def _events(backend: Any, arn: str, resource: str) -> Tags | None:
    if resource.split("/", 1)[0] not in ("rule", "event-bus"):
        return None
    return tag_dict(backend.tagger.get_tag_dict_for_resource(arn))


def _cloudwatch(backend: Any, arn: str, _resource: str) -> Tags | None:
    return tag_dict(backend.tagger.get_tag_dict_for_resource(arn))


def _organizations(backend: Any, _arn: str, resource: str) -> Tags | None:
    identifier = resource.rsplit("/", 1)[-1]
    entities = (*backend.policies, *backend.ou, *backend.accounts)
    return next((tag_dict(e.tags) for e in entities if e.id == identifier), {})


_READERS: Mapping[str, Reader] = {
    "cloudwatch": _cloudwatch,
    "dynamodb": _dynamodb,
    "events": _events,
    "iam": _iam,
    "kinesis": _kinesis,
    "kms": _kms,
    "logs": _logs,
    "organizations": _organizations,
    "secretsmanager": _secretsmanager,
    "sns": _sns,
    "sqs": _sqs,
}
