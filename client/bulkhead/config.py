"""The configuration document of one application in one customer account, checked when it is read.

The Terraform module `client-configuration` writes it. Nothing here talks to AWS: where a document
only says which parameter keeps the external id, `documents` reads that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as made
from pathlib import Path
from types import MappingProxyType

from bulkhead import emf
from bulkhead._secret import Secret
from bulkhead.endpoints import by_service
from bulkhead.errors import ConfigError
from bulkhead.quota import Limit

_ACCOUNT = re.compile(r"[0-9]{12}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
# STS allows 64 characters for a session name; "t-<account>-" takes 15 of them.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_APP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,48}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_ROLE_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>[0-9]{12}):role/(?:[!-~]+/)?[\w+=,.@-]{1,64}"
)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
_LOG_GROUP = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
_LOG_GROUP_ARN = re.compile(
    r"arn:aws[a-z-]*:logs:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})"
    r":log-group:(?P<name>[.\-_/#A-Za-z0-9]{1,512})(?::\*)?"
)
_PROFILE_ARN = re.compile(
    r"arn:aws[a-z-]*:bedrock:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})"
    r":application-inference-profile/[a-zA-Z0-9-]{1,64}"
)
_MODEL_ID = re.compile(r"[a-zA-Z0-9._:-]{3,256}")
_FORMAT = "bulkhead-configuration/1"

_REQUIRED = (
    "customer",
    "account_id",
    "app",
    "region",
    "fleet_role_arn",
    "external_id",
    "log_group_name",
    "inference_profiles",
)
_OPTIONAL = (
    "content",
    "endpoint_url",
    "external_id_parameter",
    "format",
    "log_group_arn",
    "log_region",
    "metrics_namespace",
    "operations_account_id",
    "quotas",
)
_HINTS = {
    "app": '; name the application in the code: from_config(..., app="billing")',
    "external_id": "; give it, or `external_id_parameter` to from_config, which reads it",
}
# Further outputs of the Terraform roots, which may stand beside what is wanted of them.
_IGNORED = (
    "caller_role_arn",
    "caller_role_name",
    "configuration",
    "fleet_role_name",
    "kms_key_arn",
    "metrics",
    "reader_role_arn",
    "regions",
    "retention_in_days",
    "session_name_prefix",
    "support_access",
)


@dataclass(frozen=True, slots=True)
class BulkheadConfig:
    """What one application needs to know. Build it with `from_mapping` or `from_file`, which check.

    customer            the customer's key
    account_id          the customer account the application runs in, and logs to
    app                 the application's name; part of the STS session name and the log stream name
    region              the region of Bedrock
    fleet_role_arn      the customer's role in the operations account
    external_id         what the fleet role's trust policy asks for; never printed
    log_group_name      where records go, in `account_id`
    inference_profiles  model id to the ARN of the customer's application inference profile (AIP)
    log_region          the region of the log group; `region` unless given
    log_group_arn       checked against account, region and name where given
    endpoint_url        addresses by service, where they are not AWS's own (VPC endpoints)
    quotas              model id to the customer's own limit on it
    content_log_group_name  where prompts and answers go, if both Terraform and the application ask
                            for content; in `account_id` and `log_region`
    """

    customer: str
    account_id: str
    app: str
    region: str
    fleet_role_arn: str
    external_id: Secret
    log_group_name: str
    inference_profiles: Mapping[str, str]
    log_region: str
    log_group_arn: str | None = None
    endpoint_url: Mapping[str, str] | None = None
    quotas: Mapping[str, Limit] = made(default_factory=dict)
    content_log_group_name: str | None = None

    @property
    def operations_account_id(self) -> str:
        """The account of the fleet role: where prompts may be sent, and nothing may be stored."""
        return self.fleet_role_arn.split(":")[4]

    @property
    def session_name(self) -> str:
        """`t-<account>-<app>`: the trust policy asks for the caller's account in it."""
        return f"t-{self.account_id}-{self.app}"

    @classmethod
    def from_file(cls, path: str | Path) -> BulkheadConfig:
        """Read a JSON file.

        Raises ConfigError, which names the file.
        """
        from bulkhead import documents

        return documents.read(Path(path))

    @classmethod
    def from_mapping(
        cls, document: Mapping[str, object], *, source: str = "configuration"
    ) -> BulkheadConfig:
        """Check a document and build the configuration.

        Raises ConfigError naming `source`, the field and the fix; never a field's secret value.
        """
        if not isinstance(document, Mapping):
            raise ConfigError(f"{source}: must be a JSON object, not {type(document).__name__}")
        check = _Checker(source, document)
        check.keys()
        check.release()
        account_id = check.text("account_id", _ACCOUNT, "12 digits, as a string")
        region = check.text("region", _REGION, "an AWS region such as eu-central-1")
        fleet_role_arn = check.text("fleet_role_arn", _ROLE_ARN, "the ARN of an IAM role")
        operations = fleet_role_arn.split(":")[4]
        if operations == account_id:
            raise check.error(
                "fleet_role_arn",
                f"belongs to account_id {account_id} itself; "
                "it must be a role of the operations account",
            )
        check.operations(operations)
        log_region = region
        if document.get("log_region") is not None:
            log_region = check.text("log_region", _REGION, "an AWS region such as eu-central-1")
        log_group_name = check.text("log_group_name", _LOG_GROUP, "the name of a log group")
        log_group_arn = None
        if document.get("log_group_arn") is not None:
            log_group_arn = check.text("log_group_arn", _LOG_GROUP_ARN, "the ARN of a log group")
            check.log_group_arn(log_group_arn, account_id, log_region, log_group_name)
        return cls(
            customer=check.text("customer", _NAME, "letters, digits, '-' and '_'"),
            account_id=account_id,
            app=check.text("app", _APP, "1 to 49 letters, digits, '.', '-' and '_'"),
            region=region,
            fleet_role_arn=fleet_role_arn,
            external_id=Secret(
                check.text("external_id", _EXTERNAL_ID, "2 to 1224 characters that STS accepts")
            ),
            log_group_name=log_group_name,
            inference_profiles=check.profiles(region, operations),
            log_region=log_region,
            log_group_arn=log_group_arn,
            endpoint_url=check.endpoints(),
            quotas=check.quotas(),
            content_log_group_name=check.content(account_id, log_region, log_group_name),
        )


