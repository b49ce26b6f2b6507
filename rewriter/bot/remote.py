"""Where a repository lives: the forge, its API and the project's path, from the URL of a git remote."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import urlsplit

from rewriter import patterns as re
from rewriter.bot.errors import BotError
from rewriter.records import dataclass


class ForgeKind(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    FORGEJO = "forgejo"


#: Hosts that everybody knows, and the API of each that is not simply below the host.
KNOWN_HOSTS = {
    "github.com": ForgeKind.GITHUB,
    "gitlab.com": ForgeKind.GITLAB,
    "gitea.com": ForgeKind.GITEA,
    "codeberg.org": ForgeKind.FORGEJO,
}
_API_PATHS = {
    ForgeKind.GITHUB: "/api/v3",
    ForgeKind.GITLAB: "/api/v4",
    ForgeKind.GITEA: "/api/v1",
    ForgeKind.FORGEJO: "/api/v1",
}
#: What each forge's own pipelines say of the server that they run on.
_SERVER_VARIABLES = {
    "CI_SERVER_URL": ForgeKind.GITLAB,
    "FORGEJO_SERVER_URL": ForgeKind.FORGEJO,
    "GITEA_SERVER_URL": ForgeKind.GITEA,
    "GITHUB_SERVER_URL": ForgeKind.GITHUB,
}
SCP = re.compile(r"^(?:(?P<user>[^@/\s]+)@)?(?P<host>[^:/\s]+|\[[0-9a-fA-F:]+\]):(?P<path>(?!//)\S+)$")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote as git reaches it. `url` holds no credentials; `path` is the project's, as in `group/name`."""

    url: str
    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def web(self) -> str:
        """The origin of the forge's web pages; over ssh, https on the same host."""
        if self.scheme in _DEFAULT_PORTS:
            port = "" if self.port in (None, _DEFAULT_PORTS[self.scheme]) else f":{self.port}"
            return f"{self.scheme}://{self.host}{port}"
        return f"https://{self.host}"

    @property
    def is_unencrypted(self) -> bool:
        """Whether what is fetched and pushed can be read and changed on its way: plain HTTP to another machine."""
        return self.scheme == "http" and self.host not in _LOOPBACK

    @property
    def is_http(self) -> bool:
        return self.scheme in _DEFAULT_PORTS


@dataclass(frozen=True, slots=True)
class ForgeProject:
    """A project on a forge: kind, base URL of the API (no slash at its end), and the project's path there.

    `named` says that the user named the forge or its API, so that the host is trusted with the usual token.
    """

    kind: ForgeKind
    api: str
    path: str
    host: str
    named: bool

    @property
    def is_unencrypted(self) -> bool:
        """Whether what is sent to the API can be read on its way: plain HTTP to another machine."""
        parts = urlsplit(self.api)
        return parts.scheme == "http" and parts.hostname not in _LOOPBACK


def parse_remote(text: str) -> Remote:
    """A remote from its URL, credentials dropped. Raises BotError, which never repeats the URL's credentials."""
    if "://" not in text and (scp := SCP.match(text)):
        user = f"{scp['user']}@" if scp["user"] else ""
        return Remote(f"{user}{scp['host']}:{scp['path']}", "ssh", scp["host"].strip("[]"), None, _project(scp["path"]))
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BotError("the remote's URL is not valid; set it with `git remote set-url`") from None
    if parts.scheme not in ("https", "http", "ssh") or not parts.hostname:
        shown = re.sub(r"//[^@/]*@", "//", text)
        raise BotError(f"the remote {shown} is not on a forge; expected https://…, ssh://… or git@host:path")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port is None else f"{host}:{port}"
    if parts.scheme == "ssh" and parts.username:
        netloc = f"{parts.username}@{netloc}"
    return Remote(f"{parts.scheme}://{netloc}{parts.path}", parts.scheme, host, port, _project(parts.path))


def _project(path: str) -> str:
    project = path.strip("/").removesuffix(".git").strip("/")
    if not project or ".." in project.split("/"):
        raise BotError("the remote's URL names no project; expected https://host/owner/name")
    return project


def project_of(remote: Remote, forge: str | None, api_url: str | None, environment: Mapping[str, str]) -> ForgeProject:
    """The project as named, else as the host or the pipeline suggests. Raises BotError where neither is known."""
    kind = ForgeKind(forge) if forge else _kind_of(remote, environment)
    if kind is None:
        raise BotError(
            f"{remote.host}: which forge is this? Give --forge {'|'.join(ForgeKind)} (and --api-url where needed)"
        )
    named = bool(forge or api_url) or _served(remote, environment) is not None or remote.host in KNOWN_HOSTS
    api = api_url or _api_of(remote, kind, environment)
    parts = urlsplit(api)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query:
        raise BotError("--api-url: expected a URL such as https://git.example.org/api/v4, with no credentials in it")
    api = api.rstrip("/")
    project = _below_instance(remote.path, parts.path, kind)
    if kind is not ForgeKind.GITLAB and project.count("/") != 1:
        raise BotError(f"{project}: expected a project as owner/name; for a forge below a path give --api-url")
    return ForgeProject(kind, api, project, remote.host, named)


def _kind_of(remote: Remote, environment: Mapping[str, str]) -> ForgeKind | None:
    known = KNOWN_HOSTS.get(remote.host) or _served(remote, environment)
    if known:
        return known
    labels = re.split(r"[.-]", remote.host)
    return next((kind for kind in ForgeKind if kind.value in labels), None)


def _served(remote: Remote, environment: Mapping[str, str]) -> ForgeKind | None:
    """The forge whose pipeline this is, if the remote is on its server."""
    for variable, kind in _SERVER_VARIABLES.items():
        if environment.get(variable) and urlsplit(environment[variable]).hostname == remote.host.strip("[]"):
            # Gitea's and Forgejo's runners set GitHub's variables too.
            if kind is ForgeKind.GITHUB and environment.get("GITEA_ACTIONS"):
                return ForgeKind.GITEA
            if kind is ForgeKind.GITHUB and environment.get("FORGEJO_ACTIONS"):
                return ForgeKind.FORGEJO
            return kind
    return None


def _api_of(remote: Remote, kind: ForgeKind, environment: Mapping[str, str]) -> str:
    if remote.host == "github.com":
        return "https://api.github.com"
    served = _served(remote, environment)
    if served is ForgeKind.GITLAB and environment.get("CI_API_V4_URL"):
        return environment["CI_API_V4_URL"]
    if served is not None and environment.get("GITHUB_API_URL") and kind is not ForgeKind.GITLAB:
        return environment["GITHUB_API_URL"]
    return remote.web + _API_PATHS[kind]


def _below_instance(project: str, api_path: str, kind: ForgeKind) -> str:
    """The project's path on a forge that is served below a path of its host."""
    prefix = api_path.rstrip("/").removesuffix(_API_PATHS[kind]).strip("/")
    return project.removeprefix(f"{prefix}/") if prefix else project
