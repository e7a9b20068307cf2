"""Reads the estate out of moto's state, in process: the `EstateSource` and `World` of a cloud.

Each look-up touches one principal or one resource, never a listing, so the cost of a decision
does not grow with the number of roles. Compiled policies are cached by the text of the document
(`harness.estate.policies`).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Set
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, iam_backends
from moto.kms.models import kms_backends
from moto.organizations.models import OrganizationsBackend, organizations_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends

from harness.cloud import sealing
from harness.cloud.bedrock import Bedrock, BedrockSettings
from harness.cloud.moto_tags import tag_dict, tags_of
from harness.estate import OrganizationRecord, PrincipalRecord, RoleRecord
from harness.estate.policies import absent_boundary, named
from harness.iam import NamedPolicy, PolicyKind

_BEDROCK_TAGGED = frozenset(
    {
        "application-inference-profile",
        "async-invoke",
        "guardrail",
        "model-invocation-job",
        "project",
    }
)
_AWS_POLICY = re.compile(r"^arn:[\w-]+:iam::aws:policy/")


class RoleTable(MutableMapping[str, Any]):
    """moto's roles by id, with an index by name: names are unique without regard to case."""

    def __init__(self, roles: Mapping[str, Any]) -> None:
        self._by_id: dict[str, Any] = dict(roles)
        self._by_name: dict[str, str] = {r.name.lower(): i for i, r in roles.items()}

    def __getitem__(self, role_id: str) -> Any:
        return self._by_id[role_id]

    def __setitem__(self, role_id: str, role: Any) -> None:
        self._by_id[role_id] = role
        self._by_name[role.name.lower()] = role_id

    def __delitem__(self, role_id: str) -> None:
        role = self._by_id.pop(role_id)
        if self._by_name.get(role.name.lower()) == role_id:
            del self._by_name[role.name.lower()]

    def __iter__(self) -> Iterator[str]:
        # Of a copy: another thread may add a role meanwhile.
        return iter(tuple(self._by_id))

    def __len__(self) -> int:
        return len(self._by_id)

    def names(self) -> Set[str]:
        """All names, in lower case."""
        return self._by_name.keys()

    def named(self, name: str) -> Any | None:
        """The role of that name, whatever its case."""
        role_id = self._by_name.get(name.lower())
        return None if role_id is None else self._by_id.get(role_id)


