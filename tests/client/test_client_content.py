"""Content is asked for, redacted before it leaves, in a group of its own, and marked where cut."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.tools import tool
from support.client_lab import CLAUDE, CONTENT, GROUP, LLAMA, NOVA, TITAN, Lab, valid

from bulkhead import Bulkhead, ContentLog, PatternRedactor, PresidioRedactor, RecordMaker
from bulkhead.content import Conversation
from bulkhead.exchange import Exchange

PROMPT = "The wall of ada@example.com, please"


@pytest.fixture(scope="module")
def app(lab: Lab) -> Iterator[Bulkhead]:
    with lab.client(content=True) as app:
        yield app


@pytest.fixture(autouse=True)
def looked(request: pytest.FixtureRequest) -> None:
    """Leave the records of other tests aside."""
    if "lab" in request.fixturenames:
        lab = request.getfixturevalue("lab")
        lab.new(GROUP)
        lab.new(CONTENT)


def test_content_is_that_of_the_call_whatever_becomes_of_the_list(lab: Lab, app: Bulkhead) -> None:
    """Applications keep one list of messages, and put the answer and the next question in it."""
    messages = [say("the first question")]
    target = app.inference_profile(NOVA)
    answer = app.runtime.converse(modelId=target, messages=messages)["output"]["message"]
    messages.append(answer)
    answer["content"].append({"text": "the mark"})
    messages[0]["content"][0]["text"] = "the first question, shortened"
    messages.append(say("the second question"))
    app.runtime.converse(modelId=target, messages=messages)
    messages.clear()
    first, second = sorted(lab.content(app), key=lambda each: len(each["gen_ai.input.messages"]))
    assert texts(first["gen_ai.input.messages"]) == ["the first question"]
    (told,) = first["gen_ai.output.messages"]
    assert "the mark" not in texts([told])
    # And what is sent is what is recorded, of the second call too.
    asked = texts(second["gen_ai.input.messages"])
    assert asked[0] == "the first question, shortened"
    assert asked[1:-1] == [*texts([told]), "the mark"]
    assert asked[-1] == "the second question"


def test_a_large_body_is_no_exception(lab: Lab, app: Bulkhead) -> None:
    """Images make a request of InvokeModel larger than what answers are read of."""
    image = {"type": "base64", "media_type": "image/png", "data": "A" * 1_500_000}
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": image},
                    {"type": "text", "text": "what is it?"},
                ],
            }
        ],
    }
    app.runtime.invoke_model(modelId=app.inference_profile(CLAUDE), body=json.dumps(body))[
        "body"
    ].read()
    (call,) = lab.records(app)
    assert call["gen_ai.operation.name"] == "chat"
    assert call["gen_ai.request.max_tokens"] == 9
    (record,) = lab.content(app)
    (message,) = record["gen_ai.input.messages"]
    assert message["parts"] == [
        {"type": "omitted", "modality": "image"},
        {"type": "text", "content": "what is it?"},
    ]
    assert record["bulkhead.content.truncated"] is False


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [part["content"] for message in messages for part in message["parts"]]


@tool
def look_up(city: str) -> str:
    """Look a city up."""
    return city


def say(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": text}]}


WAYS: dict[str, Any] = {
    "Converse": lambda app: app.chat(CLAUDE, system=["Be ada@example.com"]).invoke(PROMPT),
    "Converse, streamed": lambda app: list(app.chat(CLAUDE).stream(PROMPT)),
    "InvokeModel": lambda app: app.chat(CLAUDE, api="invoke").invoke(PROMPT),
    "InvokeModel, streamed": lambda app: list(app.chat(CLAUDE, api="invoke").stream(PROMPT)),
    "a text model": lambda app: app.llm(LLAMA).invoke(PROMPT),
    "a text model, streamed": lambda app: list(app.llm(LLAMA).stream(PROMPT)),
    "boto3": lambda app: app.runtime.converse(
        modelId=app.inference_profile(NOVA), messages=[say(PROMPT)]
    ),
    "boto3, streamed": lambda app: list(
        app.runtime.converse_stream(modelId=app.inference_profile(NOVA), messages=[say(PROMPT)])[
            "stream"
        ]
    ),
    "Nova's body, streamed": lambda app: list(
        app.runtime.invoke_model_with_response_stream(
            modelId=app.inference_profile(NOVA), body=json.dumps({"messages": [say(PROMPT)]})
        )["body"]
    ),
}


@pytest.mark.parametrize("way", list(WAYS))
def test_every_way_leaves_its_content_redacted(lab: Lab, app: Bulkhead, way: str) -> None:
    WAYS[way](app)
    (call,) = lab.records(app)
    (record,) = lab.content(app)
    assert record["bulkhead.call.record.id"] == call["bulkhead.record.id"]
    assert record["aws.request_id"] == call["aws.request_id"]
    assert record["bulkhead.content.redacted"] is True
    assert record["bulkhead.content.truncated"] is False
    (asked,) = record["gen_ai.input.messages"]
    (answered,) = record["gen_ai.output.messages"]
    said = "The wall of [EMAIL], please"
    assert asked == {"role": "user", "parts": [{"type": "text", "content": said}]}
    assert answered["role"] == "assistant"
    assert len(answered["parts"][0]["content"]) > 20
    assert ("gen_ai.system_instructions" in record) is (way == "Converse")
    assert "ada@example.com" not in json.dumps([call, record])
    # Content is in its own group only.
    assert "The wall" not in json.dumps(call)


def test_tools_are_laid_out(lab: Lab, app: Bulkhead) -> None:
    chat = app.chat(CLAUDE).bind_tools([look_up], tool_choice="look_up")
    answer = chat.invoke(PROMPT)
    list(chat.stream(PROMPT))
    use = answer.tool_calls[0]
    history = [
        ("human", PROMPT),
        answer,
        {"role": "tool", "content": "x", "tool_call_id": use["id"]},
    ]
    chat.invoke(history)
    lab.records(app)
    one, streamed, two = lab.content(app)
    for record in (one, streamed):
        (part,) = record["gen_ai.output.messages"][0]["parts"]
        assert (part["type"], part["name"]) == ("tool_call", "look_up")
        assert record["gen_ai.output.messages"][0]["finish_reason"] == "tool_use"
    kinds = [part["type"] for each in two["gen_ai.input.messages"] for part in each["parts"]]
    assert kinds == ["text", "tool_call", "tool_call_response"]


def test_embeddings_leave_their_texts_but_no_vectors(lab: Lab, app: Bulkhead) -> None:
    app.embeddings(TITAN).embed_query(PROMPT)
    lab.records(app)
    (record,) = lab.content(app)
    assert record["gen_ai.input.messages"][0]["parts"][0]["content"].startswith("The wall of [EMAI")
    assert "gen_ai.output.messages" not in record


def test_without_asking_there_is_no_content(lab: Lab) -> None:
    with lab.client() as app:
        app.chat(CLAUDE).invoke(PROMPT)
        assert len(lab.records(app)) == 1
    assert not lab.content(app)
    assert "The wall" not in json.dumps(lab.new(GROUP))


def test_redaction_runs_on_the_writers_thread(lab: Lab) -> None:
    threads: list[str] = []

    def redact(text: str) -> str:
        threads.append(threading.current_thread().name)
        return text

    with lab.client(content=True, redactors=[redact]) as app:
        app.chat(CLAUDE).invoke(PROMPT)
        lab.records(app)
        (record,) = lab.content(app)
    assert "ada@example.com" in json.dumps(record)  # the twin: this redactor does nothing
    assert record["bulkhead.content.redacted"] is False
    assert threading.current_thread().name not in threads
    assert threads


def test_a_redactor_that_fails_withholds_the_content(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    def redact(text: str) -> str:
        raise ValueError(text)

    with lab.client(content=True, redactors=[redact]) as app:
        app.chat(CLAUDE).invoke(PROMPT)
        (call,) = lab.records(app)
        (record,) = lab.content(app)
    assert record["bulkhead.content.withheld"] == "ValueError"
    assert record["bulkhead.call.record.id"] == call["bulkhead.record.id"]
    assert "wall" not in json.dumps(record) + caplog.text


# --- laying out and cutting, without HTTP ---------------------------------------------------------


def exchange(text: str) -> tuple[Exchange, list[dict[str, Any]]]:
    made = Exchange("m", lambda _: None, lambda _: None)
    made.facts["rpc.method"] = "Converse"
    made.conversation = Conversation("Converse", {"messages": [say(text)]})
    made.finish("success")
    return made, []


def records_of(text: str, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    log = ContentLog(lambda item, _: found.append(dict(item)), RecordMaker(), **options)
    made, _ = exchange(text)
    log.put(made, "6fb1e51a-01ee-41f4-b4c9-32137437b658", 1_795_722_814_503)
    return [valid(record) for record in found]


def laid_out(operation: str, params: Any, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    log = ContentLog(lambda item, _: found.append(valid(dict(item))), RecordMaker(), **options)
    made = Exchange("m", lambda _: None, lambda _: None)
    made.facts["rpc.method"] = operation
    made.conversation = Conversation(operation, params)
    log.put(made, "6fb1e51a-01ee-41f4-b4c9-32137437b658", 1)
    return found


@pytest.mark.parametrize("unit", ["wall ", '"\\', "ä", "\U0001f9f1", "\n"])
def test_long_content_comes_in_parts_that_fit(unit: str) -> None:
    text = unit * (300_000 // len(unit))
    records = records_of(text, max_characters=10_000_000)
    assert len(records) > 2
    parts = [record["bulkhead.content.part"] for record in records]
    assert parts == list(range(1, len(records) + 1))
    assert {record["bulkhead.content.parts"] for record in records} == {len(records)}
    assert not any(record["bulkhead.content.truncated"] for record in records)
    for record in records:
        assert len(json.dumps(record, separators=(",", ":"))) < 256 * 1024
    whole = json.loads("".join(record["bulkhead.content.fragment"] for record in records))
    assert whole["gen_ai.input.messages"][0]["parts"][0]["content"] == text


def test_too_long_content_is_cut_and_says_so() -> None:
    records = records_of("wall " * 100_000, max_characters=250_000)
    assert len(records) == 3
    assert all(record["bulkhead.content.truncated"] for record in records)
    assert sum(len(record["bulkhead.content.fragment"]) for record in records) <= 250_000
    (short,) = records_of("wall " * 10_000, max_characters=20_000)
    assert short["bulkhead.content.truncated"] is True
    assert short["gen_ai.input.messages"][0]["parts"][0]["content"].endswith("[CUT]")
    assert len(json.dumps(short)) < 21_000


def test_no_secret_survives_at_a_cut() -> None:
    """Where the text is cut, the beginning of a secret would not look like one."""
    for lead in range(0, 40, 3):
        text = "x " * ((4000 - lead) // 2) + "4111 1111 1111 1111" + " y" * 4000
        (record,) = records_of(text, max_characters=4000)
        # Not in all of the record: its id is random digits.
        assert "4111" not in json.dumps(record["gen_ai.input.messages"])


def test_one_text_that_was_redacted_says_so_of_all() -> None:
    for texts in (["call 1", "ada@example.com", "call 2"], ["call 1", "call 2"]):
        (record,) = laid_out("Converse", {"messages": [say(text) for text in texts]})
        assert record["bulkhead.content.redacted"] is (len(texts) == 3)


def test_an_asynchronous_call_shows_what_it_asks() -> None:
    asked = {"modelId": "m", "modelInput": {"inputText": "hello"}}
    (record,) = laid_out("StartAsyncInvoke", asked)
    (message,) = record["gen_ai.input.messages"]
    assert message["parts"] == [{"type": "text", "content": "hello"}]


def test_a_redactor_that_returns_no_text_withholds_the_content() -> None:
    (record,) = laid_out("Converse", {"messages": [say("hello")]}, redactors=[lambda _: None])
    assert record["bulkhead.content.withheld"] == "TypeError"
    assert "hello" not in json.dumps(record)


def test_of_a_streamed_answer_no_more_is_kept_than_a_bound() -> None:
    made = Conversation("ConverseStream", {})
    for _ in range(100):
        made.event(
            {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "x" * 100_000}}}
        )
    assert 4_000_000 < made.weight < 5_000_000


def test_what_is_changed_after_the_call_is_shown_as_it_was() -> None:
    text, body = [{"text": "before"}], bytearray(b'{"prompt": "before"}')
    made = [
        Conversation("Converse", {"messages": [{"role": "user", "content": text}]}),
        Conversation("InvokeModel", {"body": body}),
    ]
    text[0]["text"], body[:] = "after", b'{"prompt": "after"}'
    for each in made:
        assert "before" in json.dumps(each.laid_out())
        assert "after" not in json.dumps(each.laid_out())


def test_keys_that_are_redacted_alike_are_all_kept() -> None:
    people = {f"ada{n}@example.com": n for n in range(3)} | {"[EMAIL]": 3, "[EMAIL]#2": 4}
    made, _ = exchange("")
    block = {"toolUse": {"toolUseId": "t", "name": "count", "input": {"people": people, 1: 5}}}
    made.conversation = Conversation(
        "Converse", {"messages": [{"role": "assistant", "content": [block]}]}
    )
    found: list[dict[str, Any]] = []
    log = ContentLog(lambda item, _: found.append(valid(dict(item))), RecordMaker())
    log.put(made, "6fb1e51a-01ee-41f4-b4c9-32137437b658", 1_795_722_814_503)
    arguments = found[0]["gen_ai.input.messages"][0]["parts"][0]["arguments"]
    assert list(arguments["people"].values()) == [0, 1, 2, 3, 4]
    assert list(arguments["people"])[:4] == ["[EMAIL]", "[EMAIL]#2", "[EMAIL]#3", "[EMAIL]#4"]
    assert found[0]["bulkhead.content.redacted"] is True
    assert "ada" not in json.dumps(found)


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"image": {"format": "png", "source": {"bytes": b"canary"}}},
            {"type": "omitted", "modality": "image"},
        ),
        ({"document": {"name": "canary"}}, {"type": "omitted", "modality": "document"}),
        (
            {"type": "image", "source": {"data": "canary"}},
            {"type": "omitted", "modality": "image"},
        ),
        ({"cachePoint": {"type": "default"}}, {"type": "omitted", "modality": "cachePoint"}),
        (
            {"reasoningContent": {"reasoningText": {"text": "hm"}}},
            {"type": "reasoning", "content": "hm"},
        ),
        ({"guardContent": {"text": {"text": "hm"}}}, {"type": "text", "content": "hm"}),
        ({"json": {"a": b"canary"}}, {"type": "json", "content": {"a": "[6 BYTES]"}}),
    ],
)
def test_blocks_are_laid_out_and_media_left_out(block: Any, part: Any) -> None:
    found: list[dict[str, Any]] = []
    made, _ = exchange("")
    made.conversation = Conversation(
        "Converse", {"messages": [{"role": "user", "content": [block]}]}
    )
    log = ContentLog(lambda item, _: found.append(dict(item)), RecordMaker())
    log.put(made, "6fb1e51a-01ee-41f4-b4c9-32137437b658", 1)
    assert valid(found[0])["gen_ai.input.messages"][0]["parts"] == [part]
    assert "canary" not in json.dumps(found)


# --- redactors ------------------------------------------------------------------------------------

redact = PatternRedactor()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("mail ada.l+x@mail.example.com now", "mail [EMAIL] now"),
        ("card 4111 1111 1111 1111.", "card [CARD_NUMBER]."),
        ("card 5500-0000-0000-0004", "card [CARD_NUMBER]"),
        ("to DE89 3704 0044 0532 0130 00 please", "to [IBAN] please"),
        ("to GB29NWBK60161331926819", "to [IBAN]"),
        ("ssn 123-45-6789", "ssn [US_SSN]"),
        ("call +49 30 1234567 or", "call [PHONE] or"),
        ("call (030) 123 4567", "call [PHONE]"),
        ("host 10.11.12.13:80", "host [IP_ADDRESS]:80"),
        ("host 2001:0db8:85a3:0000:0000:8a2e:0370:7334", "host [IP_ADDRESS]"),
        ("key AKIAIOSFODNN7EXAMPLE", "key [AWS_ACCESS_KEY]"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_[SECRET]"),
        ('{"password": "hunter2hunter2"}', '{"[SECRET]"}'),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: [TOKEN]"),
        ("ghp_abcdefghijklmnop1234", "[TOKEN]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "[JWT]"),
        ("https://ada:secret@example.com/x", "https://[URL_CREDENTIALS]@example.com/x"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nend",
            "[PRIVATE_KEY]\nend",
        ),
    ],
)
def test_patterns_find(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "The order 4111 1111 1111 1112 is no card",
        "version 1.2.3.4000 and 300.1.1.1",
        "room 12-34, page 5, 2026-01-31, 12:30:45",
        "XX00 ABCD EFGH IJKL is no account",
        "a password is needed; the secret of success",
        "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/acme",
        "0.123456789 and 1234567",
    ],
)
def test_patterns_leave_alone(text: str) -> None:
    assert redact(text) == text


def test_own_patterns_come_first() -> None:
    assert PatternRedactor({"ORDER": r"A-\d{4}"})("A-1234, ada@example.com") == "[ORDER], [EMAIL]"


@given(st.text(max_size=300))
def test_redacting_never_fails_and_settles(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize("unit", ["a@", "1 ", "1.", "+1-", "ab:", "-", "A1 ", "password=", "://a:"])
def test_no_text_makes_a_pattern_slow(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 5


def test_presidio_is_an_extra() -> None:
    class Analyzer:
        """Finds names, as Presidio does, and twice where one finding lies in another."""

        def analyze(self, *, text: str, **options: Any) -> list[Any]:
            assert options == {"language": "de", "entities": ["PERSON"], "score_threshold": 0.7}
            at = text.index("Ada")
            return [
                SimpleNamespace(start=at, end=at + 3, entity_type="PERSON"),
                SimpleNamespace(start=at, end=at + 12, entity_type="PERSON"),
            ]

    one = PresidioRedactor(Analyzer(), language="de", entities=["PERSON"], threshold=0.7)
    assert one("Frau Ada Lovelace, bitte") == "Frau [PERSON], bitte"
    assert one(" ") == " "
    try:
        __import__("presidio_analyzer")
    except ImportError:
        with pytest.raises(ImportError, match=r"bulkhead\[presidio\]"):
            PresidioRedactor()
