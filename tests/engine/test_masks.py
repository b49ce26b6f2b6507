"""Templates that nothing renders: what stands between markup is judged, what markup may decide is left open."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.charts.support import Repository, Treated

HEAD = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: web
  namespace: shop
"""
SPEC = HEAD + "spec:\n  endpointSelector:\n    matchLabels:\n      app: web\n"
MIXED = "    - toEntities:\n        - host\n      toCIDR:\n        - 192.0.2.0/24\n"
NAMES = "    - toFQDNs:\n        - matchName: example.com\n"
NETWORK = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    return Repository(root, monkeypatch)


def treat(repository: Repository, text: str) -> Treated:
    found = repository.treat({"policy.yaml": text}, "--render", "never", programs=())
    assert found.after == {"policy.yaml": text}
    assert found.errors == []
    return found


#: By name: a template with a rule of two kinds of peers.
FOUND = {
    "beside rules that the template fills in": SPEC
    + "  egress:\n    {{- toYaml .Values.networkPolicy.egress | nindent 4 }}\n"
    + MIXED,
    "beside a rule whose peers the template fills in": SPEC
    + "  egress:\n    - {{ toYaml .Values.networkPolicy.dnsSelector | nindent 6 }}\n"
    + "      toPorts: [{ports: [{port: '53'}], rules: {dns: [{matchPattern: '*'}]}}]\n"
    + NAMES
    + MIXED,
    "of specs with labels that the template fills in": HEAD
    + "specs:\n- endpointSelector:\n    matchLabels:\n      app: web\n"
    + "      {{- toYaml .Values.agents.podLabels | nindent 6 }}\n  egress:\n"
    + MIXED,
    "beside a peer with labels that the template fills in": SPEC
    + "  egress:\n    - toEndpoints:\n        - matchLabels:\n            app: db\n"
    + '            {{- include "web.selectorLabels" . | nindent 12 }}\n'
    + MIXED,
    "of Jinja": SPEC + '  egress:\n{% if strict %}\n    - toCIDR: ["{{ office }}"]\n{% endif %}\n' + MIXED,
    "of envsubst": SPEC.replace("app: web", 'app: ${APP}\n      ${EXTRA}: "yes"') + "  egress:\n" + MIXED,
    "of a Go template with a variable": SPEC.replace("name: web", "name: {{ .Name }}") + "  egress:\n" + MIXED,
}


@pytest.mark.parametrize("name", FOUND)
def test_a_mistake_of_literal_text_is_found(name: str, repository: Repository) -> None:
    found = treat(repository, FOUND[name])
    assert [each["id"] for each in found.findings] == ["mixed-peers"]
    line = FOUND[name].split("\n")[found.findings[0]["line"] - 1]
    assert "toCIDR" in line or "toEntities" in line


#: By name: a template of which nothing can be said.
SILENT = {
    "names beside rules that may let DNS out": SPEC
    + "  egress:\n    {{- toYaml .Values.networkPolicy.egress | nindent 4 }}\n"
    + NAMES,
    "names beside peers that may be the DNS": SPEC
    + "  egress:\n    - {{ toYaml .Values.networkPolicy.dnsSelector | nindent 6 }}\n"
    + "      toPorts: [{ports: [{port: '53'}], rules: {dns: [{matchPattern: '*'}]}}]\n"
    + NAMES,
    "an address that is filled in": SPEC + '  egress:\n    - toCIDR: ["{{ .Values.office }}"]\n',
    "a pattern that is filled in": SPEC.replace("egress", "ingress")
    + '  ingress:\n    - fromEntities: ["{{ .Values.entity }}"]\n',
    "a NetworkPolicy with rules that are filled in": NETWORK
    + "  ingress:\n    {{- toYaml .Values.networkPolicy.ingress.rules.of.the.chart | nindent 4 }}\n",
    "a label key that is substituted": NETWORK.replace("app: web", '"${TEAM}": web') + "  ingress: []\n",
}


@pytest.mark.parametrize("name", SILENT)
def test_what_markup_decides_is_left_open(name: str, repository: Repository) -> None:
    assert treat(repository, SILENT[name]).findings == []


#: By name: a template, and words of the note that says what stands between.
UNREAD = {
    "peers beside others in one rule": (
        SPEC + "  egress:\n    - {{ toYaml .Values.networkPolicy.dnsSelector | nindent 6 }}\n"
        "      toCIDR: [192.0.2.0/24]\n",
        "fills in peers of a rule that has others",
    ),
    "a selector as a whole": (
        NETWORK + "  ingress:\n    - from:\n        - namespaceSelector:\n"
        "            {{- toYaml .Values.namespaces | nindent 12 }}\n",
        "below namespaceSelector",
    ),
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_cannot_be_read_is_told_once(name: str, repository: Repository) -> None:
    text, words = UNREAD[name]
    [note] = treat(repository, text).findings
    assert (note["code"], note["id"]) == ("CNP000", "template")
    assert words in note["message"]


FLOW = HEAD.replace("metadata:\n  name: web\n  namespace: shop\n", "metadata: {name: web, namespace: shop}\n")
#: By name: a policy with a variable in braces or brackets, whose last rule has two kinds of peers.
VARIABLES = {
    "label": FLOW + "spec:\n  endpointSelector: {matchLabels: {app: ${APP}}}\n  egress:\n" + MIXED,
    "text behind it": FLOW
    + "spec:\n  endpointSelector: {matchLabels: {app: ${APP}, b: c}}\n"
    + "  description: for team ${TEAM} {only}, and no other\n  egress:\n"
    + MIXED,
    "part of a label": FLOW + "spec:\n  endpointSelector: {matchLabels: {app: web-${ENV}, b: c}}\n  egress:\n" + MIXED,
    "items of a list": SPEC + "  egress:\n    - toCIDR: [${NETWORK}.9/32, ${NETWORK:=10.1.2}.8/32] # [${A}\n" + MIXED,
    "name": FLOW.replace("name: web", "name: ${NAME}") + SPEC.removeprefix(HEAD) + "  egress:\n" + MIXED,
}


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_in_flow_style_stands_for_a_scalar(name: str, repository: Repository) -> None:
    found = treat(repository, VARIABLES[name])
    assert [(each["id"], each["fixed"]) for each in found.findings] == [("mixed-peers", False)]
    assert found.findings[0]["line"] > 6
    assert not found.of("template")


def test_a_variable_that_is_too_short_is_named(repository: Repository) -> None:
    found = treat(repository, FLOW + "spec:\n  endpointSelector: {matchLabels: {app: ${A}}}\n  egress:\n" + MIXED)
    [finding] = found.findings
    assert (finding["id"], finding["line"]) == ("template", 5)
    assert "`${A}` in braces or brackets leaves no room" in finding["message"]


def test_a_policy_beside_one_with_a_variable_is_fixed(repository: Repository) -> None:
    star = SPEC + '  egress:\n    - toFQDNs: [{matchPattern: "**.example.com"}]\n'
    text = VARIABLES["label"] + "---\n" + star
    found = repository.treat({"policy.yaml": text}, "--render", "never", "--select", "fqdn-double-star", programs=())
    assert found.after == {"policy.yaml": text.replace("**.", "*.")}


@pytest.mark.parametrize("text", ["a: {b: ${C}\n", "kind: {a: ${APP}}: c\n"])
def test_what_is_no_yaml_either_way_is_an_error(text: str, repository: Repository) -> None:
    found = repository.treat({"policy.yaml": SPEC + text}, "--render", "never", programs=())
    assert [each["file"] for each in found.errors] == ["policy.yaml"]
