"""decide: every line is answered in order, disagreements and bad lines are told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harness.cli.decide
from harness.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, start

BULKHEAD = [sys.executable, "-c", "from harness.cli import main; main()"]
CASES = Path(__file__).parent.parent / "iam" / "cases"


def case(name: str, **more: Any) -> str:
    """A case that is allowed, as a line without its end."""
    request = {
        "principal": "arn:aws:iam::111111111111:user/ann",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::bkt/k",
        "resourceAccount": "111111111111",
    }
    allow = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    return json.dumps({"id": name, "request": request, "identityPolicies": [allow], **more})


class Run:
    """What a run of the command on the given bytes said."""

    def __init__(self, code: int, out: str, err: str, file: str) -> None:
        self.code = code
        self.answers = [json.loads(line) for line in out.splitlines()]
        self.errors = [line.removeprefix(f"{file}:") for line in err.splitlines()]


class Decide:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = folder / "cases.jsonl"
        self.capsys = capsys

    def __call__(self, content: str | bytes) -> Run:
        self.file.write_bytes(content if isinstance(content, bytes) else content.encode())
        code = start(["decide", str(self.file)])
        return Run(code, *self.capsys.readouterr(), str(self.file))


@pytest.fixture
def decide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Decide:
    return Decide(tmp_path, capsys)


def piped(content: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [*BULKHEAD, "decide", *arguments]
    return subprocess.run(command, input=content, capture_output=True, timeout=60)


@pytest.mark.parametrize("file", sorted(CASES.glob("*.jsonl")), ids=lambda file: file.stem)
def test_every_case_is_decided_as_it_expects(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(["decide", str(file)]) == 0
    out, err = capsys.readouterr()
    answers = [json.loads(line) for line in out.splitlines()]
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [a["id"] for a in answers] == [json.loads(line)["id"] for line in lines]
    assert all(answer["agrees"] for answer in answers)
    assert err == ""


def test_a_disagreement_is_told_and_exits_1(decide: Decide) -> None:
    said = decide("\n".join([case("a", expected="ExplicitlyDenied"), case("b"), ""]))
    assert said.code == EXIT_FAILED
    assert [answer.get("agrees") for answer in said.answers] == [False, None]
    assert said.errors == [
        "1: a: expected ExplicitlyDenied, decided Allowed: " + said.answers[0]["why"]
    ]


def test_a_bad_line_is_told_and_the_rest_goes_on(decide: Decide) -> None:
    """Bad lines count more than disagreements: those that could not be read may hide others."""
    bad = case("bad", identityPolicies=[{"Statement": {"Effect": "Perhaps"}}])
    lines = [case("a"), bad, "{", case("b", expected="ImplicitlyDenied"), case("c"), ""]
    said = decide("\n".join(lines))
    assert said.code == EXIT_USAGE
    assert [a.get("decision", "bad") for a in said.answers] == [
        "Allowed",
        "bad",
        "bad",
        "Allowed",
        "Allowed",
    ]
    message = 'identityPolicies[0]: statement 0: Effect must be "Allow" or "Deny"'
    assert said.answers[1] == {
        "id": "bad",
        "error": message,
        "file": str(decide.file),
        "line": 2,
    }
    assert said.answers[2]["id"] is None
    assert said.errors[0] == f"2: bad: {message}"
    assert said.errors[1].startswith("3: the line is not valid JSON: ")
    assert said.errors[2].startswith("4: b: expected ImplicitlyDenied, decided Allowed")


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + case("a").encode() + b"\n",
        case("a").encode() + b"\r\n",
        b"\n  \r\n\t\n" + case("a").encode() + b"\n\n",
        case("a").encode(),
    ],
    ids=["byte order mark", "CRLF", "blank lines", "no newline at the end"],
)
def test_forms_of_text_that_make_no_difference(decide: Decide, content: bytes) -> None:
    said = decide(content)
    assert (said.code, said.errors) == (0, [])
    assert [answer["id"] for answer in said.answers] == ["a"]


def test_blank_lines_count_and_nothing_is_no_error(decide: Decide) -> None:
    assert decide("\n\n{\n").answers[0]["line"] == 3
    assert (decide("").code, decide("\n").answers) == (0, [])


def test_names_of_every_script_and_none_are_answered_in_ascii(decide: Decide) -> None:
    ids = ["größe", "\ud800", "a\nb\x1b[31m\u2028", ""]
    said = decide("\n".join(case(name, expected="ImplicitlyDenied") for name in ids))
    assert [answer["id"] for answer in said.answers] == ids
    assert [error.partition(" expected")[0] for error in said.errors] == [
        "1: größe:",
        r"2: \ud800:",
        r"3: a\nb\x1b[31m\u2028:",
        "4: :",
    ]


def test_a_line_too_long_is_passed_over(decide: Decide, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = len(case("a"))
    monkeypatch.setattr(harness.cli.decide, "LONGEST_LINE", limit)
    said = decide("\n".join([case("a"), case("aa"), "x" * 5 * limit, case("b"), "x" * 2 * limit]))
    assert [answer["id"] for answer in said.answers] == ["a", None, None, "b", None]
    assert [answer.get("line") for answer in said.answers] == [None, 2, 3, None, 5]


def test_an_endless_message_is_cut(decide: Decide) -> None:
    said = decide(json.dumps({"id": "a", "request": {}, "x" * 100_000: 1}))
    assert len(said.errors[0]) < 2000


def test_a_fault_of_the_engine_costs_one_line(
    decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = harness.cli.decide.answer

    def faulty(given: Any) -> dict[str, Any]:
        if given.id == "a":
            raise KeyError("oops")
        return real(given)

    monkeypatch.setattr(harness.cli.decide, "answer", faulty)
    said = decide(case("a") + "\n" + case("b"))
    assert said.code == EXIT_USAGE
    assert said.answers[0]["error"] == "not decided: KeyError: 'oops'"
    assert said.answers[1]["decision"] == "Allowed"


@pytest.mark.parametrize("what", ["absent", "folder"])
def test_a_file_that_cannot_be_read_is_told_and_the_next_is_decided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    bad, good = tmp_path / "bad", tmp_path / "good"
    if what == "folder":
        bad.mkdir()
    good.write_text(case("a") + "\n", encoding="utf-8")
    assert start(["decide", str(bad), str(good)]) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert err.startswith(f"{bad}:1: cannot be read: ")
    refused, answered = map(json.loads, out.splitlines())
    assert refused["error"].startswith("cannot be read")
    assert answered["decision"] == "Allowed"


TOKENS = st.sampled_from(
    (*case("a").replace('"', '\0"\0').split("\0"), "{", "}", "[", "]", "NaN", "\ufeff", "\\ud800")
)
LINES = st.one_of(
    st.binary(max_size=40),
    st.lists(TOKENS, max_size=30).map(lambda tokens: "".join(tokens).encode()),
    st.builds(
        lambda text, at, junk: text[:at] + junk + text[at + 1 :],
        st.just(case("a").encode()),
        st.integers(0, len(case("a"))),
        st.binary(max_size=3),
    ),
)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(lines=st.lists(LINES, max_size=4))
def test_whatever_is_in_a_file_each_line_is_answered(
    lines: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        written: list[dict[str, Any]] = []
        told: list[int] = []
        patch.setattr(harness.cli.decide, "_write", written.append)
        patch.setattr(harness.cli.decide, "_say", lambda _file, line, _text: told.append(line))
        file = tmp_path_factory.getbasetemp() / "fuzzed"
        file.write_bytes(b"\n".join(lines))
        code = start(["decide", str(file)])
    bad = [answer for answer in written if "error" in answer]
    assert [answer["line"] for answer in bad] == told
    assert code == (EXIT_USAGE if bad else 0)
    assert not any(answer["error"].startswith("not decided") for answer in bad)


def test_standard_input_is_read_with_and_without_a_dash(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text(case("first") + "\n", encoding="utf-8")
    for arguments, ids in (((), ["piped"]), ((str(file), "-"), ["first", "piped"])):
        run = piped(case("piped").encode(), *arguments)
        assert [json.loads(line)["id"] for line in run.stdout.splitlines()] == ids
        assert (run.returncode, run.stderr) == (0, b"")
    run = piped(b"{", "-")
    assert run.returncode == EXIT_USAGE
    assert run.stderr.startswith(b"<stdin>:1: ")


def test_the_parser_of_options_and_the_way_past_it_agree() -> None:
    """`--` goes through click, which the quick start leaves out."""
    lines = f"{case('a', expected='ImplicitlyDenied')}\n{{\n".encode()
    quick, parsed = piped(lines), piped(lines, "--")
    assert (quick.returncode, quick.stdout, quick.stderr) == (
        parsed.returncode,
        parsed.stdout,
        parsed.stderr,
    )
    assert piped(b"", "--fast").returncode == EXIT_USAGE


def running(**options: Any) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*BULKHEAD, "decide"], stdin=pipe, **{"stdout": pipe, "stderr": pipe, **options}
    )


def test_an_answer_does_not_wait_for_the_next_line_and_ctrl_c_is_quiet() -> None:
    with running() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for name in ("a", "b"):
            process.stdin.write(case(name).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == name
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == EXIT_INTERRUPTED


def test_a_reader_that_goes_away_is_no_error_to_tell() -> None:
    with running() as process:
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate((case("a") + "\n").encode() * 50, timeout=30)
    assert process.returncode == EXIT_FAILED
    assert err == b""


def test_output_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    shell = 'ulimit -f 0; exec "$@" decide'
    with (tmp_path / "full").open("wb") as full:
        run = subprocess.run(
            ["sh", "-c", shell, "sh", *BULKHEAD],
            input=(case("a") + "\n").encode() * 5,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert run.returncode == EXIT_USAGE
    assert run.stderr.startswith(b"bulkhead: the answers cannot be written: ")
    assert run.stderr.count(b"\n") == 1


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_descriptor_gives_no_traceback(closed: int) -> None:
    shell = f'exec "$@" decide {closed}{"<" if closed == 0 else ">"}&-'
    run = subprocess.run(
        ["sh", "-c", shell, "sh", *BULKHEAD],
        input=b"{\n",
        capture_output=True,
        timeout=60,
    )
    assert run.returncode == EXIT_USAGE
    assert b"Traceback" not in run.stderr
    assert b"Exception" not in run.stderr


def test_memory_does_not_grow_with_the_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness.cli.decide, "_write", lambda _answer: None)
    file = tmp_path / "many"
    lines = (case(f"case {n}", note="x" * 4000) for n in range(400))
    file.write_text("\n".join(lines), encoding="utf-8")
    tracemalloc.start()
    assert start(["decide", str(file)]) == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < file.stat().st_size / 4


def test_a_single_case_waits_for_no_import_that_it_does_not_need() -> None:
    """The time itself is for `make bench`: other tests run beside this one."""
    script = (
        "import sys; from harness.cli import start; start(['decide']);"
        "heavy = {'click', 'pathlib', 'rich', 'datetime', 'ipaddress', 'importlib.metadata'};"
        "print(*heavy & set(sys.modules), file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], input=case("a").encode(), capture_output=True, timeout=60
    )
    assert run.stderr.split() == []
    assert json.loads(run.stdout)["decision"] == "Allowed"
