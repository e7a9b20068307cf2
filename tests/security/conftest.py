"""Which probes there are: one per customer account, fleet role, outsider and Region."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from harness.deploy.deployment import Deployment
from harness.deploy.environment import Environment
from harness.probes.cast import OUTSIDERS, Cast
from harness.probes.hostile import hostile_stage
from harness.probes.stage import Stage
from harness.pytest_plugin import environment_of
from harness.targets.embedded import EmbeddedTarget

_copies = itertools.count()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parameters by name.

    `account`: every customer account. `with_content`: those that have a group for content.
    `deployed`: every account that something is deployed in. `of_kind`: one account of each kind of
    these. `customer`. `limited`: every customer that a limit stops. `foreign`: an account and a
    customer it does not belong to. `further`: an account and a role beside its caller role that may
    assume the fleet role. `grant`: account and ticket of each access granted to support.
    `shared_model`: a model, a Region and the customers that call it there, the most that one has.
    `outsider`. `region`.
    """
    environment = environment_of(metafunc.config)
    accounts = [(c.key, a.account_id) for c, a in environment.customer_accounts]
    wanted = set(metafunc.fixturenames)
    if "account" in wanted:
        metafunc.parametrize(
            "account", [a for _, a in accounts], ids=[f"{c}-{a}" for c, a in accounts]
        )
    if "with_content" in wanted:
        content = accounts if environment.content else []
        metafunc.parametrize(
            "with_content", [a for _, a in content], ids=[f"{c}-{a}" for c, a in content]
        )
    if "grant" in wanted:
        grants = environment.grants
        metafunc.parametrize("grant", grants, ids=["-".join(grant) for grant in grants])
    if "shared_model" in wanted:
        shared = sharers(environment)
        metafunc.parametrize("shared_model", shared, ids=[model for model, _, _ in shared])
    if "deployed" in wanted:
        owners = dict(map(reversed, accounts))
        names = [owners.get(a, "other") for a in environment.deployed_accounts]
        names[:2] = ["management", "operations"]
        metafunc.parametrize(
            "deployed",
            environment.deployed_accounts,
            ids=[f"{n}-{a}" for n, a in zip(names, environment.deployed_accounts, strict=True)],
        )
    if "of_kind" in wanted:
        kinds = ("management", "operations", "customer")
        metafunc.parametrize("of_kind", environment.deployed_accounts[:3], ids=kinds)
    if "foreign" in wanted:
        pairs = [
            (owner, account, customer)
            for owner, account in accounts
            for customer in environment.customers
            if customer != owner
        ]
        metafunc.parametrize(
            "foreign",
            [(account, customer) for _, account, customer in pairs],
            ids=[f"{owner}-{account}-to-{customer}" for owner, account, customer in pairs],
        )
    if "further" in wanted:
        roles = [
            (a.account_id, r) for _, a in environment.customer_accounts for r in a.further_callers
        ]
        metafunc.parametrize("further", roles, ids=["-".join(pair) for pair in roles])
    if "customer" in wanted:
        metafunc.parametrize("customer", list(environment.customers))
    if "limited" in wanted:
        limited = [key for key, customer in environment.customers.items() if customer.limited]
        metafunc.parametrize("limited", limited)
    if "outsider" in wanted:
        metafunc.parametrize("outsider", OUTSIDERS, ids=[o.replace(" ", "-") for o in OUTSIDERS])
    if "region" in wanted:
        metafunc.parametrize("region", environment.regions)


def sharers(environment: Environment) -> list[tuple[str, str, tuple[str, ...]]]:
    """The model and Region that most customers call, and they; nothing where no two share any."""
    groups: dict[tuple[str, str], list[str]] = {}
    for key, customer in environment.customers.items():
        for pair in itertools.product(customer.models, customer.regions):
            groups.setdefault(pair, []).append(key)
    (model, region), customers = max(groups.items(), key=lambda group: len(group[1]))
    return [(model, region, tuple(customers))] if len(customers) > 1 else []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """An environment with one customer has no pairs of customers: those probes do not exist, which
    is not the same as being skipped."""
    empty = [item for item in items if any(map(_without_parameters, item.iter_markers("skip")))]
    if empty:
        items[:] = [item for item in items if item not in empty]
        config.hook.pytest_deselected(items=empty)


def _without_parameters(mark: pytest.Mark) -> bool:
    return str(mark.kwargs.get("reason", "")).startswith("got empty parameter set")


@pytest.fixture(scope="session")
def hostile(deployment: Deployment, part: str) -> Iterator[Cast]:
    """The actors in a copy of the cloud where each customer has freed its own caller role.

    A customer administers its own account, so nothing written there protects another customer.
    """
    with hostile_stage(deployment) as copy:
        yield Cast(copy, f"{part}-{next(_copies)}")


@pytest.fixture
def copied(deployment: Deployment, part: str) -> Iterator[Cast]:
    """The actors in a copy of the cloud that the test may change as it likes."""
    with deployment.cloud().fork() as cloud:
        target = EmbeddedTarget(cloud)
        # Names of its own: a copy has the helpers that the original had when it was made.
        yield Cast(Stage.of(deployment.on(target), target), f"{part}-{next(_copies)}")
