"""The inventory's reading of kustomizations beside kustomize's own, where kubectl or kustomize is on the machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewriter.inventory.texts.manifests import mapping, read_manifests
from rewriter.inventory.tree.repository import TreeInventory
from tests.inventory.support import application, flux, kustomization, service, workload
from tests.programs import find

NETWORK_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from:
    - podSelector: {matchLabels: {app: client}}
    - podSelector: {}
    - namespaceSelector: {matchLabels: {team: shop}}
  egress:
  - to: [{podSelector: {matchLabels: {app: db}}}]
"""
CILIUM_POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web}
spec:
  endpointSelector: {matchLabels: {app: web}}
  ingress: [{fromEndpoints: [{matchLabels: {app: client}}]}]
"""
CRON = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        metadata: {labels: {app: tick}}
        spec: {restartPolicy: Never, containers: [{name: c, image: i}]}
"""
BASE = {
    "base/kustomization.yaml": kustomization(resources=["web.yaml", "svc.yaml", "knp.yaml", "cnp.yaml", "cron.yaml"]),
    "base/web.yaml": workload("web", {"app": "web"}),
    "base/svc.yaml": service("web", {"app": "web"}),
    "base/knp.yaml": NETWORK_POLICY,
    "base/cnp.yaml": CILIUM_POLICY,
    "base/cron.yaml": CRON,
}
RAYS = """\
apiVersion: example.com/v1
kind: Rays
metadata: {name: rays}
spec:
  groups:
  - {template: {metadata: {labels: {app: one}}}}
  - {template: {metadata: {}}}
  claims: [{metadata: {name: c}}, {metadata: {labels: {a: b}}}]
  heads: [{metadata: {labels: {a: b}}}, {metadata: {}}]
"""
COMPONENT = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
MERGE = (
    "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: web}\nspec: {template: {metadata: {labels: {tier: x}}}}\n"
)
ADD_LABEL = '[{"op": "add", "path": "/spec/template/metadata/labels/tier", "value": "y"}]'


PLACE = """\
apiVersion: builtin
kind: NamespaceTransformer
metadata: {name: place, namespace: shop}
fieldSpecs: [{path: metadata/namespace, create: true}]
"""


def overlay(**fields: Any) -> dict[str, str]:
    return {**BASE, "top/kustomization.yaml": kustomization(resources=["../base"], **fields)}


def component(own: Mapping[str, Any], **fields: Any) -> dict[str, str]:
    made = {"component/kustomization.yaml": yaml.safe_dump({**COMPONENT, **own})}
    return overlay(components=["../component"], **fields) | made


def nested(inner: Mapping[str, Any], outer: Mapping[str, Any], **fields: Any) -> dict[str, str]:
    """A component that has another one, and a kustomization that has both by the outer one."""
    made = {"component/inner/kustomization.yaml": yaml.safe_dump({**COMPONENT, **inner})}
    return component({"components": ["inner"], **outer}, **fields) | made


