"""Text of templates that no values of the repository render: under conditions, beside what `toYaml` prints."""

from __future__ import annotations

import pytest

from tests.engine.charts.support import CHART, DNS, FIXED, HEAD, STAR, Repository, Treated

POLICY = "chart/templates/policy.yaml"
HOST = "    - toCIDRSet:\n        - cidr: 192.0.2.7/32\n"


def treated(repository: Repository, template: str, values: str = "") -> Treated:
    return repository.treat({**CHART, "chart/values.yaml": values, POLICY: template})


#: By name: the template around a rule that goes to `{}`, the values, and how the evidence names them.
RENDERED: dict[str, tuple[str, str, str]] = {
    "a condition around the rule": (
        HEAD + DNS + "    {{- if .Values.strict }}\n{}    {{- end }}\n",
        "strict: false\n",
        "values.yaml and strict=true",
    ),
    "conditions around the policy and the rule": (
        "{{- if .Values.policy.enabled }}\n"
        + HEAD
        + DNS
        + "    {{- if .Values.policy.names }}\n{}    {{- end }}\n{{- end }}\n",
        "policy: {enabled: false, names: false}\n",
        "values.yaml and policy.enabled=true, policy.names=true",
    ),
    "another branch than the one of the values": (
        HEAD + DNS + "    {{- if .Values.wide }}\n    - toEntities: [cluster]\n    {{- else }}\n{}    {{- end }}\n",
        "wide: true\n",
        "values.yaml and wide=false",
    ),
    "a condition after another": (
        HEAD
        + DNS
        + "    {{- if .Values.wide }}\n    - toEntities: [cluster]\n"
        + "    {{- else if .Values.strict }}\n{}    {{- end }}\n",
        "{wide: true, strict: false}\n",
        "values.yaml and wide=false, strict=true",
    ),
    "a list that is printed beside it": (
        "{{- if .Values.extra }}\n" + HEAD + DNS + "{}    {{- toYaml .Values.extra | nindent 4 }}\n{{- end }}\n",
        "extra: []\n",
        "values.yaml and extra=<any>",
    ),
    "a list that `with` prints beside it": (
        HEAD + DNS + "    {{- with .Values.extra }}\n{}    {{- toYaml . | nindent 4 }}\n    {{- end }}\n",
        "extra: []\n",
        "values.yaml and extra=<any>",
    ),
    "peers of another rule that nothing gives": (
        "{{- if .Values.on }}\n"
        + HEAD
        + DNS
        + "    - {{ toYaml .Values.proxy | nindent 6 }}\n      toPorts: [{ports: [{port: '3128'}]}]\n{}{{- end }}\n",
        "on: false\n",
        "values.yaml and on=true, proxy=<any>",
    ),
    "labels of a peer that nothing gives": (
        "{{- if .Values.on }}\n"
        + HEAD
        + DNS
        + "    - toEndpoints:\n        - matchLabels:\n            {{- toYaml .Values.peer | nindent 12 }}\n"
        + "{}{{- end }}\n",
        "on: false\n",
        "values.yaml and on=true, peer=<any>",
    ),
}


@pytest.mark.parametrize("name", RENDERED)
def test_a_rule_is_fixed_where_values_that_are_made_up_render_it(name: str, repository: Repository) -> None:
    template, values, words = RENDERED[name]
    found = treated(repository, template.replace("{}", STAR, 1), values)
    [finding] = found.findings
    assert (finding["id"], finding["fixed"]) == ("fqdn-double-star", True), finding["advice"]
    assert finding["evidence"][-1] == f"rendered with {words}"
    assert found.after[POLICY] == template.replace("{}", FIXED, 1)
    assert "${" not in str(found.findings)


def test_what_is_made_up_is_no_finding(repository: Repository) -> None:
    empty = "    - toEndpoints:\n        - matchLabels: {app: db}\n      toPorts:\n        - ports:\n"
    port = "            - port: {{ .Values.port }}\n"
    template = HEAD + DNS + "    {{- if .Values.database }}\n" + empty + port + "    {{- end }}\n"
    found = treated(repository, template, "database: false\nport: ''\n")
    assert [each["id"] for each in found.findings if each["severity"] == "error"] == []


def test_peers_that_are_made_up_are_not_held_against_those_beside_them(repository: Repository) -> None:
    peers = "    - {{ toYaml .Values.proxy | nindent 6 }}\n      toCIDRSet: [{cidr: 192.0.2.0/24}]\n"
    found = treated(repository, HEAD + DNS + peers, "{}\n")
    assert [each["id"] for each in found.findings if each["id"] != "template"] == []


def test_ports_that_nothing_gives_are_no_finding(repository: Repository) -> None:
    ports = "      toPorts:\n        - ports:\n            {{- toYaml .Values.ports | nindent 12 }}\n"
    template = (
        "{{- if .Values.on }}\n" + HEAD + "    - toEndpoints: [{matchLabels: {app: db}}]\n" + ports + "{{- end }}\n"
    )
    found = treated(repository, template, "on: false\n")
    assert [each["id"] for each in found.findings] == ["template"]


def test_a_rule_under_range_is_left(repository: Repository) -> None:
    template = HEAD + DNS + "    {{- range .Values.hosts }}\n" + STAR + "    {{- end }}\n"
    found = treated(repository, template, "hosts: []\n")
    [finding] = found.findings
    assert (finding["id"], finding["fixed"]) == ("fqdn-double-star", False)
    assert "no values in the repository render it" in finding["advice"]
    assert found.after[POLICY] == template


def test_an_address_is_mended_beside_a_list_that_is_printed(repository: Repository) -> None:
    template = (
        "{{- if .Values.extra }}\n" + HEAD + DNS + HOST + "    {{- toYaml .Values.extra | nindent 4 }}\n{{- end }}\n"
    )
    planted = template.replace("192.0.2.7/32", "192.0.2.7")
    found = repository.treat(
        {**CHART, "chart/values.yaml": "extra: []\n", POLICY: planted}, "--unsafe-fixes", "--select", "rejected"
    )
    assert [each["fixed"] for each in found.findings] == [True]
    assert found.after[POLICY] == template
