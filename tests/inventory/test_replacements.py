"""Replacements of Kustomize: those that are plain are made as kustomize makes them, the others hide and hold."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewriter.inventory.texts.manifests import read_manifests
from rewriter.inventory.tree.repository import TreeInventory
from tests.inventory.support import application, flux, inventory, kustomization
from tests.programs import program

SETTINGS = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
    'data: {port: "8080", host: db.shop.svc, team: blue, fqdn: api.example.com}\n'
)
NUMBERED = "apiVersion: v1\nkind: Service\nmetadata: {name: num}\nspec: {selector: {app: num}, ports: [{port: 5432}]}\n"
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web, team: none}}
    spec:
      containers:
      - {name: a, image: i, ports: [{name: http, containerPort: 80}, {name: m, containerPort: 81}]}
      - {name: b, image: i, ports: [{containerPort: 82}]}
"""
OTHER = WEB.replace("{name: web}", "{name: other}").replace("app: web", "app: other")
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {a: x-y-z, one: "1"}}
spec: {selector: {app: web}, ports: [{name: a, port: 80, targetPort: http}, {name: b, port: 81, targetPort: 81}]}
"""
POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress:
  - toFQDNs: [{matchName: placeholder}]
    toPorts: [{ports: [{port: "443", protocol: TCP}]}]
"""
OBJECTS = "---\n".join([SETTINGS, NUMBERED, WEB, OTHER, SERVICE, POLICY])
PORT = {"kind": "ConfigMap", "name": "settings", "fieldPath": "data.port"}
TEAM = PORT | {"fieldPath": "data.team"}
HOST = PORT | {"fieldPath": "data.host"}
FQDN = PORT | {"fieldPath": "data.fqdn"}
NUMBER = {"kind": "Service", "name": "num", "fieldPath": "spec.ports.0.port"}
LABEL = "spec.template.metadata.labels.team"


def to(select: dict[str, str], *paths: str, reject: Any = None, **options: Any) -> dict[str, Any]:
    target: dict[str, Any] = {"select": select, "fieldPaths": list(paths)}
    return target | ({"reject": reject} if reject else {}) | ({"options": options} if options else {})


def put(source: dict[str, Any], *targets: dict[str, Any]) -> dict[str, Any]:
    return {"source": source, "targets": list(targets)}


