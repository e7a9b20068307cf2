"""The organization's guardrails by themselves, behind them a trust policy or a key that is open to
all, and that no account stands above them.

What could change something if it were allowed is tried in a copy of the cloud.
"""

from __future__ import annotations

import json
from typing import Any

from harness.probes.absence import absent
from harness.probes.cast import OUTSIDERS, Cast
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Home
from harness.probes.unguarded import unguarded

OPEN = {"Effect": "Allow", "Principal": {"AWS": "*"}}


def test_an_open_trust_lets_no_outsider_in(probe: Recorder, copied: Cast, outsider: str) -> None:
    """The resource control policy by itself: behind it stands a trust policy that trusts all."""
    fleet = next(iter(copied.stage.fleets.values()))
    operations = copied.administrator(copied.stage.environment.operations_account)
    trust = {
        "Version": "2012-10-17",
        "Statement": [{**OPEN, "Action": "sts:AssumeRole"}],
    }
    with unguarded(copied, operations.account):
        copied.client(operations, "iam").update_assume_role_policy(
            RoleName=fleet.role_name, PolicyDocument=json.dumps(trust)
        )
    neighbor = copied.other_role(next(iter(copied.stage.homes)))
    copied.assume(neighbor, fleet.role_arn, name="probe")  # the trust is open indeed
    attacker = copied.outsider(outsider)
    whose = "the management account" if outsider == "management" else f"an account of {outsider}"
    probe.denied(
        Subject(
            "guardrail-trust",
            ("G10", "T01", "T28"),
            f"{whose} is kept out of a role that trusts everybody",
            attacker,
            "sts:AssumeRole",
            fleet.customer,
            (fleet.role_arn,),
        ),
        lambda: copied.assume(attacker, fleet.role_arn, name="probe"),
        twin=lambda: copied.assume_control(attacker),
    )


def test_an_open_caller_lets_no_stranger_in(probe: Recorder, copied: Cast, customer: str) -> None:
    """The resource control policy by itself: behind it stands a caller role that trusts all, as
    whoever deploys the account could make it."""
    homes = copied.stage.homes
    home = next(home for home in homes.values() if home.customer == customer)
    _open_to_its_customer_alone(probe, copied, home, home.caller_role_arn, "caller role")


def test_an_open_further_caller_lets_no_stranger_in(
    probe: Recorder, copied: Cast, further: tuple[str, str]
) -> None:
    """Likewise of a role that the customer makes itself, made here, that the fleet role trusts."""
    account, role = further
    copied.role_named(account, role)
    arn = f"arn:aws:iam::{account}:role/{role}"
    _open_to_its_customer_alone(
        probe, copied, copied.stage.homes[account], arn, "further caller role"
    )


def _open_to_its_customer_alone(
    probe: Recorder, copied: Cast, home: Home, role: str, what: str
) -> None:
    """Opens a role's trust, and tries it as strangers and as another account of its customer."""
    homes, customer = copied.stage.homes, home.customer
    trust = {"Version": "2012-10-17", "Statement": [{**OPEN, "Action": "sts:AssumeRole"}]}
    copied.client(copied.administrator(home.account), "iam").update_assume_role_policy(
        RoleName=role.rpartition("/")[2], PolicyDocument=json.dumps(trust)
    )
    own = [account for account, its in homes.items() if its.customer == customer]
    strangers = [account for account, its in homes.items() if its.customer != customer]
    for attacker in (
        *(copied.outsider(name) for name in OUTSIDERS),
        copied.operations_role(),
        *(copied.other_role(account) for account in strangers[:1]),
    ):
        probe.denied(
            Subject(
                "guardrail-caller",
                ("G10", "G12", "T27"),
                f"a {what} that trusts everybody is its own customer's only",
                attacker,
                "sts:AssumeRole",
                f"{what} of {home}",
                (role,),
            ),
            lambda attacker=attacker: copied.assume(  # type: ignore[misc]
                attacker, role, name="probe"
            ),
            twin=lambda attacker=attacker: copied.assume_control(attacker),  # type: ignore[misc]
        )
    friend = copied.other_role(own[-1])
    probe.allowed(
        Subject(
            "guardrail-caller",
            ("G10", "G21"),
            f"a {what} that trusts everybody is open to each account of its customer",
            friend,
            "sts:AssumeRole",
            f"{what} of {home}",
            (role,),
        ),
        lambda: copied.assume(friend, role, name="probe"),
    )


