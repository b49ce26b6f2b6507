"""The forge's token: from the environment only, and nowhere to be seen."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import field

from rewriter import patterns as re
from rewriter.bot.errors import BotError
from rewriter.bot.remote import ForgeKind, ForgeProject
from rewriter.records import dataclass

#: For every forge. Goes before the others.
ANY_FORGE = "CNPFIX_TOKEN"
_VARIABLES = {
    ForgeKind.GITHUB: ("GH_TOKEN", "GITHUB_TOKEN"),
    ForgeKind.GITLAB: ("GITLAB_TOKEN", "CI_JOB_TOKEN"),
    ForgeKind.GITEA: ("GITEA_TOKEN", "FORGEJO_TOKEN"),
    ForgeKind.FORGEJO: ("FORGEJO_TOKEN", "GITEA_TOKEN"),
}
#: GitHub's own command line reads these for hosts other than github.com.
_ENTERPRISE = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
ALL_VARIABLES = frozenset((ANY_FORGE, *_ENTERPRISE, *(name for names in _VARIABLES.values() for name in names)))

_GIT_USERS = {
    ForgeKind.GITHUB: "x-access-token",
    ForgeKind.GITLAB: "oauth2",
    ForgeKind.GITEA: "oauth2",
    ForgeKind.FORGEJO: "oauth2",
}
USERINFO = re.compile(r"(?<=://)[^/@\s'\"]+@")


@dataclass(frozen=True, slots=True)
class Token:
    """A token and the variable that it came from; printing it does not show it."""

    value: str = field(repr=False)
    variable: str
    git_user: str

    @property
    def is_job_token(self) -> bool:
        return self.variable == "CI_JOB_TOKEN"


def variables_for(project: ForgeProject) -> tuple[str, ...]:
    """The variables that may hold the token for a forge, first one first.

    A token for github.com is not offered to another host unless the user or the pipeline named that host.
    """
    names: tuple[str, ...] = _VARIABLES[project.kind]
    if project.kind is ForgeKind.GITHUB and project.host != "github.com":
        names = (*_ENTERPRISE, *(names if project.named else ()))
    elif not project.named:
        names = ()
    return (ANY_FORGE, *names)


def find_token(project: ForgeProject, environment: Mapping[str, str]) -> Token | None:
    """The token for a forge; None where no variable holds one. Raises BotError for one that cannot be a token."""
    for variable in variables_for(project):
        value = environment.get(variable, "").strip()
        if not value:
            continue
        if not value.isascii() or not value.isprintable() or " " in value:
            raise BotError(f"{variable} holds something that is not a token: it has spaces or control characters")
        user = "gitlab-ci-token" if variable == "CI_JOB_TOKEN" else _GIT_USERS[project.kind]
        return Token(value, variable, user)
    return None


def redact(text: str, token: Token | None) -> str:
    """Text without the token in any form that git or HTTP give it, and without the credentials of URLs."""
    text = USERINFO.sub("", text)
    if token is None:
        return text
    basic = base64.b64encode(f"{token.git_user}:{token.value}".encode()).decode()
    return text.replace(basic, "***").replace(token.value, "***")
