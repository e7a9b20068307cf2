"""A small world and short ways to make calls, for the tests of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.cloud.call import Call, Caller, Sealed

A = "111111111111"
B = "222222222222"
REGION = "eu-central-1"
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY_ARN = f"arn:aws:kms:{REGION}:{A}:key/{KEY}"

USER = Caller(
    kind="user",
    account=A,
    arn=f"arn:aws:iam::{A}:user/people/ann",
    principal_arn=f"arn:aws:iam::{A}:user/people/ann",
    user_id="AIDAANN",
    entity_id="AIDAANN",
)
SESSION = Caller(
    kind="role-session",
    account=A,
    arn=f"arn:aws:sts::{A}:assumed-role/app/s",
    principal_arn=f"arn:aws:iam::{A}:role/teams/app",
    user_id="AROAAPP:s",
    entity_id="AROAAPP",
)


class Names:
    """Knows role `app`, user `ann`, group `devs`, a key with an alias, and B's bucket `theirs`."""

    def role_arn(self, account: str, name: str) -> str | None:
        return f"arn:aws:iam::{account}:role/teams/app" if name.lower() == "app" else None

    def user_arn(self, account: str, name: str) -> str | None:
        return f"arn:aws:iam::{account}:user/people/ann" if name == "ann" else None

    def group_arn(self, account: str, name: str) -> str | None:
        return f"arn:aws:iam::{account}:group/devs" if name == "devs" else None

    def instance_profile_arn(self, account: str, name: str) -> str | None:
        return f"arn:aws:iam::{account}:instance-profile/web/{name}" if name == "web" else None

    def key_arn(self, account: str, region: str, key: str) -> str | None:
        known = (KEY, "alias/logs") if (account, region) == (A, REGION) else ()
        arns = (KEY_ARN, f"arn:aws:kms:{REGION}:{A}:alias/logs")
        return KEY_ARN if key in (*known, *arns) else None

    def secret_arn(self, account: str, region: str, secret: str) -> str | None:
        known = f"arn:aws:secretsmanager:{region}:{account}:secret:db-AbCdEf"
        return known if secret in ("db", known) else None

    def bucket_account(self, bucket: str) -> str | None:
        return {"ours": A, "theirs": B}.get(bucket)

    def inference_profile(
        self, account: str, region: str, identifier: str
    ) -> tuple[str, tuple[str, ...]] | None:
        models = (f"arn:aws:bedrock:{region}::foundation-model/amazon.nova-lite-v1:0",)
        known = f"arn:aws:bedrock:{region}:{account}:application-inference-profile/abcdefghijkl"
        return (known, models) if identifier == known else None

    def enforced_guardrail(self, account: str, region: str, identifier: str) -> str | None:
        del account, region, identifier
        return None

    def organization_arn(self, account: str, identifier: str) -> str | None:
        del account, identifier
        return None

    def permissions_boundary(self, arn: str) -> str | None:
        del arn
        return None

    def sealed_object(self, bucket: str, key: str, version: str) -> Sealed | None:
        del bucket, version
        return Sealed(KEY_ARN, by_bucket=key == "by-bucket") if "sealed" in key else None

    def sealing_bucket(self, bucket: str) -> Sealed | None:
        return Sealed(KEY_ARN) if bucket == "sealing" else None

    def sealing_upload(self, bucket: str, upload: str) -> Sealed | None:
        del bucket
        return Sealed(KEY_ARN) if upload == "sealing" else None

    def sealed_secret(self, arn: str) -> Sealed | None:
        del arn
        return None

    def sealed_parameters(
        self, arn: str, *, below: bool = False, version: str = ""
    ) -> tuple[tuple[str, Sealed], ...]:
        del arn, below, version
        return ()


class Organized(Names):
    """Also knows an organization and permissions boundaries."""

    def organization_arn(self, account: str, identifier: str) -> str | None:
        kind = {"p-1": "policy/o-1/service_control_policy", "ou-1": "ou/o-1", B: "account/o-1"}
        found = kind.get(identifier) if account == A else None
        return f"arn:aws:organizations::{A}:{found}/{identifier}" if found else None

    def permissions_boundary(self, arn: str) -> str | None:
        return f"arn:aws:iam::{A}:policy/edge" if arn.endswith("/app") else None


def call(
    service: str,
    operation: str,
    params: Mapping[str, Any] | None = None,
    *,
    caller: Caller = USER,
    region: str = REGION,
) -> Call:
    return Call(
        service=service, operation=operation, region=region, params=params or {}, caller=caller
    )
