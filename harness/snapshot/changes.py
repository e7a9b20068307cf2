"""What differs between two snapshots, piece by piece: principals, statements, settings.

A statement that allows and came, or one that denied and went, gives access; the opposite takes it.
Where a piece says nothing of its own about access (a tag, a name), it is told as changed. Pure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from harness.estate.snapshot import statements_of
from harness.snapshot.words import principals, statement_in_words

Effect = Literal["gained", "lost", "changed", "unknown"]
_OPPOSITE: Mapping[Effect, Effect] = {
    "gained": "lost",
    "lost": "gained",
    "changed": "changed",
    "unknown": "unknown",
}
_SHOWN = 200
_NOTHING: Mapping[str, Any] = {"Version": "2012-10-17", "Statement": []}

NOT_COMPARED = frozenset({"format", "taken_at", "key_id", "unreadable"})
"""Of a snapshot itself and not of the environment; what could not be read is told apart."""
_POLICIES = frozenset({"trust", "policy", "document", "data_protection"})
"""Members that hold one policy."""
_POLICIES_BY_NAME = frozenset({"inline", "versions", "log_resource_policies"})
_OPENS = frozenset(
    {
        "api_destinations",
        "bearer_tokens",
        "centralization_rules",
        "delegated",
        "deliveries",
        "delivery_destinations",
        "delivery_sources",
        "grants",
        "groups",
        "instance_profiles",
        "links",
        "log_destinations",
        "providers",
        "roles",
        "sinks",
        "subscription_filters",
        "users",
    }
)
"""Members whose things give access, or lead records out, by being there."""
_VERSIONED = frozenset({"default", "versions"})
"""Members of a policy that has versions."""
_BLOCKS = frozenset({"public_access_block"})
_KINDS = {
    "users": "user",
    "groups": "group",
    "roles": "role",
    "policies": "policy",
    "providers": "identity provider",
    "buckets": "bucket",
    "keys": "key",
    "log_groups": "log group",
    "log_destinations": "log destination",
    "delivery_destinations": "delivery destination",
    "sinks": "sink",
    "links": "link",
    "guardrails": "guardrail",
    "secrets": "secret",
    "parameters": "parameter",
    "queues": "queue",
    "topics": "topic",
    "functions": "function",
    "event_buses": "event bus",
    "inference_profiles": "inference profile",
    "trails": "trail",
    "organizations": "organization",
}
"""What a thing in a section is called; it is then the subject of what changed in it."""


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One difference: of what, and how it changed what anybody may do."""

    subject: str
    what: str
    effect: Effect

    @property
    def undone(self) -> Effect:
        """What the opposite change would do."""
        return _OPPOSITE[self.effect]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """All differences, sorted; none for snapshots of the same estate."""
    return sorted({*_Walk(before, after).all(), *_gaps(before, after)})


