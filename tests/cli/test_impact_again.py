"""`impact` with what is kept of earlier runs: the same to the byte as without, whatever was edited meanwhile."""

from __future__ import annotations

import os
import random
import re
import signal
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import rewriter
from rewriter.discovery import FoundFile
from rewriter.engine.results.result import FileResult
from rewriter.engine.run.fixer import Fixer
from tests.cli.support import Ran, cnpfix

CONFIG = """
[[clusters]]
name = "a"
version = "1.18"
local = ["**"]
pod_cidrs = ["10.0.0.0/16"]
[[clusters]]
name = "b"
version = "1.18"
pod_cidrs = ["10.1.0.0/16"]
[passes.implicit-cluster]
scope = "any"
"""
NAMESPACES = 6
ROOT = Path(rewriter.__file__).parent
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {{name: ns{0}, labels: {{team: t{1}}}}}\n"
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: app{0}, namespace: ns{1}}}
spec:
  selector: {{matchLabels: {{app: app{0}}}}}
  template:
    metadata: {{labels: {{app: app{0}, tier: t{2}}}}}
    spec: {{containers: [{{name: main, image: example, ports: [{{name: http, containerPort: {3}}}]}}]}}
"""
SERVICE = """apiVersion: v1
kind: Service
metadata: {{name: app{0}, namespace: ns{1}}}
spec: {{selector: {{app: app{0}}}, ports: [{{port: 80, targetPort: {2}}}]}}
"""
KNP = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {0}, namespace: ns{1}}}
spec:
  podSelector: {{matchLabels: {{app: app{2}}}}}
"""
CNP = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: {0}, namespace: ns{1}}}
spec:
  endpointSelector: {{matchLabels: {{app: app{2}}}}}
