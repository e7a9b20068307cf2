"""The entries of `actions.json`: their form, and how one becomes a function.

An entry is a line of words, for example

    AttachRolePolicy    @role:RoleName %PolicyArn>iam:PolicyARN
    CreateFunction      ~function:{FunctionName} #Tags ^Role>lambda.amazonaws.com

==================  ===========================================================================
``!REASON``         (whole entry) deliberately not mapped
``=NAME``           (whole entry) decided by a function of `special`
``:ACTION``         the action of the resources that follow; else the operation's own name
``*``               the action has no resource
``~TYPE/{Member}``  ``arn:aws:SERVICE:REGION:ACCOUNT:TYPE/`` and the parameter; ``~~``: no region
``arn:…{Member}``   an ARN written out; ``{R}`` region, ``{A}`` account, ``{Member=default}``
``{Member}``        the parameter is an ARN
``@KIND:Member``    a kind of resource that `kinds` knows
``A|B``             B if the parameters of A are absent
``?RESOURCE``       no need arises when the parameters are absent; without ``?`` the call is refused
``/RESOURCE``       what AWS decides on when all of the above are absent
``+ACTION``         also needed on the same resources when there are tags in the request;
                    ``+ACTION>RESOURCE`` on that one
``#Member``         tags in the request; ``#-Member`` tag keys to take away
``^Member>SERVICE`` a role that the call passes to a service: ``iam:PassRole``
``%Member>KEY``     a condition key that a parameter fills
==================  ===========================================================================

``Member`` may be a path (``loggingConfig.cloudWatchConfig.roleArn``); lists give one resource for
each element. A template with one parameter takes a full ARN in it as it is.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harness.cloud.call import Call, Need, Unmapped, World
from harness.cloud.catalogue.arns import (
    NAME,
    Form,
    checked_arn,
    form,
    is_arn,
    member_form,
    owner_of,
)
from harness.cloud.catalogue.contexts import CONTEXTS, Context
from harness.cloud.catalogue.kinds import KINDS, Resource

Rule = Callable[[Call, World], tuple[Need, ...]]
Reader = Callable[[Mapping[str, Any]], list[str]]
Maker = Callable[[Call, World], list[Resource]]

_PLACE = re.compile(r"\{([^}]+)\}")
_STAR: list[Resource] = [("*", "")]
_LONG_NAME = "[A-Za-z0-9_./:-]+"
_LONG_NAMES = (
    *("custom-model/", "foundation-model/", "imported-model/", "model-customization-job/"),
    "prompt/",
)


def values(params: Mapping[str, Any], path: str) -> list[str]:
    """The strings (numbers as strings, keys of maps) at a path of members; empty when absent."""
    head, _, rest = path.partition(".")
    value = params.get(head)
    if value is None or value == "":
        return []
    if rest:
        items = value if isinstance(value, (list, tuple)) else (value,)
        return [found for item in items for found in values(item, rest)]
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple)):
        return [_text(item) for item in value]
    return list(value) if isinstance(value, Mapping) else [_text(value)]


def reader(path: str) -> Reader:
    """`values` for one path, quick for the common case of a string at the top."""
    if "." in path:
        return lambda params: values(params, path)

    def read(params: Mapping[str, Any]) -> list[str]:
        value = params.get(path)
        if type(value) is str:
            return [value] if value else []
        return values(params, path)

    return read


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def tag_pairs(tags: Iterable[Mapping[str, str]]) -> list[tuple[str, str]]:
    """Keys and values of a list of tags; a tag without a key is none."""
    pairs = []
    for tag in tags:
        for key, value in (("Key", "Value"), ("key", "value"), ("TagKey", "TagValue")):
            if tag.get(key):
                pairs.append((tag[key], tag.get(value) or ""))
    return pairs


def tag_context(tags: Any) -> Context:
    """`aws:RequestTag/KEY` and `aws:TagKeys` from a list of pairs or a mapping."""
    pairs = tags.items() if isinstance(tags, Mapping) else tag_pairs(tags)
    context: Context = {f"aws:RequestTag/{key}": value for key, value in pairs}
    if context:
        context["aws:TagKeys"] = tuple(key for key, _ in pairs)
    return context


def _template(text: str, prefix: str, service: str) -> Maker:
    if text.startswith("~~"):
        text = f"arn:aws:{prefix}::{{A}}:{text[2:]}"
    elif text.startswith("~"):
        text = f"arn:aws:{prefix}:{{R}}:{{A}}:{text[1:]}"
    places = [name for name in _PLACE.findall(text) if name not in ("R", "A")]
    readers = [_filling(place) for place in places]
    owned = "{A}" in text
    whole = len(places) == 1 and text == f"{{{places[0]}}}"
    numbers = iter(range(2, len(places) + 2))
    fixed = {"R": "{0}", "A": "{1}"}
    pattern = _PLACE.sub(lambda place: fixed.get(place[1]) or f"{{{next(numbers)}}}", text)
    if whole:
        of, resource = member_form(service, prefix, places[0])
    else:
        of, resource = text.split(":")[2], _form_of(text)

    def one(call: Call, _world: World) -> list[Resource]:
        made: list[Resource] = []
        account = call.caller.account
        for value in readers[0](call.params):
            if is_arn(value):
                made.append((checked_arn(call, value, of, resource), owner_of(value)))
            elif whole:
                return []
            else:
                made.append((pattern.format(call.region, account, value), account if owned else ""))
        return made

    def several(call: Call, _world: World) -> list[Resource]:
        filled = [reader(call.params) for reader in readers]
        if any(is_arn(value) for column in filled for value in column):
            raise Unmapped(call.service, call.operation)
        account = call.caller.account
        owner = account if owned else ""
        rows = itertools.product(*filled)
        return [(pattern.format(call.region, account, *row), owner) for row in rows]

    return one if len(places) == 1 else several


def _form_of(text: str) -> Form:
    """What an ARN in place of a template's one parameter must look like: the template filled.

    Models have names with separators of their own.
    """
    resource = text.split(":", 5)[5]
    name = _LONG_NAME if resource.startswith(_LONG_NAMES) else NAME
    fixed = _PLACE.split(resource)[::2]
    return form(name.join(re.escape(part) for part in fixed))


def _filling(place: str) -> Reader:
    path, has_default, default = place.partition("=")
    read = reader(path)
    if not has_default:
        return read
    return lambda params: read(params) or [default]


def _kind(name: str, path: str) -> Maker:
    kind = KINDS[name]
    if not path:
        return lambda call, world: [kind(call, world, "")]
    read = reader(path)

    def named(call: Call, world: World) -> list[Resource]:
        made = [kind(call, world, value) for value in read(call.params)]
        return [resource for resource in made if resource[0]]

    return named


def _resource(text: str, prefix: str, service: str) -> Maker:
    if text == "*":
        return lambda _call, _world: _STAR
    makers = []
    for alternative in text.split("|"):
        if alternative.startswith("@"):
            name, _, path = alternative[1:].partition(":")
            makers.append(_kind(name, path))
        else:
            makers.append(_template(alternative, prefix, service))
    if len(makers) == 1:
        return makers[0]

    def first(call: Call, world: World) -> list[Resource]:
        found: list[Resource] = []
        for maker in makers:
            made = maker(call, world)
            if found and made and made != found:
                # Two names for one thing, and they differ: whoever answers might take the other.
                raise Unmapped(call.service, call.operation)
            found = found or made
        return found

    return first


def _context(words: list[str]) -> Callable[[Call], Context] | None:
    tags = [word[1:] for word in words if word.startswith("#") and word[1] != "-"]
    tag_keys = [reader(word[2:]) for word in words if word.startswith("#-")]
    keys = [
        (key, reader(path))
        for path, _, key in (word[1:].partition(">") for word in words if word.startswith("%"))
    ]
    if not (tags or tag_keys or keys):
        return None

    def context(call: Call) -> Context:
        made: Context = {}
        for member in tags:
            if given := call.params.get(member):
                made.update(tag_context(given))
        for read in tag_keys:
            if found := read(call.params):
                made["aws:TagKeys"] = tuple(found)
        for key, read in keys:
            if found := read(call.params):
                made[key] = found[0] if len(found) == 1 else tuple(found)
        return made

    return context


def passed_roles(call: Call, world: World, path: str, service: str) -> list[Need]:
    """`iam:PassRole` on each role at a path, with `iam:PassedToService`.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    needs = []
    for value in values(call.params, path):
        resource, owner = KINDS["role"](call, world, value)
        needs.append(Need("iam:PassRole", resource, owner, {"iam:PassedToService": service}))
    return needs