def _gaps(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """What could be read one time only: whatever it hides is unknown."""

    def listed(document: Mapping[str, Any]) -> set[tuple[str, ...]]:
        names = ("account", "region", "section", "resource", "call", "code")
        return {tuple(gap[name] for name in names) for gap in document["unreadable"]}

    was, now = listed(before), listed(after)
    for gaps, when in ((now - was, "second"), (was - now, "first")):
        for account, region, section, resource, call, code in gaps:
            subject = resource or f"{section.replace('_', ' ')} of {account} {region}".strip()
            what = f"could not be read the {when} time: {call} answered {code}"
            yield Change(subject, what, "unknown")


class _Absent:
    """Stands for what is not there, which is not the same as null."""


_ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class _At:
    """A member on the way: whose it is, how to it from there, its name, and what it is in."""

    subject: str
    words: tuple[str, ...]
    name: str
    parent: str

    @property
    def told(self) -> str:
        return " ".join(word.replace("_", " ") for word in self.words) or "itself"


class _Walk:
    """Goes through two snapshots side by side."""

    def __init__(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        self._before, self._after = before, after
        self._policies = {
            arn: policy["versions"].get(policy["default"])
            for document in (before, after)
            for held in document["accounts"].values()
            for arn, policy in held["identity"]["policies"].items()
        }

    def all(self) -> Iterator[Change]:
        plain = {"environment", *NOT_COMPARED}
        top = _At("", (), "", "")
        yield from self._mapping(top, self._before, self._after, frozenset(plain))
        for each in _leaves(self._before["environment"], self._after["environment"]):
            yield Change("environment", each, "changed")

    def _mapping(
        self,
        at: _At,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        left_out: frozenset[str] = frozenset(),
    ) -> Iterator[Change]:
        for name in sorted((before.keys() | after.keys()) - left_out):
            first, second = before.get(name, _ABSENT), after.get(name, _ABSENT)
            if first is _ABSENT or second is _ABSENT or first != second:
                yield from self._member(_into(at, name, first, second), first, second)

    def _member(self, at: _At, before: Any, after: Any) -> Iterator[Change]:
        absent = before is _ABSENT or after is _ABSENT
        either = after if before is _ABSENT or before is None else before
        if absent:
            yield from self._whole(at, either, came=before is _ABSENT)
        elif _holds_policy(at):
            yield from _of_policy(at, before, after)
        elif at.name == "policies" and isinstance(either, list):
            yield from _of_policy(at, _joined(before), _joined(after))
        elif (
            "targets" in (either if isinstance(either, Mapping) else ()) and at.parent == "policies"
        ):
            yield from self._targets(at, before, after)
            yield from self._mapping(at, before, after, frozenset({"targets"}))
        elif isinstance(either, Mapping) and either.keys() >= _VERSIONED:
            yield from self._versions(at, before, after)
            yield from self._mapping(at, before, after, _VERSIONED)
        elif isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from self._mapping(at, before, after)
        elif isinstance(before, list) and isinstance(after, list):
            yield from self._list(at, before, after)
        else:
            what = f"{at.told}: {_short(before)} became {_short(after)}"
            yield Change(at.subject, what, _turn(at, before, after))

    def _whole(self, at: _At, value: Any, *, came: bool) -> Iterator[Change]:
        """Something that came or went as a whole, with the access that came or went with it."""
        entity = at.parent in _KINDS
        inside = list(self._inside(at, value, came=came, allows_only=entity))
        if entity or not inside:
            said = ("is new" if came else "is gone") if entity else _came(at, value, came)
            effect: Effect = "changed"
            if at.parent in _OPENS:
                effect = "gained" if came else "lost"
            yield Change(at.subject, said, effect)
        yield from inside

    def _inside(self, at: _At, value: Any, *, came: bool, allows_only: bool) -> Iterator[Change]:
        """The statements, attachments and grants in something that came or went. With
        `allows_only` what denies is left out: its principal or thing came or went itself."""
        if not value:
            return
        first, second = (_ABSENT, value) if came else (value, _ABSENT)
        found: Iterator[Change] = iter(())
        if _holds_policy(at):
            found = _of_policy(at, first, second)
        elif at.name == "policies" and isinstance(value, list):
            found = _of_policy(at, _joined(first), _joined(second))
        elif at.name in ("attached", "grants") and isinstance(value, list):
            found = self._list(at, [] if came else value, value if came else [])
        elif isinstance(value, Mapping):
            if value.keys() >= _VERSIONED:
                default = value["default"]
                value = {"versions": {default: value["versions"].get(default)}}
            for name, item in sorted(value.items()):
                at_item = _into(at, name, item, item)
                if at_item.parent in _KINDS and at_item.subject != at.subject:
                    # Of an account: what denies in a thing that came with it takes nothing.
                    yield from self._whole(at_item, item, came=came)
                else:
                    yield from self._inside(at_item, item, came=came, allows_only=allows_only)
        gives: Effect = "gained" if came else "lost"
        yield from (each for each in found if not allows_only or each.effect == gives)

    def _versions(
        self, at: _At, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Iterator[Change]:
        """A policy's versions: only the default one says what anybody may do."""
        was, now = before["versions"], after["versions"]
        for name in sorted(was.keys() ^ now.keys()):
            came = "came" if name in now else "went"
            yield Change(at.subject, f"version {name} {came}", "changed")
        for name in sorted(was.keys() & now.keys()):
            if was[name] != now[name]:
                yield Change(at.subject, f"version {name} is another", "changed")
        first, second = was.get(before["default"]), now.get(after["default"])
        if before["default"] != after["default"]:
            what = f"default: {before['default']} became {after['default']}"
            yield Change(at.subject, what, "changed")
        if first != second:
            yield from _of_policy(replace(at, words=("in force",)), first, second)

    def _list(self, at: _At, before: list[Any], after: list[Any]) -> Iterator[Change]:
        was, now = (
            Counter(json.dumps(i, sort_keys=True) for i in each) for each in (before, after)
        )
        for items, said, came in ((now - was, "got", True), (was - now, "lost", False)):
            for item in sorted(items.elements()):
                value = json.loads(item)
                gives: Effect = "changed"
                if at.name == "attached":
                    gives = self._attached(str(value), came)
                elif at.name in _OPENS:
                    gives = "gained" if came else "lost"
                yield Change(at.subject, f"{at.told} {said} {_short(value)}", gives)
        if was == now:
            yield Change(at.subject, f"{at.told}: the order changed", "changed")

    def _attached(self, arn: str, came: bool) -> Effect:
        return _effect_of(self._policies.get(arn), came)

    def _targets(
        self, at: _At, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Iterator[Change]:
        """Whom a policy of the organization came to bind, or binds no more."""
        was, now = set(before["targets"]), set(after["targets"])
        for targets, said, came in (
            (now - was, "now binds", True),
            (was - now, "binds no more", False),
        ):
            for target in sorted(targets):
                effect = _effect_of(after["document"] if came else before["document"], came)
                yield Change(at.subject, f"{said} {target}", effect)


def _into(at: _At, name: str, first: Any, second: Any) -> _At:
    """A member of what `at` is; the next subject, where it is a thing of its own."""
    if at.name in _KINDS and at.parent != "environment":
        kind = _KINDS[at.name]
        either = second if isinstance(second, Mapping) else first
        if at.subject.startswith("organization ") and isinstance(either, Mapping):
            kind = f"guardrail {either.get('name', '')}" if at.name == "policies" else kind
        return _At(f"{kind} {name}", (), name, at.name)
    if at.name == "accounts" and not at.subject:
        return _At(f"account {name}", (), name, at.name)
    if at.name == "regions":
        return _At(f"{at.subject} in {name}", (), name, at.name)
    words = () if not at.subject else (*at.words, name)
    if not at.subject and name not in ("accounts", "organizations"):
        return _At("organization", (name,), name, at.name)
    return _At(at.subject, words, name, at.name)


def _holds_policy(at: _At) -> bool:
    return at.name in _POLICIES or at.parent in _POLICIES_BY_NAME


def _effect_of(policy: Any, came: bool) -> Effect:
    """What it does that a policy came or went: one that denies takes, one that allows gives."""
    if not isinstance(policy, Mapping):
        return "unknown"
    effects = {str(each.get("Effect")) for each in statements_of(policy)}
    if effects == {"Allow"}:
        return "gained" if came else "lost"
    if effects == {"Deny"}:
        return "lost" if came else "gained"
    return "changed"


def _came(at: _At, value: Any, came: bool) -> str:
    said = f"{at.told} {'came' if came else 'went'}"
    if isinstance(value, Mapping) and value.get("destination"):
        return f"{said}: to {value['destination']}"
    return said if isinstance(value, Mapping | list) else f"{said}: {_short(value)}"


def _turn(at: _At, before: Any, after: Any) -> Effect:
    """What it does that a setting became another."""
    if at.name == "boundary":
        # A limit that is there takes, none gives; another one may do either.
        return "gained" if after is None else "lost" if before is None else "changed"
    if at.name in _BLOCKS or at.parent in _BLOCKS:
        return "lost" if after and not before else "gained" if before and not after else "changed"
    if at.name == "bearer_tokens":
        return "gained" if after else "lost"
    return "changed"


def _joined(policies: Any) -> Any:
    if not isinstance(policies, list):
        return _ABSENT
    for each in policies:
        if isinstance(each, str):
            return each
    return {"Statement": [s for each in policies for s in statements_of(each)]}


def _of_policy(at: _At, before: Any, after: Any) -> Iterator[Change]:
    """The statements that came and went."""
    if isinstance(before, str) or isinstance(after, str):
        yield Change(at.subject, f"{at.told}: a policy that is no JSON came or went", "unknown")
        return
    absent = (_ABSENT, None)
    first = _NOTHING if before in absent else before
    second = _NOTHING if after in absent else after
    was, now = _statements(first), _statements(second)
    for texts, said, came in ((now - was, "came", True), (was - now, "went", False)):
        for each in sorted(texts.elements()):
            statement = json.loads(each)
            effect: Effect = "changed"
            if "Effect" in statement:
                effect = "gained" if (statement["Effect"] == "Allow") is came else "lost"
            what = f"{at.told}: {statement_in_words(statement)} {said}"
            yield Change(at.subject, what, effect)
    if was == now:
        yield Change(at.subject, f"{at.told}: the form of the policy changed", "changed")


def _statements(policy: Mapping[str, Any]) -> Counter[str]:
    return Counter(json.dumps(each, sort_keys=True) for each in statements_of(policy))


def _leaves(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """What differs in plain data, one line for each member."""
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted(before.keys() | after.keys()):
            way = f"{path} {name}".strip().replace("_", " ")
            if name not in before or name not in after:
                yield f"{way} {'came' if name in after else 'went'}"
            else:
                yield from _leaves(before[name], after[name], way)
    else:
        yield f"{path}: {_short(before)} became {_short(after)}"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping) and "grantee" in value:
        to = principals({"AWS": value["grantee"]})
        return f"a grant of {', '.join(value['operations'])} to {to}"
    said = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"
