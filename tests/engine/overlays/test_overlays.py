"""Policies that Kustomize patches change: judged as built, fixed at the text that causes it, proved by kubectl."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.engine.charts.support import DNS, FIXED, STAR, Repository, Treated
from tests.inventory.support import kustomization

POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: web
  namespace: shop
spec:
  endpointSelector:
    matchLabels:
      app: web
  egress:
"""
MERGE = POLICY.replace("  endpointSelector:\n    matchLabels:\n      app: web\n", "").replace("  namespace: shop\n", "")
PLAIN = POLICY + DNS
BASE = {"base/kustomization.yaml": "resources: [policy.yaml]\n"}
TARGET = "    target: {kind: CiliumNetworkPolicy}\n"
FILE = "resources: [../base]\npatches:\n  - path: patch.yaml\n" + TARGET
ADD = """\
- op: add
  path: /spec/egress/-
  value:
    toFQDNs:
      - matchPattern: "**.example.com"
"""


def inline(patch: str, header: str = "|-") -> str:
    """A kustomization with an inline patch."""
    rows = "".join(f"        {line}\n" for line in patch.rstrip("\n").split("\n"))
    return f"resources: [../base]\npatches:\n  -{TARGET[3:]}    patch: {header}\n{rows}"


def indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.rstrip("\n").split("\n"))


def flux(patch: str, more: str = "") -> str:
    """A Flux Kustomization of the folder `base` with an inline patch."""
    return (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        "metadata: {name: shop, namespace: flux-system}\n"
        f"spec:\n  path: ./base\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{more}"
        "  patches:\n    - target: {kind: CiliumNetworkPolicy}\n      patch: |\n" + indented(patch, 8)
    )


def argo(patch: str) -> str:
    """An Application of the folder `base` with an inline patch."""
    return (
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: argocd}\n"
        "spec:\n  destination: {namespace: shop, server: https://kubernetes.default.svc}\n  source:\n"
        "    repoURL: https://git.example.com/shop\n    path: base\n    kustomize:\n"
        "      patches:\n        - target: {kind: CiliumNetworkPolicy}\n          patch: |\n" + indented(patch, 12)
    )


TRANSFORMER = (
    "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: more}\ntarget: {kind: CiliumNetworkPolicy}\n"
)
TRANSFORMED = "resources: [../base]\ntransformers: [more.yaml]\n"
DELETE = "$patch: delete\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: web, namespace: shop}\n"


def treat(repository: Repository, files: Mapping[str, str], *arguments: str) -> Treated:
    return repository.treat({**BASE, **files}, "--select", "fqdn-double-star", *arguments, programs=("kubectl",))


