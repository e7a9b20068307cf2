"""The customer's own quota: tokens counted as Bedrock does, callers in turn, clear refusals."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bulkhead import (
    Bulkhead,
    BulkheadConfig,
    ConfigError,
    Limit,
    ModelSession,
    Quota,
    QuotaError,
    Walls,
)
from bulkhead.quota import burndown
from bulkhead.usage import Tokens, asked, estimate, of_answer, of_event

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
PROMPT = [{"role": "user", "content": [{"text": "hello"}]}]


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def quota(tokens: int = 6000, clock: Any = time.monotonic, **more: Any) -> Quota:
    requests = more.pop("requests", None)
    out = more.pop("burndown", 1)
    return Quota({"m": Limit(tokens, requests, out)}, clock=clock, **more)


def test_a_call_takes_its_input_and_all_of_max_tokens() -> None:
    limited = quota(clock=Clock())
    held = limited.reserve("m", input_tokens=1000, max_tokens=3000)
    assert held.tokens == 4000
    assert limited.left("m") == 2000
    held.settle(900, 100)
    assert limited.left("m") == 5000
    held.settle(900, 100)  # counts once
    held.cancel()
    assert limited.left("m") == 5000


def test_output_burns_down_several_times_over_and_cache_reads_not_at_all() -> None:
    limited = quota(clock=Clock(), burndown=5)
    limited.reserve("m", input_tokens=1000, max_tokens=1000).settle(700, 500, 50)
    assert limited.left("m") == 6000 - (700 + 50 + 5 * 500)
    # More than was reserved is charged too, also below zero.
    limited.reserve("m", input_tokens=0, max_tokens=1000).settle(0, 1000)
    assert limited.left("m") == 2750 - 5000


def test_tokens_flow_back_over_a_minute() -> None:
    clock = Clock()
    limited = quota(clock=clock)
    limited.reserve("m", input_tokens=0, max_tokens=6000)
    clock.now += 15
    assert limited.left("m") == 1500
    clock.now += 600
    assert limited.left("m") == 6000


def test_without_room_a_call_is_told_when_there_is() -> None:
    limited = quota(clock=Clock())
    limited.reserve("m", input_tokens=0, max_tokens=5000)
    with pytest.raises(QuotaError, match=r"no room for 4000 tokens now; at most 30\.0 s") as caught:
        limited.reserve("m", input_tokens=1000, max_tokens=3000, wait=0)
    error = caught.value
    assert (error.model, error.needed, error.retry_after) == ("m", 4000, 30.0)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.needed, again.retry_after) == (str(error), 4000, 30.0)
    assert limited.left("m") == 1000


def test_a_call_that_never_fits_is_refused_at_once() -> None:
    limited = quota(clock=Clock(), share=0.5)
    with pytest.raises(QuotaError, match=r"reserves 3001 tokens .* 3000 a minute") as caught:
        limited.reserve("m", input_tokens=1, max_tokens=3000, wait=60)
    assert caught.value.retry_after is None


def test_max_tokens_must_be_said() -> None:
    with pytest.raises(QuotaError, match="must say max_tokens"):
        quota().reserve("m", input_tokens=1, max_tokens=None)
    # A model without a limit is not asked.
    free = quota().reserve("other", input_tokens=10**9, max_tokens=None)
    free.settle(1, 1)
    assert quota().left("other") is None


def test_requests_are_counted_too() -> None:
    clock = Clock()
    limited = quota(clock=clock, requests=2)
    for _ in range(2):
        limited.reserve("m", input_tokens=1, max_tokens=1)
    with pytest.raises(QuotaError, match=r"2 requests\)") as caught:
        limited.reserve("m", input_tokens=1, max_tokens=1, wait=0)
    assert caught.value.retry_after == pytest.approx(30)
    clock.now += 30.01
    limited.reserve("m", input_tokens=1, max_tokens=1, wait=0).cancel()
    limited.reserve("m", input_tokens=1, max_tokens=1, wait=0)


def test_a_caller_waits_for_its_turn_and_no_longer() -> None:
    limited = quota(tokens=60_000)  # a thousand a second
    limited.reserve("m", input_tokens=0, max_tokens=60_000)
    start = time.monotonic()
    limited.reserve("m", input_tokens=0, max_tokens=200, wait=5)
    assert 0.15 <= time.monotonic() - start < 4
    start = time.monotonic()
    with pytest.raises(QuotaError):
        limited.reserve("m", input_tokens=0, max_tokens=50_000, wait=0.1)
    assert 0.1 <= time.monotonic() - start < 4
    # Who gave up is no longer in the way.
    limited.reserve("m", input_tokens=0, max_tokens=100, wait=5)


def test_what_is_given_back_wakes_who_waits() -> None:
    limited = quota(tokens=600)
    held = limited.reserve("m", input_tokens=0, max_tokens=600)
    timer = threading.Timer(0.1, lambda: held.settle(0, 0))
    timer.start()
    start = time.monotonic()
    limited.reserve("m", input_tokens=0, max_tokens=500, wait=20)  # 50 s of flow
    assert time.monotonic() - start < 15


def test_first_come_first_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large call is not overtaken for ever by small ones."""
    limited = quota(tokens=60_000)
    limited.reserve("m", input_tokens=0, max_tokens=60_000).settle(0, 61_000)  # a second's debt
    order: list[int] = []
    left: list[float] = []
    bucket = limited._buckets["m"]
    usual = bucket.wait_for

    def wait_for(waiter: Any) -> float:
        seconds = usual(waiter)
        if not seconds:
            # The lock is held: in the order of taking.
            order.append(waiter.tokens)
            left.append(bucket._tokens)
        return seconds

    monkeypatch.setattr(bucket, "wait_for", wait_for)

    def take(tokens: int) -> None:
        limited.reserve("m", input_tokens=0, max_tokens=tokens, wait=60)

    threads = []
    for number, tokens in enumerate((300, 10, 20, 30)):
        threads.append(threading.Thread(target=take, args=(tokens,)))
        threads[-1].start()
        while len(bucket.queue) + len(order) < number + 1:
            time.sleep(0.001)
    for thread in threads:
        thread.join(60)
    # Who wakes late is only overtaken by those that leave it what it needs.
    assert all(tokens >= 300 for tokens in left[: order.index(300)])
    assert sorted(order) == [10, 20, 30, 300]