def compile_spec(spec: str, service: str, operation: str, prefix: str) -> Rule:
    """A function that gives the needs of a call; `spec` must not start with `!` or `=`."""
    action = f"{prefix}:{operation}"
    wanted: list[tuple[str, Maker, bool]] = []
    fallback: tuple[str, Maker] | None = None
    passes: list[tuple[str, str]] = []
    tagging = ""
    tagged: Maker | None = None
    words = spec.split(" ")
    for word in words:
        mark = word[0]
        if mark == ":":
            name = word[1:]
            action = name if ":" in name else f"{prefix}:{name}"
        elif mark == "/":
            fallback = (action, _resource(word[1:], prefix, service))
        elif mark == "^":
            path, _, passed_to = word[1:].partition(">")
            passes.append((path, passed_to))
        elif mark == "+":
            tagging, _, named = word[1:].partition(">")
            tagged = _resource(named, prefix, service) if named else None
        elif mark not in "#%":
            optional = mark == "?"
            wanted.append(
                (action, _resource(word[1:] if optional else word, prefix, service), optional)
            )
    context = _context(words)
    of_service = CONTEXTS.get(service)

    def rule(call: Call, world: World) -> tuple[Need, ...]:
        extra: Context = context(call) if context else {}
        needs: list[Need] = []
        missing = False
        for name, maker, optional in wanted:
            made = maker(call, world)
            missing = missing or not (made or optional)
            needs += [Need(name, resource, owner, extra) for resource, owner in made]
        if not needs and fallback is not None:
            name, maker = fallback
            needs += [Need(name, resource, owner, extra) for resource, owner in maker(call, world)]
            missing = False
        if missing or not needs:
            raise Unmapped(service, operation)
        if tagging and "aws:TagKeys" in extra:
            on = (
                tagged(call, world) if tagged else [(n.resource, n.resource_account) for n in needs]
            )
            needs += [Need(tagging, resource, owner, extra) for resource, owner in on]
        if of_service:
            needs = [of_service(call, world, need) for need in needs]
        for path, passed_to in passes:
            needs += passed_roles(call, world, path, passed_to)
        return tuple(needs)

    return rule
