"""Batch and asynchronous jobs over HTTP: what they write, where, and with whose rights."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, B, Clients, allow, document, trust

MODEL = "amazon.nova-lite-v1:0"
REEL = "amazon.nova-reel-v1:1"
BEDROCK = {"Service": "bedrock.amazonaws.com"}
ME = {"AWS": f"arn:aws:iam::{A}:user/administrator"}
CANARY = "canary-4711"
BAD: tuple[dict[str, Any], ...] = ({}, {"messages": "x"})
Bucket = Callable[..., str]


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def bucket(clients: Clients, unique: Callable[[str], str]) -> Bucket:
    def make(account: str, *statements: dict[str, Any]) -> str:
        name = unique(f"bucket-{account}")
        s3 = clients(account, "s3")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        for statement in statements:
            arn = f"arn:aws:s3:::{name}"
            policy = document({**statement, "Resource": [arn, f"{arn}/*"]})
            s3.put_bucket_policy(Bucket=name, Policy=policy)
        return name

    return make


def record(number: int, text: str = CANARY) -> dict[str, Any]:
    messages = [{"role": "user", "content": [{"text": f"{number}: {text}"}]}]
    return {"recordId": f"R{number:010}", "modelInput": {"messages": messages}}


def upload(clients: Clients, name: str, lines: list[str]) -> str:
    body = "".join(f"{line}\n" for line in lines).encode()
    clients(A, "s3").put_object(Bucket=name, Key="in/prompts.jsonl", Body=body)
    return f"s3://{name}/in/"


def good(count: int = 100) -> list[str]:
    return [json.dumps(record(number)) for number in range(count)]


def places(source: str, target: str, **output: Any) -> dict[str, Any]:
    return {
        "inputDataConfig": {"s3InputDataConfig": {"s3Uri": source}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"s3://{target}/out/", **output}},
    }


def objects(clients: Clients, account: str, name: str) -> dict[str, str]:
    s3 = clients(account, "s3")
    found = s3.list_objects_v2(Bucket=name, Prefix="out/").get("Contents", [])
    return {
        item["Key"]: s3.get_object(Bucket=name, Key=item["Key"])["Body"].read().decode()
        for item in found
    }


def start(clients: Clients, name: str, role: str, model: str = MODEL, **where: Any) -> str:
    made = clients(A, "bedrock").create_model_invocation_job(
        jobName=name, roleArn=role, modelId=model, **where
    )
    return str(made["jobArn"])


def test_a_job_writes_prompts_and_answers(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket, unique: Callable[[str], str]
) -> None:
    name, bedrock = bucket(A), clients(A, "bedrock")
    source = upload(clients, name, [*good(), *(json.dumps({"modelInput": bad}) for bad in BAD)])
    role = make_role(A, trust(BEDROCK), allow("s3:*"))
    job_name = unique("job")
    job = start(clients, job_name, role, **places(source, name))
    found = bedrock.get_model_invocation_job(jobIdentifier=job)
    assert found["status"] == "Completed"
    assert (found["successRecordCount"], found["errorRecordCount"]) == (100, 2)
    written = objects(clients, A, name)
    folder = f"out/{job.rsplit('/', 1)[1]}/"
    assert set(written) == {f"{folder}prompts.jsonl.out", f"{folder}manifest.json.out"}
    lines = [json.loads(line) for line in written[f"{folder}prompts.jsonl.out"].splitlines()]
    assert [line.get("recordId") for line in lines[:2]] == ["R0000000000", "R0000000001"]
    assert CANARY in str(lines[0]["modelInput"])
    assert CANARY in str(lines[0]["modelOutput"])
    assert [line["error"]["errorCode"] for line in lines[100:]] == [400, 400]
    manifest = json.loads(written[f"{folder}manifest.json.out"])
    assert (manifest["totalRecordCount"], manifest["errorRecordCount"]) == (102, 2)
    listed = bedrock.list_model_invocation_jobs(nameContains=job_name)["invocationJobSummaries"]
    assert [one["jobArn"] for one in listed] == [job]
    assert (
        bedrock.list_model_invocation_jobs(nameContains=job_name, statusEquals="Failed")[
            "invocationJobSummaries"
        ]
        == []
    )
    with pytest.raises(ClientError) as caught:
        bedrock.stop_model_invocation_job(jobIdentifier=job)
    assert code(caught) == "ConflictException"


def test_who_reads_the_bucket_finds_the_answers_of_a_job_that_nobody_looked_at(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket, unique: Callable[[str], str]
) -> None:
    name = bucket(A)
    source = upload(clients, name, good())
    role = make_role(A, trust(BEDROCK), allow("s3:*"))
    for _ in range(2):
        start(clients, unique("job"), role, **places(source, name))
    written = objects(clients, A, name)
    answers = [text for key, text in written.items() if key.endswith("prompts.jsonl.out")]
    assert len(answers) == 2
    assert all(CANARY in text for text in answers)


@pytest.mark.parametrize("open_to_role", [True, False])
def test_a_job_writes_into_another_account_only_if_both_sides_allow(
    clients: Clients,
    make_role: Callable[..., str],
    bucket: Bucket,
    unique: Callable[[str], str],
    open_to_role: bool,
) -> None:
    role = make_role(A, trust(BEDROCK), allow("s3:*"))
    statement = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "s3:*"}
    source = upload(clients, bucket(A), good())
    target = bucket(B, *([statement] if open_to_role else []))
    job = start(clients, unique("job"), role, **places(source, target, s3BucketOwner=B))
    found = clients(A, "bedrock").get_model_invocation_job(jobIdentifier=job)
    written = objects(clients, B, target)
    if open_to_role:
        assert found["status"] == "Completed"
        assert CANARY in "".join(written.values())
    else:
        assert found["status"] == "Failed"
        assert "AccessDenied" in found["message"]
        assert written == {}


def test_a_job_fails_when_its_role_is_not_trusted_or_not_allowed(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket, unique: Callable[[str], str]
) -> None:
    name, bedrock = bucket(A), clients(A, "bedrock")
    source = upload(clients, name, good())
    for role in (
        make_role(A, trust({"Service": "lambda.amazonaws.com"}), allow("s3:*")),
        make_role(A, trust(BEDROCK), allow(["s3:GetObject", "s3:ListBucket"])),
        make_role(A, trust(BEDROCK), allow(["s3:PutObject", "s3:ListBucket"])),
    ):
        job = start(clients, unique("job"), role, **places(source, name))
        assert bedrock.get_model_invocation_job(jobIdentifier=job)["status"] == "Failed"
    assert objects(clients, A, name) == {}
    needed = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    role = make_role(A, trust(BEDROCK), allow(needed))
    job = start(clients, unique("job"), role, **places(source, name))
    assert bedrock.get_model_invocation_job(jobIdentifier=job)["status"] == "Completed"


def test_the_expected_owner_is_checked(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket, unique: Callable[[str], str]
) -> None:
    name, bedrock = bucket(A), clients(A, "bedrock")
    source = upload(clients, name, good())
    role = make_role(A, trust(BEDROCK), allow("s3:*"))
    for owner, status in ((A, "Completed"), (B, "Failed")):
        job = start(clients, unique("job"), role, **places(source, name, s3BucketOwner=owner))
        assert bedrock.get_model_invocation_job(jobIdentifier=job)["status"] == status


def test_a_role_that_calls_a_profile_must_be_allowed_to(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket, unique: Callable[[str], str]
) -> None:
    name, bedrock = bucket(A), clients(A, "bedrock")
    source = upload(clients, name, good())
    foundation = f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"
    aip = bedrock.create_inference_profile(
        inferenceProfileName=unique("batch"), modelSource={"copyFrom": foundation}
    )["inferenceProfileArn"]
    storing = allow(["s3:GetObject", "s3:ListBucket", "s3:PutObject"])
    invoking = allow("bedrock:InvokeModel", [aip, foundation])
    for statements, status in (((storing,), "Failed"), ((storing, invoking), "Completed")):
        role = make_role(A, trust(BEDROCK), *statements)
        job = start(clients, unique("job"), role, aip, **places(source, name))
        assert bedrock.get_model_invocation_job(jobIdentifier=job)["status"] == status


def test_a_role_may_trust_jobs_of_one_account_only(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket, unique: Callable[[str], str]
) -> None:
    name, bedrock = bucket(A), clients(A, "bedrock")
    source = upload(clients, name, good())
    for account, status in ((A, "Completed"), (B, "Failed")):
        job_arns = f"arn:aws:bedrock:{REGION}:{account}:model-invocation-job/*"
        condition = {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnEquals": {"aws:SourceArn": job_arns},
        }
        role = make_role(A, trust(BEDROCK, Condition=condition), allow("s3:*"))
        job = start(clients, unique("job"), role, **places(source, name))
        assert bedrock.get_model_invocation_job(jobIdentifier=job)["status"] == status


def test_too_few_records_fail(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket, unique: Callable[[str], str]
) -> None:
    name = bucket(A)
    role = make_role(A, trust(BEDROCK), allow("s3:*"))
    source = upload(clients, name, good(99))
    job = start(clients, unique("job"), role, **places(source, name))
    found = clients(A, "bedrock").get_model_invocation_job(jobIdentifier=job)
    assert found["status"] == "Failed"
    assert "required minimum of: 100" in found["message"]


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("in/", ["a.jsonl.out", "b/a.jsonl.out"]),
        ("in", ["a.jsonl.out", "b/a.jsonl.out"]),
        ("in/b/a.jsonl", ["a.jsonl.out"]),
    ],
)
def test_a_job_reads_a_file_or_all_of_a_folder(
    clients: Clients,
    make_role: Callable[..., str],
    bucket: Bucket,
    unique: Callable[[str], str],
    source: str,
    files: list[str],
) -> None:
    name, s3 = bucket(A), clients(A, "s3")
    for key in ("in/a.jsonl", "in/b/a.jsonl", "inside/c.jsonl", "in/d.txt"):
        s3.put_object(Bucket=name, Key=key, Body="\n".join(good()).encode())
    role = make_role(A, trust(BEDROCK), allow("s3:*"))
    job = start(clients, unique("job"), role, **places(f"s3://{name}/{source}", name))
    found = clients(A, "bedrock").get_model_invocation_job(jobIdentifier=job)
    assert found["totalRecordCount"] == 100 * len(files)
    written = {key.split("/", 2)[2] for key in objects(clients, A, name)}
    assert written == {*files, "manifest.json.out"}


@pytest.mark.parametrize("line", ["not json", "[]", "{}", '{"modelInput": 1}'])
def test_a_line_that_is_no_record_fails_the_job(
    clients: Clients,
    make_role: Callable[..., str],
    bucket: Bucket,
    unique: Callable[[str], str],
    line: str,
) -> None:
    name = bucket(A)
    role = make_role(A, trust(BEDROCK), allow("s3:*"))
    source = upload(clients, name, [*good(), line])
    job = start(clients, unique("job"), role, **places(source, name))
    found = clients(A, "bedrock").get_model_invocation_job(jobIdentifier=job)
    assert (found["status"], "errorRecordCount" in found) == ("Failed", False)
    assert objects(clients, A, name) == {}


def test_a_job_can_be_stopped_before_it_is_worked_off(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket, unique: Callable[[str], str]
) -> None:
    name, bedrock = bucket(A), clients(A, "bedrock")
    source = upload(clients, name, good())
    role = make_role(A, trust(BEDROCK), allow("s3:*"))
    job = start(clients, unique("job"), role, **places(source, name))
    bedrock.stop_model_invocation_job(jobIdentifier=job)
    assert bedrock.get_model_invocation_job(jobIdentifier=job)["status"] == "Stopped"
    assert objects(clients, A, name) == {}


def test_jobs_are_of_one_account_and_region(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket, unique: Callable[[str], str]
) -> None:
    name = bucket(A)
    role = make_role(A, trust(BEDROCK), allow("s3:*"))
    where = places(upload(clients, name, good()), name)
    job = start(clients, unique("job"), role, **where)
    for account, region in ((B, REGION), (A, "eu-west-1")):
        other = clients(account, "bedrock", region)
        found = other.list_model_invocation_jobs()["invocationJobSummaries"]
        assert job not in [one["jobArn"] for one in found]
        with pytest.raises(ClientError):
            other.get_model_invocation_job(jobIdentifier=job)
        with pytest.raises(ClientError):
            other.stop_model_invocation_job(jobIdentifier=job)
    theirs = make_role(B, trust(BEDROCK), allow("s3:*"))
    with pytest.raises(ClientError) as caught:
        start(clients, unique("job"), theirs, **where)
    assert code(caught) == "AccessDeniedException"


def test_a_job_needs_the_right_to_pass_its_role(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket, unique: Callable[[str], str]
) -> None:
    name = bucket(A)
    where = places(upload(clients, name, good()), name)
    role = make_role(A, trust(BEDROCK), allow("s3:*"))
    create, passing = allow("bedrock:CreateModelInvocationJob"), allow("iam:PassRole", role)
    for statements, allowed in (((create, passing), True), ((create,), False)):
        session = clients.assume(A, make_role(A, trust(ME), *statements))
        asked = {"jobName": unique("job"), "roleArn": role, "modelId": MODEL, **where}
        bedrock = clients(session, "bedrock")
        if allowed:
            assert bedrock.create_model_invocation_job(**asked)["jobArn"]
        else:
            with pytest.raises(ClientError, match="iam:PassRole"):
                bedrock.create_model_invocation_job(**asked)


# -- asynchronous ----------------------------------------------------------------------


def video(target: str, **more: Any) -> dict[str, Any]:
    return {
        "modelId": REEL,
        "modelInput": {"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": CANARY}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"s3://{target}/out"}},
        **more,
    }


def test_an_asynchronous_call_writes_with_the_rights_of_its_caller(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket
) -> None:
    name = bucket(A)
    invoke = allow("bedrock:InvokeModel")
    for statements, allowed in (
        ((invoke,), False),
        ((invoke, allow("s3:PutObject", f"arn:aws:s3:::{name}/out/*")), True),
    ):
        session = clients.assume(A, make_role(A, trust(ME), *statements))
        runtime = clients(session, "bedrock-runtime")
        if allowed:
            arn = runtime.start_async_invoke(**video(name))["invocationArn"]
        else:
            with pytest.raises(ClientError, match="s3:PutObject"):
                runtime.start_async_invoke(**video(name))
            assert objects_raw(clients, A, name) == {}
    written = objects_raw(clients, A, name)
    folder = f"out/{arn.rsplit('/', 1)[1]}/"
    assert CANARY.encode() in written[f"{folder}output.mp4"]
    own = clients(A, "bedrock-runtime")
    found = own.get_async_invoke(invocationArn=arn)
    assert found["status"] == "Completed"
    assert found["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"] == f"s3://{name}/out"
    listed = own.list_async_invokes()["asyncInvokeSummaries"]
    assert arn in [one["invocationArn"] for one in listed]


def objects_raw(clients: Clients, account: str, name: str) -> dict[str, bytes]:
    s3 = clients(account, "s3")
    found = s3.list_objects_v2(Bucket=name).get("Contents", [])
    return {
        item["Key"]: s3.get_object(Bucket=name, Key=item["Key"])["Body"].read() for item in found
    }


@pytest.mark.parametrize("open_to_caller", [True, False])
def test_an_asynchronous_call_into_another_account_needs_its_bucket_policy(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket, open_to_caller: bool
) -> None:
    role = make_role(A, trust(ME), allow(["bedrock:InvokeModel", "s3:PutObject"]))
    statement = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "s3:PutObject"}
    target = bucket(B, *([statement] if open_to_caller else []))
    runtime = clients(clients.assume(A, role), "bedrock-runtime")
    if open_to_caller:
        runtime.start_async_invoke(**video(target))
        assert CANARY.encode() in b"".join(objects_raw(clients, B, target).values())
    else:
        with pytest.raises(ClientError) as caught:
            runtime.start_async_invoke(**video(target))
        assert code(caught) == "AccessDeniedException"
        assert objects_raw(clients, B, target) == {}


def test_a_session_policy_binds_what_is_done_for_the_caller(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket
) -> None:
    name = bucket(A)
    role = make_role(A, trust(ME), allow("*"))
    for actions, allowed in ((["bedrock:*", "s3:*"], True), (["bedrock:*"], False)):
        session = clients.assume(A, role, Policy=document(allow(actions)))
        runtime = clients(session, "bedrock-runtime")
        if allowed:
            assert runtime.start_async_invoke(**video(name))["invocationArn"]
        else:
            with pytest.raises(ClientError, match="session policy"):
                runtime.start_async_invoke(**video(name))


def test_what_is_done_for_the_caller_is_done_via_a_service(
    clients: Clients, make_role: Callable[..., str], bucket: Bucket
) -> None:
    name = bucket(A)
    condition = {"Bool": {"aws:ViaAWSService": "true"}}
    role = make_role(
        A,
        trust(ME),
        allow("bedrock:InvokeModel"),
        allow("s3:PutObject", Condition=condition),
    )
    session = clients.assume(A, role)
    assert clients(session, "bedrock-runtime").start_async_invoke(**video(name))["invocationArn"]
    with pytest.raises(ClientError) as caught:
        clients(session, "s3").put_object(Bucket=name, Key="out/x", Body=b"x")
    assert code(caught) == "AccessDenied"


def test_asynchronous_calls_are_of_one_account_and_region(clients: Clients, bucket: Bucket) -> None:
    runtime = clients(A, "bedrock-runtime")
    name = bucket(A)
    asked = video(name, clientRequestToken="once")
    arn = runtime.start_async_invoke(**asked)["invocationArn"]
    assert runtime.start_async_invoke(**asked)["invocationArn"] == arn
    for account, region in ((B, REGION), (A, "eu-west-1")):
        other = clients(account, "bedrock-runtime", region)
        with pytest.raises(ClientError):
            other.get_async_invoke(invocationArn=arn)
        found = other.list_async_invokes()["asyncInvokeSummaries"]
        assert arn not in [one["invocationArn"] for one in found]


@pytest.mark.parametrize(
    "bad",
    [
        {"modelId": MODEL},
        {"modelInput": {"taskType": "OTHER"}},
        {"outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://no-such-bucket-at-all/x"}}},
    ],
)
def test_what_cannot_be_done_is_refused(
    clients: Clients, bucket: Bucket, bad: dict[str, Any]
) -> None:
    runtime = clients(A, "bedrock-runtime")
    asked = video(bucket(A))
    assert runtime.start_async_invoke(**asked)["invocationArn"]
    with pytest.raises(ClientError) as caught:
        runtime.start_async_invoke(**{**asked, **bad})
    assert code(caught) == "ValidationException"
