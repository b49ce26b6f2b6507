"""Repositories that are large, or whose server hangs, in the run of a whole fleet."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from tests.bot.server import git
from tests.fleet.conftest import SHOP, Fleet
from tests.inventory.test_partial_snapshot import workload

#: Above the limit of what is fetched unasked, and nothing that packs well.
LARGE = random.Random(7).randbytes(1_500_000).hex()


def add_large(fleet: Fleet, *, filters: bool = True) -> None:
    """`agents` gets a large file that holds no facts, under a hard name, and a large one that holds a workload."""
    agent = yaml.safe_dump(workload("agent", "monitoring", {"app": "agent"}))
    fleet.change("agents", {"a [b]*.bin": LARGE, "agent.yaml": f"{agent}---\n# {LARGE}\n"})
    git(fleet.server.repository("acme/agents"), "config", "uploadpack.allowFilter", str(filters).lower())


def clone_of(fleet: Fleet, name: str) -> Path:
    (found,) = fleet.work.glob(f"clones/acme_{name}-*")
    return found


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_large_file_stays_on_the_server_unless_it_may_hold_facts(fleet: Fleet) -> None:
    add_large(fleet)
    ran = fleet.run()
    assert ran.code == 0, ran.err
    clone = clone_of(fleet, "agents")
    assert sorted(path.name for path in clone.iterdir()) == [".git", "agent.yaml", "cnpfix.toml"]
    assert size_of(clone / ".git") < 0.8 * len(LARGE)
    assert fleet.report()["summary"]["fixes"] == 1, "the workload in the large manifest is evidence"
    assert not [line for line in fleet.report()["repositories"] if line["reason"]]
    fleet.change("agents", {"a [b]*.bin": "small\n", "other.bin": LARGE})
    assert fleet.run().code == 0
    assert (clone / "a [b]*.bin").read_text() == "small\n" and not (clone / "other.bin").exists()


def test_a_server_that_leaves_nothing_out_sends_everything(fleet: Fleet) -> None:
    add_large(fleet, filters=False)
    assert fleet.run().code == 0
    assert (clone_of(fleet, "agents") / "a [b]*.bin").read_text() == LARGE
    assert fleet.report()["summary"]["fixes"] == 1


def test_requests_of_a_repository_with_a_large_file(fleet: Fleet) -> None:
    fleet.configure("[pr]\nenabled = true\n")
    fleet.change("shop", {"large.bin": LARGE, "large.yaml": f"# {LARGE}\n"})
    bare = fleet.server.repository("acme/shop")
    git(bare, "config", "uploadpack.allowFilter", "true")
    assert fleet.run().code == 0
    (made,) = fleet.api.requests
    branch = made["head"]["ref"]
    assert git(bare, "diff", "--name-only", "main", branch) == "policy.yaml"
    assert "large.bin" in git(bare, "ls-tree", "--name-only", branch)
    assert fleet.run().code == 0 and len(fleet.api.requests) == 1


def test_a_repository_that_hangs_costs_its_time_and_nothing_else(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.add("other", {path: text.replace("shop", "other") for path, text in SHOP.items()})
    fleet.server.hanging.add("/acme/agents.git")
    path = fleet.configure()
    path.write_text(f"timeout = 3\n{path.read_text()}")
    ran = fleet.run()
    assert ran.code == 2
    assert fleet.states() == {"agents": "failed", "other": "done", "shop": "done"}
    assert "acme/agents.git: facts: git ls-remote took more than 3 seconds; run again later" in ran.err
    fleet.server.hanging.clear()
    assert fleet.run().code == 0
    assert set(fleet.states().values()) == {"done"} and fleet.report()["summary"]["fixes"] == 2
