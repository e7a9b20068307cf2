"""Where states lie, with the real Terraform and its S3 backend: made, moved into, used and locked
by the roles of the roots, and closed to everybody else."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.cloud.process import CloudProcess
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import load_environment
from harness.deploy.terraform import Terraform
from harness.deploy.toolchain import Toolchain
from harness.iam import (
    NamedPolicy,
    PolicyKind,
    PolicySet,
    Principal,
    Request,
    decide,
    parse_policy,
)
from harness.targets.embedded import EmbeddedTarget

ROOT = Path(__file__).parents[2]
STATES, CUSTOMER, OPERATIONS, REGION = (
    "888888888888",
    "222222222222",
    "111111111111",
    "eu-central-1",
)
BUCKET = f"bulkhead-state-production-{STATES}"

Credentials = dict[str, str]


@dataclass(frozen=True)
class Store:
    """The example, applied."""

    cloud: CloudProcess
    target: EmbeddedTarget
    toolchain: Toolchain
    outputs: dict[str, Any]

    def role(self, root: str) -> str:
        return f"arn:aws:iam::{STATES}:role/bulkhead/state/bulkhead-state-production-{root}"

    def become(self, root: str) -> Credentials:
        """Credentials of the role that applies a root, or plans it."""
        owner = self.target.client(self.target.session(STATES), "sts", REGION)
        got: Credentials = owner.assume_role(RoleArn=self.role(root), RoleSessionName="trial")[
            "Credentials"
        ]
        return got

    def client(self, root: str, service: str = "s3") -> Any:
        return self.target.client(self.target.assumed(self.become(root)), service, REGION)

    def backend(self, root: str, account: str = CUSTOMER) -> list[str]:
        """The settings of environments/*/state.s3.tfbackend, and where the cloud is."""
        settings: dict[str, str] = {
            "bucket": BUCKET,
            "region": REGION,
            "key": f"bulkhead/production/{root}/{account}.tfstate",
            "encrypt": "true",
            "kms_key_id": self.outputs["kms_alias_arn"],
            "use_lockfile": "true",
            "allowed_account_ids": f'["{STATES}"]',
            "use_path_style": "true",
        }
        return [f"-backend-config={name}={value}" for name, value in settings.items()]

    def terraform(self, folder: Path, credentials: Credentials, *command: str) -> str:
        """What Terraform says; both streams of it where it fails."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
        done = subprocess.run(
            [str(self.toolchain.executable), *command, "-no-color"],
            cwd=folder,
            env=kept
            | self.toolchain.environ()
            | {
                "AWS_ENDPOINT_URL": self.target.endpoint_url,
                "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
                "AWS_SESSION_TOKEN": credentials["SessionToken"],
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout


@pytest.fixture(scope="module")
def store(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("states")
    plan = cloud_plan(load_environment(ROOT / "environments" / "embedded"))
    with CloudProcess.start(plan, credentials=folder / "credentials") as cloud:
        target = EmbeddedTarget(cloud)
        terraform = Terraform(
            toolchain,
            ROOT / "modules" / "state-store" / "examples" / "minimal",
            folder=folder / "work",
            data=folder / "data",
            environ=target.environ(STATES),
            label="states",
            one_provider=True,
        )
        terraform.init()
        terraform.apply({})
        assert terraform.plan({}).empty
        yield Store(cloud, target, toolchain, terraform.output())


ROOT_MODULE = """
terraform {
  backend "s3" {}
}

variable "value" {
  type    = string
  default = "first"
}

resource "terraform_data" "this" {
  input = var.value
}

output "value" {
  value = terraform_data.this.output
}
"""
OVERRIDE = 'terraform {\n  backend "local" {}\n}\n'


def keys_of(store: Store) -> set[str]:
    owner = store.target.client(store.target.session(STATES), "s3", REGION)
    pages = owner.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def statements_of(store: Store, root: str) -> list[dict[str, Any]]:
    iam = store.target.client(store.target.session(STATES), "iam", REGION)
    got = iam.get_role_policy(RoleName=store.role(root).rpartition("/")[2], PolicyName="state")
    return list(got["PolicyDocument"]["Statement"])


def allowed(request: Request, statements: list[dict[str, Any]]) -> bool:
    """Whether these statements would have given what was asked for."""
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    identity = NamedPolicy(PolicyKind.IDENTITY, "state", parse_policy(document))
    resource = None
    if request.action.startswith("kms:"):
        left = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{STATES}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
        text = json.dumps({"Version": "2012-10-17", "Statement": [left]})
        resource = NamedPolicy(PolicyKind.KEY, "key", parse_policy(text))
    return decide(request, PolicySet(identity=(identity,), resource=resource)).allowed


def test_a_state_moves_in_and_is_used_and_locked_with_no_more_rights_than_that_takes(
    store: Store, tmp_path: Path
) -> None:
    """As environments/README.md says for the bootstrap of the states' own account."""
    (tmp_path / "main.tf").write_text(ROOT_MODULE, encoding="utf-8")
    override = tmp_path / "backend_override.tf"
    override.write_text(OVERRIDE, encoding="utf-8")
    writer = store.become("customer")
    store.terraform(tmp_path, writer, "init")
    store.terraform(tmp_path, writer, "apply", "-auto-approve")
    assert keys_of(store) == set()
    override.unlink()
    store.terraform(
        tmp_path, writer, "init", "-migrate-state", "-force-copy", *store.backend("customer")
    )
    state = f"bulkhead/production/customer/{CUSTOMER}.tfstate"
    assert keys_of(store) == {state}
    assert "No changes" in store.terraform(tmp_path, writer, "plan")
    store.terraform(tmp_path, writer, "apply", "-auto-approve", "-var=value=second")
    assert keys_of(store) == {state}, "the lock is left behind"

    # Versioned, and encrypted with the store's own key.
    owner = store.target.client(store.target.session(STATES), "s3", REGION)
    assert len(owner.list_object_versions(Bucket=BUCKET, Prefix=state)["Versions"]) > 1
    kms = store.target.client(store.target.session(STATES), "kms", REGION)
    key = kms.describe_key(KeyId="alias/bulkhead/state-production")["KeyMetadata"]["Arn"]
    head = owner.head_object(Bucket=BUCKET, Key=state)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"].rpartition("/")[2]) == (
        "aws:kms",
        key.rpartition("/")[2],
    )

    # Somebody holds the lock: nobody else applies.
    held = store.client("customer")
    held.put_object(Bucket=BUCKET, Key=f"{state}.tflock", Body=b'{"ID":"1","Operation":"trial"}')
    with pytest.raises(RuntimeError, match="Error acquiring the state lock"):
        store.terraform(tmp_path, writer, "apply", "-auto-approve")
    held.delete_object(Bucket=BUCKET, Key=f"{state}.tflock")

    # Whoever plans reads the same state, and changes nothing.
    reader = store.become("customer-plan")
    shown = store.terraform(tmp_path, reader, "plan", "-lock=false", "-var=value=third")
    assert '"second" -> "third"' in shown
    with pytest.raises(RuntimeError, match=r"s3:PutObject"):
        store.terraform(tmp_path, reader, "plan")

    # Each action of each statement, taken away alone, refuses something that was asked for.
    needless = []
    for root in ("customer", "customer-plan"):
        statements = statements_of(store, root)
        asked = [r for r in store.cloud.asked(store.role(root)) if allowed(r, statements)]
        assert asked
        for index, statement in enumerate(statements):
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                less = [dict(each) for each in statements]
                kept = [a for a in (actions if isinstance(actions, list) else []) if a != action]
                less[index]["Action"] = kept
                rest = [each for each in less if each["Action"]]
                if all(allowed(request, rest) for request in asked if request.action == action):
                    needless.append(f"{root} {statement['Sid']}: {action}")
    assert needless == []


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] in ("AccessDenied", "403"), error
    return str(error["Message"])


def test_a_state_is_seen_by_the_roles_of_its_root_and_by_nobody_else(store: Store) -> None:
    key = f"bulkhead/production/operations/{OPERATIONS}.tfstate"
    own = store.client("operations")
    own.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    read = {"Bucket": BUCKET, "Key": key}
    assert own.get_object(**read)["Body"].read() == b"{}"
    assert store.client("operations-plan").get_object(**read)["Body"].read() == b"{}"

    # Neither the roles of other roots, nor a version of it, nor its end.
    for root in ("customer", "customer-plan", "organization", "bootstrap"):
        other = store.client(root)
        assert "s3:GetObject" in refused(other.get_object, **read)
        assert "s3:PutObject" in refused(other.put_object, **read, Body=b"x")
        listing = {"Bucket": BUCKET, "Prefix": "bulkhead/production/operations/"}
        assert "s3:ListBucket" in refused(other.list_objects_v2, **listing)
        assert "s3:ListBucket" in refused(other.list_objects_v2, Bucket=BUCKET)
    assert "s3:PutObject" in refused(store.client("operations-plan").put_object, **read, Body=b"x")
    assert "s3:DeleteObject" in refused(own.delete_object, **read)
    assert "s3:DeleteBucket" in refused(own.delete_bucket, Bucket=BUCKET)

    # Neither accounts that are deployed to, nor a role of the account that may do everything there.
    for account in (CUSTOMER, OPERATIONS, "999999999999", "777777777777"):
        foreign = store.target.client(store.target.session(account), "s3", REGION)
        assert "s3:GetObject" in refused(foreign.get_object, **read)
    iam = store.target.client(store.target.session(STATES), "iam", REGION)
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{STATES}:root"},
        "Action": "sts:AssumeRole",
    }
    anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    role = iam.create_role(
        RoleName="anything",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="anything",
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [anything]}),
    )
    sts = store.target.client(store.target.session(STATES), "sts", REGION)
    session = store.target.assumed(
        sts.assume_role(RoleArn=role, RoleSessionName="trial")["Credentials"]
    )
    s3, kms = (store.target.client(session, service, REGION) for service in ("s3", "kms"))
    assert "explicit deny" in refused(s3.get_object, **read)
    assert "explicit deny" in refused(s3.put_bucket_policy, Bucket=BUCKET, Policy="{}")
    alias = "alias/bulkhead/state-production"
    with pytest.raises(ClientError, match="explicit deny"):
        kms.generate_data_key(KeyId=alias, KeySpec="AES_256")
    with pytest.raises(ClientError, match="explicit deny"):
        kms.schedule_key_deletion(KeyId=kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"])
    key = kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
    for operation in (kms.cancel_key_deletion, kms.enable_key, kms.enable_key_rotation):
        with pytest.raises(ClientError, match="explicit deny"):
            operation(KeyId=key)
    # Its owner may: the statement is not for everybody.
    store.target.client(store.target.session(STATES), "kms", REGION).enable_key(KeyId=key)


def test_a_state_is_put_under_no_weaker_key_and_none_of_the_client(store: Store) -> None:
    put = {"Bucket": BUCKET, "Key": f"bulkhead/production/organization/{OPERATIONS}.tfstate"}
    owner = store.target.client(store.target.session(STATES), "s3", REGION)
    alias = store.outputs["kms_alias_arn"]
    kms = store.target.client(store.target.session(STATES), "kms", REGION)
    own = kms.describe_key(KeyId=alias)["KeyMetadata"]["Arn"]
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/other", TargetKeyId=other)
    for client in (store.client("organization"), owner):
        for weaker in (
            {"ServerSideEncryption": "AES256"},
            {"ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": own},
            {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "0" * 32},
            # Without a key it is AWS's own for S3.
            {"ServerSideEncryption": "aws:kms"},
            *(
                {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
                for key in (other, alias.rpartition(":")[0] + ":alias/other", "alias/other")
            ),
        ):
            assert "explicit deny" in refused(client.put_object, **put, Body=b"{}", **weaker)
        for good in (
            {},
            *({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} for key in (own, alias)),
        ):
            client.put_object(**put, Body=b"{}", **good)
            head = client.head_object(**put)
            assert head["ServerSideEncryption"] == "aws:kms"
            assert head["SSEKMSKeyId"].rpartition("/")[2] in own or head["SSEKMSKeyId"] == alias


def test_nobody_of_an_account_that_is_deployed_to_becomes_a_role_of_the_states(
    store: Store,
) -> None:
    for account in (CUSTOMER, OPERATIONS, "999999999999"):
        sts = store.target.client(store.target.session(account), "sts", REGION)
        for root in ("customer", "operations-plan", "bootstrap"):
            message = refused(sts.assume_role, RoleArn=store.role(root), RoleSessionName="trial")
            assert "sts:AssumeRole" in message


OBJECT = f"arn:aws:s3:::{BUCKET}/bulkhead/production/customer/{CUSTOMER}.tfstate"
SSE = "s3:x-amz-server-side-encryption"
# By Sid: a request that this statement denies and no other, as a role of the roots where none is
# named. `{key}` is the store's own.
DENIALS: dict[str, dict[str, Any]] = {
    "EncryptedInTransit": {"action": "s3:GetObject", "context": {"aws:SecureTransport": "false"}},
    "InsidersOnly": {"action": "s3:GetObject", "by": f"arn:aws:iam::{STATES}:role/anything"},
    "OwnersManage": {"action": "s3:PutBucketPolicy", "resource": f"arn:aws:s3:::{BUCKET}"},
    "EncryptedAtRest": {
        "action": "s3:PutObject",
        "context": {SSE: "aws:kms:dsse", f"{SSE}-aws-kms-key-id": "{key}"},
    },
    "KeyOfTheStore": {
        "action": "s3:PutObject",
        "context": {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "alias/other"},
    },
    "NoKeyOfTheClient": {
        "action": "s3:PutObject",
        "context": {f"{SSE}-customer-algorithm": "AES256"},
    },
    "InsidersUseIt": {"action": "kms:Decrypt", "by": f"arn:aws:iam::{STATES}:role/anything"},
    "OwnersOnly": {"action": "kms:ScheduleKeyDeletion"},
}


def test_each_denial_of_bucket_and_key_is_missed_where_it_is_gone(store: Store) -> None:
    """Weakened one by one, as the engine decides on what was applied: none is there for show."""
    session = store.target.session(STATES)
    kms = store.target.client(session, "kms", REGION)
    key = kms.describe_key(KeyId=store.outputs["kms_alias_arn"])["KeyMetadata"]["Arn"]
    of_key = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    s3 = store.target.client(session, "s3", REGION)
    of_bucket = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    tried = set()
    for kind, text in ((PolicyKind.RESOURCE, of_bucket), (PolicyKind.KEY, of_key)):
        statements = json.loads(text)["Statement"]
        for gone in (each["Sid"] for each in statements if each["Effect"] == "Deny"):
            asked = DENIALS[gone]
            request = Request(
                Principal.from_arn(asked.get("by", store.role("customer"))),
                asked["action"],
                key if kind is PolicyKind.KEY else asked.get("resource", OBJECT),
                STATES,
                {k: v.format(key=key) for k, v in asked.get("context", {}).items()},
            )
            weaker = [each for each in statements if each["Sid"] != gone]
            assert not _let_in(request, kind, statements), gone
            assert _let_in(request, kind, weaker), gone
            tried.add(gone)
    assert tried == DENIALS.keys()


def _let_in(request: Request, kind: PolicyKind, statements: list[dict[str, Any]]) -> bool:
    """Whether a principal of the account that may do anything is let in by these statements."""

    def policy(kind: PolicyKind, *given: dict[str, Any]) -> NamedPolicy:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(given)})
        return NamedPolicy(kind, "policy", parse_policy(document))

    anything = policy(PolicyKind.IDENTITY, {"Effect": "Allow", "Action": "*", "Resource": "*"})
    return decide(
        request, PolicySet(identity=(anything,), resource=policy(kind, *statements))
    ).allowed
