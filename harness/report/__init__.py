"""Renders results for people. Plain data in; no other part of the harness is known.

The data is what the pytest plugin writes with `--results`:

    {"format": "bulkhead-results/1", "target": "embedded", "complete": true, "seconds": 7.1,
     "tests": [{"id", "outcome", "seconds", "message"}],
     "results": [{"test", "probe", "rows", "claim", "principal", "principal_kind", "principal_arn",
                  "action", "resource", "resource_arn", "expected", "observed", "verdict",
                  "message", "evidence", "twin", "matrix"}]}
"""
