"""What an application writes, and where it comes to rest.

Each customer account's application calls models through the real client. The conversation id, which
belongs in the record, must reach the account's own log group and nothing else; the prompt must rest
nowhere at all, since records are metadata only. Where content is asked for and there is a group for
it, the prompt must reach that group and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from langchain_core.messages import HumanMessage, SystemMessage

from bulkhead import Bulkhead
from harness.probes.cast import Actor, Cast
from harness.probes.lookout import Lookout, Sighting, canary
from harness.probes.result import Recorder, Subject
from harness.probes.search import Place
from harness.probes.stage import Home

PATIENCE = 10
"""Seconds that records may take to be written."""


def invoke(chat: Any, messages: list[Any], config: Any) -> None:
    chat.invoke(messages, config=config)


def stream(chat: Any, messages: list[Any], config: Any) -> None:
    for _ in chat.stream(messages, config=config):
        pass


def ainvoke(chat: Any, messages: list[Any], config: Any) -> None:
    asyncio.run(chat.ainvoke(messages, config=config))


def astream(chat: Any, messages: list[Any], config: Any) -> None:
    async def read() -> None:
        async for _ in chat.astream(messages, config=config):
            pass

    asyncio.run(read())


WAYS: dict[str, Callable[[Any, list[Any], Any], None]] = {
    "invoke": invoke,
    "stream": stream,
    "async invoke": ainvoke,
    "async stream": astream,
}


def application(cast: Cast, home: Home, region: str, *, content: bool = False) -> Bulkhead:
    """The customer's application in a region, with what Terraform wrote for it."""
    return Bulkhead.from_config(
        home.configuration[region],
        cast.caller(home.account).session,
        app=cast.helper_name("app"),
        endpoint_url=cast.stage.target.endpoint_url,
        linger=0.05,
        content=content,
    )


@dataclass
class Sent:
    """What one application sent, by the way of its call, and whether its records were settled."""

    home: Home
    region: str
    records: dict[str, str]
    prompts: dict[str, str]
    delivered: bool = False
    content: str = ""
    """The canary in the prompt of an application that keeps content; empty where none does."""


def send(cast: Cast, home: Home, region: str) -> Sent:
    """Call a model in each way, a canary in the prompt and another in the record."""
    records, prompts = ({w: canary(kind) for w in WAYS} for kind in ("record", "prompt"))
    sent = Sent(home, region, records, prompts)
    with application(cast, home, region) as app:
        chat = app.chat(cast.stage.fleet_of(home.account).model, max_tokens=256)
        for way, call in WAYS.items():
            prompt = sent.prompts[way]
            messages = [
                SystemMessage(f"Answer briefly. {prompt}"),
                HumanMessage(f"What is {prompt}?"),
            ]
            call(chat, messages, {"metadata": {"conversation_id": sent.records[way]}})
        sent.delivered = app.flush(PATIENCE)
    if home.content is not None and region == home.region:
        sent.content = canary("content")
        with application(cast, home, region, content=True) as app:
            chat = app.chat(cast.stage.fleet_of(home.account).model, max_tokens=16)
            invoke(chat, [HumanMessage(f"What is {sent.content}?")], {})
            app.flush(PATIENCE)
    return sent


@dataclass(frozen=True)
class Traffic:
    """What all applications sent, and when they began (milliseconds)."""

    since: int
    sent: tuple[Sent, ...]


@pytest.fixture(scope="module")
def send_all(cast: Cast) -> Callable[[], Traffic]:
    """Sends once, from all Regions and for the search in all of them. To be called by the tests:
    what goes wrong is their failure."""

    @functools.cache
    def send_all() -> Traffic:
        since = cast.now()
        sent = [
            send(cast, home, region)
            for home in cast.stage.homes.values()
            for region in cast.stage.fleet_of(home.account).profiles_by_region
        ]
        return Traffic(since, tuple(sent))

    return send_all