def test_an_open_key_lets_nobody_in(probe: Recorder, copied: Cast, account: str) -> None:
    home = copied.stage.homes[account]
    kms = copied.client(copied.administrator(account), "kms", home.region)
    policy = json.loads(kms.get_key_policy(KeyId=home.key_arn, PolicyName="default")["Policy"])
    policy["Statement"].append({**OPEN, "Action": "kms:*", "Resource": "*"})
    kms.put_key_policy(KeyId=home.key_arn, PolicyName="default", Policy=json.dumps(policy))
    kms.encrypt(KeyId=home.key_arn, Plaintext=b"probe")
    attackers = [
        *(copied.outsider(name) for name in OUTSIDERS),
        copied.operations_role(),
        *(
            copied.other_role(other)
            for other, its in copied.stage.homes.items()
            if its.customer != home.customer
        ),
    ]
    for attacker in attackers:
        probe.denied(
            Subject(
                "guardrail-key",
                ("G11", "K01", "K06"),
                "a key that is open to everybody serves its own customer only",
                attacker,
                "kms:Encrypt",
                f"key of {home}",
                (home.key_arn,),
            ),
            lambda attacker=attacker: copied.client(attacker, "kms", home.region).encrypt(  # type: ignore[misc]
                KeyId=home.key_arn, Plaintext=b"probe"
            ),
            twin=lambda attacker=attacker: copied.assume_control(attacker),  # type: ignore[misc]
        )
    for other, its in copied.stage.homes.items():
        if its.customer == home.customer:
            user = copied.other_role(other)
            probe.allowed(
                Subject(
                    "guardrail-key",
                    ("G11", "G21"),
                    "a key that is open to everybody serves each account of its customer",
                    user,
                    "kms:Encrypt",
                    f"key of {home}",
                    (home.key_arn,),
                ),
                lambda user=user: copied.client(user, "kms", home.region).encrypt(  # type: ignore[misc]
                    KeyId=home.key_arn, Plaintext=b"probe"
                ),
            )


def test_no_account_stands_above_its_guardrails(probe: Recorder, cast: Cast) -> None:
    """No policy of an organization binds its management account."""
    environment = cast.stage.environment
    reader = cast.administrator(environment.management_account)
    organizations = cast.client(reader, "organizations")
    management = organizations.describe_organization()["Organization"]["MasterAccountId"]
    bound = [environment.operations_account, *cast.stage.homes]
    probe.state(
        Subject(
            "management-account",
            ("G07",),
            "neither operations nor a customer is the organization's management account",
            reader,
            "organizations:DescribeOrganization",
            "the organization",
            (),
        ),
        expected="a member",
        observed="the management account" if management in bound else "a member",
        holds=management not in bound,
        why=f"the management account is {management}",
    )
    kinds = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
    for account in bound:
        own = {
            kind: [
                policy["Name"]
                for policy in organizations.list_policies_for_target(TargetId=account, Filter=kind)[
                    "Policies"
                ]
                if not policy["AwsManaged"]
            ]
            for kind in kinds
        }
        missing = [kind for kind, names in own.items() if not names]
        probe.state(
            Subject(
                "guardrails-attached",
                ("G01", "G09", "G10"),
                "guardrails are attached to every account that they are for",
                reader,
                "organizations:ListPoliciesForTarget",
                account,
                (),
            ),
            expected="SCP and RCP",
            observed="SCP and RCP" if not missing else f"no {' and no '.join(missing)}",
            holds=not missing,
            why=", ".join(name for names in own.values() for name in names) or "none is attached",
        )


def test_nobody_but_management_speaks_for_the_organization(probe: Recorder, cast: Cast) -> None:
    reader = cast.administrator(cast.stage.environment.management_account)
    organizations = cast.client(reader, "organizations")
    admin = cast.client(reader, "observabilityadmin")
    bound = {cast.stage.environment.operations_account, *cast.stage.homes}

    def delegated() -> list[str]:
        pages = organizations.get_paginator("list_delegated_administrators").paginate()
        ids = [each["Id"] for page in pages for each in page["DelegatedAdministrators"]]
        return [each for each in ids if each in bound]

    def trusted() -> list[Any]:
        pages = organizations.get_paginator("list_aws_service_access_for_organization").paginate()
        enabled = [each for page in pages for each in page["EnabledServicePrincipals"]]
        names = [each["ServicePrincipal"] for each in enabled]
        return [name for name in names if name.startswith("observabilityadmin.")]

    for kind, rows, claim, action, read in (
        (
            "delegated-administrators",
            ("G08", "O07"),
            "neither operations nor a customer is a delegated administrator",
            "organizations:ListDelegatedAdministrators",
            delegated,
        ),
        (
            "trusted-access",
            ("G16", "O04"),
            "CloudWatch has no access to the organization",
            "organizations:ListAWSServiceAccessForOrganization",
            trusted,
        ),
        (
            "centralization",
            ("O04", "O05", "O06", "O08"),
            "no rule copies logs between accounts",
            "observabilityadmin:ListCentralizationRulesForOrganization",
            lambda: admin.list_centralization_rules_for_organization()[
                "CentralizationRuleSummaries"
            ],
        ),
        (
            "telemetry-rules",
            ("O09",),
            "no rule switches deliveries on for the organization",
            "observabilityadmin:ListTelemetryRulesForOrganization",
            lambda: admin.list_telemetry_rules_for_organization()["TelemetryRuleSummaries"],
        ),
    ):
        subject = Subject(kind, rows, claim, reader, action, "the organization", ())
        absent(probe, subject, read)  # type: ignore[arg-type]
