"""OAM: what a link shows, and that nothing is shown without one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import OUTSIDER, REGION, A, B, Clients, allow, document, trust

LOGS, METRICS, TRACES = "AWS::Logs::LogGroup", "AWS::CloudWatch::Metric", "AWS::XRay::Trace"


@pytest.fixture
def sink(clients: Clients) -> Iterator[str]:
    oam = clients(B, "oam")
    arn = oam.create_sink(Name="monitoring")["Arn"]
    yield arn
    for link in oam.list_attached_links(SinkIdentifier=arn)["Items"]:
        source = link["LinkArn"].split(":")[4]
        clients(source, "oam").delete_link(Identifier=link["LinkArn"])
    oam.delete_sink(Identifier=arn)


def open_to(clients: Clients, sink: str, principal: Any, *types: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["oam:CreateLink", "oam:UpdateLink"],
        "Resource": "*",
        "Condition": {"ForAllValues:StringEquals": {"oam:ResourceTypes": list(types or [LOGS])}},
    }
    clients(B, "oam").put_sink_policy(SinkIdentifier=sink, Policy=document(statement))


def link(clients: Clients, sink: str, *types: str, who: str = A, **rest: Any) -> str:
    made = clients(who, "oam").create_link(
        LabelTemplate="$AccountName",
        ResourceTypes=list(types or [LOGS]),
        SinkIdentifier=sink,
        **rest,
    )
    return str(made["Arn"])


@pytest.fixture
def group(clients: Clients, unique: Callable[[str], str]) -> str:
    return written(clients, unique("linked"))


def written(clients: Clients, name: str) -> str:
    """A group of A with one event, whose text is the group's name."""
    logs = clients(A, "logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": f"canary {name}"}
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=[event])
    return name


def arn_of(group: str) -> str:
    return f"arn:aws:logs:{REGION}:{A}:log-group:{group}"


def names(clients: Clients, **rest: Any) -> set[str]:
    answer = clients(B, "logs").describe_log_groups(includeLinkedAccounts=True, **rest)
    return {each["arn"].split(":")[4] + each["logGroupName"] for each in answer["logGroups"]}


def test_a_link_shows_groups_and_their_events(clients: Clients, sink: str, group: str) -> None:
    open_to(clients, sink, {"AWS": A})
    link(clients, sink)
    assert A + group in names(clients, logGroupNamePrefix=group)
    assert A + group in names(clients, logGroupNamePrefix=group, accountIdentifiers=[A])
    assert names(clients, logGroupNamePrefix=group, accountIdentifiers=[B]) == set()
    logs = clients(B, "logs")
    own = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert own == []
    found = logs.filter_log_events(logGroupIdentifier=arn_of(group))["events"]
    assert [each["message"] for each in found] == [f"canary {group}"]
    got = logs.get_log_events(logGroupIdentifier=arn_of(group), logStreamName="s")["events"]
    assert [each["message"] for each in got] == [f"canary {group}"]
    query = logs.start_query(
        logGroupIdentifiers=[arn_of(group)],
        startTime=1,
        endTime=4_000_000_000,
        queryString="fields @message",
    )["queryId"]
    (row,) = logs.get_query_results(queryId=query)["results"]
    assert {"field": "@message", "value": f"canary {group}"} in row


def test_an_own_group_is_read_by_name_and_by_arn(clients: Clients, group: str) -> None:
    logs = clients(A, "logs")
    for identifier in (group, arn_of(group)):
        found = logs.filter_log_events(logGroupIdentifier=identifier)["events"]
        assert [each["message"] for each in found] == [f"canary {group}"]


