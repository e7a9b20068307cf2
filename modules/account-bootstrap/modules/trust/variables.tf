# `github` and `gitlab` are validated here, the rest by the modules that call this one.

variable "partition" {
  description = "AWS partition of the account."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "The account of the roles."
  type        = string
  nullable    = false
}

variable "roles" {
  description = "Roles by a key: the roles or users that may become each, by their exact ARNs, and the jobs of CI that do: `deploy`, `plan`, `audit` or `none`."
  type = map(object({
    principal_arns = set(string)
    jobs           = string
  }))
  nullable = false
}

variable "github" {
  description = "GitHub Actions: jobs of one repository, named as its tokens name it, that run in one of its environments. Let the deploy environment ask for a reviewer and take only the default branch."
  type = object({
    repository         = optional(string, "")
    deploy_environment = optional(string, "")
    plan_environment   = optional(string, "")
    audit_environment  = optional(string, "")
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(distinct([for value in [var.github.repository, var.github.deploy_environment, var.github.plan_environment] : value == ""])) == 1
    error_message = "github needs repository, deploy_environment and plan_environment, or none of them."
  }

  validation {
    condition     = var.github.repository == "" || can(regex("^([A-Za-z0-9-]+/[A-Za-z0-9._-]+|[A-Za-z0-9-]+@[0-9]+/[A-Za-z0-9._-]+@[0-9]+)$", var.github.repository))
    error_message = "github.repository must be one repository as its tokens name it, such as acme@123456/infrastructure@456789 (made before July 2026: acme/infrastructure), without wildcards."
  }

  validation {
    condition     = alltrue([for name in [var.github.deploy_environment, var.github.plan_environment, var.github.audit_environment] : can(regex("^[A-Za-z0-9_-]*$", name))])
    error_message = "github: an environment must have only letters, digits, hyphens and underscores: no wildcard, and nothing that GitHub would encode in a token."
  }

  validation {
    condition     = var.github.repository == "" || lower(var.github.deploy_environment) != lower(var.github.plan_environment)
    error_message = "github: deploy_environment and plan_environment are the same, so that whoever may plan may deploy."
  }

  validation {
    condition     = var.github.audit_environment == "" || (var.github.repository != "" && !contains([lower(var.github.deploy_environment), lower(var.github.plan_environment)], lower(var.github.audit_environment)))
    error_message = "github: audit_environment must be an environment of its own beside the others, so that whoever may audit can do nothing else."
  }
}

variable "gitlab" {
  description = "GitLab CI: jobs of one project on one branch. Both branches must be protected. GitLab's tokens name no environment in their subject, so a branch takes its place."
  type = object({
    url           = optional(string, "https://gitlab.com")
    project       = optional(string, "")
    deploy_branch = optional(string, "")
    plan_branch   = optional(string, "")
    audit_branch  = optional(string, "")
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(distinct([for value in [var.gitlab.project, var.gitlab.deploy_branch, var.gitlab.plan_branch] : value == ""])) == 1
    error_message = "gitlab needs project, deploy_branch and plan_branch, or none of them."
  }

  validation {
    condition     = can(regex("^https://[a-z0-9][a-z0-9.-]*$", var.gitlab.url))
    error_message = "gitlab.url must be the address of one GitLab, such as https://gitlab.com, without a path or a slash at its end."
  }

  validation {
    condition     = var.gitlab.project == "" || can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$", var.gitlab.project))
    error_message = "gitlab.project must be one project with its groups, such as acme/infrastructure, without wildcards."
  }

  validation {
    condition     = alltrue([for name in [var.gitlab.deploy_branch, var.gitlab.plan_branch, var.gitlab.audit_branch] : can(regex("^[A-Za-z0-9_./-]*$", name))])
    error_message = "gitlab: a branch must have only letters, digits and . _ / -, without wildcards."
  }

  validation {
    condition     = var.gitlab.project == "" || var.gitlab.deploy_branch != var.gitlab.plan_branch
    error_message = "gitlab: deploy_branch and plan_branch are the same, so that whoever may plan may deploy."
  }

  validation {
    condition     = var.gitlab.audit_branch == "" || (var.gitlab.project != "" && !contains([var.gitlab.deploy_branch, var.gitlab.plan_branch], var.gitlab.audit_branch))
    error_message = "gitlab: audit_branch must be a branch of its own beside the others, so that whoever may audit can do nothing else."
  }
}

