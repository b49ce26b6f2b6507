"""A fleet end to end: real git over HTTP, real processes, an API on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from rewriter import __version__
from rewriter.fleet.executors import Threads
from rewriter.fleet.ledger import Entry
from rewriter.fleet.repositories import FleetRepository
from rewriter.fleet.run import FleetRun, Places
from rewriter.fleet.settings import FleetSettings
from rewriter.fleet.steps import Step
from tests.bot.server import TOKEN, git
from tests.cli.support import cnpfix
from tests.fleet.conftest import Fleet

DONE = [
    ("agents", "facts", "done"),
    ("agents", "findings", "done"),
    ("shop", "facts", "done"),
    ("shop", "findings", "done"),
]


def test_a_policy_is_judged_by_what_another_repository_runs(fleet: Fleet) -> None:
    ran = fleet.run()
    assert ran.code == 0, ran.err
    report = fleet.report()
    assert report["summary"]["passes"] == {"CNP005 missing-namespace": 1}
    assert [(each["name"], each["fixes"]) for each in report["repositories"]] == [("acme/agents", 0), ("acme/shop", 1)]
    (found,) = json.loads(next((fleet.work / "findings").glob("acme_shop-*")).read_text())["findings"]
    assert "acme/agents.git, agent.yaml:1" in json.dumps(found["evidence"])
    assert "2 repositories (2 done)" in ran.out and "1 finding, 1 to fix" in ran.out
    assert fleet.steps() == DONE


def test_the_findings_are_those_of_a_run_by_hand_on_the_merged_facts(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.run()
    monkeypatch.chdir(next((fleet.work / "clones").glob("acme_shop-*")))
    by_hand = cnpfix("--dry-run", "--format", "json", "--from", "1.18", "--to", "1.19",
                     "--inventory", str(fleet.work / "facts.json"), ".")  # fmt: skip
    report = json.loads(next((fleet.work / "findings").glob("acme_shop-*")).read_text())
    assert json.loads(by_hand.out)["findings"] == report["findings"]


def test_a_second_run_does_nothing_again(fleet: Fleet) -> None:
    fleet.run()
    before = fleet.report()
    assert fleet.run().code == 0
    assert (fleet.steps(), fleet.report()) == (DONE, before)


def test_what_an_ended_run_did_not_note_is_not_done_again(fleet: Fleet) -> None:
    fleet.run()
    before = fleet.report()
    (fleet.work / "ledger.jsonl").unlink()
    assert fleet.run().code == 0
    assert (fleet.steps(), fleet.report()) == (DONE, before)
    traces = [json.loads(file.read_text()) for file in fleet.work.glob("traces/*/*.json")]
    assert [(trace["begun"], trace["code"]) for trace in traces] == [(1, 0)] * 4


def test_what_changes_is_done_again_and_nothing_stale_is_left(fleet: Fleet) -> None:
    fleet.run()
    fleet.change("agents", {"agent.yaml": None, "README.yaml": "a: 1\n"})
    assert fleet.run().code == 0
    assert fleet.report()["summary"]["fixes"] == 0
    assert fleet.steps().count(("agents", "facts", "done")) == 2
    assert fleet.steps().count(("shop", "facts", "done")) == 1


def test_a_repository_that_fails_is_named_and_the_others_are_done(fleet: Fleet) -> None:
    fleet.api.names.append("gone")
    fleet.add("garbage", {"policy.yaml": "kind: CiliumNetworkPolicy\n\tx: [\n", "cnpfix.toml": "[[clusters]\n"})
    ran = fleet.run()
    assert ran.code == 2
    assert fleet.states() == {"agents": "done", "shop": "done", "gone": "failed", "garbage": "failed"}
    assert "acme/gone.git: facts:" in ran.err and "Traceback" not in ran.err
    assert fleet.report()["summary"]["fixes"] == 1


def test_archived_and_empty_repositories_and_those_that_do_not_match(fleet: Fleet) -> None:
    fleet.api.archived.append("old")
    bare = fleet.server.repositories / "acme" / "empty.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    fleet.api.names.append("empty")
    assert fleet.run().code == 0
    assert fleet.states() == {"agents": "done", "shop": "done", "empty": "empty"}
    fleet.configure(source=f'github = "acme"\nmatch = "s*"\napi_url = "{fleet.server.url}/api/v3"\n')
    fleet.run()
    assert fleet.states() == {"shop": "done"}


def test_requests_are_opened_once_and_no_more_than_an_hour_allows(fleet: Fleet) -> None:
    fleet.add("other", _shop_of("other"))
    fleet.configure("[pr]\nenabled = true\nlimit_per_hour = 1\n")
    ran = fleet.run()
    assert ran.code == 0, ran.err
    assert len(fleet.api.requests) == 1
    assert sorted(outcome for _, step, outcome in fleet.steps() if step == "requests") == ["done", "held"]
    assert "1 repository waits: the limit of requests" in ran.out
    fleet.configure("[pr]\nenabled = true\nlimit_per_hour = 10\n")
    for _ in range(2):
        assert fleet.run().code == 0
        assert sorted(each["base"]["repo"]["full_name"] for each in fleet.api.requests) == ["acme/other", "acme/shop"]


def test_a_token_that_may_not_push_is_named(fleet: Fleet) -> None:
    git(fleet.server.repository("acme/shop"), "config", "http.receivepack", "false")
    fleet.configure("[pr]\nenabled = true\n")
    ran = fleet.run()
    assert ran.code == 2 and fleet.states() == {"agents": "done", "shop": "done"}
    assert "acme/shop.git: requests: " in ran.err and "403" in ran.err
    assert "requests failed: " in ran.out and not fleet.api.requests
    git(fleet.server.repository("acme/shop"), "config", "http.receivepack", "true")
    assert fleet.run().code == 0 and len(fleet.api.requests) == 1


def _shop_of(name: str) -> dict[str, str]:
    from tests.fleet.conftest import SHOP

    return {path: text.replace("shop", name) for path, text in SHOP.items()}


def test_the_token_is_in_no_file(fleet: Fleet) -> None:
    fleet.configure("[pr]\nenabled = true\n")
    fleet.run()
    for path in (path for path in fleet.work.rglob("*") if path.is_file()):
        assert TOKEN.encode() not in path.read_bytes(), path


def test_shards_together_are_the_whole(fleet: Fleet) -> None:
    for number in range(2):
        fleet.add(f"more-{number}", _shop_of(f"more-{number}"))
    for stage in ("facts", "findings"):
        for number in (1, 2, 3):
            assert fleet.run("--shard", f"{number}/3", "--stage", stage).code == 0
    ledgers = sorted(str(path) for path in fleet.work.glob("ledger-*.jsonl"))
    assert cnpfix("fleet", "merge", *ledgers, "-o", str(fleet.work / "ledger.jsonl")).code == 0
    steps = fleet.steps()
    assert cnpfix("fleet", "merge", *ledgers, "-o", str(fleet.work / "ledger.jsonl")).code == 0
    assert fleet.run().code == 0
    assert fleet.steps() == steps, "nothing is done again"
    assert set(fleet.states().values()) == {"done"} and fleet.report()["summary"]["fixes"] == 3


def test_a_file_that_is_no_ledger_is_not_merged(tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text("{}\n")
    ran = cnpfix("fleet", "merge", str(tmp_path / "other.jsonl"), "-o", str(tmp_path / "ledger.jsonl"))
    assert ran.code == 2 and "other.jsonl: holds no line of a ledger" in ran.err


def test_a_default_branch_of_another_name(fleet: Fleet) -> None:
    bare = fleet.server.repository("acme/shop")
    git(bare, "branch", "-m", "main", "trunk")
    assert fleet.run().code == 0
    assert fleet.report()["summary"]["fixes"] == 1
    assert fleet.report()["repositories"][1]["base"] == git(bare, "rev-parse", "trunk")


def test_each_forge_has_its_own_limit_and_each_shard_a_part(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where requests are made, a step that would make one ends at once here."""
    done: list[str] = []

    def ended(step: Step) -> Entry:
        done.append(step.repository.url)
        return Entry(step.repository.url, step.name, step.base, __version__, step.digest, "done", 0.0, 1e6)

    monkeypatch.setattr("rewriter.fleet.run.carry_out", ended)
    steps = []
    for host in ("a.example.org", "b.example.org"):
        for number in range(4):
            repository = FleetRepository(f"acme/{number}", f"https://{host}/acme/{number}.git")
            report = fleet.folder / f"{host}-{number}.json"
            report.write_text('{"summary": {"fixed": 1}}')
            folder = fleet.folder
            steps.append(Step("findings", repository, folder, folder, (), report, "base", "digest", 9))
    settings = FleetSettings(fleet.work, (), requests=True, limit_per_hour=3)
    for shard, counts in ((None, (3, 3)), ((0, 2), (1, 1)), ((1, 8), (1, 1))):
        done.clear()
        FleetRun(settings, Places(fleet.work, shard), Threads(1)).requests(steps, 1e6)
        found = Counter(url.split("/")[2] for url in done)
        assert (found["a.example.org"], found["b.example.org"]) == counts
    done.clear()
    FleetRun(settings, Places(fleet.work), Threads(1)).requests(steps, 1e6 + 60)
    assert not done, "the hour is not over"
    FleetRun(settings, Places(fleet.work), Threads(1)).requests(steps, 1e6 + 3601)
    assert len(done) == 2


