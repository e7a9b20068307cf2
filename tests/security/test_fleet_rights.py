"""What a fleet session can do besides calling its own models: nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.probes.bedrock import converse
from harness.probes.cast import Actor, Cast
from harness.probes.evidence import Outcome
from harness.probes.fleet_rights import RIGHTS, Right
from harness.probes.fleet_rights_elsewhere import ELSEWHERE
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Fleet
from harness.probes.templates import fill_in

BEDROCK = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "bedrock.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


ALL = [*RIGHTS, *ELSEWHERE]


@pytest.mark.parametrize("right", ALL, ids=[f"{r.service}-{r.operation}" for r in ALL])
@pytest.mark.changing("makes helper roles; tries changes in bedrock")
def test_fleet_session_cannot(probe: Recorder, cast: Cast, account: str, right: Right) -> None:
    fleet, session = cast.stage.fleet_of(account), cast.fleet(account)
    fill = filler(cast, fleet)
    client = cast.client(session, right.service)
    answer = probe.denied(
        Subject(
            "fleet-rights",
            right.rows,
            f"a fleet session cannot {right.claim}",
            session,
            right.action,
            right.operation,
            tuple(fill(resource) for resource in right.resources),
        ),
        lambda: getattr(client, right.operation)(**fill_in(right.request, fill)),
        twin=lambda: converse(cast, session, fleet.profile),
    )
    if answer.outcome is Outcome.ALLOWED and right.undo is not None:
        operation, request = right.undo
        operations = cast.administrator(cast.stage.environment.operations_account)
        undo = getattr(cast.client(operations, right.service), operation)
        undo(**fill_in(request, fill))


@pytest.mark.changing("makes helper roles; tries changes in bedrock, logs")
def test_fleet_session_cannot_switch_logging_on(
    probe: Recorder, cast: Cast, logging_config: dict[str, object], account: str
) -> None:
    fleet, session = cast.stage.fleet_of(account), cast.fleet(account)
    bedrock = cast.client(session, "bedrock", fleet.region)
    answer = probe.denied(
        Subject(
            "fleet-rights",
            ("P18", "P01"),
            "a fleet session cannot switch invocation logging on",
            session,
            "bedrock:PutModelInvocationLoggingConfiguration",
            "invocation logging",
            ("*",),
        ),
        lambda: bedrock.put_model_invocation_logging_configuration(loggingConfig=logging_config),
        twin=lambda: converse(cast, session, fleet.profile),
    )
    if answer.outcome is Outcome.ALLOWED:
        operations = cast.administrator(cast.stage.environment.operations_account)
        undo = cast.client(operations, "bedrock", fleet.region)
        undo.delete_model_invocation_logging_configuration()


@pytest.fixture(scope="session")
def logging_config(cast: Cast) -> dict[str, object]:
    """A configuration that Bedrock would accept, and that logs no content."""
    operations, group = cast.stage.environment.operations_account, cast.helper_name("invocations")
    logs = cast.client(cast.administrator(operations), "logs")
    logs.create_log_group(logGroupName=group)
    cast.on_close(lambda: logs.delete_log_group(logGroupName=group))
    role = cast.create_role(operations, cast.helper_name("bedrock"), BEDROCK)
    return {
        "cloudWatchConfig": {"logGroupName": group, "roleArn": role},
        "textDataDeliveryEnabled": False,
        "imageDataDeliveryEnabled": False,
        "embeddingDataDeliveryEnabled": False,
        "videoDataDeliveryEnabled": False,
    }


def test_fleet_session_cannot_read_another_customers_profile(
    probe: Recorder, cast: Cast, foreign: tuple[str, str]
) -> None:
    account, customer = foreign
    fleet, session = cast.stage.fleet_of(account), cast.fleet(account)
    victim = cast.stage.fleets[customer]
    for region, model, profile in victim.all_profiles:
        client = cast.client(session, "bedrock", region)
        probe.denied(
            Subject(
                "fleet-rights",
                ("P21",),
                "a fleet session cannot read another customer's profile",
                session,
                "bedrock:GetInferenceProfile",
                f"{customer}'s profile of {model} in {region}",
                (profile,),
            ),
            lambda client=client, profile=profile: client.get_inference_profile(  # type: ignore[misc]
                inferenceProfileIdentifier=profile
            ),
            twin=lambda: converse(cast, session, fleet.profile),
        )


def filler(cast: Cast, fleet: Fleet) -> Callable[[str], str]:
    """Fills the templates of `RIGHTS`."""
    helper: Actor = cast.operations_role()
    name = cast.helper_name("x")
    values = {
        "r": fleet.region,
        "a": cast.stage.environment.operations_account,
        "role": fleet.role_name,
        "role_arn": fleet.role_arn,
        "aip": fleet.profile,
        "model": fleet.model,
        "model_arn": fleet.model_arn,
        "name": name,
        # Another role than its own, since a trust that was really changed would stay so.
        "helper": helper.arn.split("/")[1],
        "elsewhere": cast.operations_role_arn,
    }

    def fill(text: str) -> str:
        for key, value in values.items():
            text = text.replace("{" + key + "}", value)
        return text

    return fill
