"""The rules of modules/account-bootstrap/modules/trust, which state-store calls too."""

from __future__ import annotations

from support.rules.changes import Rules, put

WHERE = "modules/account-bootstrap/modules/trust"

RULES = Rules(
    WHERE,
    (f"{WHERE}/variables.tf",),
    {
        "partition": "aws",
        "account_id": "222222222222",
        "roles": {"deploy": {"principal_arns": [], "jobs": "deploy"}},
        "github": {
            "repository": "acme/infrastructure.live",
            "deploy_environment": "production",
            "plan_environment": "production-plan",
            "audit_environment": "production-audit",
        },
        "gitlab": {
            "url": "https://gitlab.example.com",
            "project": "acme/platform/infrastructure",
            "deploy_branch": "main",
            "plan_branch": "plan/next",
            "audit_branch": "audit",
        },
    },
    (
        ("github needs", put("", "github", "plan_environment")),
        ("github.repository must", put("acme/*", "github", "repository")),
        *(
            ("github.repository must", put(name, "github", "repository"))
            for name in ("acme", "acme@1/live", "acme/live@2", "acme@1/live@*", "acme@/live@")
        ),
        ("github: an environment must", put("prod*", "github", "deploy_environment")),
        ("github: an environment must", put("a:b", "github", "plan_environment")),
        ("github: deploy_environment and", put("Production", "github", "plan_environment")),
        ("github: an environment must", put("au*", "github", "audit_environment")),
        *(
            ("github: audit_environment must", put(name, "github", "audit_environment"))
            for name in ("Production", "production-PLAN")
        ),
        ("gitlab needs", put("", "gitlab", "deploy_branch")),
        ("gitlab.url must", put("http://gitlab.example.com", "gitlab", "url")),
        ("gitlab.url must", put("https://gitlab.example.com/", "gitlab", "url")),
        ("gitlab.project must", put("acme/*", "gitlab", "project")),
        ("gitlab: a branch must", put("release/*", "gitlab", "deploy_branch")),
        ("gitlab: deploy_branch and", put("main", "gitlab", "plan_branch")),
        ("gitlab: a branch must", put("audit/*", "gitlab", "audit_branch")),
        *(
            ("gitlab: audit_branch must", put(name, "gitlab", "audit_branch"))
            for name in ("main", "plan/next")
        ),
    ),
)
