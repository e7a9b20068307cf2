"""Puts an embedded cloud together: accounts, organizations, keys, services, gateway.

One cloud per process: the inner app keeps its state in module globals.
"""

from __future__ import annotations

import configparser
import functools
import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cloud.administrators import administrator, root
from harness.cloud.authorizer import Authorizer
from harness.cloud.automation.alarms import Alarms
from harness.cloud.automation.budgets import Budgets
from harness.cloud.automation.state_machines import StateMachines
from harness.cloud.bedrock import Bedrock, BedrockSettings, InferenceProfileKey
from harness.cloud.bucket_acls import refuse_acls
from harness.cloud.bucket_owner import BucketOwner
from harness.cloud.call import Caller
from harness.cloud.cost_tags import CostTags
from harness.cloud.customer_keys import check_customer_keys
from harness.cloud.event_deliveries import EventDeliveries
from harness.cloud.gateway import Gateway, Parts
from harness.cloud.iam_principals import rewrite_also
from harness.cloud.iam_rules import IamRules
from harness.cloud.ingestion import Ingestion
from harness.cloud.inner import InnerApp, MotoApp
from harness.cloud.key_lockout import KeyLockout
from harness.cloud.key_states import check_keys
from harness.cloud.keyring import Credential, KeyRing, new_key_id, new_secret
from harness.cloud.kms_rules import KmsRules
from harness.cloud.learning import Learner
from harness.cloud.log_encryption import LogEncryption
from harness.cloud.log_exports import LogExports
from harness.cloud.moto_estate import MotoEstate
from harness.cloud.moto_metrics import put_metric
from harness.cloud.multipart_uploads import check_upload
from harness.cloud.observability.outlets import LogsOutlets, logs_policy
from harness.cloud.observability.service_writes import ServiceWrites
from harness.cloud.organizations import (
    Departures,
    OrganizationRules,
    found_organizations,
    join_organization,
    policy_name,
    policy_type,
)
from harness.cloud.plan import CREDENTIALS_HEAD, CloudPlan
from harness.cloud.responses import Response
from harness.cloud.service_credentials import ServiceCredentials
from harness.cloud.service_role import InProcessServiceRole
from harness.cloud.stream_iterators import check_iterator
from harness.cloud.sts import Sts
from harness.cloud.trace import Trace
from harness.cloud.trails.centralized import Centralized
from harness.cloud.trails.history import EventHistory
from harness.cloud.trails.linked_logs import LinkedLogs
from harness.cloud.trails.linked_metrics import LinkedMetrics
from harness.cloud.trails.links import Links
from harness.cloud.trails.oam import Oam
from harness.cloud.trails.observability_admin import ObservabilityAdmin
from harness.cloud.trails.rules import Rules
from harness.cloud.trails.traces import Traces
from harness.cloud.user_boundaries import UserBoundaries
from harness.cloud.validation import PolicyValidator
from harness.cloud.web_identity import WebIdentities

if TYPE_CHECKING:
    from harness.cloud.localstack import LocalStackApp