@pytest.mark.changing("tries changes in cloudwatch, kinesis, logs, s3, xray")
def test_canaries(
    probe: Recorder, cast: Cast, send_all: Callable[[], Traffic], region: str
) -> None:
    traffic = send_all()
    prompts = [prompt for sent in traffic.sent for prompt in sent.prompts.values()]
    contents = [sent.content for sent in traffic.sent if sent.content]
    for prompt in (*prompts, *contents):
        probe.hide(prompt)
    planted = canary("planted")
    place = plant(cast, planted, traffic.since, region)
    records = [record for sent in traffic.sent for record in sent.records.values()]
    sighting = Lookout(cast, region).search(
        (*records, *prompts, *contents, planted), since=traffic.since
    )
    judge_search(probe, cast, place, sighting, planted)
    for sent in traffic.sent:
        caller = cast.caller(sent.home.account)
        for way in WAYS:
            judge_record(probe, caller, sent, way, sighting, region)
            judge_prompt(probe, caller, sent, way, sighting, region)
        if sent.content:
            judge_content(probe, caller, sent, sighting, region)


def judge_record(
    probe: Recorder, caller: Actor, sent: Sent, way: str, sighting: Sighting, region: str
) -> None:
    home, found = sent.home, sighting.of(sent.records[way])
    own = [f for f in found if f.where == home.group and f.place.account == home.account]
    if home.region == region:
        probe.state(
            Subject(
                "record-delivered",
                ("L02", "L29", "R05"),
                f"the record of a model call reaches the customer's own log group ({way})",
                caller,
                "logs:PutLogEvents",
                f"{home.group}, after a call in {sent.region}",
                (home.group_arn,),
            ),
            expected="present",
            observed="present" if own else "absent",
            holds=bool(own),
            why=f"found in {own[0]}" if own else f"not found; writer settled: {sent.delivered}",
            places=sighting.places,
        )
    judge_absence(
        probe,
        Subject(
            "record-elsewhere",
            ("L01", "L02", "O05"),
            f"the record of a model call reaches nothing but its log group ({way})",
            caller,
            "logs:PutLogEvents",
            f"everything else that is kept in {region}, after a call in {sent.region}",
            (),
        ),
        sighting,
        [str(f) for f in found if f not in own],
    )


def judge_prompt(
    probe: Recorder, caller: Actor, sent: Sent, way: str, sighting: Sighting, region: str
) -> None:
    judge_absence(
        probe,
        Subject(
            "prompt-at-rest",
            ("L02", "L03", "L04", "O10", "O13", "R07"),
            f"a prompt comes to rest nowhere ({way})",
            caller,
            "bedrock:InvokeModel",
            f"everything that is kept in {region}, after a call in {sent.region}",
            (),
        ),
        sighting,
        [str(f) for f in sighting.of(sent.prompts[way])],
    )


def judge_content(
    probe: Recorder, caller: Actor, sent: Sent, sighting: Sighting, region: str
) -> None:
    """Content that was asked for lies in the group that was made for it, and nowhere else."""
    home, found = sent.home, sighting.of(sent.content)
    group = home.content
    assert group is not None
    own = [f for f in found if f.where == group.name and f.place.account == home.account]
    if home.region == region:
        probe.state(
            Subject(
                "content-delivered",
                ("L02", "L03"),
                "a prompt, if the application keeps content, reaches the group made for it",
                caller,
                "logs:PutLogEvents",
                group.name,
                (group.arn,),
            ),
            expected="present",
            observed="present" if own else "absent",
            holds=bool(own),
            why="found there" if own else "not found there",
            places=sighting.places,
        )
    judge_absence(
        probe,
        Subject(
            "content-elsewhere",
            ("L01", "L02", "L03", "O05"),
            "a prompt, if the application keeps content, reaches nothing but the group made for it",
            caller,
            "logs:PutLogEvents",
            f"everything else that is kept in {region}",
            (),
        ),
        sighting,
        [str(f) for f in found if f not in own],
    )