CASES: dict[str, dict[str, str]] = {
    "nothing": overlay(),
    "namespace": overlay(namespace="shop"),
    "inner and outer namespace": overlay(namespace="outer")
    | {"base/kustomization.yaml": BASE["base/kustomization.yaml"] + "namespace: inner\n"},
    "prefix and suffix": overlay(namespace="shop", namePrefix="a-", nameSuffix="-z"),
    "two prefixes": overlay(namePrefix="a-")
    | {"base/kustomization.yaml": BASE["base/kustomization.yaml"] + "namePrefix: b-\n"},
    "labels": overlay(labels=[{"pairs": {"team": "a"}}]),
    "labels in templates": overlay(labels=[{"pairs": {"team": "a"}, "includeTemplates": True}]),
    "labels in selectors": overlay(labels=[{"pairs": {"team": "a"}, "includeSelectors": True}]),
    "common labels": overlay(commonLabels={"team": "a", "app": "renamed"}),
    "labels and common labels": overlay(labels=[{"pairs": {"team": "a"}}], commonLabels={"env": "prod"}),
    "component with a namespace": component({"namespace": "shop"}),
    "component with labels": component({"labels": [{"pairs": {"c": "1"}, "includeSelectors": True}]}, namespace="shop"),
    "component against the overlay": component({"namePrefix": "c-", "namespace": "c"}, namePrefix="o-", namespace="o"),
    "a component in a component": nested({"namespace": "shop"}, {"labels": [{"pairs": {"c": "1"}}]}),
    "labels of both components": nested(
        {"labels": [{"pairs": {"c": "1"}, "includeSelectors": True}], "namePrefix": "i-"},
        {"commonLabels": {"d": "2"}, "namePrefix": "o-"},
        namespace="shop",
        nameSuffix="-z",
    ),
    "namespaces of both components": nested({"namespace": "inner"}, {"namespace": "outer"}),
    "patches of both components": nested(
        {"patches": [{"patch": MERGE}]},
        {"patches": [{"patch": ADD_LABEL, "target": {"kind": "Deployment"}}], "commonLabels": {"team": "a"}},
        namePrefix="a-",
    ),
    "a resource of the inner component": nested(
        {"resources": ["own.yaml"], "namePrefix": "i-"}, {"namespace": "shop"}, namePrefix="t-"
    )
    | {"component/inner/own.yaml": workload("own", {"app": "own"})},
    "strategic merge": overlay(patches=[{"patch": MERGE}]),
    "operations by target": overlay(patches=[{"patch": ADD_LABEL, "target": {"kind": "Deployment", "name": "w.*"}}]),
    "patch of the namespace": overlay(
        namespace="shop",
        patches=[
            {"patch": '[{"op": "add", "path": "/metadata/namespace", "value": "x"}]', "target": {"kind": "Deployment"}}
        ],
    ),
    "patch after a rename": overlay(namePrefix="a-", patches=[{"patch": MERGE}], commonLabels={"team": "a"}),
    "namespace transformer": overlay(transformers=["t.yaml"]) | {"top/t.yaml": PLACE},
    "namespace transformer over a namespace": overlay(namespace="a", transformers=["t.yaml"]) | {"top/t.yaml": PLACE},
    "namespace transformer for what has none": overlay(transformers=["t.yaml"])
    | {
        "base/kustomization.yaml": BASE["base/kustomization.yaml"] + "namespace: inner\n",
        "top/t.yaml": PLACE + "unsetOnly: true\n",
    },
    "labels in fields of their own": overlay(
        labels=[
            {"pairs": {"team": "a"}, "fields": [{"path": "spec/template/metadata/labels", "kind": "Deployment"}]},
            {"pairs": {"seat": "b"}, "fields": [{"path": "spec/selector", "version": "v1", "kind": "Service"}]},
            {"pairs": {"none": "c"}, "fields": [{"path": "spec/absent", "kind": "Service"}]},
        ]
    ),
    "label transformer": overlay(transformers=["t.yaml"])
    | {
        "top/t.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {team: a}\n"
        "fieldSpecs:\n"
        "  - {path: metadata/labels, create: true}\n"
        "  - {path: spec/template/metadata/labels, create: true, kind: Deployment}\n"
        "  - {path: spec/selector, create: true, version: v1, kind: Service}\n"
    },
    "label transformer without fields": overlay(transformers=["t.yaml"])
    | {"top/t.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {team: a}\n"},
    "labels in items of lists": overlay(transformers=["t.yaml"])
    | {
        "base/kustomization.yaml": kustomization(resources=["web.yaml", "rays.yaml"]),
        "base/rays.yaml": RAYS,
        "top/t.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {team: a}\n"
        "fieldSpecs:\n"
        "  - {path: spec/groups/template/metadata/labels, create: true}\n"
        "  - {path: 'spec/claims[]/metadata/labels', create: true}\n"
        "  - {path: 'spec/absent[]/metadata/labels', create: true, kind: Rays}\n"
        "  - {path: spec/heads/metadata/labels, kind: Rays}\n"
        "  - {path: spec/name/metadata, create: true, kind: Deployment}\n",
    },
    "prefix and suffix transformers": overlay(namePrefix="own-", transformers=["t.yaml"])
    | {
        "top/t.yaml": "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: p}\nprefix: a-\n"
        "fieldSpecs: [{path: metadata/name}]\n---\napiVersion: builtin\nkind: SuffixTransformer\n"
        "metadata: {name: s}\nsuffix: -z\nfieldSpecs: [{path: metadata/name}]\n"
    },
    "namespace with its own object": overlay(namespace="shop")
    | {
        "base/kustomization.yaml": kustomization(resources=["ns.yaml", "web.yaml"]),
        "base/ns.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {a: b}}\n",
    },
}


def builder() -> list[str] | None:
    if kubectl := find("kubectl"):
        return [kubectl, "kustomize"]
    return [kustomize, "build"] if (kustomize := shutil.which("kustomize")) else None


