"""A forge on loopback with an organisation of repositories, and a fleet that is run over it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewriter.bot.token import ALL_VARIABLES
from tests.bot.server import TOKEN, Answer, Call, Server, change, new_project, serving
from tests.cli.support import Ran, cnpfix
from tests.inventory.test_partial_snapshot import CONFIG, POLICY, workload


@dataclass
class Organisation:
    """GitHub's API as far as a fleet asks it: the repositories of `acme`, and their pull requests."""

    base: str = "/api/v3"
    names: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 2

    def authorised(self, headers: Any) -> bool:
        return bool(headers.get("Authorization") == f"Bearer {TOKEN}")

    def answer(self, call: Call, url: str) -> Answer:
        match call.method, call.path.strip("/").split("/"):
            case "GET", ["orgs", "acme", "repos"]:
                page, size = int(call.query.get("page", "1")), self.page_size
                shown = sorted((*self.names, *self.archived))[(page - 1) * size : page * size]
                more = len(self.names) + len(self.archived) > page * size
                link = {"Link": f'<{url}{self.base}{call.path}?page={page + 1}>; rel="next"'} if more else {}
                return Answer(200, [self._repository(name, url) for name in shown], link)
            case "GET", ["repos", "acme", name, "pulls"]:
                return Answer(
                    200, [each for each in self.requests if each["base"]["repo"]["full_name"] == f"acme/{name}"]
                )
            case "POST", ["repos", "acme", name, "pulls"]:
                repository = {"full_name": f"acme/{name}"}
                number = len(self.requests) + 1
                made = {
                    **call.body,
                    "number": number,
                    "state": "open",
                    "merged_at": None,
                    "html_url": f"{url}/acme/{name}/pull/{number}",
                    "head": {"ref": call.body["head"], "repo": repository},
                    "base": {"ref": call.body["base"], "repo": repository},
                    "labels": [],
                }
                self.requests.append(made)
                return Answer(201, made)
            case _:
                return Answer(404, {"message": "Not Found"})

    def _repository(self, name: str, url: str) -> dict[str, Any]:
        return {
            "full_name": f"acme/{name}",
            "clone_url": f"{url}/acme/{name}.git",
            "archived": name in self.archived,
        }


@dataclass
class Fleet:
    """The forge, the folder of the fleet, and checkouts of people."""

    server: Server
    api: Organisation
    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "fleet-work"

    def add(self, name: str, files: dict[str, str]) -> None:
        new_project(self.server.repositories, f"acme/{name}", files, self.folder / f"checkout-{name}")
        self.api.names.append(name)

    def change(self, name: str, files: dict[str, str | None]) -> None:
        change(self.folder / f"checkout-{name}", files, "Change")

    def configure(self, more: str = "", source: str = "") -> Path:
        path = self.folder / "fleet.toml"
        own = source or f'github = "acme"\napi_url = "{self.server.url}/api/v3"\n'
        path.write_text(f'from = "1.18"\nto = "1.19"\n[[sources]]\n{own}\n{more}')
        return path

    def run(self, *arguments: str) -> Ran:
        return cnpfix("fleet", str(self.folder / "fleet.toml"), "--workers", "2", *arguments)

    def report(self, name: str = "fleet.json") -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.work / name).read_text())
        return content

    def states(self) -> dict[str, str]:
        return {each["name"].removeprefix("acme/"): each["state"] for each in self.report()["repositories"]}

    def steps(self, name: str = "ledger.jsonl") -> list[tuple[str, str, str]]:
        """Repository, step and outcome of each line of the ledger, in order of these."""
        lines = [json.loads(line) for line in (self.work / name).read_text().splitlines()]
        return sorted((each["repository"].rsplit("/", 1)[1][:-4], each["step"], each["outcome"]) for each in lines)


AGENTS = {"cnpfix.toml": CONFIG, "agent.yaml": yaml.safe_dump(workload("agent", "monitoring", {"app": "agent"}))}
SHOP = {
    "cnpfix.toml": CONFIG,
    "web.yaml": yaml.safe_dump(workload("web", "shop", {"app": "web"})),
    "policy.yaml": POLICY,
}


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Two repositories: a policy in `shop` that means the agents which `agents` runs."""
    for name in ALL_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    api = Organisation()
    (tmp_path / "repositories").mkdir()
    with serving(tmp_path / "repositories", api) as server:
        made = Fleet(server, api, tmp_path)
        made.add("agents", AGENTS)
        made.add("shop", SHOP)
        made.configure()
        yield made
