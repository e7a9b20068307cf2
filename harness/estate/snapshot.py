"""An estate out of a snapshot: the same look-ups that a live source answers, from one document.

Pure: the document is data that somebody else has read. Its shape is `docs/snapshot.schema.json`.
What it does not know is unknown, never absent: tags of kinds that it does not keep are None, and
what could not be read raises `PolicyError`, so that whoever decides with it denies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.estate.policies import absent_boundary, named
from harness.estate.source import OrganizationRecord, PrincipalRecord, RoleRecord
from harness.iam import NamedPolicy, PolicyError, PolicyKind

FORMAT = "bulkhead-snapshot/1"

SECTIONS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("bedrock", "guardrail"): ("guardrails", "resource policy"),
    ("events", "event-bus"): ("event_buses", "resource policy"),
    ("kms", "key"): ("keys", "key policy"),
    ("lambda", "function"): ("functions", "resource policy"),
    ("logs", "delivery-destination"): ("delivery_destinations", "access policy"),
    ("logs", "destination"): ("log_destinations", "access policy"),
    ("logs", "log-group"): ("log_groups", "access policy"),
    ("oam", "sink"): ("sinks", "sink policy"),
    ("secretsmanager", "secret"): ("secrets", "resource policy"),
}
"""Where a resource of a Region stands, by its service and the first word of its ARN's last part,
and what decisions call its policy. Queues and topics have no such word."""
_TAGGED = frozenset({"guardrails", "keys", "log_groups", "secrets"})
_SCP, _RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
_SERVICES = {"sqs": "queues", "sns": "topics"}


def text(document: object) -> str:
    """A policy as text: the same document is the same text. One that is no JSON is kept as it is,
    and cannot be parsed either."""
    if isinstance(document, str):
        return document
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


class SnapshotEstate:
    """The estate of a snapshot: an `EstateSource`."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """`document` fits the schema."""
        self.document = document
        self.accounts: Mapping[str, Mapping[str, Any]] = document["accounts"]
        self._roles = {
            (account, role["id"]): (arn, role)
            for account, held in self.accounts.items()
            for arn, role in held["identity"]["roles"].items()
        }
        self._names = {
            (account, role["name"].lower()): (arn, role)
            for (account, _), (arn, role) in self._roles.items()
        }
        self._buckets = {
            name: (account, bucket)
            for account, held in self.accounts.items()
            for name, bucket in held["buckets"].items()
        }
        gaps = document["unreadable"]
        self._unread = {
            (gap["account"], gap["region"], gap["section"]) for gap in gaps if not gap["resource"]
        }
        self._unread_resources = {gap["resource"] for gap in gaps}
        # A snapshot does not change, so nothing in it is made twice.
        self._organizations: dict[str, OrganizationRecord | None] = {}
        self._principals: dict[str, PrincipalRecord] = {}
        self._policies_by_arn: dict[str, NamedPolicy | None] = {}

    # -- principals ------------------------------------------------------------------

    def user(self, account: str, name: str, entity_id: str) -> PrincipalRecord | None:
        identity = self._identity_of(account)
        if identity is None:
            return None
        for arn, user in identity["users"].items():
            if user["name"] == name and user["id"] == entity_id:
                groups = identity["groups"]
                held = [user, *(g for g in groups.values() if g["name"] in user["groups"])]
                return self._principal(account, arn, user, held)
        return None

    def role_principal(self, account: str, role_id: str) -> PrincipalRecord | None:
        self._identity_of(account)
        found = self._roles.get((account, role_id))
        if found is None:
            return None
        arn, role = found
        return self._principal(account, arn, role, [role])

    def role(self, account: str, name: str) -> RoleRecord | None:
        self._identity_of(account)
        found = self._names.get((account, name.lower()))
        if found is None:
            return None
        arn, role = found
        return RoleRecord(
            arn=arn,
            name=role["name"],
            role_id=role["id"],
            trust=named(PolicyKind.TRUST, "trust policy", text(role["trust"])),
            max_session_duration=role["max_session_seconds"],
        )

    def managed_policy(self, account: str, arn: str) -> NamedPolicy | None:
        identity = self._identity_of(account)
        policy = None if identity is None else identity["policies"].get(arn)
        if policy is None:
            return None
        if policy["default"] not in policy["versions"]:
            raise PolicyError(f"{arn}: its default version could not be read")
        return named(PolicyKind.IDENTITY, arn, text(policy["versions"][policy["default"]]))

    def _identity_of(self, account: str) -> Mapping[str, Any] | None:
        """Who there is in an account. Raises `PolicyError` where that could not be read."""
        if (account, "", "identity") in self._unread:
            raise PolicyError(f"account {account}: its principals could not be read")
        held = self.accounts.get(account)
        identity: Mapping[str, Any] | None = None if held is None else held["identity"]
        return identity

    def _principal(
        self, account: str, arn: str, who: Mapping[str, Any], held: list[Mapping[str, Any]]
    ) -> PrincipalRecord:
        if arn not in self._principals:
            boundary = who["boundary"]
            self._principals[arn] = PrincipalRecord(
                arn=arn,
                identity=tuple(p for each in held for p in self._policies(account, each)),
                boundary=None if boundary is None else self._boundary(account, boundary),
                tags=who["tags"],
            )
        return self._principals[arn]

    def is_unread(self, account: str, region: str, section: str) -> bool:
        """Whether a part of an account could not be read; `region` is empty for none."""
        return (account, region, section) in self._unread

    def _policies(self, account: str, who: Mapping[str, Any]) -> Iterator[NamedPolicy]:
        for name, document in who["inline"].items():
            yield named(PolicyKind.IDENTITY, name, text(document))
        for arn in who["attached"]:
            policy = self.managed_policy(account, arn)
            if policy is None:
                raise PolicyError(f"{arn}: is attached and could not be read")
            yield policy

    def _boundary(self, account: str, arn: str) -> NamedPolicy:
        policy = self.managed_policy(account, arn)
        if policy is None:
            return absent_boundary(arn)
        return NamedPolicy(PolicyKind.BOUNDARY, arn, policy.policy)

    # -- resources -------------------------------------------------------------------

    def resource_policy(self, arn: str) -> NamedPolicy | None:
        known = self._policies_by_arn
        if arn not in known:
            known[arn] = self._resource_policy(arn)
        return known[arn]

    def _resource_policy(self, arn: str) -> NamedPolicy | None:
        parts = arn.split(":", 5)
        if len(parts) != 6:
            return None
        _, _, service, region, account, resource = parts
        if service == "iam" and resource.startswith("role/"):
            record = self.role(account, resource.rsplit("/", 1)[1])
            return record.trust if record is not None and record.arn == arn else None
        if service == "s3":
            return self._bucket_policy(resource.split("/", 1)[0])
        found = self._found(service, account, region, arn, resource)
        if found is None:
            return None
        section, name, held = found
        if section == "log_groups":
            return self._logs_policy(account, region, held)
        kind = PolicyKind.KEY if section == "keys" else PolicyKind.RESOURCE
        policy = None if held is None else held["policy"]
        return None if policy is None else named(kind, name, text(policy))

    def _found(
        self, service: str, account: str, region: str, arn: str, resource: str
    ) -> tuple[str, str, Mapping[str, Any] | None] | None:
        """The section that a resource stands in, what its policy is called, and the resource.

        Raises `PolicyError` where the section could not be read."""
        kind = resource.replace("/", ":").split(":", 1)[0]
        section, name = SECTIONS.get((service, kind), ("", ""))
        if service in _SERVICES:
            section, name = _SERVICES[service], "resource policy"
        held = self.accounts.get(account, {}).get("regions", {}).get(region)
        if not section or held is None:
            return None
        if (account, region, section) in self._unread:
            raise PolicyError(f"{arn}: the {section} of {account} in {region} could not be read")
        own = ":".join(arn.split(":")[:7]) if section == "log_groups" else arn
        self._check(own)
        return section, name, held[section].get(own)

    def _check(self, arn: str) -> None:
        if arn in self._unread_resources:
            raise PolicyError(f"{arn}: could not be read")

    def _logs_policy(
        self, account: str, region: str, group: Mapping[str, Any] | None
    ) -> NamedPolicy | None:
        """All policies of the account and Region count, and the group's own."""
        if (account, region, "log_resource_policies") in self._unread:
            raise PolicyError(f"account {account} in {region}: log policies could not be read")
        of_account = self.accounts[account]["regions"][region]["log_resource_policies"]
        documents = [*of_account.values(), *(group["policies"] if group is not None else ())]
        if not documents:
            return None
        if any(isinstance(document, str) for document in documents):
            raise PolicyError(f"account {account} in {region}: a policy of log groups is no JSON")
        statements = [each for document in documents for each in statements_of(document)]
        whole = {"Version": "2012-10-17", "Statement": statements}
        return named(PolicyKind.RESOURCE, "access policy", text(whole))

    def _bucket_policy(self, name: str) -> NamedPolicy | None:
        self._check(f"arn:aws:s3:::{name}")
        if any(section == "buckets" for _, _, section in self._unread):
            raise PolicyError(f"bucket {name}: the buckets of an account could not be read")
        policy = self._buckets.get(name, ("", {"policy": None}))[1]["policy"]
        return None if policy is None else named(PolicyKind.RESOURCE, "bucket policy", text(policy))

    def resource_tags(self, arn: str) -> Mapping[str, str] | None:
        parts = arn.split(":", 5)
        if len(parts) != 6 or parts[4] not in self.accounts:
            return {}
        _, _, service, region, account, resource = parts
        if service == "iam":
            return self._iam_tags(account, arn, resource)
        if service == "s3":
            # They count once ABAC is switched on for a bucket, which nothing here reads.
            return {}
        kind = resource.replace("/", ":").split(":", 1)[0]
        if kind in ("alias", "inference-profile"):
            return {}
        if (service, kind) == ("bedrock", "application-inference-profile"):
            held = self.accounts[account]["regions"].get(region)
            if held is None or self.is_unread(account, region, "inference_profiles"):
                return None
            found = held["inference_profiles"].get(arn)
            self._check(arn)
        else:
            known = self._found(service, account, region, arn, resource)
            if known is None or known[0] not in _TAGGED:
                return None
            found = known[2]
        tags: Mapping[str, str] = {} if found is None else found["tags"]
        return tags

    def _iam_tags(self, account: str, arn: str, resource: str) -> Mapping[str, str] | None:
        identity = self._identity_of(account)
        word = resource.partition("/")[0]
        kind = {"role": "roles", "user": "users", "policy": "policies"}.get(word)
        if identity is None or kind is None:
            return {} if word in ("group", "root") else None
        tags: Mapping[str, str] = identity[kind].get(arn, {"tags": {}})["tags"]
        return tags

    def key_aliases(self, arn: str) -> tuple[str, ...]:
        parts = arn.split(":", 5)
        found = self._found(parts[2], parts[4], parts[3], arn, parts[5]) if parts[5:] else None
        return () if found is None or found[2] is None else tuple(found[2]["aliases"])

    # -- organizations ---------------------------------------------------------------

    def organization(self, account: str) -> OrganizationRecord | None:
        known = self._organizations
        if account not in known:
            manager = self.document["environment"]["management_account"]
            for each in (account, manager):
                if self.is_unread(each, "", "organization"):
                    raise PolicyError(f"account {account}: its organization could not be read")
            known[account] = self._organization_of(account)
        return known[account]

    def _organization_of(self, account: str) -> OrganizationRecord | None:
        for identifier, held in self.document["organizations"].items():
            if account not in held["accounts"]:
                continue
            # Another's tree cannot be read: its policies are its own affair, and are taken for
            # none, which lets its principals do the most.
            chain, at = [account], held["accounts"][account]["parent"]
            while at is not None:
                if at in chain or at not in held["units"]:
                    raise PolicyError(f"{identifier}: the way to {account} is broken at {at}")
                chain.append(at)
                at = held["units"][at]["parent"]
            chain.reverse()
            return OrganizationRecord(
                organization_id=identifier,
                management_account=held["management_account"],
                path="/".join([identifier, *chain[:-1]]) + "/",
                scps=_levels(held, chain, _SCP, PolicyKind.SCP, account),
                rcps=_levels(held, chain, _RCP, PolicyKind.RCP, account),
            )
        return None


def _levels(
    held: Mapping[str, Any], chain: list[str], kind: str, of: PolicyKind, account: str
) -> tuple[tuple[NamedPolicy, ...], ...]:
    if account == held["management_account"] or kind not in held["policy_types"]:
        return ()
    return tuple(
        tuple(
            named(of, identifier, text(policy["document"]))
            for identifier, policy in held["policies"].items()
            if policy["type"] == kind and target in policy["targets"]
        )
        for target in chain
    )


def statements_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The statements of a policy, be it one or a list."""
    found = document.get("Statement") or []
    return found if isinstance(found, list) else [found]