def test_threads_take_all_there_is_and_never_more() -> None:
    limited = quota(tokens=6_000, clock=Clock())

    def take(_: int) -> bool:
        try:
            limited.reserve("m", input_tokens=50, max_tokens=50, wait=0)
        except QuotaError:
            return False
        return True

    with ThreadPoolExecutor(50) as pool:
        assert sum(pool.map(take, range(200))) == 60
    assert limited.left("m") == 0


def test_coroutines_wait_without_holding_a_thread() -> None:
    limited = quota(tokens=60_000)
    limited.reserve("m", input_tokens=0, max_tokens=60_000)

    async def many() -> float:
        start = time.monotonic()
        held = await asyncio.gather(
            *(limited.areserve("m", input_tokens=0, max_tokens=10, wait=10) for _ in range(40))
        )
        assert len(held) == 40
        return time.monotonic() - start

    before = threading.active_count()
    assert 0.3 <= asyncio.run(many()) < 9
    assert threading.active_count() == before

    async def cancelled() -> None:
        limited.reserve("m", input_tokens=0, max_tokens=limited.left("m") or 0)
        task = asyncio.create_task(limited.areserve("m", input_tokens=0, max_tokens=30_000))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(QuotaError):
            await limited.areserve("m", input_tokens=0, max_tokens=30_000, wait=0)
        await limited.areserve("m", input_tokens=0, max_tokens=10, wait=5)

    asyncio.run(cancelled())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_not_held_up_by_the_parents_threads() -> None:
    limited = quota(clock=Clock())
    assert limited._buckets["m"].lock.acquire()
    pid = os.fork()
    if pid == 0:
        try:
            limited.reserve("m", input_tokens=0, max_tokens=10, wait=0)
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_as_a_context_an_error_gives_back_and_a_stop_does_not() -> None:
    limited = quota(clock=Clock())
    with pytest.raises(ValueError), limited.reserve("m", input_tokens=0, max_tokens=1000):
        raise ValueError
    assert limited.left("m") == 6000
    with pytest.raises(GeneratorExit), limited.reserve("m", input_tokens=0, max_tokens=1000):
        raise GeneratorExit
    assert limited.left("m") == 5000


@pytest.mark.parametrize(
    ("model", "times"),
    [
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", 1),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", 5),
        ("eu.anthropic.claude-sonnet-4-20250514-v1:0", 5),
        ("anthropic.claude-opus-4-1-20250805-v1:0", 5),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", 5),
        ("amazon.nova-pro-v1:0", 1),
    ],
)
def test_what_an_output_token_counts(model: str, times: int) -> None:
    assert burndown(model) == times


