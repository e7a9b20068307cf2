"""The Responses API over HTTP: plain signed requests, what is stored, and who reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from support.cloud import REGION, A, B, Clients, allow, trust

MODEL = "openai.gpt-5.6-sol"
GLOBAL = f"global.{MODEL}"
US = f"us.{MODEL}"
HERE = "us-east-1"
ME = {"AWS": f"arn:aws:iam::{A}:user/administrator"}
PROJECT = f"arn:aws:bedrock:{HERE}:{A}:project/default"
PROFILE = f"arn:aws:bedrock:{HERE}:{A}:inference-profile/{US}"
MODELS = f"arn:aws:bedrock:*::foundation-model/{MODEL}"
CANARY = "canary-4711"


@dataclass
class Reply:
    status: int
    body: dict[str, Any]


Send = Callable[..., Reply]


@pytest.fixture
def send(clients: Clients) -> Send:
    """Sends a request signed as a profile or session, as an OpenAI client would make it."""

    def sent(
        who: str | boto3.Session,
        method: str,
        path: str = "",
        body: dict[str, Any] | None = None,
        region: str = HERE,
        **headers: str,
    ) -> Reply:
        session = clients.session(who) if isinstance(who, str) else who
        data = b"" if body is None else json.dumps(body).encode()
        url = f"{clients.cloud.endpoint}/openai/v1/responses{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(
            method, url, data=data, headers={"Content-Type": "application/json", **named}
        )
        SigV4Auth(session.get_credentials(), "bedrock", region).add_auth(request)
        plain = Request(url, data=data or None, headers=dict(request.headers), method=method)
        try:
            with urlopen(plain, timeout=20) as answer:
                if answer.headers["Content-Type"] == "text/event-stream":
                    return Reply(answer.status, {"events": list(_events(answer.read().decode()))})
                return Reply(answer.status, json.load(answer))
        except HTTPError as error:
            return Reply(error.code, json.load(error))

    return sent


def _events(text: str) -> Iterator[dict[str, Any]]:
    """The data of server-sent events, each of which must be named as its data says."""
    for frame in text.removesuffix("\n\n").split("\n\n"):
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        yield event


def ask(text: str = CANARY, **more: Any) -> dict[str, Any]:
    return {"model": US, "input": text, **more}


def said(reply: Reply) -> str:
    assert reply.status == 200, reply
    return str(reply.body["output"][0]["content"][0]["text"])


def test_an_answer_is_stored_unless_it_must_not_be(send: Send) -> None:
    made = send(A, "POST", body=ask(metadata={"customer": "acme"}, instructions="Be brief."))
    assert CANARY in said(made)
    assert made.body["object"] == "response"
    assert made.body["usage"]["total_tokens"] > 0
    read = send(A, "GET", f"/{made.body['id']}")
    assert read.body == made.body
    assert read.body["metadata"] == {"customer": "acme"}
    assert read.body["instructions"] == "Be brief."
    gone = send(A, "POST", body=ask(store=False))
    assert CANARY in said(gone)
    assert send(A, "GET", f"/{gone.body['id']}").status == 404


def test_a_streamed_answer_is_the_same_and_stored_the_same(send: Send) -> None:
    streamed = send(A, "POST", body=ask(stream=True)).body["events"]
    kinds = [event["type"].removeprefix("response.") for event in streamed]
    assert kinds[:3] == ["created", "in_progress", "output_item.added"]
    assert kinds[-3:] == ["content_part.done", "output_item.done", "completed"]
    assert [event["sequence_number"] for event in streamed] == list(range(len(streamed)))
    text = "".join(event["delta"] for event in streamed if "delta" in event)
    assert kinds.count("output_text.delta") > 1
    assert text == said(send(A, "POST", body=ask()))
    last, first = streamed[-1]["response"], streamed[0]["response"]
    assert (first["id"], first["status"], first["output"]) == (last["id"], "in_progress", [])
    assert send(A, "GET", f"/{last['id']}").body == last
    unstored = send(A, "POST", body=ask(stream=True, store=False)).body["events"][-1]["response"]
    assert send(A, "GET", f"/{unstored['id']}").status == 404
    cut = send(A, "POST", body=ask(stream=True, max_output_tokens=16)).body["events"][-1]
    assert cut["type"] == "response.incomplete"
    assert send(A, "POST", body=ask(stream=True, background=True)).status == 400


def test_streaming_needs_the_permission_to_stream(
    clients: Clients, send: Send, make_role: Callable[..., str]
) -> None:
    whole = allow("bedrock:InvokeModel", [PROFILE, MODELS, PROJECT])
    stream = allow("bedrock:InvokeModelWithResponseStream", [PROFILE, MODELS])
    without = clients.assume(A, make_role(A, trust(ME), whole))
    assert send(without, "POST", body=ask(stream=True)).status == 403
    assert send(without, "POST", body=ask()).status == 200
    having = clients.assume(A, make_role(A, trust(ME), whole, stream))
    assert "events" in send(having, "POST", body=ask(stream=True)).body


def test_what_a_response_was_asked_is_listed(
    clients: Clients, send: Send, make_role: Callable[..., str]
) -> None:
    first = send(A, "POST", body=ask()).body["id"]
    second = send(A, "POST", body=ask("And now?", previous_response_id=first)).body["id"]
    path = f"/{second}/input_items"

    def texts(reply: Reply) -> list[str]:
        assert reply.status == 200, reply
        return [item["content"][0]["text"] for item in reply.body["data"]]

    oldest, answer, newest = texts(send(A, "GET", f"{path}?order=asc"))
    assert (oldest, newest) == (CANARY, "And now?")
    assert CANARY in answer
    assert texts(send(A, "GET", path)) == [newest, answer, oldest]
    page = send(A, "GET", f"{path}?limit=2")
    assert (texts(page), page.body["has_more"]) == ([newest, answer], True)
    rest = send(A, "GET", f"{path}?after={page.body['last_id']}")
    assert (texts(rest), rest.body["has_more"]) == ([oldest], False)
    for wrong in ("?limit=0", "?limit=101", "?order=up", "?after=msg_none"):
        assert send(A, "GET", path + wrong).status == 400
    assert send(B, "GET", path).status == 404
    assert send(A, "GET", "/resp_none/input_items").status == 404
    asking = make_role(A, trust(ME), allow("bedrock:InvokeModel", [PROFILE, MODELS, PROJECT]))
    assert send(clients.assume(A, asking), "GET", path).status == 403


def test_messages_are_read_in_their_forms(send: Send) -> None:
    text = {"type": "input_text", "text": CANARY}
    for given in (
        CANARY,
        [{"role": "user", "content": CANARY}],
        [{"type": "message", "role": "user", "content": [text]}],
        [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": [text]}],
    ):
        assert CANARY in said(send(A, "POST", body=ask(given)))


def test_an_answer_can_be_deleted(send: Send) -> None:
    made = send(A, "POST", body=ask())
    path = f"/{made.body['id']}"
    assert send(A, "POST", f"{path}/cancel").status == 400
    assert send(A, "DELETE", path).body == {
        "id": made.body["id"],
        "object": "response",
        "deleted": True,
    }
    assert send(A, "GET", path).status == 404
    assert send(A, "DELETE", path).status == 404


def test_every_role_of_the_account_reads_what_another_asked(
    clients: Clients, send: Send, make_role: Callable[..., str]
) -> None:
    asking = make_role(
        A,
        trust(ME),
        allow("bedrock:InvokeModel", [PROFILE, MODELS, PROJECT]),
    )
    reading = make_role(A, trust(ME), allow("bedrock:GetInvoke", PROJECT))
    first, second = clients.assume(A, asking), clients.assume(A, reading)
    made = send(first, "POST", body=ask())
    path = f"/{made.body['id']}"
    assert CANARY in said(send(second, "GET", path))
    for reply in (
        send(first, "GET", path),
        send(second, "DELETE", path),
        send(second, "POST", f"{path}/cancel"),
        send(second, "POST", body=ask()),
    ):
        assert reply.status == 403
        assert "not authorized to perform: bedrock:" in reply.body["message"]


def test_a_conversation_can_be_continued_by_another_role(
    clients: Clients, send: Send, make_role: Callable[..., str]
) -> None:
    made = send(A, "POST", body=ask())
    role = make_role(A, trust(ME), allow("bedrock:InvokeModel", [PROFILE, MODELS, PROJECT]))
    other = clients.assume(A, role)
    more = ask("And then?", previous_response_id=made.body["id"])
    assert CANARY in said(send(other, "POST", body=more))
    assert CANARY not in said(send(other, "POST", body=ask("And then?")))
    lost = ask("And then?", previous_response_id="resp_unknown")
    assert send(other, "POST", body=lost).status == 404


def test_other_accounts_and_regions_do_not_find_it(send: Send) -> None:
    made = send(A, "POST", body=ask())
    path = f"/{made.body['id']}"
    for who, region in ((B, HERE), (A, REGION)):
        missing = send(who, "GET", path, region=region)
        assert missing.status == 404
        assert missing.body == send(who, "GET", "/resp_never", region=region).body
    assert send(A, "GET", path).status == 200


@pytest.mark.parametrize("missing", [PROFILE, MODELS, PROJECT])
def test_model_and_project_must_both_be_allowed(
    clients: Clients, send: Send, make_role: Callable[..., str], missing: str
) -> None:
    wanted = [PROFILE, MODELS, PROJECT]
    whole = make_role(A, trust(ME), allow("bedrock:InvokeModel", wanted))
    assert send(clients.assume(A, whole), "POST", body=ask()).status == 200
    rest = [one for one in wanted if one != missing]
    partial = make_role(A, trust(ME), allow("bedrock:InvokeModel", rest))
    assert send(clients.assume(A, partial), "POST", body=ask()).status == 403


def test_each_side_is_a_key_of_the_other(
    clients: Clients, send: Send, make_role: Callable[..., str]
) -> None:
    for key, value, on, other in (
        ("bedrock:ModelArn", PROFILE, [PROJECT], [PROFILE, MODELS]),
        ("bedrock:ProjectArn", PROJECT, [PROFILE, MODELS], [PROJECT]),
    ):
        for told, status in ((value, 200), (f"{value}x", 403)):
            condition = {"StringEquals": {key: told}}
            role = make_role(
                A,
                trust(ME),
                allow("bedrock:InvokeModel", on, Condition=condition),
                allow("bedrock:InvokeModel", other),
            )
            assert send(clients.assume(A, role), "POST", body=ask()).status == status


def test_application_profiles_and_other_models_are_rejected(
    clients: Clients, send: Send, unique: Callable[[str], str]
) -> None:
    bedrock = clients(A, "bedrock", HERE)
    aip = bedrock.create_inference_profile(
        inferenceProfileName=unique("gpt"), modelSource={"copyFrom": PROFILE}
    )["inferenceProfileArn"]
    for body in (
        ask(model=aip),
        ask(model="amazon.nova-lite-v1:0"),
        ask(model=MODEL),
        ask(background=True),
        ask(tools=[{"type": "web_search"}]),
        {"input": CANARY},
        {"model": US},
        ask([{"role": "user", "content": [{"type": "input_image"}]}]),
    ):
        refused = send(A, "POST", body=body)
        assert refused.status == 400, body
        assert CANARY not in str(refused.body)
    assert send(A, "POST", body=ask(model=PROFILE)).status == 200


def test_only_the_default_project_is_known(send: Send) -> None:
    for project, status in (("default", 200), (PROJECT, 200), ("proj_other", 400)):
        assert send(A, "POST", body=ask(), OpenAI_Project=project).status == status


def test_no_retention_stores_nothing(clients: Clients, send: Send) -> None:
    bedrock = clients(A, "bedrock", HERE)
    bedrock.put_account_data_retention(mode="none")
    try:
        made = send(A, "POST", body=ask())
        assert CANARY in said(made)
        assert send(A, "GET", f"/{made.body['id']}").status == 404
        assert send(A, "POST", body=ask(store=True)).status == 400
    finally:
        bedrock.put_account_data_retention(mode="inherit")
    assert send(A, "POST", body=ask(store=True)).status == 200


def test_an_enforced_guardrail_does_not_reach_responses(
    clients: Clients, send: Send, unique: Callable[[str], str]
) -> None:
    """AWS applies guardrails to Converse and InvokeModel, and not to the Responses API."""
    region = "us-east-2"
    bedrock, runtime = (clients(A, name, region) for name in ("bedrock", "bedrock-runtime"))
    made = bedrock.create_guardrail(
        name=unique("wall"),
        blockedInputMessaging="no",
        blockedOutputsMessaging="no",
        wordPolicyConfig={"wordsConfig": [{"text": CANARY}]},
    )["guardrailId"]
    version = bedrock.create_guardrail_version(guardrailIdentifier=made)["version"]
    put = bedrock.put_enforced_guardrail_configuration(
        guardrailInferenceConfig={"guardrailIdentifier": made, "guardrailVersion": version}
    )
    try:
        messages = [{"role": "user", "content": [{"text": CANARY}]}]
        blocked = runtime.converse(modelId=US, messages=messages)
        assert blocked["stopReason"] == "guardrail_intervened"
        assert CANARY in said(send(A, "POST", body=ask(), region=region))
    finally:
        bedrock.delete_enforced_guardrail_configuration(configId=put["configId"])


def test_a_global_profile_answers_here(send: Send) -> None:
    made = send(A, "POST", body=ask(model=GLOBAL), region=REGION)
    assert CANARY in said(made)
    assert send(A, "GET", f"/{made.body['id']}", region=REGION).status == 200


def test_requests_that_are_not_signed_or_unknown_are_refused(clients: Clients, send: Send) -> None:
    made = send(A, "POST", body=ask())
    url = f"{clients.cloud.endpoint}/openai/v1/responses/{made.body['id']}"
    with pytest.raises(HTTPError) as caught:
        urlopen(Request(url, headers={"Content-Type": "application/json"}), timeout=20)
    assert caught.value.code == 403
    assert send(A, "GET", "").status in (403, 404, 405)
    assert send(A, "PUT", f"/{made.body['id']}").status in (403, 404, 405)