#: By name: files, and the one of them in which `**` is found and fixed.
FOUND: dict[str, tuple[dict[str, str], str]] = {
    "in the base, which an overlay patches": (
        {
            "base/policy.yaml": PLAIN + STAR,
            "top/kustomization.yaml": inline("- op: add\n  path: /spec/ingress\n  value: []\n"),
        },
        "base/policy.yaml",
    ),
    "in the base of two overlays": (
        {
            "base/policy.yaml": PLAIN + STAR,
            "top/kustomization.yaml": inline("- op: add\n  path: /spec/ingress\n  value: []\n"),
            "plain/kustomization.yaml": "namePrefix: two-\nresources: [../base]\n",
        },
        "base/policy.yaml",
    ),
    "in a strategic merge": (
        {"base/policy.yaml": PLAIN, "top/kustomization.yaml": FILE, "top/patch.yaml": MERGE + DNS + STAR},
        "top/patch.yaml",
    ),
    "in a strategic merge of the old field": (
        {
            "base/policy.yaml": PLAIN,
            "top/kustomization.yaml": "resources: [../base]\npatchesStrategicMerge: [patch.yaml]\n",
            "top/patch.yaml": MERGE.replace("web\n", "web\n  namespace: shop\n", 1) + DNS + STAR,
        },
        "top/patch.yaml",
    ),
    "in an inline strategic merge": (
        {"base/policy.yaml": PLAIN, "top/kustomization.yaml": inline(MERGE + DNS + STAR)},
        "top/kustomization.yaml",
    ),
    "in an operation of a file": (
        {"base/policy.yaml": PLAIN, "top/kustomization.yaml": FILE, "top/patch.yaml": ADD},
        "top/patch.yaml",
    ),
    "in an operation of the old field": (
        {
            "base/policy.yaml": PLAIN,
            "top/kustomization.yaml": "resources: [../base]\npatchesJson6902:\n  - path: patch.yaml\n"
            "    target: {group: cilium.io, version: v2, kind: CiliumNetworkPolicy, name: web}\n",
            "top/patch.yaml": ADD,
        },
        "top/patch.yaml",
    ),
    "in an inline operation": (
        {"base/policy.yaml": PLAIN, "top/kustomization.yaml": inline("# more names\n" + ADD)},
        "top/kustomization.yaml",
    ),
    "in a component": (
        {
            "base/policy.yaml": PLAIN,
            "part/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
            "patches:\n  - path: patch.yaml\n" + TARGET,
            "part/patch.yaml": ADD,
            "top/kustomization.yaml": "resources: [../base]\ncomponents: [../part]\n",
            "second/kustomization.yaml": "nameSuffix: -two\nresources: [../base]\ncomponents: [../part]\n",
        },
        "part/patch.yaml",
    ),
    "in a patch of Flux": ({"base/policy.yaml": PLAIN, "clusters/shop.yaml": flux(ADD)}, "clusters/shop.yaml"),
    "in a patch of Flux that puts everything elsewhere": (
        {
            "base/policy.yaml": PLAIN,
            "clusters/shop.yaml": flux(ADD, "  targetNamespace: edge\n  commonMetadata: {labels: {team: shop}}\n"),
        },
        "clusters/shop.yaml",
    ),
    "in the base, which Flux patches": (
        {
            "base/policy.yaml": PLAIN + STAR,
            "clusters/shop.yaml": flux("- op: add\n  path: /spec/ingress\n  value: []\n"),
        },
        "base/policy.yaml",
    ),
    "in a patch of Argo CD": ({"base/policy.yaml": PLAIN, "shop.yaml": argo(ADD)}, "shop.yaml"),
    "in a patch of Argo CD, of a policy without namespace": (
        {"base/policy.yaml": PLAIN.replace("  namespace: shop\n", ""), "shop.yaml": argo(ADD)},
        "shop.yaml",
    ),
    "in a file that a transformer names": (
        {
            "base/policy.yaml": PLAIN,
            "top/kustomization.yaml": TRANSFORMED,
            "top/more.yaml": TRANSFORMER + "path: patch.yaml\n",
            "top/patch.yaml": ADD,
        },
        "top/patch.yaml",
    ),
    "in a transformer": (
        {
            "base/policy.yaml": PLAIN,
            "top/kustomization.yaml": TRANSFORMED,
            "top/more.yaml": TRANSFORMER + "patch: |\n" + indented(ADD, 2),
        },
        "top/more.yaml",
    ),
    "below a patch that puts rules first": (
        {
            "base/policy.yaml": POLICY + STAR,
            "top/kustomization.yaml": inline(
                "- op: add\n  path: /spec/egress/0\n  value: {toEntities: [kube-apiserver]}\n"
            ),
        },
        "base/policy.yaml",
    ),
}


def fixed_at(repository: Repository, files: Mapping[str, str], where: str) -> Treated:
    """What a run made of the files: `**` of one text became `*`, nothing else changed, and a second run is silent."""
    found = treat(repository, files)
    assert found.errors == []
    [finding] = found.findings
    assert (finding["file"], finding["fixed"]) == (where, True), finding["advice"]
    assert "**." in files[where].split("\n")[finding["line"] - 1]
    assert found.after == {**BASE, **files, where: files[where].replace("**.", "*.")}
    again = treat(repository, found.after)
    assert (again.findings, again.after) == ([], found.after)
    return found


@pytest.mark.parametrize("name", FOUND)
def test_a_fix_goes_to_the_text_that_causes_the_finding(name: str, repository: Repository) -> None:
    files, where = FOUND[name]
    [finding] = fixed_at(repository, files, where).findings
    assert "kustomization" in finding["evidence"][-1]


#: By name: files in which nothing is found, though a text alone says `**`.
SILENT: dict[str, dict[str, str]] = {
    "a patch replaces the rules": {
        "base/policy.yaml": PLAIN + STAR,
        "top/kustomization.yaml": FILE,
        "top/patch.yaml": MERGE + DNS + FIXED,
    },
    "a patch takes the rule away": {
        "base/policy.yaml": PLAIN + STAR,
        "top/kustomization.yaml": inline("- op: remove\n  path: /spec/egress/1\n"),
    },
    "a patch of Flux takes the rule away": {
        "base/policy.yaml": PLAIN + STAR,
        "clusters/shop.yaml": flux("- op: remove\n  path: /spec/egress/1\n"),
    },
    "a patch of Argo CD takes the rule away": {
        "base/policy.yaml": PLAIN + STAR,
        "shop.yaml": argo("- op: remove\n  path: /spec/egress/1\n"),
    },
    "a patch of Flux takes the policy away": {
        "base/policy.yaml": PLAIN + STAR,
        "clusters/shop.yaml": flux(DELETE),
    },
    "a patch takes the policy away": {
        "base/policy.yaml": PLAIN + STAR,
        "top/kustomization.yaml": inline(DELETE),
    },
    "a patch is for no policy": {
        "base/policy.yaml": PLAIN,
        "top/kustomization.yaml": FILE.replace("CiliumNetworkPolicy", "NetworkPolicy"),
        "top/patch.yaml": ADD,
    },
}


