"""Who asks: the actors of the probes, each a real session obtained the way that actor would.

Attackers get every right that their own account can give them, so that only the walls of others
stop them. The control account holds a role that trusts everybody: that an attacker can assume it
shows that its calls work at all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from harness.errors import UserError
from harness.probes.evidence import DENIAL_CODES
from harness.probes.stage import Fleet, Stage
from harness.targets.base import Deployer
from harness.targets.wiretap import note_change

if TYPE_CHECKING:
    import boto3

T = TypeVar("T")

APP = "probe"
PATH = "/bulkhead-probe/"
PROBES = "/bulkhead-probe"
"""What is in the ARN of all roles and users that probes make, whatever their path."""
OUTSIDERS = ("other organization", "no organization", "management")
_MADE = frozenset({"role", "other role", "user", "outsider", "operations"})
"""Actors that are made for the probes, and not found in place."""
_NEW_KEY = frozenset({"InvalidClientTokenId"})

ANYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)


@dataclass(frozen=True, slots=True)
class Actor:
    """A session and the names it goes by."""

    label: str
    kind: str
    """`caller`, `other role`, `user`, `operations`, `outsider`, `deployer` or `fleet`: the sections
    of the matrix; and others that are in none."""
    account: str
    arn: str
    """As a service names the caller in a refusal: the user's ARN or the session's."""
    session: boto3.Session = field(repr=False)


class Cast:
    """Makes actors when they are first asked for, and removes at the end what it had to create.

    `run` makes the names of helper roles unique among everything that runs at the same time.
    """

    def __init__(self, stage: Stage, run: str) -> None:
        self.stage = stage
        self._run = run
        self._actors: dict[object, Actor] = {}
        self._roles: dict[str, str] = {}
        self._cleanups: list[Callable[[], object]] = []

    # --- actors ---------------------------------------------------------------------------------

    def caller(self, account: str) -> Actor:
        """The application of a customer account, running as its caller role."""
        home = self.stage.homes[account]
        return self._once(
            ("caller", account),
            lambda: self.become(
                home.caller_role_arn, home.caller, f"{home.customer} caller {account}", "caller"
            ),
        )

    def role_named(self, account: str, role: str) -> Actor:
        """A role of a customer account by its path and name, made here with every right that its
        account can give, as the customer itself may make it."""
        path, _, name = role.rpartition("/")
        owner = self.stage.homes[account].customer
        return self._once(
            ("role", account, role),
            lambda: self._helper(
                account,
                f"{owner} {role} {account}",
                "caller",
                name=name,
                path=f"/{path}/" if path else "/",
            ),
        )

    def reader(self, account: str) -> Actor:
        """The customer's reader: the account's administrator, become the role that reads.

        Raises `UserError` where there is no such role, and botocore's `ClientError` when it cannot
        be assumed.
        """

        def make() -> Actor:
            home = self.stage.homes[account]
            if home.reader_role_arn is None:
                raise UserError(f"{home} has no reader role")
            answer = self.assume(self.administrator(account), home.reader_role_arn, name=APP)
            return Actor(
                label=f"{home.customer} reader {account}",
                kind="reader",
                account=account,
                arn=answer["AssumedRoleUser"]["Arn"],
                session=self.stage.target.assumed(answer["Credentials"]),
            )

        return self._once(("reader", account), make)

    def other_role(self, account: str) -> Actor:
        """Another role of a customer account, with every right its account can give.

        It lies beside the caller role and its name starts like the caller role's, so that a trust
        by pattern would take it for one.
        """
        home = self.stage.homes[account]
        path = home.caller_role_arn.partition(":role")[2].removesuffix(home.caller_role_name)
        return self._once(
            ("other role", account),
            lambda: self._helper(
                account,
                f"{home.customer} other role {account}",
                "other role",
                name=f"{home.caller_role_name}-{self.helper_name('other')}"[:64],
                path=path,
            ),
        )

    def user(self, account: str) -> Actor:
        """An IAM user of a customer account, with every right its account can give and a key that
        does not expire. It lies at the caller role's path."""
        home = self.stage.homes[account]
        path = home.caller_role_arn.partition(":role")[2].removesuffix(home.caller_role_name)
        return self._once(("user", account), lambda: self._user(account, path))

    def outsider(self, name: str) -> Actor:
        """A role of another organization's account (`other organization`), of an account in no
        organization (`no organization`) or of the account that manages the organization
        (`management`), with every right its account can give."""
        probes = self.stage.environment.probes
        account = {
            "other organization": probes.other_organization,
            "no organization": probes.no_organization,
            "management": self.stage.environment.management_account,
        }[name]
        return self._once(
            ("outsider", name), lambda: self._helper(account, f"{name} {account}", "outsider")
        )

    def operations_role(self) -> Actor:
        """A role of the operations account with every right that the account can give."""
        account = self.stage.environment.operations_account
        return self._once(
            ("operations", "role"),
            lambda: self._helper(account, f"operations role {account}", "operations"),
        )

    def now(self) -> int:
        """Milliseconds since 1970 by the services' clock, rounded down to a second."""
        operations = self.administrator(self.stage.environment.operations_account)
        answer = self.client(operations, "sts").get_caller_identity()
        date = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        return int(date.timestamp()) * 1000

    def administrator(self, account: str, label: str = "") -> Actor:
        """The administrator of an account."""

        def make() -> Actor:
            session = self.stage.target.session(account)
            arn = self.stage.target.client(session, "sts", self.region).get_caller_identity()["Arn"]
            owner = "operations" if account == self.stage.environment.operations_account else ""
            name = label or f"{owner} administrator {account}".strip()
            return Actor(name, owner or "administrator", account, arn, session)

        return self._once(("administrator", account), make)

    def deployer(self, deployer: Deployer, account: str) -> Actor:
        """The role that applies or plans what is deployed in an account, as its owner gets it."""

        def make() -> Actor:
            session = self.stage.target.deployer_session(deployer, account, region=self.region)
            arn = self.stage.target.client(session, "sts", self.region).get_caller_identity()["Arn"]
            owner = self.stage.owners[account]
            return Actor(f"{owner} {deployer} role {account}", "deployer", account, arn, session)

        return self._once(("deployer", deployer, account), make)

    def fleet(self, account: str) -> Actor:
        """The session that the application of a customer account gets of its own fleet role.

        Raises botocore's `ClientError` when it does not get it.
        """

        def make() -> Actor:
            fleet = self.stage.fleet_of(account)
            answer = self.assume_fleet(self.caller(account), fleet)
            return Actor(
                label=f"{fleet.customer} fleet role for {account}",
                kind="fleet",
                account=self.stage.environment.operations_account,
                arn=answer["AssumedRoleUser"]["Arn"],
                session=self.stage.target.assumed(answer["Credentials"]),
            )

        return self._once(("fleet", account), make)

    @property
    def operations_role_arn(self) -> str:
        """The role behind `operations_role`."""
        self.operations_role()
        return self._roles["operations"]

    # --- calls ----------------------------------------------------------------------------------

    @property
    def region(self) -> str:
        return self.stage.environment.region

    def client(self, actor: Actor, service: str, region: str | None = None) -> Any:
        """A client of the actor's session."""
        return self.stage.target.client(actor.session, service, region or self.region)

    def session_name(self, account: str) -> str:
        """The session name that the design asks of the applications of an account."""
        return f"t-{account}-{APP}"

    def assume(
        self,
        actor: Actor,
        role_arn: str,
        *,
        name: str,
        external_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        transitive: Sequence[str] = (),
        source_identity: str | None = None,
    ) -> Mapping[str, Any]:
        """AssumeRole as the actor. Raises botocore's `ClientError`."""
        parameters: dict[str, Any] = {"RoleArn": role_arn, "RoleSessionName": name}
        if external_id is not None:
            parameters["ExternalId"] = external_id
        if tags:
            parameters["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        if transitive:
            parameters["TransitiveTagKeys"] = list(transitive)
        if source_identity is not None:
            parameters["SourceIdentity"] = source_identity
        answer: Mapping[str, Any] = self.client(actor, "sts").assume_role(**parameters)
        return answer

    def assume_fleet(self, actor: Actor, fleet: Fleet, **more: Any) -> Mapping[str, Any]:
        """Assume a fleet role, knowing its external id and how sessions must be named."""
        return self.assume(
            actor,
            fleet.role_arn,
            external_id=fleet.external_id,
            name=self.session_name(actor.account),
            **more,
        )

    def assume_control(self, actor: Actor) -> Mapping[str, Any]:
        """Assume the role of the control account, which trusts every account of the environment."""
        return self.assume(actor, self.control_role, name="control")

    @property
    def control_role(self) -> str:
        note_change("makes a control role")
        if "control" not in self._roles:
            environment = self.stage.environment
            trust = {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {
                            "AWS": [
                                f"arn:aws:iam::{account}:root" for account in environment.accounts
                            ]
                        },
                        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
                    }
                ],
            }
            self._roles["control"] = self.create_role(
                environment.probes.control, self.helper_name("control"), trust
            )
        return self._roles["control"]

    # --- helper roles ---------------------------------------------------------------------------

    def close(self) -> None:
        """Remove what was created, last first. What cannot be removed is named in the error.

        Raises `UserError` after trying everything.
        """
        left = []
        while self._cleanups:
            try:
                self._cleanups.pop()()
            except ClientError as error:
                left.append(str(error))
        self._actors.clear()
        if left:
            raise UserError(
                f"helper roles of run {self._run} could not be removed: {'; '.join(left)}"
            )

    def on_close(self, cleanup: Callable[[], object]) -> None:
        """Register something to undo at the end."""
        self._cleanups.append(cleanup)

    def helper_name(self, part: str) -> str:
        """A name for a helper, within the 64 characters that IAM allows."""
        return f"bulkhead-probe-{self._run}-{part}"[:64]

    def _once(self, key: tuple[str, ...], make: Callable[[], Actor]) -> Actor:
        if key[0] in _MADE:
            note_change(f"makes a {key[0]}")
        if key not in self._actors:
            self._actors[key] = make()
        return self._actors[key]

    def _helper(
        self, account: str, label: str, kind: str, name: str = "", path: str = PATH
    ) -> Actor:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": self.stage.target.helper_principal(account),
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        name = name or self.helper_name(kind.replace(" ", "-"))
        role = self.create_role(account, name, trust, path)
        self._roles[kind] = role
        return self.become_helper(role, label, kind)

    def create_role(
        self, account: str, name: str, trust: Mapping[str, Any], path: str = PATH
    ) -> str:
        """A helper role with every right of its account, removed at the end; returns its ARN."""
        iam = self.stage.target.client(self.stage.target.session(account), "iam", self.region)
        arn: str = iam.create_role(
            RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(trust), **self._tags
        )["Role"]["Arn"]
        self._cleanups.append(lambda: iam.delete_role(RoleName=name))
        iam.put_role_policy(RoleName=name, PolicyName="anything", PolicyDocument=ANYTHING)
        self._cleanups.append(lambda: iam.delete_role_policy(RoleName=name, PolicyName="anything"))
        return arn

    def _user(self, account: str, path: str) -> Actor:
        iam = self.stage.target.client(self.stage.target.session(account), "iam", self.region)
        name = self.helper_name("user")
        iam.create_user(UserName=name, Path=path, **self._tags)
        self._cleanups.append(lambda: iam.delete_user(UserName=name))
        iam.put_user_policy(UserName=name, PolicyName="anything", PolicyDocument=ANYTHING)
        self._cleanups.append(lambda: iam.delete_user_policy(UserName=name, PolicyName="anything"))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self._cleanups.append(
            lambda: iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        )
        session = self.stage.target.assumed(key)
        sts = self.stage.target.client(session, "sts", self.region)
        arn = self._until_known(lambda: sts.get_caller_identity()["Arn"], _NEW_KEY)
        owner = self.stage.homes[account].customer
        return Actor(f"{owner} user {account}", "user", account, arn, session)

    @property
    def _tags(self) -> dict[str, Any]:
        labels = self.stage.target.labels
        return {"Tags": [{"Key": k, "Value": v} for k, v in labels.items()]} if labels else {}

    def become(self, role_arn: str, caller: str, label: str, kind: str) -> Actor:
        """A session of a role as the service that runs its application starts one."""
        target = self.stage.target
        return self._started(
            role_arn,
            label,
            kind,
            lambda: target.caller_session(role_arn, caller, region=self.region, session_name=APP),
        )

    def become_helper(self, role_arn: str, label: str, kind: str) -> Actor:
        """A session of a role that trusts `Target.helper_principal` of its account."""
        target = self.stage.target
        actor = self._started(
            role_arn,
            label,
            kind,
            lambda: target.helper_session(role_arn, region=self.region, session_name=APP),
        )
        if target.patience:
            # Its policy is seen later than the role, and refusals before that would prove nothing.
            self._until_known(self.client(actor, "iam").list_roles, DENIAL_CODES)
        return actor

    def _started(
        self, role_arn: str, label: str, kind: str, start: Callable[[], boto3.Session]
    ) -> Actor:
        session = self._until_known(start, DENIAL_CODES)
        sts = self.stage.target.client(session, "sts", self.region)
        arn = sts.get_caller_identity()["Arn"]
        return Actor(label, kind, role_arn.split(":")[4], arn, session)

    def _until_known(self, call: Callable[[], T], codes: Set[str]) -> T:
        """What `call` returns, which a new role or key may answer with one of `codes` for a while;
        where everything is known at once, nothing waits."""
        deadline = time.monotonic() + self.stage.target.patience
        while True:
            try:
                return call()
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if time.monotonic() > deadline or code not in codes:
                    raise
            time.sleep(0.5)
