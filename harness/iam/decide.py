"""Which policies must allow a request, and whether one denies it.

The order of the code is the order of AWS's own flow: explicit denies, then organization policies,
then the resource's policy and the principal's. No I/O, and nothing here knows an AWS service but
for the exceptions that IAM itself makes for STS and KMS.

AWS pages: reference_policies_evaluation-logic, …_policy-eval-denyallow, …-cross-account,
…_policy-eval-basics-cross-account; key-policies (KMS); orgs_manage_policies_scps_evaluation.
"""

from __future__ import annotations

from harness.iam.context import Request, View
from harness.iam.decision import Decision, Outcome
from harness.iam.policy import NamedPolicy, PolicyKind, PolicySet, Statement
from harness.iam.principal import Grant, Principal
from harness.iam.rcp_services import RCP_SERVICES

Hit = tuple[NamedPolicy, Statement]

_TRUST_ACTIONS = frozenset(
    {
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:setcontext",
        "sts:setsourceidentity",
        "sts:tagsession",
    }
)
"""Actions on a role that its trust policy must allow."""

ALWAYS_ALLOWED = {
    "sts:getcalleridentity": "allowed: GetCallerIdentity needs no permission and heeds no policy",
    "sts:getsessiontoken": "allowed: GetSessionToken needs no permission and heeds no policy",
}
"""Actions, in lower case, that no policy can allow or deny; with the reason."""
_ROOT_CANNOT_ASSUME = "a root user cannot assume roles"

# Members of enumerations are slow to look up, and these are looked up in every decision.
_IDENTITY, _BOUNDARY, _SESSION = PolicyKind.IDENTITY, PolicyKind.BOUNDARY, PolicyKind.SESSION
_TRUST, _KEY, _RESOURCE = PolicyKind.TRUST, PolicyKind.KEY, PolicyKind.RESOURCE
_SCP = PolicyKind.SCP
_NONE, _ROLE, _DIRECT = Grant.NONE, Grant.ROLE, Grant.DIRECT


def decide(request: Request, policies: PolicySet) -> Decision:
    """Decide as AWS would: every explicit deny wins, then each layer that must allow does or not.

    `policies` holds all that bears on the request and nothing else; whether an account is exempt
    from SCPs or RCPs (management account, no organization) is expressed by giving none.
    """
    principal = request.principal
    action = request.action.lower()
    note = ALWAYS_ALLOWED.get(action)
    if note is not None and principal.kind != "anonymous":
        return Decision(request, Outcome.ALLOWED, note=note)
    view = View(request, action, boundary=policies.boundary is not None)
    scps = policies.scps
    if scps and not _scps_bind(principal):
        scps = ()
    rcps = policies.rcps
    if rcps and not _rcps_bind(principal, action):
        rcps = ()
    kind = _kind_for(action, request.resource)
    resource = policies.resource
    if resource is not None:
        if resource.kind is _TRUST and action not in _TRUST_ACTIONS:
            resource = None  # it only speaks about assuming the role, not about managing it
        elif kind is _RESOURCE:
            kind = resource.kind

    denies: list[Hit] = []
    for named in _layers(policies, resource, scps, rcps):
        policy = named.policy
        if policy.has_denies:
            for statement in policy.about(action)[0]:
                if statement.denies(view):
                    denies.append((named, statement))
    if denies:
        return Decision(request, Outcome.EXPLICITLY_DENIED, tuple(denies))
    if kind is _TRUST and principal.kind == "root":
        return Decision(request, Outcome.IMPLICITLY_DENIED, note=_ROOT_CANNOT_ASSUME)

    hits: list[Hit] = []
    gaps: list[PolicyKind] = []
    for level in scps:
        _require(_SCP, level, view, hits, gaps)
    grant, granting = _best_grant(resource, view)
    if granting is not None:
        hits.append(granting)
    own, needs_grant = _needed(request, grant, kind)
    if _IDENTITY in own:
        _require(_IDENTITY, policies.identity, view, hits, gaps)
    if needs_grant and grant is _NONE:
        gaps.append(kind)
    if _BOUNDARY in own and policies.boundary is not None:
        _require(_BOUNDARY, (policies.boundary,), view, hits, gaps)
    if _SESSION in own:
        session = policies.session
        if session is None and principal.kind == "federated":
            session = ()
        if session is not None:
            _require(_SESSION, session, view, hits, gaps)
    if gaps:
        return Decision(request, Outcome.IMPLICITLY_DENIED, gaps=tuple(dict.fromkeys(gaps)))
    return Decision(request, Outcome.ALLOWED, tuple(hits))