class MotoEstate:
    """The estate of the accounts of one cloud, as moto keeps it."""

    def __init__(
        self,
        accounts: Set[str],
        profile: Callable[[str, str, str], tuple[str, tuple[str, ...]] | None],
        profile_tags: Callable[[str], Mapping[str, str] | None],
    ) -> None:
        self.accounts = accounts
        self._profile = profile
        self._profile_tags = profile_tags
        self._organizations: dict[str, OrganizationRecord | None] = {}
        self.bedrock_settings: BedrockSettings | None = None
        self.bedrock: Bedrock | None = None
        self.sink_policy: Callable[[str], str | None] = lambda _: None
        self.logs_policy: Callable[[str, str, str], str | None] = lambda *_: None

    # -- principals ------------------------------------------------------------------

    def iam(self, account: str) -> IAMBackend | None:
        """moto's IAM of an account of this cloud; None for any other account."""
        if account not in self.accounts:
            return None
        backend: IAMBackend = iam_backends[account]["aws"]
        if not isinstance(backend.roles, RoleTable):
            table = RoleTable(backend.roles)
            backend.roles = table  # type: ignore[assignment]
            # Terraform reads each role several times; moto looks through all of them each time.
            backend.get_role = functools.partial(_get_role, table)  # type: ignore[method-assign]
        return backend

    def _role(self, account: str, name: str) -> Any | None:
        backend = self.iam(account)
        if backend is None:
            return None
        roles: Any = backend.roles
        return roles.named(name)

    def user(self, account: str, name: str, entity_id: str) -> PrincipalRecord | None:
        backend = self.iam(account)
        user = None if backend is None else backend.users.get(name)
        if backend is None or user is None or user.id != entity_id:
            return None
        policies = [
            *self._identity(user.policies, user.managed_policies),
            *(
                policy
                for group in tuple(backend.groups.values())
                if user in group.users
                for policy in self._identity(group.policies, group.managed_policies)
            ),
        ]
        return PrincipalRecord(
            arn=user.arn,
            identity=tuple(policies),
            boundary=self._boundary(account, getattr(user, "permissions_boundary_arn", None)),
            tags=backend.tagger.get_tag_dict_for_resource(user.arn),
        )

    def role_principal(self, account: str, role_id: str) -> PrincipalRecord | None:
        backend = self.iam(account)
        role = None if backend is None else backend.roles.get(role_id)
        if role is None:
            return None
        return PrincipalRecord(
            arn=role.arn,
            identity=tuple(self._identity(role.policies, role.managed_policies)),
            boundary=self._boundary(account, role.permissions_boundary_arn),
            tags=tag_dict(role.tags),
        )

    def role(self, account: str, name: str) -> RoleRecord | None:
        role = self._role(account, name)
        if role is None:
            return None
        return RoleRecord(
            arn=role.arn,
            name=role.name,
            role_id=role.id,
            trust=named(PolicyKind.TRUST, "trust policy", role.assume_role_policy_document),
            max_session_duration=int(role.max_session_duration or 3600),
        )

    def _identity(
        self, inline: Mapping[str, str], managed: Mapping[str, Any]
    ) -> Iterator[NamedPolicy]:
        for name, document in tuple(inline.items()):
            yield named(PolicyKind.IDENTITY, name, _text(document))
        for arn, policy in tuple(managed.items()):
            yield named(PolicyKind.IDENTITY, arn, _default_document(policy))

    def _boundary(self, account: str, arn: str | None) -> NamedPolicy | None:
        if not arn:
            return None
        policy = self.managed_policy(account, arn)
        if policy is None:
            return absent_boundary(arn)
        return NamedPolicy(PolicyKind.BOUNDARY, arn, policy.policy)

    def managed_policy(self, account: str, arn: str) -> NamedPolicy | None:
        owner = account if _AWS_POLICY.match(arn) else arn.split(":")[4]
        backend = self.iam(owner) if owner == account else None
        policy = None if backend is None else backend.managed_policies.get(arn)
        if policy is None:
            return None
        return named(PolicyKind.IDENTITY, arn, _default_document(policy))

    # -- resources -------------------------------------------------------------------

    def resource_policy(self, arn: str) -> NamedPolicy | None:
        parts = arn.split(":", 5)
        if len(parts) != 6:
            return None
        _, _, service, region, account, resource = parts
        if service == "iam" and resource.startswith("role/"):
            record = self.role(account, resource.rsplit("/", 1)[1])
            return record.trust if record is not None and record.arn == arn else None
        if service == "kms" and resource.startswith("key/") and account in self.accounts:
            key = kms_backends[account][region].keys.get(resource[4:])
            return None if key is None else named(PolicyKind.KEY, "key policy", _text(key.policy))
        if service == "s3":
            return self._bucket_policy(resource.split("/", 1)[0])
        if service == "bedrock" and self.bedrock is not None:
            text = self.bedrock.resource_policy(arn)
            return None if text is None else named(PolicyKind.RESOURCE, "resource policy", text)
        if service == "oam" and (policy := self.sink_policy(arn)):
            return named(PolicyKind.RESOURCE, "sink policy", policy)
        if service == "logs" and account in self.accounts:
            text = self.logs_policy(account, region, arn)
            return None if not text else named(PolicyKind.RESOURCE, "access policy", text)
        return None

    def _bucket_policy(self, name: str) -> NamedPolicy | None:
        owner = self.bucket_account(name)
        if owner is None:
            return None
        bucket: Any = s3_backends[owner]["aws"].buckets.get(name)
        policy = getattr(bucket, "policy", None)
        if not policy:
            return None
        return named(PolicyKind.RESOURCE, "bucket policy", _text(policy))

    def resource_tags(self, arn: str) -> Mapping[str, str] | None:
        parts = arn.split(":", 5)
        if len(parts) != 6 or parts[4] not in self.accounts:
            return {}
        _, _, service, region, account, resource = parts
        if service == "iam" and resource.startswith("role/"):
            role = self._role(account, resource.rsplit("/", 1)[1])
            return {} if role is None else tag_dict(role.tags)
        if service == "bedrock":
            kind = resource.partition("/")[0]
            if kind in _BEDROCK_TAGGED:
                return self._profile_tags(arn) or {}
            return {} if kind == "inference-profile" else None
        return tags_of(arn, service, region, account, resource)

    # -- names, for the catalogue ----------------------------------------------------

    def role_arn(self, account: str, name: str) -> str | None:
        role = self._role(account, name)
        return None if role is None else str(role.arn)

    def user_arn(self, account: str, name: str) -> str | None:
        backend = self.iam(account)
        user = None if backend is None else backend.users.get(name)
        return None if user is None else str(user.arn)

    def group_arn(self, account: str, name: str) -> str | None:
        backend = self.iam(account)
        group = None if backend is None else backend.groups.get(name)
        return None if group is None else str(group.arn)

    def instance_profile_arn(self, account: str, name: str) -> str | None:
        backend = self.iam(account)
        if backend is None:
            return None
        profiles = tuple(backend.instance_profiles.values())
        return next((str(p.arn) for p in profiles if p.name == name), None)

    def key_arn(self, account: str, region: str, key: str) -> str | None:
        if key.startswith("arn:"):
            _, _, _, region, account, key = key.split(":", 5)
            key = key.removeprefix("key/")
        if account not in self.accounts:
            return None
        backend = kms_backends[account][region]
        key_id = backend.get_key_id_from_alias(key) if key.startswith("alias/") else key
        found = None if key_id is None else backend.keys.get(key_id)
        return None if found is None else str(found.arn)

    def key_aliases(self, arn: str) -> tuple[str, ...]:
        _, _, _, region, account, resource = arn.split(":", 5)
        if account not in self.accounts:
            return ()
        key: Any = kms_backends[account][region].keys.get(resource.removeprefix("key/"))
        return () if key is None else tuple(key.aliases)

    def bucket_account(self, bucket: str) -> str | None:
        owner = s3_backends.bucket_accounts.get(bucket)
        return owner[1] if owner is not None and owner[1] in self.accounts else None

    def secret_arn(self, account: str, region: str, secret: str) -> str | None:
        if secret.startswith("arn:"):
            account = secret.split(":", 5)[4]
        if account not in self.accounts:
            return None
        # moto's own look-up, which also takes an ARN with another end.
        found = secretsmanager_backends[account][region].secrets.get(secret)
        return None if found is None else str(found.arn)

    def inference_profile(
        self, account: str, region: str, identifier: str
    ) -> tuple[str, tuple[str, ...]] | None:
        return self._profile(account, region, identifier)

    def enforced_guardrail(self, account: str, region: str, identifier: str) -> str | None:
        if self.bedrock is None:
            return None
        return self.bedrock.enforced_guardrail(account, region, identifier)

    def organization_arn(self, account: str, identifier: str) -> str | None:
        management, partition = organizations_backends.master_accounts.get(
            account, (account, "aws")
        )
        if management not in self.accounts:
            return None
        backend = organizations_backends[management][partition]
        entities: tuple[Any, ...] = (*backend.policies, *backend.ou, *backend.accounts)
        return next((str(e.arn) for e in entities if e.id == identifier), None)

    def permissions_boundary(self, arn: str) -> str | None:
        *_, account, resource = arn.split(":", 5)
        kind, _, path = resource.partition("/")
        name = path.rsplit("/", 1)[-1]
        if kind == "role":
            role = self._role(account, name)
            return None if role is None else role.permissions_boundary_arn
        backend = self.iam(account)
        user = None if backend is None or kind != "user" else backend.users.get(name)
        return None if user is None else getattr(user, "permissions_boundary_arn", None)

    sealed_object = staticmethod(sealing.sealed_object)
    sealing_bucket = staticmethod(sealing.sealing_bucket)
    sealing_upload = staticmethod(sealing.sealing_upload)
    sealed_secret = staticmethod(sealing.sealed_secret)
    sealed_parameters = staticmethod(sealing.sealed_parameters)

    # -- organizations ---------------------------------------------------------------

    def organization(self, account: str) -> OrganizationRecord | None:
        known = self._organizations
        if account not in known:
            known[account] = _organization_of(account)
        return known[account]

    def forget_organizations(self) -> None:
        """Call after anything that may have changed an organization."""
        # A new table: what another thread is just computing goes into the old one.
        self._organizations = {}


