"""The API of CloudWatch's Observability Access Manager.

https://docs.aws.amazon.com/OAM/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from harness.cloud.authorizer import Authorizer
from harness.cloud.call import Answer, ApiError, Call, Need
from harness.cloud.trails.links import Link, Links, Sink
from harness.cloud.trails.selection import Selection, SelectionError, selection
from harness.estate.policies import compiled
from harness.iam import PolicyError

MOST_LINKS = 5
"""Sinks that one source account may link to in a Region."""


class Oam:
    """Plays all of OAM. The sink's policy has decided CreateLink before `answer` is called."""

    def __init__(self, links: Links, authorizer: Authorizer) -> None:
        self._links = links
        self._authorizer = authorizer
        self._operations: Mapping[str, Callable[[Call], dict[str, Any]]] = {
            "CreateLink": self._create_link,
            "CreateSink": self._create_sink,
            "DeleteLink": self._delete_link,
            "DeleteSink": self._delete_sink,
            "GetLink": lambda call: _described(self._link(call), call),
            "GetSink": lambda call: _described(self._sink(call, "Identifier"), call),
            "GetSinkPolicy": lambda call: _policy(self._sink(call, "SinkIdentifier")),
            "ListAttachedLinks": self._list_attached,
            "ListLinks": self._list_links,
            "ListSinks": self._list_sinks,
            "ListTagsForResource": lambda call: {"Tags": dict(self._tagged(call).tags)},
            "PutSinkPolicy": self._put_policy,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "UpdateLink": self._update_link,
        }

    def handles(self, service: str, operation: str) -> bool:
        """All of OAM."""
        del operation
        return service == "oam"

    def answer(self, call: Call) -> Answer:
        """Raises `ApiError` as OAM does."""
        return Answer(self._operations[call.operation](call))

    # -- sinks -----------------------------------------------------------------------

    def _create_sink(self, call: Call) -> dict[str, Any]:
        place = (call.account, call.region)
        if place in self._links.sinks:
            raise ApiError("ServiceQuotaExceededException", "There is a sink in this Region.")
        sink = Sink(*place, str(uuid.uuid4()), str(call.params["Name"]), _tags(call))
        self._links.sinks[place] = sink
        return {**_of_sink(sink), "Tags": dict(sink.tags)}

    def _delete_sink(self, call: Call) -> dict[str, Any]:
        sink = self._sink(call, "Identifier")
        if any(link.sink is sink for link in list(self._links.links.values())):
            raise ApiError("ConflictException", "The sink has attached links.")
        del self._links.sinks[(sink.account, sink.region)]
        return {}

    def _put_policy(self, call: Call) -> dict[str, Any]:
        sink, document = self._sink(call, "SinkIdentifier"), str(call.params["Policy"])
        try:
            compiled(document)
        except PolicyError:
            raise ApiError("InvalidParameterException", "The policy is not valid.") from None
        sink.policy = document
        return _policy(sink)

    def _list_sinks(self, call: Call) -> dict[str, Any]:
        sink = self._links.sinks.get((call.account, call.region))
        return {"Items": [] if sink is None else [_of_sink(sink)]}

    def _list_attached(self, call: Call) -> dict[str, Any]:
        sink = self._sink(call, "SinkIdentifier")
        return {
            "Items": [
                {"Label": link.label, "LinkArn": link.arn, "ResourceTypes": list(link.types)}
                for link in list(self._links.links.values())
                if link.sink is sink
            ]
        }

    # -- links -----------------------------------------------------------------------

    def _create_link(self, call: Call) -> dict[str, Any]:
        sink = self._links.sink(str(call.params["SinkIdentifier"]))
        if sink is None or (sink.account, sink.region) == (call.account, call.region):
            raise _invalid("SinkIdentifier")
        mine = self._mine(call)
        if any(link.sink is sink for link in mine):
            raise ApiError("ConflictException", "There is a link to this sink.")
        if len(mine) >= MOST_LINKS:
            raise ApiError("ServiceQuotaExceededException", "There are five links in this Region.")
        template = str(call.params["LabelTemplate"])
        configuration = dict(call.params.get("LinkConfiguration") or {})
        link = Link(
            account=call.account,
            region=call.region,
            id=str(uuid.uuid4()),
            sink=sink,
            label_template=template,
            label=template.replace("$AccountName", f"account-{call.account}"),
            types=_types(call),
            configuration=configuration,
            groups=_selected(configuration, "LogGroupConfiguration", "LogGroupName"),
            namespaces=_selected(configuration, "MetricConfiguration", "Namespace"),
            tags=_tags(call),
        )
        self._links.links[link.arn] = link
        return {**_of_link(link), "Tags": dict(link.tags)}

    def _update_link(self, call: Call) -> dict[str, Any]:
        """What is shared is asked of the sink's policy again, as `oam:UpdateLink`."""
        link, types = self._link(call), _types(call)
        keys = {"oam:ResourceTypes": types}
        need = Need("oam:UpdateLink", link.sink.arn, link.sink.account, keys)
        refusal = self._authorizer.refusal(call, (need,))
        if refusal is not None:
            raise ApiError("AccessDeniedException", refusal.message, 403)
        configuration = dict(call.params.get("LinkConfiguration") or link.configuration)
        groups = _selected(configuration, "LogGroupConfiguration", "LogGroupName")
        link.namespaces = _selected(configuration, "MetricConfiguration", "Namespace")
        link.types, link.configuration, link.groups = types, configuration, groups
        return _described(link, call)

    def _delete_link(self, call: Call) -> dict[str, Any]:
        del self._links.links[self._link(call).arn]
        return {}

    def _list_links(self, call: Call) -> dict[str, Any]:
        names = ("Arn", "Id", "Label", "ResourceTypes", "SinkArn")
        found = [_of_link(link) for link in self._mine(call)]
        return {"Items": [{name: link[name] for name in names} for link in found]}

    # -- tags ------------------------------------------------------------------------

    def _tag(self, call: Call) -> dict[str, Any]:
        self._tagged(call).tags.update(_tags(call))
        return {}

    def _untag(self, call: Call) -> dict[str, Any]:
        tagged = self._tagged(call)
        for key in call.params["TagKeys"]:
            tagged.tags.pop(key, None)
        return {}

    # -- finding ---------------------------------------------------------------------

    def _mine(self, call: Call) -> list[Link]:
        place = (call.account, call.region)
        return [
            each
            for each in list(self._links.links.values())
            if (each.account, each.region) == place
        ]

    def _sink(self, call: Call, member: str) -> Sink:
        sink = self._links.sink(str(call.params[member]))
        if sink is None or sink.account != call.account:
            raise _unknown()
        return sink

    def _link(self, call: Call) -> Link:
        link = self._links.links.get(str(call.params["Identifier"]))
        if link is None or link.account != call.account:
            raise _unknown()
        return link

    def _tagged(self, call: Call) -> Sink | Link:
        arn = str(call.params["ResourceArn"])
        found = self._links.links.get(arn) or self._links.sink(arn)
        if found is None or found.account != call.account:
            raise _unknown()
        return found


