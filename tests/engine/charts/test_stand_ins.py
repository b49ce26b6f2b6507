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


PORTS = "      toPorts:\n        - ports:\n"
#: By name: what makes the ports of a rule, under a condition that the values leave out.
FILLED = {
    "range": PORTS
    + "          {{- range .Values.ports }}\n            - port: {{ . | quote }}\n          {{- end }}\n",
    "with": PORTS + "          {{- with .Values.ports }}\n            - port: {{ .a }}\n          {{- end }}\n",
    "if": PORTS + '          {{- if .Values.web }}\n            - port: "80"\n          {{- end }}\n',
    "with around range": PORTS
    + "          {{- with .Values.ports }}\n          {{- range . }}\n            - port: {{ . | quote }}\n"
    + "          {{- end }}\n          {{- end }}\n",
    "range below a comment": PORTS
    + "          # of the chart's user\n          {{- /* or none */}}\n          {{- range .Values.ports }}\n"
    + "            - port: {{ . | quote }}\n          {{- end }}\n",
    "all of it": "      toPorts:\n        {{- range .Values.ports }}\n        - ports: [{port: {{ . | quote }}}]\n"
    + "        {{- end }}\n",
}
RULE = "    - toEndpoints:\n        - matchLabels: {app: db}\n"


@pytest.mark.parametrize(("option", "fixed"), [("--post-renderer ./k.sh", False), ("--wait", True)])
def test_a_post_renderer_of_a_command_counts_beside_a_release_in_the_tree(
    option: str, fixed: bool, repository: Repository
) -> None:
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\n"
        "spec: {chart: {spec: {chart: ./chart, sourceRef: {kind: GitRepository, name: g}}}}\n"
    )
    files = {**CHART, POLICY: HEAD + DNS + STAR, "deploy.sh": f"helm upgrade --install web ./chart {option}\n"}
    [finding] = repository.treat({**files, "r.yaml": release}, "--select", "fqdn-double-star").of("fqdn-double-star")
    assert finding["fixed"] is fixed


@pytest.mark.parametrize("name", FILLED)
def test_what_a_block_leaves_empty_under_made_up_values_is_no_finding(name: str, repository: Repository) -> None:
    template = "{{- if .Values.on }}\n" + HEAD + RULE + FILLED[name] + "{{- end }}\n"
    assert treated(repository, template, "{on: false, ports: [], web: false}\n").of("no-rules") == []


def test_what_is_written_empty_is_a_finding_under_made_up_values(repository: Repository) -> None:
    template = "{{- if .Values.on }}\n" + HEAD + RULE + "      toPorts:\n        - ports: []\n{{- end }}\n"
    [finding] = treated(repository, template, "on: false\n").of("no-rules")
    assert "rendered with values.yaml and on=true" in finding["evidence"]


#: By name: a branch that no values of the repository render, the values, and the line of the rule in it.
UNJUDGED = {
    "range": ("{{- range .Values.names }}", "names: [a]\n"),
    "with": ("{{- with .Values.one }}", "one: {a: b}\n"),
    "and": ("{{- if and .Values.one .Values.two }}", "{one: 1, two: 2}\n"),
    "or": ("{{- if or .Values.one .Values.two }}", "{one: 1, two: 2}\n"),
    "eq": ('{{- if eq .Values.one "a" }}', "one: a\n"),
}


@pytest.mark.parametrize("name", UNJUDGED)
def test_rules_that_nothing_renders_are_named_once(name: str, repository: Repository) -> None:
    opens, values = UNJUDGED[name]
    branch = f"    {opens}\n    - toEntities: [host]\n    {{{{- else }}}}\n{HOST}    {{{{- end }}}}\n"
    template = HEAD + DNS + branch + branch.replace("host", "cluster")
    found = treated(repository, template, values)
    [note] = found.of("template")
    assert note["line"] == template.split("\n").index("    {{- else }}") + 2
    assert f"the `else` of line {note['line']} and 3 more lines" in note["message"]
    assert found.errors == []


def test_two_lines_that_nothing_renders_are_one_and_one_more(repository: Repository) -> None:
    opens, values = UNJUDGED["or"]
    template = HEAD + DNS + f"    {opens}\n    - toEntities: [host]\n    {{{{- else }}}}\n{HOST}    {{{{- end }}}}\n"
    [note] = treated(repository, template, values).of("template")
    assert note["message"].endswith(" and 1 more line")


def test_an_else_that_is_rendered_or_holds_no_rules_is_no_note(repository: Repository) -> None:
    branch = "    {{- if .Values.wide }}\n    - toEntities: [host]\n    {{- else }}\n" + HOST + "    {{- end }}\n"
    version = "{{- if or .Values.one .Values.two }}\n# a\n{{- else }}\n# b\n{{- end }}\n"
    assert treated(repository, version + HEAD + DNS + branch, "{wide: true, one: 1}\n").of("template") == []


@pytest.mark.parametrize(("option", "fixed"), [("--post-renderer ./k.sh", False), ("--wait", True)])
def test_a_post_renderer_of_a_command_holds_the_chart(option: str, fixed: bool, repository: Repository) -> None:
    files = {**CHART, POLICY: HEAD + DNS + STAR, "deploy.sh": f"helm upgrade --install web ./chart {option}\n"}
    [finding] = repository.treat(files, "--select", "fqdn-double-star").of("fqdn-double-star")
    assert finding["fixed"] is fixed
    assert ("the post-renderer of deploy.sh:1" in finding["advice"]) is not fixed


@pytest.mark.parametrize("name", FILLED)
def test_what_a_block_fills_in_leaves_the_policy_whole(name: str, repository: Repository) -> None:
    template = "{{- if .Values.on }}\n" + HEAD + DNS + STAR + RULE + FILLED[name] + "{{- end }}\n"
    ports = """{a: '"80"'}""" if name == "with" else "['80']"
    found = treated(repository, template, f"{{on: false, ports: {ports}, web: true}}\n")
    assert [(each["id"], each["fixed"]) for each in found.findings] == [("fqdn-double-star", True)]
    assert found.after[POLICY] == template.replace(STAR, FIXED, 1)


#: What fills a part of a rule in, in a way that neither rendering nor reading the text as it stands can tell.
UNKNOWN = RULE + "      toPorts:\n        - ports:\n            {{- toYaml .Values.ports | nindent 12 }}\n"


def test_whole_rules_are_judged_beside_one_that_is_not(repository: Repository) -> None:
    template = "{{- if .Values.on }}\n" + HEAD + DNS + STAR + UNKNOWN + "{{- end }}\n"
    found = treated(repository, template, "on: false\n")
    [finding] = found.of("fqdn-double-star")
    assert not finding["fixed"]
    assert "no values in the repository render the whole policy" in finding["advice"]
    assert {each["id"] for each in found.findings} == {"fqdn-double-star", "template"}
    assert found.after[POLICY] == template


def test_a_rule_of_which_something_is_missing_is_not_judged(repository: Repository) -> None:
    rule = STAR + UNKNOWN.removeprefix(RULE)
    found = treated(repository, "{{- if .Values.on }}\n" + HEAD + DNS + rule + "{{- end }}\n", "on: false\n")
    assert [each["id"] for each in found.findings] == ["template"]


def test_a_comment_silences_a_finding_beside_a_rule_that_is_not_whole(repository: Repository) -> None:
    star = STAR.replace('com"', 'com" # cnpfix: ignore[fqdn-double-star]')
    found = treated(repository, "{{- if .Values.on }}\n" + HEAD + DNS + star + UNKNOWN + "{{- end }}\n", "on: false\n")
    assert [each["id"] for each in found.findings] == ["template"]