class _Checker:
    """Checks the fields of one document; every error names the document and the field."""

    def __init__(self, source: str, document: Mapping[str, object]) -> None:
        self._source = source
        self._document = document

    def error(self, field: str, problem: str) -> ConfigError:
        return ConfigError(f"{self._source}: field `{field}` {problem}")

    def keys(self) -> None:
        for key in self._document:
            if key not in (*_REQUIRED, *_OPTIONAL, *_IGNORED):
                known = ", ".join((*_REQUIRED, *_OPTIONAL))
                raise self.error(str(key), f"is unknown; the fields are {known}")
        for key in _REQUIRED:
            if self._document.get(key) is None:
                raise self.error(key, f"is missing{_HINTS.get(key, '')}")

    def release(self) -> None:
        """What the document is made for must be what this release does."""
        for field, wanted, fix in (
            ("format", _FORMAT, "install the release of the client that belongs to the modules"),
            (
                "metrics_namespace",
                emf.NAMESPACE,
                "the alarms would watch another one than the client writes to",
            ),
        ):
            value = self._document.get(field)
            if value is not None and value != wanted:
                raise self.error(field, f"must be {wanted!r}, not {value!r}: {fix}")

    def operations(self, account: str) -> None:
        """The account that prompts go to, said twice, must be one."""
        value = self._document.get("operations_account_id")
        if value is not None and value != account:
            raise self.error(
                "operations_account_id",
                f"is {value!r}, and fleet_role_arn is of account {account}; correct one of them",
            )

    def text(self, field: str, pattern: re.Pattern[str], expected: str) -> str:
        value = self._document[field]
        if not isinstance(value, str):
            raise self.error(field, f"must be {expected}; its type is {type(value).__name__}")
        if not pattern.fullmatch(value):
            shown = "" if field == "external_id" else f"; it is {value!r}"
            raise self.error(field, f"must be {expected}{shown}")
        return value

    def content(self, account_id: str, region: str, records: str) -> str | None:
        """The group of the module's output `content`: null, or an object that names it."""
        value = self._document.get("content")
        if value is None:
            return None
        inner = value if isinstance(value, Mapping) else {}
        name, arn = inner.get("log_group_name"), inner.get("log_group_arn")
        if not isinstance(name, str) or not _LOG_GROUP.fullmatch(name):
            raise self.error("content.log_group_name", "must be the name of a log group")
        if name == records:
            raise self.error(
                "content.log_group_name",
                "must be another group than log_group_name: others read it",
            )
        if arn is not None:
            if not isinstance(arn, str) or not _LOG_GROUP_ARN.fullmatch(arn):
                raise self.error("content.log_group_arn", "must be the ARN of a log group")
            self.log_group_arn(arn, account_id, region, name, "content.")
        return name

    def log_group_arn(
        self, arn: str, account_id: str, region: str, name: str, prefix: str = ""
    ) -> None:
        """The ARN must be that of the other fields."""
        match = _LOG_GROUP_ARN.fullmatch(arn)
        assert match is not None
        for part, field, wanted in (
            ("account", "account_id", account_id),
            ("region", "log_region", region),
            ("name", f"{prefix}log_group_name", name),
        ):
            if match[part] != wanted:
                raise self.error(
                    f"{prefix}log_group_arn",
                    f"names the {part} {match[part]}, and {field} is {wanted}; correct one of them",
                )

    def endpoints(self) -> Mapping[str, str] | None:
        given = self._document.get("endpoint_url")
        try:
            addresses = by_service(given, "endpoint_url", aws_only=True)  # type: ignore[arg-type]
        except ConfigError as error:
            raise type(error)(f"{self._source}: {error}") from None
        return MappingProxyType(addresses) if addresses else None

    def quotas(self) -> Mapping[str, Limit]:
        """Limits of models that there are profiles for."""
        given = self._document.get("quotas") or {}
        if not isinstance(given, Mapping):
            raise self.error("quotas", "must map model ids to limits")
        profiles = self._document["inference_profiles"]
        limits: dict[str, Limit] = {}
        for model, document in given.items():
            if not isinstance(profiles, Mapping) or model not in profiles:
                raise self.error("quotas", f"has {model!r}, which is not in inference_profiles")
            try:
                limits[model] = Limit.of(document, f"quotas.{model}", model)
            except ConfigError as error:
                raise type(error)(f"{self._source}: {error}") from None
        return MappingProxyType(limits)

    def profiles(self, region: str, operations: str) -> Mapping[str, str]:
        field = "inference_profiles"
        value = self._document[field]
        if not isinstance(value, Mapping) or not value:
            raise self.error(field, "must map at least one model id to an AIP ARN")
        profiles: dict[str, str] = {}
        for model, arn in value.items():
            if not isinstance(model, str) or not _MODEL_ID.fullmatch(model):
                raise self.error(field, f"has {model!r}, which is not a model id")
            match = _PROFILE_ARN.fullmatch(arn) if isinstance(arn, str) else None
            if match is None:
                raise self.error(
                    f"{field}.{model}", "must be the ARN of an application inference profile"
                )
            if match["account"] != operations or match["region"] != region:
                raise self.error(
                    f"{field}.{model}",
                    f"is in account {match['account']}, region {match['region']}; it must be in "
                    f"the operations account {operations}, region {region}",
                )
            profiles[model] = match[0]
        return MappingProxyType(profiles)