WORKLOAD_SERVICES: Mapping[str, str] = {
    "lambda.amazonaws.com": "",
    "ecs-tasks.amazonaws.com": "arn:aws:ecs:{region}:{account}:task/app",
    "ec2.amazonaws.com": "",
    "pods.eks.amazonaws.com": "",
}
"""The services that start applications, and so can become their roles; and `aws:SourceArn`.

ECS says for which account and task it assumes a role; Lambda, EC2 and EKS Pod Identity send neither
key. Pods have associations without session tags here.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
"""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Cloud:
    """An embedded AWS with the accounts of `plan`, as a WSGI application."""

    def __init__(
        self,
        plan: CloudPlan,
        *,
        bedrock: BedrockSettings | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        accounts = set(plan.accounts) | {
            account
            for organization in plan.organizations
            for account in (organization.management_account, *organization.accounts)
        }
        # Everybody who asks looks at this one set, which grows.
        self._accounts = accounts
        self._administrator = plan.administrator
        found_organizations(plan)
        self.keys = KeyRing(now)
        self.trace = Trace(label=policy_name)
        estate = MotoEstate(accounts, self._profile, self._profile_tags)
        self._estate = estate
        authorizer = Authorizer(estate, now)
        sts = Sts(estate, self.keys, now)
        service_role = InProcessServiceRole(authorizer, estate, sts.issue, sts.lives, self._respond)
        settings = bedrock or BedrockSettings()
        settings = replace(settings, quotas=(*settings.quotas, *plan.quotas))
        if plan.inference_profile_key is not None:
            key = InferenceProfileKey(plan.inference_profile_key)
            settings = replace(settings, inference_profile_key=key)
        self.bedrock = Bedrock(service_role, clock=now, settings=settings, metrics=put_metric)
        estate.bedrock_settings = self.bedrock.settings
        estate.bedrock = self.bedrock
        organizations = OrganizationRules(estate)
        log_encryption = LogEncryption(authorizer, estate)
        history = EventHistory(now, self.bedrock.inference_region)
        self.ingestion = Ingestion()
        self.ingestion.check = log_encryption.check_group
        outlets = LogsOutlets(authorizer, service_role, self.ingestion)
        estate.logs_policy = logs_policy
        writes = ServiceWrites(authorizer, self.ingestion)
        EventDeliveries(writes, service_role).adapt()
        alarms = Alarms(now)
        alarms.adapt()
        machines = StateMachines(service_role, now)
        links = Links()
        estate.sink_policy = links.sink_policy
        rewrite_also(links.rewrite_policies, self.bedrock.rewrite_policies)
        linked_logs = LinkedLogs(links)
        rules = Rules()
        Centralized(rules, estate, self.ingestion)
        inner: InnerApp
        self.localstack: LocalStackApp | None = None
        if plan.localstack is None:
            inner = MotoApp()
        else:
            inner = self.localstack = _localstack(plan.localstack, MotoApp())
            # Whoever is told of events later may find them there.
            self.ingestion.observers.insert(0, self.localstack.observe)
        self.gateway = Gateway(
            Parts(
                keys=self.keys,
                sts=sts,
                native=(
                    self.bedrock,
                    UserBoundaries(estate),
                    ServiceCredentials(estate, now),
                    Departures(estate.forget_organizations),
                    CostTags(accounts, estate, self.bedrock.tag_keys, now),
                    log_encryption,
                    self.ingestion,
                    outlets,
                    history,
                    Oam(links, authorizer),
                    linked_logs,
                    LinkedMetrics(links),
                    Traces(links, writes, now),
                    ObservabilityAdmin(rules, estate, now),
                    alarms,
                    machines,
                    Budgets(now),
                ),
                inner=inner,
                world=estate,
                authorizer=authorizer,
                organizations=organizations,
                rules=(
                    organizations.check,
                    log_encryption.check,
                    LogExports(authorizer, estate).check,
                    outlets.check,
                    alarms.check,
                    machines.check,
                    self.bedrock.check,
                    PolicyValidator(
                        estate, accounts, self._user_exists, self._id_exists, policy_type
                    ).check,
                    IamRules(estate, WORKLOAD_SERVICES).check,
                    KmsRules(estate).check,
                    KeyLockout(estate, now).check,
                    check_customer_keys,
                    BucketOwner(estate.bucket_account).check,
                    refuse_acls,
                    check_iterator,
                    check_upload,
                ),
                uses=(check_keys, log_encryption.check_use),
                web_identities=WebIdentities(estate, plan.issuers, now),
                learner=Learner(self.keys, estate),
                trace=self.trace,
                linked_logs=linked_logs,
                record=history.record,
                now=now,
            )
        )
        self._profiles = self._make_profiles(self.accounts)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self.gateway(environ, start_response)

    @property
    def accounts(self) -> tuple[str, ...]:
        return tuple(sorted(self._accounts))

    def open_account(self, account: str, management_account: str = "") -> None:
        """Have one more account, in the organization of that management account or in none. One
        that is there already stays as it is. Not while requests are answered."""
        if account in self._accounts:
            return
        self._accounts.add(account)
        if management_account:
            join_organization(management_account, account)
        self._estate.forget_organizations()
        self._profiles |= self._make_profiles([account])

    def write_credentials(self, path: Path) -> None:
        """Write the shared-credentials file: per account an administrator, root (`root@ID`)
        and the services that applications run in.

        Readable by its owner only; replaced whole, never half written.
        """
        parser = configparser.RawConfigParser()
        for name, credential in self._profiles.items():
            parser[name] = {
                "aws_access_key_id": credential.access_key_id,
                "aws_secret_access_key": credential.secret,
            }
            if credential.token:
                parser[name]["aws_session_token"] = credential.token
        text = io.StringIO(f"{CREDENTIALS_HEAD}\n")
        text.seek(0, io.SEEK_END)
        parser.write(text)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text.getvalue())
        temporary.replace(path)

    def _make_profiles(self, accounts: Sequence[str]) -> dict[str, Credential]:
        profiles: dict[str, Credential] = {}
        for account in accounts:
            backend = self._estate.iam(account)
            assert backend is not None
            profiles[account] = administrator(
                account, backend, self._administrator, self._stored_in(account)
            )
            profiles[f"root@{account}"] = root(account)
        for account in accounts:
            for service, source_arn in WORKLOAD_SERVICES.items():
                key_id = new_key_id("AKIA")
                caller = Caller(
                    *("service", account, service, service, service),
                    access_key_id=key_id,
                    source_arn=source_arn,
                )
                profiles[f"{service}@{account}"] = Credential(key_id, new_secret(), caller)
        for credential in profiles.values():
            self.keys.add(credential)
        return profiles

    def _stored_in(self, account: str) -> Callable[[Any], None]:
        """What stores an administrator where principals are stored."""
        if self.localstack is None:
            return lambda _made: None
        self.localstack.begin(account)
        return functools.partial(self.localstack.store_principal, account)

    def _respond(self, environ: dict[str, Any]) -> Response:
        return self.gateway.respond(environ)

    def _profile(
        self, account: str, region: str, identifier: str
    ) -> tuple[str, tuple[str, ...]] | None:
        return self.bedrock.profile(account, region, identifier)

    def _profile_tags(self, arn: str) -> Mapping[str, str] | None:
        return self.bedrock.resource_tags(arn)

    def _user_exists(self, account: str, name: str) -> bool:
        return self._estate.user_arn(account, name) is not None

    def _id_exists(self, unique_id: str) -> bool:
        backends = [self._estate.iam(account) for account in self.accounts]
        return any(
            b is not None
            and (unique_id in b.roles or any(u.id == unique_id for u in tuple(b.users.values())))
            for b in backends
        )


def _localstack(host: str, moto: MotoApp) -> LocalStackApp:
    from harness.cloud.localstack import LocalStackApp  # nobody else needs its client

    return LocalStackApp(host, moto)