def test_nothing_is_seen_without_a_link(clients: Clients, group: str) -> None:
    logs = clients(B, "logs")
    assert names(clients, logGroupNamePrefix=group) == set()
    for read in (
        lambda: logs.filter_log_events(logGroupIdentifier=arn_of(group)),
        lambda: logs.get_log_events(logGroupIdentifier=arn_of(group), logStreamName="s"),
        lambda: logs.start_query(
            logGroupIdentifiers=[arn_of(group)],
            startTime=1,
            endTime=4_000_000_000,
            queryString="fields @message",
        ),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            read()


def test_a_deleted_link_shows_nothing_any_more(clients: Clients, sink: str, group: str) -> None:
    open_to(clients, sink, {"AWS": A})
    made = link(clients, sink)
    logs = clients(B, "logs")
    assert logs.filter_log_events(logGroupIdentifier=arn_of(group))["events"]
    clients(A, "oam").delete_link(Identifier=made)
    with pytest.raises(ClientError, match="AccessDenied"):
        logs.filter_log_events(logGroupIdentifier=arn_of(group))


def test_a_link_of_another_type_shows_no_groups(clients: Clients, sink: str, group: str) -> None:
    open_to(clients, sink, {"AWS": A}, METRICS)
    link(clients, sink, METRICS)
    assert names(clients, logGroupNamePrefix=group) == set()
    with pytest.raises(ClientError, match="AccessDenied"):
        clients(B, "logs").filter_log_events(logGroupIdentifier=arn_of(group))


def test_a_link_in_another_region_shows_nothing_here(clients: Clients, group: str) -> None:
    oam = clients(B, "oam", "eu-west-1")
    other = oam.create_sink(Name="elsewhere")["Arn"]
    policy = document(
        {"Effect": "Allow", "Principal": {"AWS": A}, "Action": "oam:CreateLink", "Resource": "*"}
    )
    oam.put_sink_policy(SinkIdentifier=other, Policy=policy)
    source = clients(A, "oam", "eu-west-1")
    source.create_link(LabelTemplate="x", ResourceTypes=[LOGS], SinkIdentifier=other)
    assert names(clients, logGroupNamePrefix=group) == set()


def test_the_filter_of_a_link_hides_the_rest(
    clients: Clients, sink: str, unique: Callable[[str], str]
) -> None:
    shown, hidden = written(clients, unique("shown")), written(clients, unique("hidden"))
    open_to(clients, sink, {"AWS": A})
    chosen = {"LogGroupConfiguration": {"Filter": "LogGroupName LIKE 'shown%'"}}
    made = link(clients, sink, LinkConfiguration=chosen)
    logs = clients(B, "logs")
    assert A + shown in names(clients)
    assert A + hidden not in names(clients)
    assert logs.filter_log_events(logGroupIdentifier=arn_of(shown))["events"]
    with pytest.raises(ClientError, match="AccessDenied"):
        logs.filter_log_events(logGroupIdentifier=arn_of(hidden))
    got = clients(A, "oam").get_link(Identifier=made)
    assert got["LinkConfiguration"] == chosen


def test_the_reader_needs_a_permission_of_its_own(
    clients: Clients, sink: str, group: str, make_role: Callable[..., str]
) -> None:
    open_to(clients, sink, {"AWS": A})
    link(clients, sink)
    trusting = trust({"AWS": f"arn:aws:iam::{B}:root"})
    good = make_role(B, trusting, allow("logs:FilterLogEvents", f"{arn_of(group)}:*"))
    bad = make_role(B, trusting, allow("logs:FilterLogEvents", f"arn:aws:logs:*:{B}:*"))
    reads = [clients(clients.assume(B, role), "logs").filter_log_events for role in (good, bad)]
    assert reads[0](logGroupIdentifier=arn_of(group))["events"]
    with pytest.raises(ClientError, match="AccessDenied"):
        reads[1](logGroupIdentifier=arn_of(group))


def test_the_sink_policy_decides_who_may_link(clients: Clients, sink: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        link(clients, sink)  # no policy
    open_to(clients, sink, {"AWS": OUTSIDER})
    with pytest.raises(ClientError, match="AccessDenied"):
        link(clients, sink)
    open_to(clients, sink, {"AWS": A})
    with pytest.raises(ClientError, match="AccessDenied"):
        link(clients, sink, LOGS, METRICS)  # a type more than the policy has
    made = link(clients, sink)
    with pytest.raises(ClientError, match="AccessDenied"):
        clients(A, "oam").update_link(Identifier=made, ResourceTypes=[LOGS, METRICS])
    open_to(clients, sink, {"AWS": A}, LOGS, METRICS)
    updated = clients(A, "oam").update_link(Identifier=made, ResourceTypes=[LOGS, METRICS])
    assert updated["ResourceTypes"] == [LOGS, METRICS]


def test_the_organization_may_be_let_in(clients: Clients, sink: str) -> None:
    organization = clients(A, "organizations").describe_organization()["Organization"]["Id"]
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "oam:CreateLink",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": organization}},
    }
    policy = document(statement)
    clients(B, "oam").put_sink_policy(SinkIdentifier=sink, Policy=policy)
    assert json.loads(clients(B, "oam").get_sink_policy(SinkIdentifier=sink)["Policy"])
    with pytest.raises(ClientError, match="AccessDenied"):
        link(clients, sink, who=OUTSIDER)
    made = link(clients, sink)
    (mine,) = clients(A, "oam").list_links()["Items"]
    assert mine["Arn"] == made
    assert mine["SinkArn"] == sink
    (attached,) = clients(B, "oam").list_attached_links(SinkIdentifier=sink)["Items"]
    assert attached["LinkArn"] == made
    with pytest.raises(ClientError, match="ConflictException"):
        link(clients, sink)
    with pytest.raises(ClientError, match="ConflictException"):
        clients(B, "oam").delete_sink(Identifier=sink)


def test_one_sink_a_region_and_its_tags(clients: Clients, sink: str) -> None:
    oam = clients(B, "oam")
    with pytest.raises(ClientError, match="ServiceQuotaExceeded"):
        oam.create_sink(Name="second")
    oam.tag_resource(ResourceArn=sink, Tags={"a": "1", "b": "2"})
    oam.untag_resource(ResourceArn=sink, TagKeys=["a"])
    assert oam.list_tags_for_resource(ResourceArn=sink)["Tags"] == {"b": "2"}
    assert oam.get_sink(Identifier=sink, IncludeTags=True)["Tags"] == {"b": "2"}
    assert [each["Arn"] for each in oam.list_sinks()["Items"]] == [sink]
    with pytest.raises(ClientError, match="InvalidParameter"):
        oam.put_sink_policy(SinkIdentifier=sink, Policy="{}")


@pytest.mark.parametrize(
    ("kind", "action"),
    [(LOGS, "logs:Link"), (METRICS, "cloudwatch:Link"), (TRACES, "xray:Link")],
)
def test_sharing_a_type_of_resource_needs_a_right_of_its_own(
    kind: str, action: str, clients: Clients, sink: str, make_role: Callable[..., str]
) -> None:
    open_to(clients, sink, {"AWS": A}, LOGS, METRICS, TRACES)
    links = allow("oam:*")
    others = allow([a for a in ("logs:Link", "cloudwatch:Link", "xray:Link") if a != action])

    def oam(*statements: Any) -> Any:
        return clients(clients.assume(A, make_role(A, trust({"AWS": A}), *statements)), "oam")

    def create(who: Any) -> str:
        made = who.create_link(LabelTemplate="x", ResourceTypes=[kind], SinkIdentifier=sink)
        return str(made["Arn"])

    with pytest.raises(ClientError, match=action):
        create(oam(links, others))
    arn = create(oam(links, allow(action)))
    every = [LOGS, METRICS, TRACES]
    with pytest.raises(ClientError, match=action):
        oam(links, others).update_link(Identifier=arn, ResourceTypes=every)
    updated = oam(links, others, allow(action)).update_link(Identifier=arn, ResourceTypes=every)
    assert updated["ResourceTypes"] == every
