"""The customer's reader: it reads, masked, and does nothing else; nobody else becomes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from harness.probes.cast import Actor, Cast
from harness.probes.records import changes, documents, names_of, reads, strangers, write
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Home

ADDRESS = "someone@example.com"


@pytest.fixture
def home(cast: Cast, account: str) -> Home:
    home = cast.stage.homes[account]
    assert home.reader_role_arn is not None, f"{home} has no reader role"
    return home


@pytest.fixture
def reader(cast: Cast, home: Home) -> Actor:
    return cast.reader(home.account)


@pytest.mark.changing("tries changes in logs")
def test_reader_reads_masked(probe: Recorder, cast: Cast, home: Home, reader: Actor) -> None:
    stream = cast.helper_name("masked")
    logs = cast.client(reader, "logs", home.region)
    for group in home.groups:
        caller = cast.caller(home.account)
        write(cast, caller, home, group, stream, f'{{"mail": "{ADDRESS}"}}')
        for operation, call in reads(cast, reader, home, group, stream).items():
            if operation != "StartLiveTail":
                probe.allowed(
                    Subject(
                        "reader-reads",
                        ("L21",),
                        "the customer's reader can read its records and its content",
                        reader,
                        f"logs:{operation}",
                        group.name,
                        names_of(group, stream),
                    ),
                    call,
                )
        events = logs.get_log_events(logGroupName=group.name, logStreamName=stream)["events"]
        shown = [event["message"] for event in events]
        hidden = bool(shown) and all(ADDRESS not in text and "***" in text for text in shown)
        probe.state(
            Subject(
                "masked",
                ("L16", "L15"),
                "an address in a log event reaches its reader masked",
                reader,
                "logs:GetLogEvents",
                group.name,
                names_of(group, stream),
            ),
            expected="masked",
            observed="masked" if hidden else "in clear",
            holds=hidden if shown else None,
            why=f"{len(shown)} events were read",
        )
        probe.denied(
            Subject(
                "reader-rights",
                ("L15",),
                "the customer's reader cannot unmask",
                reader,
                "logs:Unmask",
                group.name,
                names_of(group, stream),
            ),
            lambda name=group.name: logs.get_log_events(  # type: ignore[misc]
                logGroupName=name, logStreamName=stream, unmask=True
            ),
            twin=lambda name=group.name: logs.filter_log_events(logGroupName=name),  # type: ignore[misc]
        )


@pytest.mark.changing("makes helper roles; tries changes in logs")
def test_reader_does_nothing_else(probe: Recorder, cast: Cast, home: Home, reader: Actor) -> None:
    logs, kms = (cast.client(reader, service, home.region) for service in ("logs", "kms"))
    stream = cast.helper_name("reader")
    event = {"timestamp": int(time.time() * 1000), "message": "{}"}
    # What it may read last; no statement of its policy tells groups apart in what it denies.
    group = home.groups[-1]
    named = {"logGroupName": group.name}
    calls: dict[str, Callable[[], object]] = {
        **changes(cast, reader, home, group),
        "CreateLogStream": lambda: logs.create_log_stream(**named, logStreamName=stream),  # type: ignore[misc]
        "PutLogEvents": lambda: logs.put_log_events(  # type: ignore[misc]
            **named, logStreamName=stream, logEvents=[event]
        ),
    }
    for operation, call in calls.items():
        probe.denied(
            Subject(
                "reader-rights",
                ("L20", "L23"),
                "the customer's reader can neither write, change nor send on what it reads",
                reader,
                f"logs:{operation}",
                group.name,
                names_of(group, stream, cast.helper_name("none")),
            ),
            call,
            twin=lambda: logs.filter_log_events(**named),
        )
    probe.denied(
        Subject(
            "reader-rights",
            ("K07",),
            "the customer's reader uses keys through CloudWatch Logs only",
            reader,
            "kms:Decrypt",
            f"key of {group.name}",
            (group.key_arn,),
        ),
        lambda: kms.decrypt(KeyId=group.key_arn, CiphertextBlob=b"probe"),
        twin=lambda: logs.filter_log_events(**named),
    )
    probe.denied(
        Subject(
            "reader-rights",
            ("L23",),
            "the customer's reader cannot become another role",
            reader,
            "sts:AssumeRole",
            "control role",
            (cast.control_role,),
        ),
        lambda: cast.assume_control(reader),
        twin=lambda: logs.filter_log_events(logGroupName=home.group),
    )


def decrypts_more(statements: Any, home: Home) -> bool:
    """Whether a statement lets something be decrypted that was not encrypted for the account's
    groups, or by other ways than CloudWatch Logs."""
    groups = {group.arn for group in home.groups}
    for statement in [statements] if isinstance(statements, dict) else statements:
        if statement["Effect"] != "Allow" or not any(
            action.startswith(("kms:", "*")) for action in listed(statement.get("Action", "*"))
        ):
            continue
        equal = statement.get("Condition", {}).get("StringEquals", {})
        context = listed(equal.get("kms:EncryptionContext:aws:logs:arn", []))
        via = listed(equal.get("kms:ViaService", []))
        if not context or set(context) - groups or via != [f"logs.{home.region}.amazonaws.com"]:
            return True
    return False


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def test_readers_decrypt_what_is_of_their_groups(probe: Recorder, cast: Cast, home: Home) -> None:
    """The keys are named by what they encrypted, since readers are made before them."""
    owner = cast.administrator(home.account)
    iam = cast.client(owner, "iam")
    for arn in (str(home.reader_role_arn), *(grant.role_arn for grant in home.support)):
        _, inline = documents(iam, arn.rpartition("/")[2])
        more = any(decrypts_more(document["Statement"], home) for document in inline)
        probe.state(
            Subject(
                "reader-keys",
                ("K07",),
                "who reads decrypts what was encrypted for the account's groups, through "
                "CloudWatch Logs, and nothing else",
                owner,
                "iam:GetRolePolicy",
                arn.rpartition("/")[2] + f" of {home}",
                (arn,),
            ),
            expected="these groups alone",
            observed="more" if more else "these groups alone",
            holds=None if not inline else not more,
            why="the conditions of what lets it decrypt",
        )


@pytest.mark.changing("makes helper roles")
def test_nobody_else_becomes_the_reader(
    probe: Recorder, cast: Cast, home: Home, reader: Actor
) -> None:
    arn = str(home.reader_role_arn)
    assert reader.account == home.account  # whom the design lets in gets in
    fleet = cast.stage.fleet_of(home.account)
    caller, other = cast.caller(home.account), cast.other_role(home.account)
    everybody: list[tuple[Actor, Callable[[], object]]] = [
        (caller, lambda: cast.assume_fleet(caller, fleet)),
        *((who, lambda w=who: cast.assume_control(w)) for who in strangers(cast, home.account)),  # type: ignore[misc]
        (other, lambda: cast.assume_control(other)),
    ]
    for actor, twin in everybody:
        probe.denied(
            Subject(
                "reader-role",
                ("L21", "L23", "T27"),
                "nobody but whom the customer named becomes its reader",
                actor,
                "sts:AssumeRole",
                f"reader of {home}",
                (arn,),
            ),
            lambda actor=actor: cast.assume(actor, arn, name="probe"),  # type: ignore[misc]
            twin=twin,
        )
