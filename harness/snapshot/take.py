"""Takes a snapshot: reads everything of an environment that decides access into one document.

Outsiders' accounts are not read: whatever they hold, they are taken to be able to do anything. Of
them only the organization is told. Nothing is changed, and no value is read that is a secret:
external ids, which stand in trust policies, leave as digests. `docs/snapshot.schema.json` describes
the document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from harness.deploy.deployment import Deployment, fleet_boundary
from harness.deploy.environment import Environment
from harness.estate.snapshot import FORMAT
from harness.snapshot import models, observability, storage
from harness.snapshot.hidden import Hider
from harness.snapshot.identity import identity
from harness.snapshot.organization import organizations
from harness.snapshot.reader import Gaps, Reader
from harness.targets.base import Target

HOME = "us-east-1"
"""Where services that an account has once are asked."""
_AT_ONCE = 6

Section = Callable[[Reader], Any]
OF_ACCOUNTS: Mapping[str, Section] = {
    "identity": identity,
    "buckets": storage.buckets,
    "public_access_block": storage.public_access_block,
}
OF_REGIONS: Mapping[str, Section] = {
    "api_destinations": storage.api_destinations,
    "data_retention": models.data_retention,
    "deliveries": observability.deliveries,
    "delivery_destinations": observability.delivery_destinations,
    "delivery_sources": observability.delivery_sources,
    "enforced_guardrails": models.enforced_guardrails,
    "event_buses": storage.event_buses,
    "functions": storage.functions,
    "guardrails": models.guardrails,
    "inference_profiles": models.inference_profiles,
    "invocation_logging": models.invocation_logging,
    "keys": storage.keys,
    "links": observability.links,
    "log_account_policies": observability.log_account_policies,
    "log_destinations": observability.log_destinations,
    "log_groups": observability.log_groups,
    "log_resource_policies": observability.log_resource_policies,
    "parameters": storage.parameters,
    "queues": storage.queues,
    "secrets": storage.secrets,
    "sinks": observability.sinks,
    "topics": storage.topics,
    "trails": observability.trails,
}
"""What is read in each account and Region, and by what."""


def take(deployment: Deployment, target: Target, key: bytes) -> dict[str, Any]:
    """The snapshot of a deployment, with everything in a fixed order.

    `key` makes the digests of external ids. What could not be read is listed in `unreadable`.
    """
    environment = deployment.environment
    gaps = Gaps()
    hider = Hider(key, deployment.external_ids.values())
    accounts: dict[str, Any] = {
        account: {"regions": {region: {} for region in sorted(environment.regions)}}
        for account in sorted(environment.bootstrapped_accounts)
    }

    def fill(into: dict[str, Any], name: str, read: Section, reader: Reader) -> None:
        into[name] = read(reader)

    def reader(account: str, region: str = "") -> Reader:
        return Reader(target, gaps, account, region, HOME)

    jobs: list[tuple[dict[str, Any], str, Section, Reader]] = []
    for account, held in accounts.items():
        jobs += [(held, name, read, reader(account)) for name, read in OF_ACCOUNTS.items()]
        for region, there in held["regions"].items():
            for name, read in OF_REGIONS.items():
                jobs.append((there, name, read, reader(account, region)))
    manager = reader(environment.management_account)
    whole: dict[str, Any] = {}
    others = [reader(account) for account in environment.accounts if account != manager.account]
    jobs.append((whole, "organizations", lambda own: organizations(own, others), manager))
    jobs.append((whole, "centralization_rules", observability.centralization_rules, manager))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="snapshot") as pool:
        futures = [pool.submit(fill, *job) for job in jobs]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    document = {
        "format": FORMAT,
        "taken_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "key_id": hider.key_id,
        "environment": described(deployment),
        **whole,
        "accounts": accounts,
        "unreadable": [asdict(gap) for gap in gaps],
    }
    hidden: dict[str, Any] = hider.hidden(document)
    return hidden


def described(deployment: Deployment) -> dict[str, Any]:
    """What a snapshot must know of the environment to tell whose a principal is."""
    environment = deployment.environment
    probes = environment.probes
    return {
        "name": environment.name,
        "partition": environment.partition,
        "management_account": environment.management_account,
        "operations_account": environment.operations_account,
        "regions": sorted(environment.regions),
        "alarm": alarm(environment),
        "jobs": {job: sorted(named) for job, named in environment.jobs.items()},
        "outsiders": {
            probes.control: "control",
            probes.no_organization: "no organization",
            probes.other_organization: "other organization",
        },
        "customers": {
            customer: {
                "fleet_role": fleet.fleet_role_arn,
                "boundary": fleet_boundary(fleet.fleet_role_arn),
                "session_names": dict(fleet.session_name_prefix),
                "inference_profiles": sorted(
                    arn for models_ in fleet.inference_profiles.values() for arn in models_.values()
                ),
            }
            for customer, fleet in deployment.fleets.items()
        },
        "homes": {
            account: {
                "customer": home.customer,
                "caller": home.caller,
                "caller_role": home.caller_role_arn,
                "further_callers": sorted(
                    f"arn:{environment.partition}:iam::{account}:role/{role}"
                    for _, listed in environment.customer_accounts
                    if listed.account_id == account
                    for role in listed.further_callers
                ),
                "reader_role": home.reader_role_arn,
                "support": {
                    str(grant["role_arn"]): sorted(grant["principal_arns"])
                    for grant in home.support_access.values()
                },
                "log_groups": {
                    group: {"key": key, "retention_in_days": days}
                    for group, key, days in _groups(home)
                },
            }
            for account, home in deployment.accounts.items()
        },
        "guardrails": {
            name: {"policy": guardrail.policy_id, "accounts": sorted(guardrail.accounts)}
            for name, guardrail in deployment.guardrails.items()
        },
    }


def alarm(environment: Environment) -> dict[str, str] | None:
    """What rings when a break-glass role is assumed, by the names that the roots give it; None
    where there is no such role."""
    if not environment.break_glass:
        return None

    def arn(service: str, account: str, resource: str) -> str:
        return f"arn:{environment.partition}:{service}:{environment.region}:{account}:{resource}"

    name = f"bulkhead-{environment.name}-break-glass"
    return {
        "bus": arn("events", environment.management_account, f"event-bus/{name}"),
        "topic": arn("sns", environment.management_account, name),
        # A rule of the default bus, told by bus and name.
        "forwarder": arn(
            "events", environment.operations_account, "event-bus/default/bulkhead-break-glass"
        ),
    }


def _groups(home: Any) -> list[tuple[str, str, int]]:
    """ARN, key and retention of each log group that was deployed in an account."""
    groups = [(home.log_group_arn, home.kms_key_arn, home.retention_in_days)]
    if home.content is not None:
        content = home.content
        groups.append(
            (content["log_group_arn"], content["kms_key_arn"], content["retention_in_days"])
        )
    return groups