@pytest.mark.parametrize(
    ("limit", "problem"),
    [
        (5, "must be an object"),
        ({}, "tokens_per_minute` is missing"),
        ({"tokens_per_minute": 0}, "must be a whole number above 0"),
        ({"tokens_per_minute": True}, "must be a whole number above 0"),
        ({"tokens_per_minute": 5, "requests_per_minute": 1.5}, "must be a whole number above 0"),
        ({"tokens_per_minute": 5, "tokens": 5}, "has 'tokens'"),
    ],
)
def test_the_documents_quotas_are_checked(limit: Any, problem: str, document: Any) -> None:
    document["quotas"] = {MODEL: limit}
    with pytest.raises(ConfigError, match=rf"configuration: field `quotas\..*{problem}"):
        BulkheadConfig.from_mapping(document)
    document["quotas"] = {"amazon.nova-pro-v1:0": {"tokens_per_minute": 5}}
    with pytest.raises(ConfigError, match="not in inference_profiles"):
        BulkheadConfig.from_mapping(document)
    document["quotas"] = {MODEL: {"tokens_per_minute": 5, "requests_per_minute": None}}
    assert BulkheadConfig.from_mapping(document).quotas == {MODEL: Limit(5)}


def test_what_requests_ask_for() -> None:
    converse = {"messages": PROMPT, "inferenceConfig": {"maxTokens": 50}}
    assert asked("Converse", converse)[1] == 50
    assert asked("Converse", {"messages": PROMPT})[1] is None
    for body, most in (
        ({"max_tokens": 7, "messages": []}, 7),
        ({"inferenceConfig": {"maxTokens": 8}, "messages": []}, 8),
        ({"inputText": "x", "textGenerationConfig": {"maxTokenCount": 9}}, 9),
        ({"inputText": "x", "textGenerationConfig": {}}, None),
        ({"prompt": "x", "max_gen_len": 10}, 10),
        ({"prompt": "x"}, None),
        ({"inputText": "to be embedded"}, 0),
        ({"texts": ["to be embedded"], "input_type": "search_query"}, 0),
    ):
        assert asked("InvokeModel", {"body": json.dumps(body)})[1] == most
    assert asked("InvokeModel", {"body": b"not json"}) == (2, None)


def test_inputs_are_estimated() -> None:
    assert estimate("a" * 300) == 100
    assert estimate("ä" * 300) == 200
    assert estimate([{"text": "abc"}, {"image": {"source": {"bytes": b"x" * 10**6}}}]) == 1601
    assert estimate({"document": {"source": {"bytes": b"x" * 100}}}) == 10


def test_usage_is_read_from_every_kind_of_answer() -> None:
    usage = {"inputTokens": 5, "outputTokens": 6, "cacheReadInputTokens": 9}
    assert of_answer({"usage": usage | {"cacheWriteInputTokens": 7}}) == Tokens(5, 6, 7)
    headers = {
        "x-amzn-bedrock-input-token-count": "5",
        "x-amzn-bedrock-output-token-count": "6",
    }
    assert of_answer({"ResponseMetadata": {"HTTPHeaders": headers}}) == Tokens(5, 6)
    assert of_answer({"ResponseMetadata": {"HTTPHeaders": {}}}) is None
    assert of_event({"metadata": {"usage": usage}}) == Tokens(5, 6)
    metrics = {"inputTokenCount": 5, "outputTokenCount": 6, "cacheWriteInputTokenCount": 7}
    last = json.dumps({"amazon-bedrock-invocationMetrics": metrics}).encode()
    assert of_event({"chunk": {"bytes": last}}) == Tokens(5, 6, 7)
    for event in ({}, {"chunk": {"bytes": b"{}"}}, {"contentBlockDelta": {}}):
        assert of_event(event) is None


@pytest.fixture
def limited(cloud: Any, session_of: Any, document: Any) -> ModelSession:
    document["quotas"] = {MODEL: {"tokens_per_minute": 1000}}
    config = BulkheadConfig.from_mapping(document)
    return ModelSession(config, session_of("222222222222"), walls=Walls(quota_wait=0))