def _get_role(table: RoleTable, role_name: str) -> Any:
    """moto compares names by case, AWS does not; what AWS would find is found."""
    role = table.named(role_name)
    if role is None:
        raise NotFoundException(f"Role {role_name} not found")
    return role


def _organization_of(account: str) -> OrganizationRecord | None:
    if account in organizations_backends.master_accounts:
        management, partition = organizations_backends.master_accounts[account]
        backend = organizations_backends[management][partition]
    else:
        backend = organizations_backends[account]["aws"]
    if backend.org is None:
        return None
    member = next((a for a in backend.accounts if a.id == account), None)
    if member is None:
        return None
    chain = _chain(backend, member)
    ids = [entity.id for entity in chain if entity.type != "ACCOUNT"]
    management_account = str(backend.org.master_account_id)
    return OrganizationRecord(
        organization_id=str(backend.org.id),
        management_account=management_account,
        path="/".join([str(backend.org.id), *ids]) + "/",
        scps=_levels(chain, "SERVICE_CONTROL_POLICY", PolicyKind.SCP, account, management_account),
        rcps=_levels(chain, "RESOURCE_CONTROL_POLICY", PolicyKind.RCP, account, management_account),
    )


def _chain(backend: OrganizationsBackend, member: Any) -> list[Any]:
    """The root, the units below it and the account itself."""
    units: dict[Any, Any] = {unit.id: unit for unit in backend.ou}
    chain = [member]
    parent = units.get(member.parent_id)
    while parent is not None:
        chain.append(parent)
        parent = units.get(parent.parent_id) if parent.type != "ROOT" else None
    return chain[::-1]


def _levels(
    chain: list[Any], policy_type: str, kind: PolicyKind, account: str, management_account: str
) -> tuple[tuple[NamedPolicy, ...], ...]:
    enabled = any(entry["Type"] == policy_type for entry in chain[0].policy_types)
    if account == management_account or not enabled:
        return ()
    return tuple(
        tuple(
            named(kind, policy.id, _text(policy.content))
            for policy in entity.attached_policies
            if policy.type == policy_type
        )
        for entity in chain
    )


def _default_document(policy: Any) -> str:
    version = next(v for v in policy.versions if v.version_id == policy.default_version_id)
    return _text(version.document)


def _text(document: Any) -> str:
    if isinstance(document, bytes):
        return document.decode()
    return document if isinstance(document, str) else json.dumps(document)
