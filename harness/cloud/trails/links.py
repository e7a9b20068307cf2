"""Sinks and links of CloudWatch's Observability Access Manager, and what a link lets be seen.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Unified-Cross-Account.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from harness.cloud.trails.selection import Selection

LOG_GROUP = "AWS::Logs::LogGroup"
METRIC = "AWS::CloudWatch::Metric"
TRACE = "AWS::XRay::Trace"

Place = tuple[str, str]
"""Account and Region."""


@dataclass(slots=True)
class Sink:
    """Where a monitoring account takes links; one for each account and Region."""

    account: str
    region: str
    id: str
    name: str
    tags: dict[str, str] = field(default_factory=dict)
    policy: str = ""

    @property
    def arn(self) -> str:
        """The sink's ARN."""
        return f"arn:aws:oam:{self.region}:{self.account}:sink/{self.id}"


@dataclass(slots=True)
class Link:
    """What a source account lets the account of one sink see."""

    account: str
    region: str
    id: str
    sink: Sink
    label_template: str
    label: str
    types: tuple[str, ...]
    configuration: dict[str, Any]
    groups: Selection
    namespaces: Selection
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The link's ARN."""
        return f"arn:aws:oam:{self.region}:{self.account}:link/{self.id}"


class Links:
    """The sinks and links of one cloud."""

    def __init__(self) -> None:
        self.sinks: dict[Place, Sink] = {}
        self.links: dict[str, Link] = {}
        """By ARN."""

    def sink(self, arn: str) -> Sink | None:
        """The sink of an ARN."""
        return next((sink for sink in list(self.sinks.values()) if sink.arn == arn), None)

    def rewrite_policies(self, change: Callable[[str], str]) -> None:
        """Have the policy of each sink changed."""
        for sink in list(self.sinks.values()):
            sink.policy = change(sink.policy) if sink.policy else ""

    def sink_policy(self, arn: str) -> str | None:
        """The document that decides who may link to a sink."""
        sink = self.sink(arn)
        return sink.policy or None if sink is not None else None

    def into(self, monitoring: Place, kind: str) -> Iterator[Link]:
        """The links by which an account sees resources of a type in a Region."""
        for link in list(self.links.values()):
            if (link.sink.account, link.sink.region) == monitoring and kind in link.types:
                yield link

    def link(self, monitoring: Place, source: str, kind: str) -> Link | None:
        """The link by which an account sees resources of a type of one source account."""
        found = self.into(monitoring, kind)
        return next((link for link in found if link.account == source), None)