@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
def test_calls_go_through_the_quota_and_are_settled(
    operation: str, limited: ModelSession, cloud: Any
) -> None:
    """The tiny cloud says: 25 in, 11 out, 50 written to the cache."""
    left: list[int] = []
    cloud.delay = 0.4

    def look() -> None:
        while not cloud.requests("bedrock"):
            time.sleep(0.002)
        left.append(limited.quota.left(MODEL) or 0)

    watcher = threading.Thread(target=look)
    watcher.start()
    answer = getattr(limited.runtime, operation)(
        modelId=limited.inference_profile(MODEL),
        messages=PROMPT,
        inferenceConfig={"maxTokens": 700},
    )
    if operation == "converse_stream":
        list(answer["stream"])
    watcher.join()
    # 17 tokens a second flow back meanwhile.
    assert 290 <= left[0] <= 350
    assert 910 <= (limited.quota.left(MODEL) or 0) <= 970


def test_langchain_calls_go_through_the_quota(limited: ModelSession, cloud: Any) -> None:
    limited.chat(MODEL, max_tokens=900).invoke("hello")
    with pytest.raises(QuotaError, match="must say max_tokens"):
        limited.chat(MODEL).invoke("hello")
    limited.quota.reserve(MODEL, input_tokens=0, max_tokens=limited.quota.left(MODEL) or 0)
    with pytest.raises(QuotaError, match="no room for 9"):
        limited.chat(MODEL, max_tokens=900).invoke("hello")
    assert len(cloud.requests("bedrock")) == 1


def test_refused_calls_give_their_tokens_back(
    limited: ModelSession, cloud: Any, fault: Any
) -> None:
    cloud.faults["Converse"] = [fault(400, "ValidationException")]
    call = {
        "modelId": limited.inference_profile(MODEL),
        "messages": PROMPT,
        "inferenceConfig": {"maxTokens": 700},
    }
    with pytest.raises(ClientError):
        limited.runtime.converse(**call)
    assert limited.quota.left(MODEL) == pytest.approx(1000, abs=1)
    cloud.faults["AssumeRole"] = [fault(403, "AccessDenied")]
    limited._credentials._issued = None
    with pytest.raises(Exception, match="AccessDenied"):
        limited.runtime.converse(**call)
    assert limited.quota.left(MODEL) == pytest.approx(1000, abs=1)


@pytest.mark.parametrize("api", ["converse", "invoke"])
def test_a_call_uses_what_was_reserved_around_it(
    api: str, cloud: Any, session_of: Any, document: Any
) -> None:
    """Otherwise an application that admits its calls by itself would be charged twice."""
    cloud.answers["invoke"] = {
        "content": [{"type": "text", "text": "hi"}],
        "usage": {"input_tokens": 25, "output_tokens": 11},
        "stop_reason": "end_turn",
    }
    document["quotas"] = {MODEL: {"tokens_per_minute": 1000}}
    session = session_of("222222222222")
    with Bulkhead.from_config(document, session, walls=Walls(quota_wait=0)) as app:
        chat = app.chat(MODEL, api=api, max_tokens=900)  # type: ignore[call-overload]
        took: list[int] = []

        async def admitted() -> None:
            with await app.quota.areserve(MODEL, input_tokens=10, max_tokens=900) as held:
                took.append(held.tokens)
                await chat.ainvoke("hello")
                if api == "converse":  # settled by what it used
                    assert (app.quota.left(MODEL) or 0) > 800
                    app.quota.reserve(MODEL, input_tokens=0, max_tokens=800)
                # The second call inside the block takes its own, for which there is no room.
                with pytest.raises(QuotaError):
                    await chat.ainvoke("hello")

        asyncio.run(admitted())
        assert took == [910]
        assert len(cloud.requests("bedrock")) == 1
        # Of another model it serves nothing, and outside of the block nobody.
        with app.quota.reserve("other", input_tokens=0, max_tokens=1), pytest.raises(QuotaError):
            app.chat(MODEL, max_tokens=2000).invoke("hello")


def test_the_application_asks_its_quota_itself(cloud: Any, session_of: Any, document: Any) -> None:
    document["quotas"] = {MODEL: {"tokens_per_minute": 1000}}
    with Bulkhead.from_config(document, session_of("222222222222")) as app:
        assert app.quota.left(MODEL) == 1000
        app.quota.reserve(MODEL, input_tokens=10, max_tokens=90)
        assert 899 <= (app.quota.left(MODEL) or 0) <= 960
