"""Data protection policies of groups and accounts: what comes in afterwards leaves masked.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDataProtectionPolicy.html
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from harness.cloud.call import ApiError, Call
from harness.cloud.ingestion import LogGroupRef
from harness.cloud.observability.data_identifiers import Finder, custom, managed, masked
from harness.cloud.observability.played import (
    invalid,
    named_group,
    now_ms,
    stored_group,
)
from harness.cloud.observability.settings import (
    Document,
    account_settings,
    is_standard,
    settings_of,
)

ACCOUNT_TYPE: Final = "DATA_PROTECTION_POLICY"
_LONGEST: Final = 30_720


@functools.lru_cache(maxsize=256)
def finders(document: str) -> tuple[Finder, ...]:
    """What a policy finds. Raises `ApiError` (InvalidParameterException) for a faulty one.

    AWS asks for two statements with the same identifiers: one audits, the other masks.
    """
    policy = _object(document)
    own = _custom(policy)
    audits, masks = [], []
    statements = policy.get("Statement")
    for statement in statements if isinstance(statements, list) else []:
        named = statement.get("DataIdentifier") if isinstance(statement, dict) else None
        operation = statement.get("Operation") if isinstance(statement, dict) else None
        if not isinstance(named, list) or not named or not isinstance(operation, dict):
            raise invalid("Each statement needs DataIdentifier and Operation.")
        if set(operation) == {"Audit"}:
            _check_findings(operation["Audit"])
            audits.append(frozenset(map(str, named)))
        elif operation == {"Deidentify": {"MaskConfig": {}}}:
            masks.append(frozenset(map(str, named)))
        else:
            raise invalid("Operation must be Audit, or Deidentify with an empty MaskConfig.")
    if len(audits) != 1 or audits != masks:
        raise invalid(
            "The policy needs one Audit and one Deidentify statement with the same DataIdentifier."
        )
    return tuple(_finder(name, own) for name in sorted(audits[0]))


def _object(document: str) -> Mapping[str, Any]:
    if len(document) > _LONGEST:
        raise invalid(f"The data protection policy is longer than {_LONGEST} characters.")
    try:
        policy = json.loads(document)
    except ValueError:
        raise invalid("The data protection policy is not valid JSON.") from None
    if not isinstance(policy, dict) or policy.get("Version") != "2021-06-01":
        raise invalid("The data protection policy's Version must be 2021-06-01.")
    return policy


def _custom(policy: Mapping[str, Any]) -> Mapping[str, Finder]:
    found: dict[str, Finder] = {}
    for each in (policy.get("Configuration") or {}).get("CustomDataIdentifier") or []:
        try:
            found[str(each["Name"])] = custom(str(each["Regex"]))
        except (KeyError, TypeError, re.error):
            raise invalid("A custom data identifier needs a Name and a valid Regex.") from None
    return found


def _finder(name: str, own: Mapping[str, Finder]) -> Finder:
    found = own.get(name) or managed(name)
    if found is None:  # fail closed: text would be shown that AWS may mask
        raise invalid(f"The embedded cloud does not provide the data identifier {name}.")
    return found


def _check_findings(audit: Any) -> None:
    if not isinstance(audit, dict) or set(audit) != {"FindingsDestination"}:
        raise invalid("Audit needs a FindingsDestination, which may be empty.")
    if audit["FindingsDestination"]:
        raise invalid("The embedded cloud does not provide destinations of findings.")


def mask(group: LogGroupRef, message: str) -> str:
    """What leaves a group of a message that comes in now."""
    documents = [each.document for each in account_settings(*_place(group)).of_type(ACCOUNT_TYPE)]
    own = settings_of(stored_group(group)).data_protection
    if own is not None:
        documents.append(own)
    for document in documents:
        message = masked(message, finders(document.text))
    return message


def _place(group: LogGroupRef) -> tuple[str, str]:
    return group.account, group.region


def put(call: Call) -> Mapping[str, Any]:
    """PutDataProtectionPolicy."""
    group, document = named_group(call), str(call.params["policyDocument"])
    finders(document)
    if not is_standard(group):
        raise ApiError("OperationAbortedException", "The log group's class has no data protection.")
    kept = Document(document, now_ms())
    settings = settings_of(stored_group(group))
    settings.data_protection, settings.protection_was_deleted = kept, False
    return _answer(call, kept)


def get(call: Call) -> Mapping[str, Any]:
    """GetDataProtectionPolicy. Without one, only the group is named."""
    return _answer(call, settings_of(stored_group(named_group(call))).data_protection)


def delete(call: Call) -> None:
    """DeleteDataProtectionPolicy: what was masked stays masked."""
    settings = settings_of(stored_group(named_group(call)))
    settings.protection_was_deleted = settings.data_protection is not None
    settings.data_protection = None


def _answer(call: Call, document: Document | None) -> Mapping[str, Any]:
    answer: dict[str, Any] = {"logGroupIdentifier": call.params["logGroupIdentifier"]}
    if document is not None:
        answer |= {"policyDocument": document.text, "lastUpdatedTime": document.updated}
    return answer