@pytest.mark.parametrize("name", SILENT)
def test_what_no_build_holds_is_no_finding(name: str, repository: Repository) -> None:
    found = treat(repository, SILENT[name])
    assert (found.findings, found.errors) == ([], [])
    assert found.after == {**BASE, **SILENT[name]}


#: By name: files, the file of the finding, and words of the reason that it is not fixed.
LEFT: dict[str, tuple[dict[str, str], str, str]] = {
    "a folded patch": (
        {
            "base/policy.yaml": PLAIN,
            "top/kustomization.yaml": "resources: [../base]\npatches:\n  -" + TARGET[3:] + "    patch: '"
            '[{"op": "add", "path": "/spec/egress/-", "value": {"toFQDNs": [{"matchPattern": "**.example.com"}]}}]\'\n',
        },
        "top/kustomization.yaml",
        "quoted or folded text",
    ),
    "a remote base": (
        {
            "base/policy.yaml": PLAIN,
            "top/kustomization.yaml": inline(ADD).replace("[../base]", "[../base, https://example.com/x]"),
        },
        "top/kustomization.yaml",
        "https://example.com/x",
    ),
    "a build that fails": (
        {
            "base/policy.yaml": PLAIN,
            "top/kustomization.yaml": inline(ADD).replace("[../base]", "[../base, gone.yaml]"),
        },
        "top/kustomization.yaml",
        "no fix is proved",
    ),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_cannot_be_proved_is_left_with_the_reason(name: str, repository: Repository) -> None:
    files, where, words = LEFT[name]
    found = treat(repository, files)
    [finding] = found.findings
    assert (finding["file"], finding["fixed"]) == (where, False)
    assert words in finding["advice"]
    assert found.after == {**BASE, **files}


def test_without_kubectl_the_finding_stands_and_nothing_is_written(repository: Repository) -> None:
    files = {"base/policy.yaml": PLAIN, "top/kustomization.yaml": inline(ADD)}
    found = treat(repository, files, "--render", "never")
    [finding] = found.findings
    assert (finding["file"], finding["line"], finding["fixed"]) == ("top/kustomization.yaml", 9, False)
    assert "kubectl is not on PATH" in finding["advice"]
    assert found.after == {**BASE, **files}


def test_a_rule_that_is_split_goes_to_the_end_where_a_patch_counts_rules(repository: Repository) -> None:
    rejected = "  ingress:\n    - fromCIDR:\n        - 192.0.2.0/24\n      fromEntities:\n        - host\n"
    last = "    - fromEntities:\n        - world\n"
    files = {
        "base/policy.yaml": POLICY.removesuffix("  egress:\n") + rejected + last,
        "top/kustomization.yaml": inline("- op: remove\n  path: /spec/ingress/1\n"),
    }
    found = repository.treat({**BASE, **files}, "--select", "mixed-peers", "--unsafe-fixes", programs=("kubectl",))
    assert [each["fixed"] for each in found.findings] == [True]
    now = found.after["base/policy.yaml"]
    assert (
        now
        == POLICY.removesuffix("  egress:\n")
        + rejected.replace("      fromEntities:\n        - host\n", "")
        + last
        + "    - fromEntities:\n        - host\n"
    )


def test_a_rule_that_a_patch_copies_is_found_once(repository: Repository) -> None:
    copy = "- op: copy\n  from: /spec/egress/1\n  path: /spec/egress/-\n"
    files = {"base/policy.yaml": PLAIN + STAR, "over/kustomization.yaml": inline(copy)}
    [finding] = treat(repository, files).of("fqdn-double-star")
    assert (finding["fixed"], finding["line"]) == (False, 23), finding
    assert "turns the fix into something else" in finding["advice"]


def test_the_fix_of_a_rule_that_a_patch_copies_is_reported_once(repository: Repository) -> None:
    config = (
        '[[clusters]]\nname = "a"\nlocal = ["**"]\n[[clusters]]\nname = "b"\n[passes.cluster-entity]\nremote = ["b"]\n'
    )
    copy = "- op: copy\n  from: /spec/ingress/0\n  path: /spec/ingress/-\n"
    policy = POLICY.replace("  egress:\n", "  ingress:\n    - fromEntities: [cluster]\n    - fromEntities: [world]\n")
    files = {**BASE, "cnpfix.toml": config, "base/policy.yaml": policy, "over/kustomization.yaml": inline(copy)}
    done = repository.treat(files, "--select", "cluster-entity", programs=("kubectl",))
    [finding] = done.of("cluster-entity")
    assert finding["fixed"], finding["advice"]
    assert not any("another finding" in each for each in finding["evidence"])
    assert done.after["base/policy.yaml"].count("fromEndpoints") == 1


def test_an_overlay_that_a_fix_would_break_keeps_the_text_as_it_is(repository: Repository) -> None:
    files = {
        "base/policy.yaml": PLAIN + STAR,
        "one/kustomization.yaml": inline("- op: add\n  path: /spec/ingress\n  value: []\n"),
        "two/kustomization.yaml": inline(
            "- op: test\n  path: /spec/egress/1/toFQDNs/0/matchPattern\n  value: '**.example.com'\n"
        ),
    }
    found = treat(repository, files)
    [finding] = found.findings
    assert (finding["file"], finding["fixed"]) == ("base/policy.yaml", False)
    assert "kubectl kustomize two fails" in finding["advice"]
    assert found.after == {**BASE, **files}


def test_a_comment_silences_what_a_build_shows(repository: Repository) -> None:
    files = {
        "base/policy.yaml": PLAIN + STAR.replace('com"', 'com" # cnpfix: ignore[fqdn-double-star]'),
        "top/kustomization.yaml": inline("- op: add\n  path: /spec/ingress\n  value: []\n"),
    }
    found = treat(repository, files)
    assert found.findings == []


def test_a_network_policy_with_labels_and_a_merge(repository: Repository) -> None:
    base = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web, namespace: shop}\n"
        "spec:\n  podSelector: {matchLabels: {app: web}}\n  ingress: []\n"
    )
    patch = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web, namespace: shop}\n"
        "spec:\n  ingress:\n    - from:\n        - podSelector: {matchlabels: {app: client}} # the front\n"
    )
    files = {
        "base/policy.yaml": base,
        "top/kustomization.yaml": kustomization(
            resources=["../base"], patches=[{"path": "patch.yaml"}], labels=[{"pairs": {"team": "shop"}}]
        ),
        "top/patch.yaml": patch,
    }
    found = repository.treat({**BASE, **files}, "--select", "unknown-field", "--unsafe-fixes", programs=("kubectl",))
    [finding] = found.findings
    assert (finding["file"], finding["fixed"]) == ("top/patch.yaml", True), finding["advice"]
    assert found.after["top/patch.yaml"] == patch.replace("matchlabels", "matchLabels")
    assert found.after["base/policy.yaml"] == base


