"""Becomes the fleet role: asks STS, narrows the session, and checks what came back.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError

from bulkhead import _fork
from bulkhead._quiet import quiet_botocore
from bulkhead.config import BulkheadConfig
from bulkhead.credentials import Issued, unlock
from bulkhead.errors import AssumeRoleError, BulkheadError, code_of
from bulkhead.walls import Walls

_INVOKE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
# "The plaintext that you use for both inline and managed session policies can't exceed 2,048
# characters." https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_MAX_POLICY = 2048


def session_policy(config: BulkheadConfig, walls: Walls) -> str:
    """The inline policy of a model session: what is left if somebody steals it.

    Of what the fleet role may do there remain the invocation actions, on the profiles of this
    configuration, and on models only where a call came through a profile. That this profile is the
    customer's own, the first statement and the role itself require. Where the ARNs of very many
    models do not fit, all application inference profiles of the region stand in for them.

    Raises AssumeRoleError if `session_conditions` are too long for a session policy.
    """
    partition = config.fleet_role_arn.split(":")[1]
    operations = config.operations_account_id
    bedrock = f"arn:{partition}:bedrock"
    # AWS does not say whether the value of the key is the AIP or the system profile behind it.
    profile_key = {"bedrock:InferenceProfileArn": f"{bedrock}:*:{operations}:*inference-profile/*"}
    conditions = {kind: dict(block) for kind, block in walls.session_conditions.items()}
    through = {**conditions, "ArnLike": {**conditions.get("ArnLike", {}), **profile_key}}
    models = f"{bedrock}:*::foundation-model/*"
    direct = sorted(walls.session_actions)

    def document(profiles: list[str]) -> str:
        statements: list[dict[str, Any]] = [
            _allow([*_INVOKE], profiles, conditions),
            _allow([*_INVOKE], [models, f"{bedrock}:*:{operations}:inference-profile/*"], through),
        ]
        if "bedrock:CountTokens" in direct:  # takes models only
            statements.append(_allow(["bedrock:CountTokens"], [models], conditions))
        if "bedrock:ApplyGuardrail" in direct:
            guardrails = [
                f"{bedrock}:*:{operations}:guardrail{kind}/*" for kind in ("", "-profile")
            ]
            statements.append(_allow(["bedrock:ApplyGuardrail"], guardrails, conditions))
        if "bedrock:GetInferenceProfile" in direct:
            statements.append(_allow(["bedrock:GetInferenceProfile"], profiles, conditions))
        return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))

    exact = document(sorted(set(config.inference_profiles.values())))
    if len(exact) <= _MAX_POLICY:
        return exact
    region = f"{bedrock}:{config.region}:{operations}:application-inference-profile/*"
    wide = document([region])
    if len(wide) > _MAX_POLICY:
        raise AssumeRoleError(
            f"the session policy has {len(wide)} characters, and STS takes {_MAX_POLICY}; "
            "shorten `session_conditions`",
            "PolicyTooLong",
        )
    return wide


def _allow(
    actions: list[str], resources: list[str], conditions: Mapping[str, Mapping[str, object]]
) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": dict(conditions)} if conditions else statement


class Fleet:
    """Gets sessions of one fleet role.

    new_sts  makes an STS client that signs with exactly the given keys
    source   the application's own credentials (the caller role)
    """

    def __init__(
        self,
        config: BulkheadConfig,
        walls: Walls,
        new_sts: Callable[[ReadOnlyCredentials], Any],
        source: Credentials,
    ) -> None:
        self._config = config
        self._walls = walls
        self._new_sts = new_sts
        self._source = source
        self.policy = session_policy(config, walls)
        _fork.watch(self)

    def reset_after_fork(self) -> None:
        """Nobody refreshes the application's credentials in the child."""
        unlock(self._source)

    def assume(self) -> Issued:
        """Return a new session. Raises AssumeRoleError, whose causes are cut off."""
        config = self._config
        try:
            with quiet_botocore():
                return self._issued(self._ask())
        except BulkheadError as error:
            code, text = type(error).__name__, f": {error}"
        except (BotoCoreError, ClientError) as error:
            code, text = code_of(error), f": {code_of(error)}"
        except Exception as error:
            # Whatever went wrong (a custom credential source, a malformed answer): its text and
            # its frames may hold keys.
            code, text = type(error).__name__, f": {type(error).__name__}"
        # Raised outside the except block: no chained exception can carry request parameters along.
        raise AssumeRoleError(
            f"cannot assume {config.fleet_role_arn} as session {config.session_name}{text}; "
            "no model was called",
            code,
        )

    def _ask(self) -> Mapping[str, Any]:
        more: dict[str, Any] = {}
        if self._walls.source_identity is not None:
            more["SourceIdentity"] = self._walls.source_identity
        sts = self._new_sts(self._source.get_frozen_credentials())
        answer: Mapping[str, Any] = sts.assume_role(
            RoleArn=self._config.fleet_role_arn,
            RoleSessionName=self._config.session_name,
            ExternalId=self._config.external_id.reveal(),
            DurationSeconds=self._walls.session_seconds,
            Policy=self.policy,
            **more,
        )
        return answer

    def _issued(self, answer: Mapping[str, Any]) -> Issued:
        """Check that the session is the one asked for."""
        _, partition, _, _, account, role = self._config.fleet_role_arn.split(":", 5)
        name = role.rpartition("/")[2]
        wanted = f"arn:{partition}:sts::{account}:assumed-role/{name}/{self._config.session_name}"
        if answer["AssumedRoleUser"]["Arn"] != wanted:
            raise WrongSessionError("STS answered with the session of another role")
        identity = self._walls.source_identity
        if identity is not None and answer.get("SourceIdentity") != identity:
            raise WrongSessionError("STS answered with another source identity")
        given = answer["Credentials"]
        expires: datetime = given["Expiration"]
        keys = ReadOnlyCredentials(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], account
        )
        return Issued(keys, expires.timestamp())


class WrongSessionError(BulkheadError):
    """What came back is not what was asked for."""
