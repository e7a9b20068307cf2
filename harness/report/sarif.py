"""Findings as SARIF 2.1.0, as code hosts read it for the lines of a pull request.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_sarif(
    findings: Iterable[Mapping[str, Any]],
    rules: Iterable[Mapping[str, str]],
    *,
    tool: str,
    version: str,
) -> dict[str, Any]:
    """The findings of one run, as JSON data.

    `findings` have `id`, `message`, `file` (relative to the project, with slashes), `start`, `end`
    and `resource`; one that is suppressed has the reason in `skipped`. `rules` have `id`, `name`,
    `why` and `page`; those of other tools may be missing.
    """
    listed = [dict(rule) for rule in rules]
    index = {rule["id"]: number for number, rule in enumerate(listed)}
    results = []
    for finding in findings:
        if finding["id"] not in index:
            index[finding["id"]] = len(listed)
            listed.append({"id": finding["id"], "name": finding["message"], "why": "", "page": ""})
        results.append(_result(finding, index[finding["id"]]))
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": tool,
                        "semanticVersion": version,
                        "rules": [_rule(rule) for rule in listed],
                    }
                },
                "originalUriBaseIds": {
                    "SRCROOT": {"description": {"text": "The root of the repository."}}
                },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def _rule(rule: Mapping[str, str]) -> dict[str, Any]:
    why = rule["why"] or rule["name"]
    page = f"\n\nMore: {rule['page']}" if rule["page"] else ""
    return {
        "id": rule["id"],
        "shortDescription": {"text": rule["name"]},
        "fullDescription": {"text": why},
        "help": {"text": f"{rule['name']}. {why}{page}"},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["security"], "security-severity": "8.0"},
    }


def _result(finding: Mapping[str, Any], index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding["id"],
        "ruleIndex": index,
        "level": "error",
        "message": {"text": finding["message"]},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding["file"]), "uriBaseId": "SRCROOT"},
                    "region": {"startLine": finding["start"], "endLine": finding["end"]},
                },
                "logicalLocations": [
                    {"fullyQualifiedName": finding["resource"], "kind": "resource"}
                ],
            }
        ],
        # Lines move; check, file and resource stay, so that an alert is not opened anew.
        "partialFingerprints": {
            "check/v1": hashlib.sha256(
                "\0".join((finding["id"], finding["file"], finding["resource"])).encode()
            ).hexdigest()
        },
    }
    if finding.get("skipped"):
        result["suppressions"] = [{"kind": "inSource", "justification": finding["skipped"]}]
    return result