RANGE = "    # {words}\n    - toCIDR: [10.20.0.0/16]\n"
ADD_RANGE = """\
- op: add
  path: /spec/egress/-
  value:
    # {words}
    toCIDR: [10.20.0.0/16]
"""


@pytest.mark.parametrize(("words", "silent"), [("the rack of the office", True), ("what people asked for", False)])
@pytest.mark.parametrize("patched", [False, True], ids=["in the base", "in a patch"])
def test_passes_see_the_comments_of_the_texts_that_make_a_policy(
    repository: Repository, words: str, silent: bool, patched: bool
) -> None:
    rule, patch = ("", ADD_RANGE) if patched else (RANGE, "- op: add\n  path: /spec/ingress\n  value: []\n")
    files = {
        "base/policy.yaml": PLAIN + rule.format(words=words),
        "top/kustomization.yaml": inline(patch.format(words=words)),
    }
    found = repository.treat({**BASE, **files}, "--select", "internal-cidr", programs=("kubectl",))
    assert found.errors == []
    where = "top/kustomization.yaml" if patched else "base/policy.yaml"
    assert [each["file"] for each in found.findings] == ([] if silent else [where])


def test_a_comment_describes_its_rule_where_a_patch_puts_another_one_before_it(repository: Repository) -> None:
    first = "- op: add\n  path: /spec/egress/0\n  value: {toCIDR: [10.30.0.0/16]}\n"
    files = {
        "base/policy.yaml": PLAIN + RANGE.format(words="the rack of the office"),
        "top/kustomization.yaml": inline(first),
    }
    found = repository.treat({**BASE, **files}, "--select", "internal-cidr", programs=("kubectl",))
    assert [each["file"] for each in found.findings] == ["top/kustomization.yaml"]
    assert "10.30.0.0/16" in found.findings[0]["message"]
