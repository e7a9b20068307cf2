"""What Terraform is told of a provider: no more kinds than it needs, and all else as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.deploy.provider import named
from harness.deploy.provider_front import Front, Known, parts

SCHEMA = "/tfplugin5.Provider/GetSchema"
CHECK = "/tfplugin5.Provider/PrepareProviderConfig"
PLAN = "/tfplugin5.Provider/PlanResourceChange"


def field(number: int, content: bytes) -> bytes:
    """A field of a message, of up to 16,383 bytes."""
    size = len(content)
    return (
        bytes([number << 3 | 2])
        + (bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80, size >> 7]))
        + content
    )


def entry(number: int, kind: str, schema: bytes = b"\x08\x01") -> bytes:
    """Of a map by kind."""
    return field(number, field(1, kind.encode()) + field(2, schema))


ITSELF = field(1, b"\x08\x00" + field(2, b"of the provider"))
ROLE = entry(2, "aws_iam_role", b"r" * 300)
BUCKET = entry(2, "aws_s3_bucket")
DOCUMENT = entry(3, "aws_iam_policy_document")
REGION = entry(3, "aws_region")
SECRET = entry(8, "aws_secretsmanager_secret_version")
CAPABILITIES = field(6, b"\x10\x01")
FUNCTION = entry(7, "arn_parse")
ALL = (ITSELF, ROLE, BUCKET, DOCUMENT, REGION, CAPABILITIES, FUNCTION, SECRET)


class Provider(grpc.GenericRpcHandler):
    """Says `ALL` of itself, and answers all else with what it was asked."""

    def __init__(self, path: Path) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self.given_up = threading.Event()
        self.server = grpc.server(ThreadPoolExecutor(8), handlers=[self])
        self.server.add_insecure_port(f"unix:{path}")
        self.server.start()

    def service(self, call: grpc.HandlerCallDetails) -> Any:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.asked.append((call.method, request))
            if request == b"fail":
                context.abort(grpc.StatusCode.INTERNAL, "as it says itself")
            if request == b"wait" and context.add_callback(self.given_up.set):
                self.given_up.wait(20)
            elif request == b"wait":
                self.given_up.set()
            return b"".join(ALL) if call.method == SCHEMA else b"answer to " + request

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    provider = Provider(tmp_path / "provider")
    yield provider
    provider.server.stop(None)


@pytest.fixture
def front(tmp_path: Path, provider: Provider) -> Iterator[Callable[..., Any]]:
    """What asks a new front of the provider, which knows what others heard."""
    known, fronts, channels = Known(), list[Front](), list[grpc.Channel]()

    def make(*kinds: str) -> Callable[[str, bytes], bytes]:
        front = Front(str(tmp_path / "provider"), str(tmp_path / f"front{len(fronts)}"), known)
        front.turn(kinds)
        fronts.append(front)
        channels.append(channel := grpc.insecure_channel(f"unix:{front.path}"))
        return lambda method, request: channel.unary_unary(method)(request, timeout=30)

    yield make
    for each in channels:
        each.close()
    for each in fronts:
        each.end()


def test_terraform_is_told_of_the_kinds_it_needs(front: Any, provider: Provider) -> None:
    said = front("aws_iam_role", "aws_region", "aws_of_another_major")(SCHEMA, b"")
    assert list(parts(said)) == [
        ("", ITSELF),
        ("aws_iam_role", ROLE),
        ("aws_region", REGION),
        ("", CAPABILITIES),
        ("", FUNCTION),
    ]


def test_a_provider_is_asked_once_what_all_say_alike(front: Any, provider: Provider) -> None:
    first, second = front("aws_s3_bucket"), front("aws_region")
    for _ in range(2):
        assert BUCKET in first(SCHEMA, b"") and REGION in second(SCHEMA, b"")
        assert first(CHECK, b"one") == second(CHECK, b"one") == b"answer to one"
        assert second(CHECK, b"other") == b"answer to other"
    assert provider.asked == [(SCHEMA, b""), (CHECK, b"one"), (CHECK, b"other")]


def test_all_else_is_asked_each_time(front: Any, provider: Provider) -> None:
    ask = front()
    assert ask(PLAN, b"x") == ask(PLAN, b"x") == b"answer to x"
    assert provider.asked == [(PLAN, b"x")] * 2


@pytest.mark.parametrize("method", [SCHEMA, CHECK, PLAN])
def test_an_error_is_passed_on_and_not_kept(front: Any, provider: Provider, method: str) -> None:
    ask = front()
    for _ in range(2):
        with pytest.raises(grpc.RpcError) as error:
            ask(method, b"fail")
        assert error.value.code() == grpc.StatusCode.INTERNAL
        assert error.value.details() == "as it says itself"
    assert len(provider.asked) == 2
    assert ask(method, b"")


def test_a_call_that_is_given_up_ends_at_the_provider(
    front: Any, provider: Provider, tmp_path: Path
) -> None:
    front()
    with grpc.insecure_channel(f"unix:{tmp_path / 'front0'}") as channel:
        call = channel.unary_unary(PLAN).future(b"wait")
        while not provider.asked:
            assert not call.done()
        call.cancel()
        assert provider.given_up.wait(10)


def test_what_plugins_have_besides_does_not_pass(front: Any, provider: Provider) -> None:
    with pytest.raises(grpc.RpcError) as error:
        front()("/plugin.GRPCController/Shutdown", b"")
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert not provider.asked


@given(
    st.lists(
        st.one_of(
            st.builds(field, st.sampled_from([1, 4, 5, 6, 9]), st.binary(max_size=300)),
            st.builds(entry, st.sampled_from([2, 3, 7, 8]), st.text(max_size=40)),
            st.builds(lambda n, v: bytes([n << 3, v]), st.integers(1, 15), st.integers(0, 127)),
        )
    )
)
def test_the_parts_are_the_whole(fields: list[bytes]) -> None:
    assert [part for _, part in parts(b"".join(fields))] == fields


@given(st.lists(st.sampled_from(ALL), min_size=1), st.data())
def test_what_is_cut_off_is_refused(fields: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(fields)
    cut = data.draw(st.integers(len(whole) - len(fields[-1]) + 1, len(whole) - 1))
    with pytest.raises(ValueError, match="cut off"):
        list(parts(whole[:cut]))


def test_what_is_no_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="no answer about a schema"):
        list(parts(ITSELF + b"\x0d1234"))


def test_the_kinds_are_those_of_the_root_its_modules_its_tests_and_its_state(
    tmp_path: Path,
) -> None:
    files = {
        "root/main.tf": 'module "a" {\n  source = "../modules/a"\n}\ndata "aws_region" "here" {}\n',
        "root/more.tf.json": '{"module": {"c": {"source": "./c"}}, "data": {"aws_kms_key": {}}}',
        "root/c/main.tf": 'resource "aws_kms_alias" "x" {}\n',
        "root/tests/it.tftest.hcl": 'mock_resource "aws_iam_user" {}\n',
        "root/beside/main.tf": 'resource "aws_vpc" "not_called" {}\n',
        "modules/a/main.tf": 'module "b" {\n  source   = "./nested/b"\n}\n',
        "modules/a/nested/b/main.tf": (
            'module "a" {\n  source = "../../../a"\n}\nresource "aws_iam_role" "x" {}\n'
        ),
        "modules/z/main.tf": 'resource "aws_instance" "not_called" {}\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    state = tmp_path / "terraform.tfstate"
    assert named([tmp_path / "root"], state) == {
        *("aws_region", "aws_kms_key", "aws_kms_alias", "aws_iam_user", "aws_iam_role")
    }
    state.write_text('{"resources": [{"type": "aws_sns_topic"}]}', encoding="utf-8")
    assert "aws_sns_topic" in named([tmp_path / "root"], state)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("main.tf", 'module "x" {\n  for_each = { a = 1 }\n\n  source = "one/of/registry"\n}\n'),
        ("main.tf", 'module "x" {\n  source = "git::https://example.com/x"\n}\n'),
        ("main.tf.json", '{"module": {"x": {"source": "one/of/registry"}}}'),
    ],
    ids=["registry", "git", "json"],
)
def test_the_kinds_of_a_module_that_is_not_here_are_not_known(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert named([tmp_path]) is None


def test_sources_of_other_things_are_no_modules(tmp_path: Path) -> None:
    text = (
        'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n'
        '    }\n  }\n}\nmodule "x" {\n  source = "./x"\n}\n'
        'resource "aws_s3_object" "x" {\n  source = "file"\n}\n'
    )
    (tmp_path / "main.tf").write_text(text, encoding="utf-8")
    assert named([tmp_path]) == {"aws_s3_object"}


def test_a_front_that_cannot_listen_says_so(tmp_path: Path) -> None:
    (tmp_path / "front").mkdir()
    with pytest.raises(ValueError, match="nothing can stand between"):
        Front(str(tmp_path / "provider"), str(tmp_path / "front"), Known())
