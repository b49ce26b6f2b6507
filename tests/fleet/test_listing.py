"""The repositories of organisations and groups, as each kind of forge lists them; the API is real HTTP on loopback."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rewriter.bot.retry import Clock
from rewriter.fleet.repositories import repositories
from rewriter.fleet.settings import FleetError, Source
from tests.bot.server import TOKEN, Answer, Call, Server, serving

#: Kind, base of its API, listing, and the keys for a project's path and its URL.
FORGES = {
    "github": ("/api/v3", "/orgs/acme/repos", "full_name", "clone_url"),
    "gitlab": ("/api/v4", "/groups/acme/projects", "path_with_namespace", "http_url_to_repo"),
    "gitea": ("/api/v1", "/orgs/acme/repos", "full_name", "clone_url"),
    "forgejo": ("/api/v1", "/orgs/acme/repos", "full_name", "clone_url"),
}


@dataclass
class Listing:
    """One listing of a forge, in pages of two."""

    base: str
    path: str
    name_key: str
    url_key: str
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)

    def authorised(self, headers: Any) -> bool:
        return TOKEN in (headers.get("Authorization") or headers.get("PRIVATE-TOKEN") or "")

    def answer(self, call: Call, url: str) -> Answer:
        if call.path != self.path:
            return Answer(404, {"message": "Not Found"})
        page = int(call.query.get("page", "1"))
        items = [
            {self.name_key: f"acme/{name}", self.url_key: f"{url}/acme/{name}.git", **more}
            for name, more in self.projects.items()
        ]
        more = {"Link": f'<{url}{self.base}{call.path}?page={page + 1}>; rel="next"'} if len(items) > 2 * page else {}
        return Answer(200, items[2 * page - 2 : 2 * page], more)


def listed(tmp_path: Path, kind: str, api: Listing, match: str = "*") -> tuple[list[str], Server]:
    with serving(tmp_path, api) as server:
        source = Source(kind, "acme", match=match, api_url=f"{server.url}{api.base}")
        found = repositories((source,), Clock(), {"CNPFIX_TOKEN": TOKEN})
        return [repository.name for repository in found], server


@pytest.mark.parametrize("kind", FORGES)
def test_a_forge_lists_what_is_alive(tmp_path: Path, kind: str) -> None:
    api = Listing(*FORGES[kind])
    api.projects = {"web": {}, "old": {"archived": True}, "db": {}, "docs": {}, "nested/api": {}}
    names, server = listed(tmp_path, kind, api)
    assert names == ["acme/db", "acme/docs", "acme/nested/api", "acme/web"]
    assert [call.query.get("page") for call in server.calls] == [None, "2", "3"]
    if kind == "gitlab":
        assert server.calls[0].query["include_subgroups"] == "true"
    assert listed(tmp_path, kind, api, "d*")[0] == ["acme/db", "acme/docs"]


def test_an_organisation_may_have_thousands(tmp_path: Path) -> None:
    api = Listing(*FORGES["gitea"], {f"r-{number:03}": {} for number in range(104)})
    names, server = listed(tmp_path, "gitea", api)
    assert (len(names), len(server.calls)) == (104, 52)


def test_a_person_on_github_is_no_organisation(tmp_path: Path) -> None:
    api = Listing(*FORGES["github"], {"web": {}})
    api.path = "/users/acme/repos"
    assert listed(tmp_path, "github", api)[0] == ["acme/web"]


def test_a_repository_on_another_host_gets_no_token(tmp_path: Path) -> None:
    api = Listing(*FORGES["gitea"], {"web": {"clone_url": "https://git.invalid/acme/web.git"}})
    with pytest.raises(FleetError, match=r"another host, git\.invalid; give it under urls"):
        listed(tmp_path, "gitea", api)


def test_a_listing_of_something_else_is_one_line(tmp_path: Path) -> None:
    api = Listing(*FORGES["gitlab"], {"web": {"http_url_to_repo": None}})
    api.url_key = "url"
    with pytest.raises(FleetError, match="gitlab acme: "):
        listed(tmp_path, "gitlab", api)
