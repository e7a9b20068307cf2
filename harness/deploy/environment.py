"""An environment as its `customers.yaml` describes it: read, validated, typed.

The schema beside the file says what is allowed where; what a schema cannot say (one account twice,
a region that nothing searches) is checked here. Nothing is deployed from here.
"""

from __future__ import annotations

import datetime
import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import botocore.session
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match
from ruamel.yaml import YAML
from ruamel.yaml.comments import TaggedScalar
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from harness.deploy.cells import over_quota
from harness.deploy.contradictions import contradictions
from harness.deploy.workspace import CUSTOMERS_FILE
from harness.errors import UserError

SCHEMA_FILE = "customers.schema.json"
SUPPORT_FILE = "support.yaml"
BOOTSTRAP_ROOT = "bootstrap"
ORGANIZATION_ROOT = "organization"
OPERATIONS_ROOT = "operations"
CUSTOMER_ROOT = "customer"
_DOUBLED = re.compile(r'found duplicate key ("[^"]*")')
_SWITCH = re.compile(r"y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF")
"""What Terraform's YAML, without quotes, takes for true or false, and that of the harness for a
text."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a customer, and what runs the application in it."""

    account_id: str
    caller: str
    further_callers: tuple[str, ...] = ()
    """Path and name of roles that the customer makes itself and that may assume the fleet role."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer: one fleet role and, in each account, one caller role and one log group."""

    key: str
    accounts: tuple[Account, ...]
    models: tuple[str, ...]
    regions: tuple[str, ...]
    """Where it calls models from, its main region first."""
    stopped: bool = False
    """Whether its fleet role denies everything."""
    legal_hold: bool = False
    """Whether everything that was written in its accounts is kept until this is lifted."""
    limited: bool = False
    """Whether it is stopped when it spends more than was agreed."""


@dataclass(frozen=True, slots=True)
class Probes:
    """Accounts that belong to no customer: attackers, and the control that proves them able."""

    other_organization: str
    no_organization: str
    control: str

    @property
    def accounts(self) -> tuple[str, ...]:
        return (self.other_organization, self.no_organization, self.control)