def _selected(configuration: Mapping[str, Any], member: str, name: str) -> Selection:
    text = str((configuration.get(member) or {}).get("Filter", ""))
    try:
        return selection(text, name)
    except SelectionError as error:
        raise ApiError("InvalidParameterException", f"{member}: {error}") from None


def _types(call: Call) -> tuple[str, ...]:
    types = tuple(dict.fromkeys(str(each) for each in call.params.get("ResourceTypes") or ()))
    shape: Any = ("AWS::Logs::", "AWS::CloudWatch::", "AWS::XRay::", "AWS::Application")
    if not types or not all(each.startswith((*shape, "AWS::InternetMonitor::")) for each in types):
        raise _invalid("ResourceTypes")
    return types


def _tags(call: Call) -> dict[str, str]:
    return {str(k): str(v) for k, v in (call.params.get("Tags") or {}).items()}


def _of_sink(sink: Sink) -> dict[str, Any]:
    return {"Arn": sink.arn, "Id": sink.id, "Name": sink.name}


def _of_link(link: Link) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Arn": link.arn,
        "Id": link.id,
        "Label": link.label,
        "LabelTemplate": link.label_template,
        "ResourceTypes": list(link.types),
        "SinkArn": link.sink.arn,
    }
    if link.configuration:
        made["LinkConfiguration"] = link.configuration
    return made


def _described(found: Sink | Link, call: Call) -> dict[str, Any]:
    made = _of_sink(found) if isinstance(found, Sink) else _of_link(found)
    return {**made, "Tags": dict(found.tags)} if call.params.get("IncludeTags") else made


def _policy(sink: Sink) -> dict[str, Any]:
    made = {"SinkArn": sink.arn, "SinkId": sink.id}
    return {**made, "Policy": sink.policy} if sink.policy else made


def _invalid(member: str) -> ApiError:
    return ApiError("InvalidParameterException", f"{member} is not valid.")


def _unknown() -> ApiError:
    return ApiError("ResourceNotFoundException", "The resource does not exist.", 404)