PODS = {"kind": "Deployment", "name": "web"}
EXPOSED = {"kind": "Service", "name": "web"}
RULES = {"kind": "CiliumNetworkPolicy", "name": "web"}
#: By name: the replacements, what else the kustomization says, and further files.
CASES: dict[str, tuple[list[Any], dict[str, Any], dict[str, str]]] = {
    "a label": ([put(TEAM, to(PODS, LABEL))], {}, {}),
    "a label that is not there": ([put(TEAM, to(PODS, "spec.template.metadata.labels.new", create=True))], {}, {}),
    "a label of its own map": ([put(TEAM, to(PODS, "metadata.labels.new", create=True))], {}, {}),
    "all of a kind but one": ([put(TEAM, to({"kind": "Deployment"}, LABEL, reject=[{"name": "other"}]))], {}, {}),
    "several targets": ([put(TEAM, to(PODS, LABEL), to({"name": "other"}, LABEL))], {}, {}),
    "a port by index and a target by name": (
        [put(PORT, to(EXPOSED, "spec.ports.0.port", "spec.ports.[name=b].targetPort"))],
        {},
        {},
    ),
    "a named target port": ([put(PORT, to(EXPOSED, "spec.ports.0.targetPort"))], {}, {}),
    "every port of every container": (
        [put(NUMBER, to(PODS, "spec.template.spec.containers.*.ports.*.containerPort"))],
        {},
        {},
    ),
    "a port of a container of a name": (
        [put(NUMBER, to(PODS, "spec.template.spec.containers.[name=a].ports.[name=http].containerPort"))],
        {},
        {},
    ),
    "a variable that is made": (
        [put(HOST, to(PODS, "spec.template.spec.containers.0.env.[name=HOST].value", create=True))],
        {},
        {},
    ),
    "a part of a text": (
        [put(HOST | {"options": {"delimiter": ".", "index": 1}}, to(EXPOSED, "metadata.annotations.a"))],
        {},
        {},
    ),
    "into a part": ([put(TEAM, to(EXPOSED, "metadata.annotations.a", delimiter="-", index=1))], {}, {}),
    "before the parts": ([put(TEAM, to(EXPOSED, "metadata.annotations.a", delimiter="-", index=-1))], {}, {}),
    "behind the parts": ([put(TEAM, to(EXPOSED, "metadata.annotations.a", delimiter="-", index=9))], {}, {}),
    "a number into a text": ([put(NUMBER, to(EXPOSED, "metadata.annotations.one"))], {}, {}),
    "a whole mapping": ([put(NUMBER | {"fieldPath": "spec.selector"}, to(EXPOSED, "spec.selector"))], {}, {}),
    "a literal": ([{"sourceValue": "green", "targets": [to(PODS, LABEL)]}], {}, {}),
    "the rules of a policy": ([put(FQDN, to(RULES, "spec.egress.0.toFQDNs.0.matchName"))], {}, {}),
    "the ports of a policy": ([put(PORT, to(RULES, "spec.egress.*.toPorts.*.ports.*.port"))], {}, {}),
    "an entity behind the last one": ([put(TEAM, to(RULES, "spec.egress.0.toEntities.0", create=True))], {}, {}),
    "a rule behind the last one": ([put(FQDN, to(RULES, "spec.egress.1.toFQDNs.0.matchName", create=True))], {}, {}),
    "lists in lists that are made": (
        [put(PORT, to(RULES, "spec.ingress.0.toPorts.0.ports.[protocol=UDP].port", create=True))],
        {},
        {},
    ),
    "every entry with a text in it": (
        [put(PORT, to(EXPOSED, "spec.ports.[port=8].nodePort", "spec.ports.[name=.].port", create=True))],
        {},
        {},
    ),
    "every entry whose list has a text in it": (
        [put(TEAM, to(RULES, "spec.egress.[toFQDNs=lace].authentication.mode", create=True))],
        {},
        {},
    ),
    "the first of a source with exactly a name": (
        [put(EXPOSED | {"fieldPath": "spec.ports.[name=b].port"}, to(PODS, LABEL))],
        {},
        {},
    ),
    "a part of a text that is made": (
        [put(TEAM, to(EXPOSED, "metadata.annotations.new", delimiter="-", index=1, create=True))],
        {},
        {},
    ),
    "a mapping into a text": ([put(NUMBER | {"fieldPath": "spec.selector"}, to(PODS, LABEL))], {}, {}),
    "one behind the other": (
        [put(TEAM, to(PODS, LABEL)), put(PODS | {"fieldPath": LABEL}, to({"name": "other"}, LABEL))],
        {},
        {},
    ),
    "a file of them": ([{"path": "r.yaml"}], {}, {"r.yaml": yaml.safe_dump([put(TEAM, to(PODS, LABEL))])}),
    "a generated ConfigMap": (
        [put(TEAM | {"name": "made"}, to(PODS, LABEL))],
        {"configMapGenerator": [{"name": "made", "literals": ["team=generated", "x='y'"]}]},
        {},
    ),
    "a value that a patch changes": (
        [put(TEAM, to(PODS, LABEL))],
        {"patches": [{"patch": "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {team: red}}"}]},
        {},
    ),
    "names behind a prefix": (
        [
            put(PORT | {"fieldPath": "metadata.name"}, to(EXPOSED, "metadata.annotations.one")),
            put(TEAM, to({"kind": "Deployment", "name": "a-other"}, LABEL)),
        ],
        {"namePrefix": "a-", "namespace": "shop"},
        {},
    ),
    "the namespace": (
        [put(PORT | {"fieldPath": "metadata.namespace"}, to(PODS, LABEL))],
        {"namespace": "shop"},
        {},
    ),
    "a source in a folder below": (
        [put(TEAM | {"name": "b-below"}, to(PODS, LABEL))],
        {"resources": ["all.yaml", "below"]},
        {
            "below/kustomization.yaml": kustomization(resources=["c.yaml"], namePrefix="b-"),
            "below/c.yaml": SETTINGS.replace("settings", "below").replace("blue", "deep"),
        },
    ),
}


