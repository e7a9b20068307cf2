"""What the operations account keeps lets nobody in from outside, and no fleet session either."""

from __future__ import annotations

from botocore.exceptions import ClientError

from harness.probes.cast import Cast
from harness.probes.resource_policies import lets_in, policies
from harness.probes.result import Recorder, Subject


def test_no_resource_of_operations_lets_others_in(probe: Recorder, cast: Cast, region: str) -> None:
    """A resource's policy can let somebody in of whom no role's policies speak: a customer who
    would put an object into a bucket, a service that another account sends, a fleet session."""
    stage = cast.stage
    operations = stage.environment.operations_account
    reader = cast.administrator(operations)
    subject = Subject(
        "resource-policies",
        ("C10", "T27", "L06", "L13", "P17"),
        "no policy of a resource in the operations account lets in others, or a fleet role",
        reader,
        "read policies",
        f"resources of the operations account in {region}",
        (),
    )
    never = {fleet.role_name for fleet in stage.fleets.values()}
    try:
        read = list(
            policies(
                lambda service: cast.client(reader, service, region),
                everywhere=region == stage.environment.region,
            )
        )
    except ClientError as error:
        probe.state(subject, expected="nobody", observed="unknown", holds=None, why=str(error))
        return
    found = {name: who for name, text in read if (who := lets_in(text, operations, never))}
    said = "; ".join(f"{name} lets in {', '.join(who)}" for name, who in found.items())
    probe.state(
        subject,
        expected="nobody",
        observed="somebody" if found else "nobody",
        holds=not found,
        why=said or f"{len(read)} policies were read; none names anybody else",
    )