@dataclass(frozen=True, slots=True)
class Environment:
    """One operations account and its customers."""

    name: str
    path: Path
    management_account: str
    """Manages the organization. No SCP or RCP binds it, so it holds nothing else."""
    operations_account: str
    region: str
    """Of log groups, and of models unless a customer has regions of its own."""
    regions: tuple[str, ...]
    customers: Mapping[str, Customer]
    probes: Probes = field(repr=False)
    administrator: str = "user/administrator"
    """Who bootstraps each account: the last part of an ARN, as in `role/PATH/NAME`."""
    partition: str = "aws"
    keep_records: bool = False
    """Whether log groups and keys stay when their root is destroyed."""
    content: bool = False
    """Whether every customer account has a group for prompts and answers."""
    cross_region: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By prefix: where cross-region profiles may send a call."""
    break_glass: bool = False
    """Whether there are roles for emergencies, and an alarm that rings when one is assumed."""
    state_account: str = ""
    """Where the states of real accounts lie; empty where they stay with the run."""
    holds: Mapping[str, bool] = field(default_factory=dict)
    """Of accounts of which it is said whether a legal hold lasts, those of customers that left
    among them: whether it does."""
    jobs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Jobs of CI by what they may do (`deploy`, `plan`, `audit`), as `HOST SUBJECT` of a token,
    as modules/account-bootstrap/modules/trust makes them of `ci`."""

    @property
    def bootstrap_root(self) -> Path:
        return self.path / BOOTSTRAP_ROOT

    @property
    def organization_root(self) -> Path:
        return self.path / ORGANIZATION_ROOT

    @property
    def operations_root(self) -> Path:
        return self.path / OPERATIONS_ROOT

    @property
    def customer_root(self) -> Path:
        return self.path / CUSTOMER_ROOT

    @property
    def grants(self) -> tuple[tuple[str, str], ...]:
        """Account and ticket of each access that owners granted to support, over or not.

        Raises `UserError` where the file that lists them is no such list.
        """
        file = self.bootstrap_root / SUPPORT_FILE
        granted = _parse(file, _read(file)) or {}
        if not isinstance(granted, Mapping) or not all(
            isinstance(tickets, Mapping) for tickets in granted.values()
        ):
            raise UserError(f"{file}:1: must list tickets by account")
        return tuple((str(a), str(t)) for a, tickets in granted.items() for t in tickets)

    @property
    def customer_accounts(self) -> tuple[tuple[Customer, Account], ...]:
        return tuple((c, a) for c in self.customers.values() for a in c.accounts)

    @property
    def fleet_accounts(self) -> tuple[str, ...]:
        """The operations account and every customer's."""
        return (self.operations_account, *(a.account_id for _, a in self.customer_accounts))

    @property
    def deployed_accounts(self) -> tuple[str, ...]:
        """Every account that something is deployed in, each bootstrapped for itself."""
        return (self.management_account, *self.fleet_accounts)

    @property
    def bootstrapped_accounts(self) -> tuple[str, ...]:
        """Those, and the account of the states, to which nothing is deployed."""
        return (*self.deployed_accounts, *filter(None, [self.state_account]))

    @property
    def accounts(self) -> tuple[str, ...]:
        """Every account that the environment knows, probes included."""
        return (*self.bootstrapped_accounts, *self.probes.accounts)

    @property
    def model_regions(self) -> tuple[str, ...]:
        """Every region that models run in: where customers call them from, and where a
        cross-region profile of theirs may send a call."""
        from_here = [r for c in self.customers.values() for r in c.regions]
        sent = [
            region
            for c in self.customers.values()
            for model in c.models
            for region in self.cross_region.get(model.split(".", 1)[0], ())
        ]
        return tuple(dict.fromkeys([*from_here, *sent]))

    def customer_of(self, account: str) -> Customer | None:
        return next((c for c, a in self.customer_accounts if a.account_id == account), None)

    def keeps_records_of(self, account: str) -> bool:
        """Whether the account's log groups and keys stay when its roots are destroyed."""
        customer = self.customer_of(account)
        return self.keep_records or (customer is not None and customer.legal_hold)


def load_environment(path: Path) -> Environment:
    """Reads `customers.yaml` of the environment folder `path` (or the file itself).

    Raises `UserError` naming the file, the line, the field and the fix.
    """
    file = path if path.name.endswith((".yaml", ".yml")) else path / CUSTOMERS_FILE
    return environment_of(file, _read(file))


def environment_of(file: Path, text: bytes) -> Environment:
    """The environment whose `customers.yaml`, at `file`, says that. Raises `UserError` as
    `load_environment` does."""
    schema = file.parent / SCHEMA_FILE
    return _loaded(file, text, schema.read_bytes() if schema.exists() else None)


@functools.lru_cache(maxsize=8)
def _loaded(file: Path, text: bytes, _schema: bytes | None) -> Environment:
    """To parse and check takes 50 ms, so it is done once for the same content of both files."""
    document = _parse(file, text)
    schema = _validate(file, document)
    environment = _build(file, document)
    if problems := [
        *_contradictions(file, document, environment),
        *_misplaced(file, document, environment, schema),
    ]:
        raise UserError(*problems)
    return environment


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error


def _parse(file: Path, content: bytes) -> Any:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{file}:{line}: is not UTF-8 text; save it as UTF-8") from error
    yaml = YAML(typ="rt")
    # So that a quoted text is of a type of its own.
    yaml.preserve_quotes = True
    try:
        document = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        problem = " ".join(str(error.problem or error.context or "cannot be parsed").split())
        if doubled := _DOUBLED.match(problem):
            problem = f"the key {doubled[1]} stands twice; remove or rename one"
        raise UserError(f"{place}: not valid YAML: {problem}") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(
            f"{file}:{line}: not valid YAML: the character {chr(error.character)!r} may not stand "
            "there; remove it"
        ) from error
    except RecursionError as error:
        raise UserError(f"{file}:1: not valid YAML: nested too deeply") from error
    except YAMLError as error:
        raise UserError(f"{file}: not valid YAML: {' '.join(str(error).split())}") from error
    if problems := [
        f"{_place(file, document, path)}: {_field(path)}: {word} without quotes is true or false "
        "to Terraform; write that, or put it in quotes"
        for path, word in _switches(document, [], set())
    ]:
        raise UserError(*problems)
    return document