_NO_LAYER: frozenset[PolicyKind] = frozenset()
_LIMITS = frozenset({_BOUNDARY, _SESSION})
_OWN_SIDE = _LIMITS | {_IDENTITY}


def _needed(request: Request, grant: Grant, kind: PolicyKind) -> tuple[frozenset[PolicyKind], bool]:
    """The layers on the principal's side that must allow, and whether the resource's must too."""
    principal = request.principal
    if not principal.account:
        return _NO_LAYER, True
    cross_account = request.resource_account not in ("", principal.account)
    exclusive = kind is not _RESOURCE
    if principal.kind == "root":
        return _NO_LAYER, cross_account or exclusive
    if cross_account:
        return _OWN_SIDE, True
    if grant is _DIRECT:
        return _NO_LAYER, exclusive
    if grant is _ROLE:
        return _LIMITS, exclusive
    return _OWN_SIDE, exclusive


def _scps_bind(principal: Principal) -> bool:
    """SCPs bind users, roles and root users of member accounts; not services, nor their roles."""
    return bool(principal.account) and not principal.is_service_linked


def _rcps_bind(principal: Principal, action: str) -> bool:
    """RCPs bind everyone but service-linked roles, on the services that have them."""
    return (
        action.partition(":")[0] in RCP_SERVICES
        and action != "kms:retiregrant"
        and not principal.is_service_linked
    )


def governing_kind(action: str, resource: str) -> PolicyKind:
    """The kind of resource policy that governs an action on a resource, given or not.

    A role always has a trust policy and a KMS key a key policy, and without their allow nothing is
    allowed; so a request on one whose policy is not given is denied.
    """
    return _kind_for(action.lower(), resource)


def _kind_for(action: str, resource: str) -> PolicyKind:
    if action in _TRUST_ACTIONS and ":role/" in resource:
        return _TRUST
    if action.startswith("kms:") and ":key/" in resource:
        return _KEY
    return _RESOURCE


def _layers(
    policies: PolicySet,
    resource: NamedPolicy | None,
    scps: tuple[tuple[NamedPolicy, ...], ...],
    rcps: tuple[tuple[NamedPolicy, ...], ...],
) -> list[NamedPolicy]:
    layers: list[NamedPolicy] = []
    for level in rcps:
        layers += level
    for level in scps:
        layers += level
    if resource is not None:
        layers.append(resource)
    layers += policies.identity
    if policies.boundary is not None:
        layers.append(policies.boundary)
    if policies.session is not None:
        layers += policies.session
    return layers


def _require(
    kind: PolicyKind,
    layer: tuple[NamedPolicy, ...],
    view: View,
    hits: list[Hit],
    gaps: list[PolicyKind],
) -> None:
    """Note the first statement of the layer that allows, or that there is none."""
    for named in layer:
        for statement in named.policy.about(view.action)[1]:
            if statement.holds(view):
                hits.append((named, statement))
                return
    gaps.append(kind)


def _best_grant(resource: NamedPolicy | None, view: View) -> tuple[Grant, Hit | None]:
    """The closest grant that the resource's policy gives, and the statement that gives it."""
    best, granting = _NONE, None
    if resource is None or (view.principal.kind == "anonymous" and resource.kind is _TRUST):
        return best, granting
    for statement in resource.policy.about(view.action)[1]:
        grant = statement.grants(view)
        if grant > best and statement.holds(view):
            best, granting = grant, (resource, statement)
            if grant is _DIRECT:
                break
    return best, granting