"""
IN = "k8s:io.kubernetes.pod.namespace"
RULES = {
    "peer": (
        "  policyTypes: [Ingress]\n  ingress:\n    - from:\n        - podSelector: {{matchLabels: {{app: app{2}}}}}\n"
        "          namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: ns{1}}}}}\n"
        "      ports: [{{port: {3}, protocol: TCP}}]\n",
        "  ingress:\n    - fromEndpoints:\n        - matchLabels: {{app: app{2}, {4}: ns{1}}}\n"
        "      toPorts: [{{ports: [{{port: '{3}', protocol: TCP}}]}}]\n",
    ),
    "out": (
        "  policyTypes: [Egress]\n  egress:\n    - to: [{{ipBlock: {{cidr: 198.51.{2}.0/24}}}}]\n",
        "  egress:\n    - toEndpoints:\n        - matchLabels: {{app: app{2}, {4}: ns{1}}}\n",
    ),
    "nobody": ("  policyTypes: [Ingress]\n  ingress: []\n", "  ingress: []\n"),
    "anywhere": (
        "  policyTypes: [Ingress]\n  ingress:\n    - from: [{{namespaceSelector: {{matchLabels: {{team: t{1}}}}}}}]\n",
        "  ingress:\n    - fromEntities: [cluster]\n",
    ),
    "deny": (
        "  policyTypes: [Egress]\n  egress: []\n",
        "  egressDeny:\n    - toEndpoints: [{{matchLabels: {{app: app{2}, {4}: ns{1}}}}}]\n",
    ),
    "names": (
        "  policyTypes: [Egress]\n  egress: [{{}}]\n",
        "  egress:\n    - toFQDNs: [{{matchName: example-{2}.com}}]\n",
    ),
}


class Tree:
    """A repository, and ways to edit it."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder = folder
        self.chance = chance
        self.made = 0
        (folder / "cnpfix.toml").write_text(CONFIG)
        for number in range(NAMESPACES):
            (folder / f"ns{number}.yaml").write_text(
                "---\n".join(
                    [
                        NAMESPACE.format(number, number % 2),
                        *(DEPLOYMENT.format(app, number, app % 3, 7070) for app in self.apps(number)),
                        SERVICE.format(number, number, 7070),
                        *(self.policy(number) for _ in range(4)),
                    ]
                )
            )
            (folder / f"more{number}.yaml").write_text("---\n".join(self.policy(number) for _ in range(2)))

    def apps(self, number: int) -> tuple[int, int]:
        return number, number + NAMESPACES

    def policy(self, namespace: int) -> str:
        self.made += 1
        there = self.chance.randrange(NAMESPACES)
        common = ["peer"] * 8 + ["out", "nobody"] * 2
        kind = self.chance.choice(common if self.made % 9 else list(RULES))
        cilium = self.chance.random() < 0.4
        head = (CNP if cilium else KNP).format(f"p{self.made}", namespace, self.chance.choice(self.apps(namespace)))
        port = self.chance.choice((7070, 7071))
        return head + RULES[kind][cilium].format(0, there, self.chance.choice(self.apps(there)), port, IN)

    def file(self, start: str = "") -> Path:
        return self.chance.choice(sorted(self.folder.glob(f"{start}*.yaml")))

    def change(self, path: Path, changed: Callable[[list[str]], list[str]]) -> None:
        path.write_text("---\n".join(changed(path.read_text().split("---\n"))))

    def edit_policy(self) -> None:
        """One policy becomes another, in its place."""

        def changed(parts: list[str]) -> list[str]:
            places = [place for place, part in enumerate(parts) if "NetworkPolicy" in part]
            if places:
                namespace = self.chance.randrange(NAMESPACES)
                parts[self.chance.choice(places)] = self.policy(namespace)
            return parts

        self.change(self.file(), changed)

    def edit_rule(self) -> None:
        self.replace(("port: 7070", "port: 7071"), ("port: 7071", "port: 7070"), ("ingress: []", "ingress: [{}]"))

    def edit_subject(self) -> None:
        number = self.chance.randrange(NAMESPACES)
        self.replace((f"app: app{number}", f"app: app{number + NAMESPACES}"), ("Selector: {match", "Selector:  {match"))

    def replace(self, *pairs: tuple[str, str]) -> None:
        path = self.file()
        text = path.read_text()
        there = [pair for pair in pairs if pair[0] in text]
        if there:
            old, new = self.chance.choice(there)
            start = self.chance.choice([place for place in range(len(text)) if text.startswith(old, place)])
            path.write_text(text[:start] + new + text[start + len(old) :])

    def add_policy(self) -> None:
        number = self.chance.randrange(NAMESPACES)

        def changed(parts: list[str]) -> list[str]:
            parts.insert(self.chance.randrange(len(parts) + 1), self.policy(number))
            return parts

        self.change(self.file(), changed)

    def drop(self) -> None:
        """A document goes, whatever it is."""

        def changed(parts: list[str]) -> list[str]:
            if len(parts) > 1:
                del parts[self.chance.randrange(len(parts))]
            return parts

        self.change(self.file(), changed)

    def swap(self) -> None:
        def changed(parts: list[str]) -> list[str]:
            one, other = self.chance.randrange(len(parts)), self.chance.randrange(len(parts))
            parts[one], parts[other] = parts[other], parts[one]
            return parts

        self.change(self.file(), changed)

    def comment(self) -> None:
        path = self.file()
        path.write_text(path.read_text().replace("spec:\n", "# what it is for\nspec:\n", 1))

    def silence(self) -> None:
        self.replace(("kind: NetworkPolicy", "kind: NetworkPolicy  # cnpfix: ignore"), ("  # cnpfix: ignore", ""))

    def edit_workload(self) -> None:
        self.replace(("tier: t0", "tier: t1"), ("tier: t1", "tier: t2"), ("containerPort: 7070", "containerPort: 7071"))

    def edit_namespace(self) -> None:
        self.replace(("team: t0", "team: t1"), ("team: t1", "team: t0"))

    def edit_service(self) -> None:
        self.replace(("targetPort: 7070", "targetPort: 7071"), ("targetPort: 7071", "targetPort: http"))

    def edit_config(self) -> None:
        path = self.folder / "cnpfix.toml"
        text = path.read_text()
        path.write_text(text.replace('"any"', '"local"') if '"any"' in text else CONFIG)

    def add_file(self) -> None:
        number = self.chance.randrange(NAMESPACES)
        (self.folder / f"new{self.made}.yaml").write_text(self.policy(number))

    def remove_file(self) -> None:
        if len(list(self.folder.glob("*.yaml"))) > NAMESPACES:
            self.file().unlink()

    def clusterwide(self) -> None:
        path = self.folder / "all.yaml"
        if path.exists():
            path.unlink()
        else:
            rules = (
                "  ingress:\n    - fromEntities: [cluster]\n" if self.chance.random() < 0.5 else "  egressDeny: [{}]\n"
            )
            text = CNP.format("all", 0, 1).replace("CiliumNetwork", "CiliumClusterwideNetwork")
            path.write_text(text.replace(", namespace: ns0", "") + rules)


#: Edits after which little is judged again come more often.
EDITS = [name for name in ("edit_policy", "edit_rule", "edit_subject", "add_policy") for _ in range(4)] + [
    *("drop", "swap", "comment", "silence", "edit_workload", "edit_namespace", "edit_service", "edit_config"),
    *("add_file", "remove_file", "clusterwide"),
]


def impact(*more: str) -> Ran:
    return cnpfix("impact", "--from", "1.18", "--to", "1.19", "-j", "1", *more, ".")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    folder = tmp_path / "tree"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Tree(folder, random.Random(1))


@pytest.mark.parametrize("seed", [1, 2])
def test_edits_of_any_kind_leave_no_trace_of_what_was(tree: Tree, seed: int) -> None:
    """After each edit, and after several at once, a run with the cache says what one without it says."""
    tree.chance.seed(seed)
    for number in range(12):
        for _ in range(tree.chance.choice((1, 1, 1, 2))):
            getattr(tree, tree.chance.choice(EDITS))()
        form = ("json", "text", "markdown")[number % 3]
        plain = impact("--no-cache", "--format", form)
        assert impact("--cache-dir", "../cache", "--format", form) == plain, number
        assert impact("--cache-dir", "../cache", "--format", form) == plain, number


