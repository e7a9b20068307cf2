"""What a fleet session can become: nothing."""

from __future__ import annotations

import pytest

from harness.probes.bedrock import converse
from harness.probes.cast import Cast
from harness.probes.result import Recorder, Subject


def test_fleet_session_cannot_assume_a_fleet_role(
    probe: Recorder, cast: Cast, account: str, customer: str
) -> None:
    own, wanted, session = (
        cast.stage.fleet_of(account),
        cast.stage.fleets[customer],
        cast.fleet(account),
    )
    rows = ("C03", "P16") if own is wanted else ("C01", "P16")
    probe.denied(
        Subject(
            "role-chaining",
            rows,
            "a fleet session can assume neither its own role again nor another",
            session,
            "sts:AssumeRole",
            wanted.customer,
            (wanted.role_arn,),
        ),
        lambda: cast.assume(
            session,
            wanted.role_arn,
            external_id=wanted.external_id,
            name=cast.session_name(account),
        ),
        twin=lambda: converse(cast, session, own.profile),
    )


@pytest.mark.changing("makes helper roles")
def test_fleet_session_cannot_leave_the_account(probe: Recorder, cast: Cast, account: str) -> None:
    own, session = cast.stage.fleet_of(account), cast.fleet(account)
    probe.denied(
        Subject(
            "role-chaining",
            ("P16", "C02"),
            "a fleet session cannot assume a role that trusts everybody",
            session,
            "sts:AssumeRole",
            "control role",
            (cast.control_role,),
        ),
        lambda: cast.assume_control(session),
        twin=lambda: converse(cast, session, own.profile),
    )
