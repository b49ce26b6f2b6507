"""The repositories of a fleet: those of organisations and groups, and those that are given by URL."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote, urlsplit

from rewriter.bot import gitea, github, gitlab
from rewriter.bot.errors import BotError
from rewriter.bot.http import Api, ForgeError, Query, ca_bundle_of
from rewriter.bot.remote import ForgeKind, ForgeProject, Remote, parse_remote, project_of
from rewriter.bot.retry import Clock
from rewriter.bot.token import Token, find_token
from rewriter.fleet.settings import FleetError, Source
from rewriter.records import dataclass

_WEB = {"github": "https://github.com", "gitlab": "https://gitlab.com", "gitea": "https://gitea.com"}
_WEB["forgejo"] = "https://codeberg.org"
#: Of a listing: 100,000 repositories of GitHub and GitLab, half as many of Gitea.
_MOST_PAGES = 1000
#: A shard: its number from 0, and how many there are.
Shard = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FleetRepository:
    """A repository: its project's path, its URL without credentials, and the forge where that was named."""

    name: str
    url: str
    forge: str | None = None
    api_url: str | None = None
    insecure: bool = False

    @property
    def slug(self) -> str:
        """A name for its files: readable, and of this URL alone."""
        digest = hashlib.sha256(self.url.encode()).hexdigest()[:8]
        return f"{re.sub(r'[^A-Za-z0-9.-]+', '_', self.name).strip('.')[-80:]}-{digest}"

    def of_shard(self, shard: Shard | None) -> bool:
        """Whether it belongs to a shard (None: the only one); the same wherever and whenever it is asked."""
        if shard is None:
            return True
        number, count = shard
        return int(hashlib.sha256(self.url.encode()).hexdigest(), 16) % count == number


def repositories(sources: tuple[Source, ...], clock: Clock, environment: Mapping[str, str]) -> list[FleetRepository]:
    """Every repository of the sources, in the order of their names, each once. Raises FleetError."""
    found: dict[str, FleetRepository] = {}
    for source in sources:
        try:
            listed = _given(source) if not source.kind else _listed(source, clock, environment)
            for repository in listed:
                if fnmatchcase(repository.name.rsplit("/", 1)[-1], source.match):
                    found.setdefault(repository.url, repository)
        except BotError as error:
            raise FleetError(f"{source.kind or 'urls'} {source.name}".strip() + f": {error}") from None
    return sorted(found.values(), key=lambda repository: (repository.name, repository.url))


def access(repository: FleetRepository, environment: Mapping[str, str]) -> tuple[Remote, Token | None]:
    """How git reaches a repository, and the token for its forge where the environment holds one. Raises BotError."""
    remote = parse_remote(repository.url)
    try:
        project = project_of(remote, repository.forge, repository.api_url, environment)
    except BotError:
        return remote, None  # A host that is no known forge is asked without a token.
    return remote, find_token(project, environment)


def _given(source: Source) -> Iterator[FleetRepository]:
    for url in source.urls:
        remote = parse_remote(url)
        if remote.is_unencrypted and not source.insecure:
            raise _in_the_clear(remote.web)
        yield FleetRepository(remote.path, remote.url, insecure=source.insecure)


def _in_the_clear(place: str) -> BotError:
    return BotError(
        f"{place} is plain HTTP: anyone on the network path can read the token and change what is fetched; "
        "use https, or give insecure = true"
    )


def _listed(source: Source, clock: Clock, environment: Mapping[str, str]) -> Iterator[FleetRepository]:
    parts = urlsplit(source.api_url or "")
    web = f"{parts.scheme}://{parts.netloc}" if source.api_url else _WEB[source.kind]
    project = project_of(parse_remote(f"{web}/{source.name}/any"), source.kind, source.api_url, environment)
    if project.is_unencrypted and not source.insecure:
        raise _in_the_clear(project.api)
    token = find_token(project, environment)
    heads, listing, read = _LISTINGS[ForgeKind(source.kind)]
    with Api(project.api, token, heads(token), ca_bundle_of(None, environment), clock) as api:
        for item in listing(api, source.name):
            name, url, wanted = read(item)
            if wanted:
                place = _on_forge(url, project)
                if parse_remote(place).is_unencrypted and not source.insecure:
                    raise _in_the_clear(parse_remote(place).web)
                yield FleetRepository(name, place, source.kind, source.api_url, source.insecure)


def _on_forge(url: str, project: ForgeProject) -> str:
    """A URL that the forge names, which must be its own: its token goes there."""
    remote = parse_remote(url)
    if remote.host != project.host and remote.host != urlsplit(project.api).hostname:
        raise BotError(f"the forge names a repository on another host, {remote.host}; give it under urls")
    return remote.url


def _pages(api: Api, path: str, query: Query) -> Iterator[Any]:
    return api.pages(path, query, _MOST_PAGES, "name groups that are smaller")


def _github(api: Api, name: str) -> Iterator[Any]:
    query: Query = {"per_page": 100, "type": "all"}
    try:
        yield from _pages(api, f"/orgs/{quote(name, safe='')}/repos", query)
    except ForgeError as error:
        if error.status != 404:
            raise
        yield from _pages(api, f"/users/{quote(name, safe='')}/repos", {"per_page": 100})


def _gitlab(api: Api, name: str) -> Iterator[Any]:
    query: Query = {"per_page": 100, "include_subgroups": "true", "archived": "false"}
    return _pages(api, f"/groups/{quote(name, safe='')}/projects", query)


def _gitea(api: Api, name: str) -> Iterator[Any]:
    return _pages(api, f"/orgs/{quote(name, safe='')}/repos", {"limit": 50})


def _read(name: str, url: str, item: Mapping[str, Any]) -> tuple[str, str, bool]:
    try:
        return str(item[name]), str(item[url]), not (item.get("archived") or item.get("empty") or item.get("disabled"))
    except (KeyError, TypeError, AttributeError):
        raise BotError("the forge lists something that is not a repository; is api_url right?") from None


def _read_github(item: Mapping[str, Any]) -> tuple[str, str, bool]:
    return _read("full_name", "clone_url", item)


def _read_gitlab(item: Mapping[str, Any]) -> tuple[str, str, bool]:
    return _read("path_with_namespace", "http_url_to_repo", item)


_Listing = tuple[
    Callable[[Token | None], dict[str, str]],
    Callable[[Api, str], Iterator[Any]],
    Callable[[Mapping[str, Any]], tuple[str, str, bool]],
]
_LISTINGS: Mapping[ForgeKind, _Listing] = {
    ForgeKind.GITHUB: (github.headers, _github, _read_github),
    ForgeKind.GITLAB: (gitlab.headers, _gitlab, _read_gitlab),
    ForgeKind.GITEA: (gitea.headers, _gitea, _read_github),
    ForgeKind.FORGEJO: (gitea.headers, _gitea, _read_github),
}