@pytest.fixture(scope="module")
def build() -> Callable[[Path], list[Mapping[str, Any]]]:
    command = builder()
    if command is None:
        pytest.skip("neither kustomize nor kubectl is on this machine: its own reading is not compared")

    def built(folder: Path) -> list[Mapping[str, Any]]:
        # Loopback and a home of its own: a build asks nobody.
        environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(folder.parent)}
        done = subprocess.run([*command, str(folder)], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [value for value in yaml.safe_load_all(done.stdout) if value]

    return built


@pytest.mark.parametrize("name", CASES)
def test_names_namespaces_and_labels_are_those_that_kustomize_makes(
    name: str, build: Callable[[Path], list[Mapping[str, Any]]], tmp_path: Path
) -> None:
    files = CASES[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    theirs = sorted(map(told, build(tmp_path / "top")), key=repr)
    inventory = TreeInventory(read=lambda path: files[path].encode())
    for path, text in files.items():
        inventory.offer(path, text.encode())
    manifests = [
        (path, manifest.value)
        for path, text in files.items()
        if not path.endswith("kustomization.yaml")
        for manifest in read_manifests(path, text.encode())[0]
    ]
    ours = [told(each.apply(value)) for path, value in manifests for each in inventory.placements_of(path)]
    assert sorted(ours, key=repr) == theirs


RELABEL = '[{"op": "add", "path": "/metadata/labels", "value": {"touched": "yes"}}]'
TOUCH_SERVICE = "kind: Service\napiVersion: v1\nmetadata: {name: web, labels: {touched: merged}}\n"


def touching(**target: str) -> dict[str, Any]:
    return {"target": target, "patch": RELABEL}


#: By name: what an applier says, and what the kustomization that it applies says itself.
INSERTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a patch for a name before the prefix": (
        {"patches": [touching(kind="Service", name="web")]},
        {"namePrefix": "prod-"},
    ),
    "a patch for a name behind the prefix": (
        {"patches": [touching(kind="Service", name="prod-web")]},
        {"namePrefix": "prod-"},
    ),
    "a patch for a name behind the suffix": (
        {"patches": [touching(kind="CiliumNetworkPolicy", name="web-z")]},
        {"nameSuffix": "-z"},
    ),
    "a patch for the namespace that the kustomization sets": (
        {"patches": [touching(kind="Service", namespace="shop")]},
        {"namespace": "shop"},
    ),
    "a patch for labels that the kustomization adds": (
        {"patches": [touching(labelSelector="team=shop")]},
        {"labels": [{"pairs": {"team": "shop"}}]},
    ),
    "a patch behind the patches of the kustomization": (
        {"patches": [touching(kind="Service", labelSelector="touched=own")]},
        {"patches": [{"patch": TOUCH_SERVICE.replace("merged", "own")}]},
    ),
    "a strategic merge by the name before the prefix": (
        {"patches": [{"patch": TOUCH_SERVICE}]},
        {"namePrefix": "prod-"},
    ),
    "a prefix in place of the prefix": ({"namePrefix": "flux-"}, {"namePrefix": "prod-", "nameSuffix": "-z"}),
    "a suffix in place of the suffix": ({"nameSuffix": "-flux"}, {"namePrefix": "prod-", "nameSuffix": "-z"}),
    "a namespace in place of the namespace": ({"namespace": "edge"}, {"namespace": "shop"}),
    "a namespace beside a transformer of one": ({"namespace": "edge"}, {"transformers": [PLACE]}),
}


@pytest.mark.parametrize("by", ["Flux", "Argo CD"])
@pytest.mark.parametrize("name", INSERTED)
def test_appliers_write_into_the_kustomization_that_they_apply(
    name: str, by: str, build: Callable[[Path], list[Mapping[str, Any]]], tmp_path: Path
) -> None:
    said, own = INSERTED[name]
    files = overlay(**own)
    written = {**own, **said, "patches": [*own.get("patches", ()), *said.get("patches", ())]}
    for path, text in overlay(**written).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    theirs = sorted(map(told, build(tmp_path / "top")), key=repr)
    if by == "Flux":
        spec = {"targetNamespace" if key == "namespace" else key: value for key, value in said.items()}
        applier = flux("top", "./top", **spec)
    else:
        applier = application("top", "top", kustomize=said)
    inventory = TreeInventory(read=lambda path: {**files, "apply.yaml": applier}[path].encode())
    for path, text in {**files, "apply.yaml": applier}.items():
        inventory.offer(path, text.encode())
    ours = [
        told(each.apply(manifest.value))
        for path, text in files.items()
        if not path.endswith("kustomization.yaml")
        for manifest in read_manifests(path, text.encode())[0]
        for each in inventory.placements_of(path)
    ]
    assert sorted(ours, key=repr) == theirs


def told(value: Mapping[str, Any]) -> tuple[Any, ...]:
    """What passes rest on: kind, name, namespace, labels, selectors of pods and the pods' own labels."""
    metadata, spec = mapping(value.get("metadata")), mapping(value.get("spec"))
    template = mapping(spec.get("template")) or mapping(
        mapping(mapping(spec.get("jobTemplate")).get("spec")).get("template")
    )
    pods = mapping(template.get("metadata")).get("labels")
    policy = spec if str(value.get("kind")).endswith(("Policy", "Rays")) else None
    selector = spec.get("selector") if value.get("kind") == "Service" else None
    return value["kind"], metadata["name"], metadata.get("namespace"), metadata.get("labels"), pods, selector, policy