def files_of(name: str) -> dict[str, str]:
    listed, fields, files = CASES[name]
    fields = {"resources": ["all.yaml"]} | fields | {"replacements": listed}
    return {"kustomization.yaml": kustomization(**fields), "all.yaml": OBJECTS, **files}


def files_of_component(name: str) -> dict[str, str]:
    """The same, with the replacements in a component: what it selects is in the kustomization that has it."""
    listed, fields, files = CASES[name]
    own = {key: value for key, value in fields.items() if key != "resources"} | {"replacements": listed}
    component = kustomization(**own).replace("kind: Kustomization", "kind: Component").replace("/v1beta1", "/v1alpha1")
    top = kustomization(resources=fields.get("resources", ["all.yaml"]), components=["part"], nameSuffix="-z")
    beside = {f"part/{path}" if path == "r.yaml" else path: text for path, text in files.items()}
    return {"kustomization.yaml": top, "all.yaml": OBJECTS, "part/kustomization.yaml": component, **beside}


@pytest.mark.parametrize("of_component", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_objects_are_those_that_kustomize_makes(name: str, of_component: bool, tmp_path: Path) -> None:
    files = (files_of_component if of_component else files_of)(name)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = [program("kubectl"), "kustomize", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    generated = [each["name"] for each in CASES[name][1].get("configMapGenerator", ())]
    built = [each for each in yaml.safe_load_all(done.stdout) if each]
    names = tuple(f"{made}-" for made in generated)
    theirs = [each for each in built if not each["metadata"]["name"].startswith(names or "/")]
    made = inventory(files)
    ours = [
        placement.apply(each.value)
        for path, text in files.items()
        if path.endswith(("all.yaml", "c.yaml"))
        for each in read_manifests(path, text.encode())[0]
        for placement in made.placements_of(path)
    ]
    assert sorted(ours, key=repr_of) == sorted(theirs, key=repr_of)
    assert not made.problems


def repr_of(value: Any) -> str:
    return f"{value['kind']} {value['metadata']['name']}"


TEAMS = {"red": "top", "blue": "other"}


def test_a_component_has_other_values_in_each_kustomization() -> None:
    files = {"part/kustomization.yaml": kustomization(kind="Component", replacements=[put(TEAM, to(PODS, LABEL))])}
    for team, folder in TEAMS.items():
        files |= {
            f"{folder}/kustomization.yaml": kustomization(
                resources=["all.yaml"], components=["../part"], namespace=folder
            ),
            f"{folder}/all.yaml": OBJECTS.replace("team: blue", f"team: {team}"),
        }
    found = inventory(files)
    for team, folder in TEAMS.items():
        assert [each.namespace for each in found.workloads_with({"app": "web", "team": team})] == [folder]
        assert found.completeness(folder).reasons == ()
    files["more/kustomization.yaml"] = kustomization(components=["../part"], namespace="shop")
    assert inventory(files).problems and inventory(files).completeness("top").reasons


def test_facts_have_the_values() -> None:
    tree = {
        "kustomization.yaml": kustomization(
            resources=["all.yaml"],
            namespace="shop",
            replacements=[
                put(TEAM, to(PODS, LABEL)),
                put(PORT, to(EXPOSED, "spec.ports.0.port")),
                put(NUMBER, to(PODS, "spec.template.spec.containers.0.ports.0.containerPort")),
            ],
        ),
        "all.yaml": OBJECTS,
    }
    found = inventory(tree)
    (web,) = found.workloads_with({"team": "blue"})
    assert web.name == "web" and [port.number for port in web.ports] == [5432, 81, 82]
    (exposed,) = found.services("web", "shop")
    assert [port.port for port in exposed.ports] == [8080, 81]
    assert [each.name for each in found.workloads_with({"team": "none"})] == ["other"]
    assert found.completeness("shop").reasons == ()


REPLACED = [put(TEAM, to(PODS, LABEL))]


@pytest.mark.parametrize(
    ("listed", "fields"),
    [
        ([put(TEAM | {"name": "gone"}, to(PODS, LABEL))], {}),
        ([put(TEAM | {"kind": "Secret"}, to(PODS, LABEL))], {}),
        ([put(TEAM | {"fieldPath": "data.gone"}, to(PODS, LABEL))], {}),
        ([put(TEAM, to({"kind": "Deployment", "name": "w.*"}, LABEL))], {}),
        ([put(TEAM, to(PODS | {"labelSelector": "app=web"}, LABEL))], {}),
        ([put(TEAM, to(PODS, LABEL, encoding="base64"))], {}),
        ([put(TEAM, to(PODS, "spec.template.metadata.labels.[a"))], {}),
        ([put(NUMBER, to(PODS, "spec.template.spec.containers.[name=(a|b)].ports.0.containerPort"))], {}),
        ([put(NUMBER, to(PODS, "spec.template.spec.containers.+1.ports.0.containerPort"))], {}),
        ([put(TEAM, to(PODS, LABEL), to({"kind": "Service", "name": ".*"}, "spec.ports.0.name"))], {}),
        ([put(HOST | {"options": {"delimiter": ".", "index": 7}}, to(PODS, LABEL))], {}),
        ([{"path": "gone.yaml"}], {}),
        (REPLACED, {"components": ["https://example.com/c"]}),
        (REPLACED, {"transformers": ["apiVersion: example.com/v1\nkind: Close\nmetadata: {name: t}\n"]}),
        (REPLACED, {"patches": [{"path": "gone.yaml", "target": {"kind": "ConfigMap"}}]}),
        ([put(HOST, to({"kind": "ConfigMap", "name": "s.*"}, "data.team")), *REPLACED], {}),
        (
            [put(TEAM | {"name": "made"}, to(PODS, LABEL))],
            {"configMapGenerator": [{"name": "made", "envs": ["team.env"]}]},
        ),
    ],
)
def test_what_is_not_plain_hides(listed: list[Any], fields: dict[str, Any]) -> None:
    made = kustomization(**({"resources": ["all.yaml"], "namespace": "shop", "replacements": listed} | fields))
    assert inventory({"kustomization.yaml": made, "all.yaml": OBJECTS}).completeness("shop").reasons


@pytest.mark.parametrize("path", ["metadata.name", "metadata.namespace", "kind", "metadata"])
def test_what_says_where_an_object_lands_is_not_followed(path: str) -> None:
    made = kustomization(resources=["all.yaml"], namespace="shop", replacements=[put(TEAM, to(PODS, path))])
    assert inventory({"kustomization.yaml": made, "all.yaml": OBJECTS}).problems


def applied(applier: str) -> TreeInventory:
    named = put(PORT | {"fieldPath": "metadata.name"}, to(PODS, LABEL))
    own = kustomization(resources=["all.yaml"], namespace="shop", replacements=[named])
    return inventory({"top/kustomization.yaml": own, "top/all.yaml": OBJECTS, "apply.yaml": applier})


def test_what_an_applier_may_have_changed_is_not_known() -> None:
    patch = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {team: red}}"
    assert applied(flux("top", "./top")).workloads_with({"team": "settings"})
    assert not applied(flux("top", "./top", patches=[{"patch": patch}])).workloads_with({"team": "settings"})
    moved = applied(application("top", "top", kustomize={"namePrefix": "x-"}))
    assert not moved.workloads_with({"team": "settings"}) and not moved.workloads_with({"team": "x-settings"})


def test_a_policy_that_a_replacement_writes_is_known_and_held() -> None:
    files = {
        "kustomization.yaml": kustomization(
            resources=["all.yaml"], namespace="shop", replacements=CASES["the rules of a policy"][0]
        )
    }
    found = inventory(files | {"all.yaml": OBJECTS})
    (policy,) = found.policies
    assert policy.manifest["spec"]["egress"][0]["toFQDNs"] == [{"matchName": "api.example.com"}]
    raw = yaml.safe_load(POLICY)
    assert "kustomization.yaml" in found.changed_on_the_way("all.yaml", raw)
    assert found.overwritten_on_the_way("all.yaml", raw) == ("/spec/egress/0/toFQDNs/0/matchName",)
