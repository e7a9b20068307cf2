"""Roles that somebody may become whom no probe plays: one by name, one too many, one forgotten."""

from __future__ import annotations

from collections.abc import Callable

from harness.mutants.model import Layer, Mutant, Notice
from harness.mutants.site import Site, allow

TRUSTEES = Notice("trustees")


def _root(account: str) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{account}:root"}


def _management(site: Site) -> dict[str, str]:
    return _root(site.stage.environment.management_account)


def _neighbor(site: Site) -> dict[str, str]:
    """One role of another customer, by its name."""
    return {"AWS": site.neighbors_home.caller_role_arn}


def _caller_trusts(
    principal: Callable[[Site], object], action: str = "sts:AssumeRole"
) -> Callable[[Site], None]:
    return lambda site: site.caller_trust(principal(site), action)


def _customers_role(
    name: str, principal: Callable[[Site], object], *actions: str
) -> Callable[[Site], None]:
    def weaken(site: Site) -> None:
        rights = [allow(list(actions), "*")] if actions else []
        site.make_role(site.victims_home.account, name, principal(site), *rights)

    return weaken


def _operations_role(principal: Callable[[Site], object]) -> Callable[[Site], None]:
    return lambda site: site.make_role(
        site.operations, "support", principal(site), allow("bedrock:*", "*")
    )


def _provider(site: Site) -> dict[str, str]:
    """An identity provider whose every token will do."""
    account = site.victims_home.account
    url = "token.actions.githubusercontent.com"
    site.client(account, "iam").create_open_id_connect_provider(
        Url=f"https://{url}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
    )
    return {"Federated": f"arn:aws:iam::{account}:oidc-provider/{url}"}


def _mutant(
    identifier: str,
    title: str,
    layer: Layer,
    how: Callable[[Site], None],
    tests: str,
    *more: Notice,
) -> Mutant:
    return Mutant(identifier, title, layer, how, (TRUSTEES, *more), tests)


TRUSTED = (
    _mutant(
        "T27-named",
        "a caller role trusts one role of another customer",
        "caller role",
        _caller_trusts(_neighbor),
        "test_a_caller_role_trusts",
    ),
    _mutant(
        "T27-management",
        "a caller role trusts the organization's management account",
        "caller role",
        _caller_trusts(_management),
        "test_a_caller_role_trusts or test_nobody_becomes",
        Notice("caller-role", "management"),
    ),
    _mutant(
        "T35",
        "a caller role trusts services that do not run the application",
        "caller role",
        _caller_trusts(lambda _: {"Service": ["ec2.amazonaws.com", "codebuild.amazonaws.com"]}),
        "test_a_caller_role_trusts",
    ),
    _mutant(
        "T34",
        "a caller role trusts an identity provider, whoever the token is for",
        "caller role",
        _caller_trusts(_provider, "sts:AssumeRoleWithWebIdentity"),
        "test_a_caller_role_trusts",
    ),
    _mutant(
        "L23-deployer",
        "a customer's deploy role lets operations in, and may read logs",
        "logs",
        _customers_role("deployer", lambda site: _root(site.operations), "logs:*"),
        "test_other_roles_of_a_customer",
    ),
    _mutant(
        "L23-partner",
        "a role of a customer trusts another customer's account",
        "logs",
        _customers_role("partner", lambda site: _root(site.neighbors_home.account)),
        "test_other_roles_of_a_customer",
    ),
    _mutant(
        "L24",
        "the role that AWS Organizations makes in a customer's account is still there",
        "logs",
        _customers_role("OrganizationAccountAccessRole", _management, "*"),
        "test_other_roles_of_a_customer or test_no_ready_made_role",
        Notice("ready-made-role", "management"),
    ),
    _mutant(
        "L25",
        "CloudWatch's sharing role lets operations in, under another name",
        "logs",
        _customers_role("MonitoringViewer", lambda site: _root(site.operations), "logs:Get*"),
        "test_other_roles_of_a_customer",
    ),
    _mutant(
        "C02-named",
        "a role of the operations account trusts one role of a customer",
        "role chaining",
        _operations_role(_neighbor),
        "test_other_roles_of_operations",
    ),
    _mutant(
        "C02-management",
        "a role of the operations account trusts the management account",
        "role chaining",
        _operations_role(_management),
        "test_other_roles_of_operations or test_nobody_assumes_another",
        Notice("operations-role", "management"),
    ),
)