def _switches(value: Any, path: list[Any], seen: set[int]) -> Iterator[tuple[list[Any], str]]:
    """The keys and texts that Terraform would take for something else."""
    # What an anchor repeats is told once.
    if id(value) in seen:
        return
    seen.add(id(value))
    entries: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for step, each in entries:
        for word in (step, each):
            # A quoted one is of a class of ruamel's own.
            if type(word) is str and _SWITCH.fullmatch(word):
                yield [*path, step], word
        yield from _switches(each, [*path, step], seen)


def _validate(file: Path, document: Any) -> Any:
    """The schema that the document fits."""
    if document is None:
        example = "environments/embedded/customers.yaml"
        raise UserError(f"{file}:1: is empty; start from a copy of {example}")
    schema_file = file.parent / SCHEMA_FILE
    try:
        schema = json.loads(schema_file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{schema_file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{schema_file}: is not JSON: {error}") from error
    customers = document.get("customers") if isinstance(document, Mapping) else None
    for key in customers if isinstance(customers, Mapping) else ():
        # JSON has text keys only, so no schema says this.
        if not isinstance(key, str):
            place = _place(file, document, ["customers", key])
            raise UserError(f"{place}: customers: the key {key!r} is not a text; put it in quotes")
    errors = list(_VALIDATOR(schema).iter_errors(document))
    if not errors:
        return schema
    found: dict[str, int] = {}
    for each in errors:
        worst = best_match([each])
        path = list(worst.absolute_path)
        key = [worst.instance] if "propertyNames" in worst.absolute_schema_path else []
        line = _line(document, [*path, *(key or _unknown(worst)[:1])])
        found[f"{file}:{line}: {_field(path)}: {_say(worst)}"] = line
    raise UserError(*sorted(found, key=lambda message: found[message]))


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    """Python's `$`, and not JSON schema's, also stands before a last line break."""
    if isinstance(value, str) and (value.endswith("\n") or not re.search(pattern, value)):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_VALIDATOR: Any = validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def _unknown(error: ValidationError) -> list[Any]:
    """The fields that the schema does not know."""
    if error.validator != "additionalProperties":
        return []
    assert isinstance(error.schema, Mapping)
    instance: Any = error.instance
    return [key for key in instance if key not in error.schema.get("properties", {})]


def _say(error: ValidationError) -> str:
    """What is wrong and how to fix it, in words instead of the schema's."""
    value: Any = error.instance
    rule: Any = error.validator_value
    match error.validator:
        case "required":
            missing = [name for name in rule if name not in value]
            return f"{', '.join(missing)} is missing; add it"
        case "additionalProperties":
            assert isinstance(error.schema, Mapping)
            allowed = sorted(error.schema.get("properties", {}))
            unknown = _unknown(error)
            hint = f"; known here: {', '.join(allowed)}" if allowed else ""
            return f"unknown field {', '.join(map(str, unknown))}{hint}"
        case "type" if rule == "string" and isinstance(value, int):
            return f"{value!r} is a number; put it in quotes, since leading zeros count"
        case "type":
            return f"must be {_article(str(rule))}, not {_kind(value)}"
        case "enum":
            return f"{value!r} is not one of {', '.join(map(str, rule))}"
        case "uniqueItems":
            return "has an entry twice; remove one"
        case "minItems" | "minProperties":
            return "is empty; add at least one entry"
    description = error.schema.get("description") if isinstance(error.schema, Mapping) else None
    if isinstance(description, str):
        shown = _kind(value) if isinstance(value, Mapping | list) else repr(value)
        return f"{shown} does not fit; wanted: {description}"
    return error.message


def _kind(value: Any) -> str:
    """A value's kind in the words of YAML."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, datetime.date):
        return "a date; put it in quotes"
    if isinstance(value, TaggedScalar | bytes):
        return "a value with a tag; write a plain text"
    return (
        "a mapping"
        if isinstance(value, Mapping)
        else "a list"
        if isinstance(value, list)
        else "a text"
    )


def _article(kind: str) -> str:
    return {
        "object": "a mapping",
        "array": "a list",
        "string": "a text",
        "integer": "a whole number",
        "boolean": "true or false",
    }.get(kind, kind)


def _contradictions(file: Path, document: Any, environment: Environment) -> Iterator[str]:
    seen: dict[str, str] = {}
    for path in _account_paths(environment):
        account = _at(document, path)
        here = _field(path)
        if account in seen:
            yield (
                f"{_place(file, document, path)}: {here}: account {account} is already "
                f"{seen[account]}; one account has one part to play"
            )
        seen[account] = here
    known = aws_regions()
    named: list[tuple[list[str | int], str]] = [
        (["regions", index], region) for index, region in enumerate(environment.regions)
    ]
    if people := document["operations"].get("people"):
        field = "identity_center_region"
        named.append((["operations", "people", field], str(people[field])))
    for path, region in named:
        if region not in known:
            near = get_close_matches(region, known, 1, cutoff=0)[0]
            yield (
                f"{_place(file, document, path)}: {_field(path)}: {region} is not an AWS region; "
                f"did you mean {near}?"
            )
    if environment.region not in environment.regions:
        where: list[str | int] = ["operations", "region"]
        yield (
            f"{_place(file, document, where)}: {_field(where)}: {environment.region} is not in "
            "regions; add it there, or leaks in it would not be searched for"
        )
    for key, customer in environment.customers.items():
        if key in (BOOTSTRAP_ROOT, ORGANIZATION_ROOT, OPERATIONS_ROOT, CUSTOMER_ROOT):
            path = ["customers", key]
            yield (
                f"{_place(file, document, path)}: {_field(path)}: {key} is the name of a root; "
                "give the customer another key"
            )
        for index, region in enumerate(customer.regions):
            if region not in environment.regions:
                path = ["customers", key, "regions", index]
                yield (
                    f"{_place(file, document, path)}: {_field(path)}: {region} is not in regions; "
                    "add it there, or leaks in it would not be searched for"
                )
        for model in _at(document, ["customers", key]).get("quotas", {}):
            if model not in customer.models:
                path = ["customers", key, "quotas", model]
                yield (
                    f"{_place(file, document, path)}: {_field(path)}: {model} is none of the "
                    f"customer's models; they are {', '.join(customer.models)}"
                )
    for path, problem in contradictions(document):
        yield f"{_place(file, document, path)}: {_field(path)}: {problem}"


def _misplaced(file: Path, document: Any, environment: Environment, schema: Any) -> Iterator[str]:
    """What is in the wrong partition, and what is too much for one operations account."""
    known = aws_regions()
    for index, region in enumerate(environment.regions):
        # An unknown region is said elsewhere.
        partition = known.get(region, environment.partition)
        if partition != environment.partition:
            path: list[str | int] = ["regions", index]
            yield (
                f"{_place(file, document, path)}: {_field(path)}: {region} is in partition "
                f"{partition}, the environment in {environment.partition}; one environment is in "
                "one partition"
            )
    if over := over_quota(document, schema):
        yield (
            f"{_place(file, document, ['customers'])}: customers: more than one operations account "
            f"holds: {', '.join(over)}; move customers to another cell (an environment with an "
            "operations account of its own), or have the quotas raised and say so in "
            "operations.quotas"
        )


@functools.cache
def aws_regions() -> Mapping[str, str]:
    """The regions that have CloudWatch Logs, each with its partition, of those the modules know."""
    session = botocore.session.Session()
    return {
        region: partition
        for partition in ("aws", "aws-us-gov")
        for region in session.get_available_regions("logs", partition)
    }


def _account_paths(environment: Environment) -> Iterator[list[str | int]]:
    yield ["organization", "management_account_id"]
    yield ["operations", "account_id"]
    if environment.state_account:
        yield ["state", "account_id"]
    for key, customer in environment.customers.items():
        for index in range(len(customer.accounts)):
            yield ["customers", key, "accounts", index, "account_id"]
    for probe in ("other_organization", "no_organization", "control"):
        yield ["probes", probe]


def _build(file: Path, document: Any) -> Environment:
    customers = {
        str(key): Customer(
            key=str(key),
            accounts=tuple(
                Account(
                    str(a["account_id"]),
                    str(a["caller"]),
                    tuple(str(r) for r in a.get("further_callers", ())),
                )
                for a in value["accounts"]
            ),
            models=tuple(str(m) for m in value["models"]),
            regions=tuple(str(r) for r in value.get("regions", [document["operations"]["region"]])),
            stopped=bool(value.get("stopped", False)),
            legal_hold=bool(value.get("legal_hold", False)),
            limited="spend" in value and value["spend"].get("on_limit", "stop") == "stop",
        )
        for key, value in document["customers"].items()
    }
    probes = document["probes"]
    return Environment(
        name=file.parent.resolve().name,
        path=file.parent,
        management_account=str(document["organization"]["management_account_id"]),
        operations_account=str(document["operations"]["account_id"]),
        region=str(document["operations"]["region"]),
        regions=tuple(str(r) for r in document["regions"]),
        customers=customers,
        administrator=str(document["administrator"]),
        partition=str(document.get("partition", "aws")),
        keep_records=bool(document.get("keep_records", False)),
        content=bool(document.get("content", False)),
        cross_region={
            str(prefix): tuple(str(r) for r in regions)
            for prefix, regions in document["operations"].get("cross_region", {}).items()
        },
        break_glass="break_glass" in document["operations"],
        state_account=str(document.get("state", {}).get("account_id", "")),
        holds={
            **{
                str(account): bool(former["legal_hold"])
                for former in document.get("former_customers", {}).values()
                if "legal_hold" in former
                for account in former["accounts"]
            },
            **{
                str(account["account_id"]): bool(customer["legal_hold"])
                for customer in document["customers"].values()
                if "legal_hold" in customer
                for account in customer["accounts"]
            },
        },
        jobs=_jobs(document.get("ci", {})),
        probes=Probes(
            other_organization=str(probes["other_organization"]),
            no_organization=str(probes["no_organization"]),
            control=str(probes["control"]),
        ),
    )


def _jobs(ci: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    github, gitlab = ci.get("github", {}), ci.get("gitlab", {})
    for job in ("deploy", "plan", "audit"):
        if place := github.get(f"{job}_environment"):
            subject = f"repo:{github['repository']}:environment:{place}"
            found.setdefault(job, set()).add(f"token.actions.githubusercontent.com {subject}")
        if branch := gitlab.get(f"{job}_branch"):
            host = str(gitlab["url"]).removeprefix("https://")
            subject = f"project_path:{gitlab['project']}:ref_type:branch:ref:{branch}"
            found.setdefault(job, set()).add(f"{host} {subject}")
    return {job: frozenset(jobs) for job, jobs in found.items()}


def _at(document: Any, path: list[str | int]) -> Any:
    for step in path:
        document = document[step]
    return document


def _field(path: list[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "the file"


def _place(file: Path, document: Any, path: list[str | int]) -> str:
    """`file:line` of a field, as near as YAML tells."""
    return f"{file}:{_line(document, path)}"


def _line(document: Any, path: list[str | int]) -> int:
    """The line of a field, as near as YAML tells."""
    line = 1
    for step in path:
        position = getattr(document, "lc", None)
        try:
            if position is not None:
                line = (position.item if isinstance(step, int) else position.key)(step)[0] + 1
            document = document[step]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return line