def fixed_files(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The files that are fixed from now on, each with the number of documents that are: other ones are blank."""
    found: list[tuple[str, int]] = []
    fix = Fixer.fix_file

    def counting(fixer: Fixer, file: FoundFile, data: bytes) -> FileResult:
        found.append((file.display, data.count(b"kind: ")))
        return fix(fixer, file, data)

    monkeypatch.setattr(Fixer, "fix_file", counting)
    return found


def cached() -> Ran:
    return impact("--cache-dir", "../cache")


def test_only_what_rests_on_an_edited_policy_is_judged_again(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cached()
    found = fixed_files(monkeypatch)
    assert cached() == first
    assert found == []  # Nothing changed.
    path = tree.folder / "more3.yaml"
    path.write_text(path.read_text().replace("7071", "7090"))
    second = cached()
    assert ("more3.yaml", 2) in found
    others = [documents for name, documents in found if name != "more3.yaml"]
    assert set(others) == {1}
    assert len(others) < 2 * NAMESPACES
    assert second == impact("--no-cache") != first


@pytest.mark.parametrize("what", ["cut", "turned", "empty", "other"])
def test_an_entry_that_is_damaged_is_not_there(tree: Tree, what: str) -> None:
    first = cached()
    (entry,) = (tree.folder.parent / "cache" / "results").iterdir()
    data = entry.read_bytes()
    turned = data[:900] + bytes([data[900] ^ 1]) + data[901:]
    entry.write_bytes({"cut": data[:-9], "turned": turned, "empty": b"", "other": b"cnpfix cache 1\n" + data}[what])
    assert cached() == first
    assert entry.read_bytes() == data


def test_no_cache_keeps_no_results(tree: Tree) -> None:
    assert impact("--no-cache", "--cache-dir", "../cache").code == 0
    assert not (tree.folder.parent / "cache").exists()


def test_a_run_that_failed_keeps_none(tree: Tree) -> None:
    (tree.folder / "broken.yaml").write_text("kind: NetworkPolicy\n  a: [")
    assert cached().code == 2
    assert not (tree.folder.parent / "cache" / "results").exists()


@pytest.mark.parametrize("text", ["kind: NetworkPolicy\n  a: [", "kind: NetworkPolicy\nspec: {a: b"])
def test_what_becomes_wrong_with_a_file_is_said_once(tree: Tree, text: str) -> None:
    assert cached().code == 0
    (tree.folder / "more1.yaml").write_text(text)
    found = cached()
    assert found == impact("--no-cache")
    assert found.err.count("more1.yaml") == 1


def killed_at(moment: str, entry: int) -> None:
    """A run that is killed while it writes an entry of the cache: after some bytes of it, or beside its renaming."""
    left = entry
    replace, fdopen = os.replace, os.fdopen

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def renamed(*given: Any, **named: Any) -> None:
        nonlocal left
        left -= 1
        if not left and moment == "before it is renamed":
            die()
        replace(*given, **named)
        if not left:
            die()

    def opened(descriptor: int, mode: str = "r", **named: Any) -> Any:
        file = fdopen(descriptor, mode, **named)
        if mode != "wb" or left != 1 or not moment.startswith("cut"):
            return file
        data = file.write

        class Cut:
            def __enter__(self) -> Cut:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def write(self, whole: bytes) -> None:
                data(whole[: random.Random(moment).randrange(len(whole))])
                file.flush()
                die()

        return Cut()

    os.replace, os.fdopen = renamed, opened  # type: ignore[assignment]
    cached()


@pytest.mark.parametrize(
    ("before", "moment", "entry"),
    [
        ("nothing", "cut early", 1),
        ("nothing", "cut late", 2),
        ("nothing", "after it is renamed", 1),
        ("older results", "cut", 1),
        ("older results", "before it is renamed", 1),
        ("older results", "after it is renamed", 1),
    ],
)
def test_a_run_that_is_killed_while_it_keeps_results_changes_none(
    tree: Tree, before: str, moment: str, entry: int
) -> None:
    """What the next run finds is whole, or is not there."""
    if before == "older results":
        cached()
        path = tree.folder / "more3.yaml"
        path.write_text(path.read_text().replace("7071", "7090"))
    run = get_context("fork").Process(target=killed_at, args=(moment, entry))
    run.start()
    run.join()
    assert run.exitcode == -signal.SIGKILL
    assert cached() == impact("--no-cache")


def test_what_asks_about_all_policies_says_so() -> None:
    """An answer out of all policies is kept with the question: each place that makes one takes it down."""
    users = {
        path.relative_to(ROOT).as_posix()
        for room in ("evidence", "passes", "engine")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"\binventory\.policies\b", path.read_text())
    }
    assert users == {
        "engine/run/unrendered.py",  # Of no part in an impact.
        "evidence/names_learned.py",  # trait(NAMES)
        "evidence/policies.py",  # the questions to ClusterPolicies, trait(DENIES_EGRESS), clusterwide policies
        "passes/kit/addresses/unknown_ranges.py",  # trait(EXCEPTIONS)
    }
