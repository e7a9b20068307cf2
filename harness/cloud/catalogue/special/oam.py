"""OAM: a link needs, besides itself and the sink, the right to share each type of resource.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Unified-Cross-Account-Setup.html
"""

from __future__ import annotations

from harness.cloud.call import Call, Need, World
from harness.cloud.catalogue.spec import Rule, compile_spec, values

# By the service in a resource type's name: `AWS::Logs::LogGroup`.
_PREFIXES = {
    "ApplicationInsights": "applicationinsights",
    "ApplicationSignals": "application-signals",
    "CloudWatch": "cloudwatch",
    "InternetMonitor": "internetmonitor",
    "Logs": "logs",
    "XRay": "xray",
}
_KEY = "%ResourceTypes>oam:ResourceTypes"


def _sharing(spec: str, operation: str) -> Rule:
    rule = compile_spec(spec, "oam", operation, "oam")

    def needs(call: Call, world: World) -> tuple[Need, ...]:
        services = [name.split("::")[1:2] for name in values(call.params, "ResourceTypes")]
        # A type that is not known shares nothing: the service refuses it.
        shared = dict.fromkeys(_PREFIXES[s] for each in services for s in each if s in _PREFIXES)
        return (*rule(call, world), *(Need(f"{prefix}:Link", "*", "") for prefix in shared))

    return needs


create_link = _sharing(
    f"~link/* ~sink/{{SinkIdentifier}} +oam:TagResource>~link/* #Tags {_KEY}", "CreateLink"
)
update_link = _sharing(f"{{Identifier}} {_KEY}", "UpdateLink")