def judge_absence(probe: Recorder, subject: Subject, sighting: Sighting, found: list[str]) -> None:
    """The thing must have been found nowhere, and every place must have been searched."""
    holds: bool | None = not found
    if holds and sighting.blind:
        holds = None
    blind = "; ".join(str(spot) for spot in sighting.blind)
    probe.state(
        subject,
        expected="absent",
        observed="present" if found else "absent" if holds else "unknown",
        holds=holds,
        why=f"found in {'; '.join(found)}"
        if found
        else f"the markers were not found in {blind}"
        if blind
        else f"searched {len(sighting.searched)} shelves of all accounts, each marker found",
        places=sighting.places,
    )


def plant(cast: Cast, planted: str, since: int, region: str) -> Place:
    """Put a canary into a log group of operations, where no prompt may be."""
    operations = cast.stage.environment.operations_account
    place = next(p for p in cast.stage.places if (p.account, p.region) == (operations, region))
    group = f"/bulkhead-probe/{cast.helper_name('planted')}"
    logs = cast.client(cast.administrator(operations), "logs", region)
    logs.create_log_group(logGroupName=group)
    cast.on_close(lambda: logs.delete_log_group(logGroupName=group))
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    event = {"timestamp": since, "message": f'{{"inputText": "what is {planted}?"}}'}
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])
    return place


def judge_search(
    probe: Recorder, cast: Cast, place: Place, sighting: Sighting, planted: str
) -> None:
    """The search's own twin: what was planted is seen."""
    found = any(f.place == place for f in sighting.of(planted))
    probe.state(
        Subject(
            "search-works",
            ("L04",),
            "a canary in a log group of the operations account is found",
            cast.administrator(place.account),
            "logs:FilterLogEvents",
            f"operations account in {place.region}",
            (),
        ),
        expected="present",
        observed="present" if found else "absent",
        holds=found,
        why="found" if found else "planted, and not found",
        places=sighting.places,
    )


def test_prompt_cache(
    probe: Recorder, cast: Cast, shared_model: tuple[str, str, tuple[str, ...]]
) -> None:
    """Customers of an account share its prompt cache; each must find only its own prompts there."""
    model, region, customers = shared_model
    homes = [
        next(home for home in cast.stage.homes.values() if home.customer == customer)
        for customer in customers
    ]
    prefix = f"{canary('cached')} " + " ".join(f"Rule {n}: be kind." for n in range(1000))
    with contextlib.ExitStack() as stack:
        chats = {
            home: stack.enter_context(application(cast, home, region)).chat(model, max_tokens=16)
            for home in homes
        }
        found = {home: cached(chat, prefix) for home, chat in chats.items()}
        again = cached(chats[homes[0]], prefix)
    for home in homes[1:]:
        probe.state(
            Subject(
                "cached-prompt",
                ("B08",),
                "a customer does not see that another has cached the same prompt",
                cast.caller(home.account),
                "bedrock:InvokeModel",
                f"{model} in {region}, after a call of {homes[0].customer}",
                (),
            ),
            expected="absent",
            observed="present" if found[home] else "absent" if again else "unknown",
            holds=False if found[home] else True if again else None,
            why=f"{found[home]} tokens were read from the cache; "
            f"the second call of {homes[0].customer} read {again}",
            evidence="the usage that Bedrock reports; the same customer's next call does read",
        )


def cached(chat: Any, prefix: str) -> int:
    """Tokens that a call read from the cache."""
    point = {"cachePoint": {"type": "default"}}
    system = SystemMessage([{"type": "text", "text": prefix}, point])
    try:
        answer = chat.invoke([system, HumanMessage("What is a rule?")])
    except ClientError as error:
        if "caching" in str(error):
            pytest.skip("the model does not cache prompts")
        raise
    return int(answer.usage_metadata["input_token_details"].get("cache_read", 0))