def test_a_driver_that_is_killed_loses_nothing(fleet: Fleet) -> None:
    command = [sys.executable, "-m", "rewriter", "fleet", str(fleet.folder / "fleet.toml"), "--workers", "2"]
    for limit in (0.6, 1.2, 1.8, 2.4):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    with (fleet.work / "ledger.jsonl").open("a") as ledger:
        ledger.write('{"repository": "torn')
    assert fleet.run().code == 0
    assert fleet.report()["summary"]["fixes"] == 1
    assert set(fleet.states().values()) == {"done"}


def test_repositories_by_url_without_a_forge(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "repositories.txt").write_text(f"# all of them\n{fleet.server.url}/acme/shop.git  # the shop\n")
    fleet.configure(source='file = "repositories.txt"\n')
    assert fleet.run().code == 2  # No token goes to a host that nobody named as a forge.
    assert "acme/shop" in fleet.report()["repositories"][0]["name"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected one [[sources]] or more"),
        ("[[sources]\n", "is not TOML"),
        ('[[sources]]\ngithub = "acme"\ngitlab = "x"\n', "expected one of github, gitlab"),
        ('[[sources]]\ngithbu = "acme"\n', "unknown key githbu; did you mean github?"),
        ('[[sources]]\nurls = ["git@example.org:a/b"]\n[pr]\nenabled = "yes"\n', "enabled: expected true or false"),
        ('[[sources]]\nurls = ["a b"]\n', "is not on a forge"),
        ('from = "9.9"\n[[sources]]\nurls = ["git@example.org:a/b"]\n', "from: expected one of 1.15, 1.16"),
        ('[[sources]]\ngithub = "a"\napi_url = "nonsense"\n', "api_url: expected a URL such as https://"),
        ('[[sources]]\nurls = ["git@example.org:a/b"]\nmatch = "x*"\n', "the sources name no repository"),
        ('[[sources]]\nurls = ["http://git.invalid/a/b"]\n', "http://git.invalid is plain HTTP"),
        ('[[sources]]\ngitea = "a"\napi_url = "http://git.invalid/api/v1"\n', "git.invalid/api/v1 is plain HTTP"),
        ('[[sources]]\nurls = ["git@example.org:a/b"]\n[[inventories]]\nfiles = ["*.none"]\n', "matches no file"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "fleet.toml").write_text(text)
    ran = cnpfix("fleet", str(tmp_path / "fleet.toml"))
    assert ran.code == 2
    assert words in ran.err and len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("shard", ["0/3", "4/3", "x", "1"])
def test_a_shard_that_is_none_is_refused(fleet: Fleet, shard: str) -> None:
    assert "expected N/M" in fleet.run("--shard", shard).err
