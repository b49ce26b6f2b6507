"""Policies in the templates of charts: findings at the template's lines, fixes that rendering proves, refusals."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.engine.charts.support import CHART, DNS, FIXED, HEAD, STAR, Repository

POLICY = "chart/templates/policy.yaml"
GUARDED = "{{- if .Values.enabled }}\n" + HEAD + DNS + STAR + "{{- end }}\n"


def chart(template: str, values: str = "", more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**CHART, "chart/values.yaml": values, POLICY: template, **(more or {})}


def release(name: str, values: str = "", extra: str = "") -> str:
    return (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
        f"metadata: {{name: {name}, namespace: {name}}}\nspec:\n"
        "  chart: {spec: {chart: ./chart, sourceRef: {kind: GitRepository, name: flux-system}}}\n"
        f"{extra}  values: {{{values}}}\n"
    )


def test_a_fix_goes_to_the_template(repository: Repository) -> None:
    found = repository.treat(chart(GUARDED, "enabled: true\n"))
    [finding] = found.findings
    line = GUARDED[: GUARDED.index("**")].count("\n") + 1
    assert (finding["id"], finding["line"], finding["column"]) == ("fqdn-double-star", line, 25)
    assert finding["name"] == "{{ .Release.Name }}-web"
    assert finding["evidence"][-1] == "rendered with values.yaml"
    assert "cnpfix1" not in str(found.findings)
    assert finding["fixed"]
    assert found.after[POLICY] == GUARDED.replace(STAR, FIXED)


def test_a_second_run_changes_nothing(repository: Repository) -> None:
    fixed = repository.treat(chart(GUARDED, "enabled: true\n")).after
    again = repository.treat(fixed)
    assert not again.findings
    assert again.after == fixed


def test_crlf_and_a_missing_final_newline_stay(repository: Repository) -> None:
    template = (HEAD + DNS + STAR).replace("\n", "\r\n").removesuffix("\r\n")
    after = repository.treat(chart(template)).after[POLICY]
    assert after == (HEAD + DNS + FIXED).replace("\n", "\r\n").removesuffix("\r\n")


def test_evidence_names_the_releases(repository: Repository) -> None:
    files = chart(GUARDED, "enabled: false\n", {"a.yaml": release("a", "enabled: true"), "b.yaml": release("b")})
    found = repository.treat(files)
    assert found.findings[0]["evidence"][-1] == "rendered with HelmRelease a, a.yaml:1"
    assert found.after[POLICY] == GUARDED.replace(STAR, FIXED)


#: What installs the chart, whose template names no namespace, and the namespace in which its policy is then.
INSTALLED = {
    "Kustomize, whose namespace comes last": (
        "namespace: shop\nhelmGlobals: {chartHome: .}\nhelmCharts: [{name: chart, releaseName: a, namespace: tools}]\n",
        "",
        "shop",
    ),
    "a release in another namespace than its manifest": (
        "namespace: shop\nresources: [a.yaml]\n",
        release("a", extra="  targetNamespace: tools\n"),
        "tools",
    ),
}


@pytest.mark.parametrize("name", INSTALLED)
def test_the_namespace_is_that_of_what_installs_the_chart(repository: Repository, name: str) -> None:
    kustomization, manifest, namespace = INSTALLED[name]
    template = HEAD.replace("  namespace: {{ .Release.Namespace }}\n", "") + DNS + STAR
    files = chart(template, more={"kustomization.yaml": kustomization, **({"a.yaml": manifest} if manifest else {})})
    [finding] = repository.treat(files).of("fqdn-double-star")
    assert f"from pods app=web in {namespace} to" in finding["why"]


def test_ci_values_count_where_nothing_installs_the_chart(repository: Repository) -> None:
    files = chart(GUARDED, "enabled: false\n", {"chart/ci/on-values.yaml": "enabled: true\n"})
    found = repository.treat(files)
    assert found.findings[0]["evidence"][-1] == "rendered with ci/on-values.yaml"
    assert found.after[POLICY] == GUARDED.replace(STAR, FIXED)


def test_a_chart_within_a_chart_is_rendered_with_it(repository: Repository) -> None:
    inner = "chart/charts/inner/"
    files = {
        **CHART,
        "chart/values.yaml": "inner: {enabled: true}\n",
        f"{inner}Chart.yaml": "apiVersion: v2\nname: inner\nversion: 0.1.0\n",
        f"{inner}values.yaml": "enabled: false\n",
        f"{inner}templates/policy.yaml": GUARDED,
    }
    found = repository.treat(files)
    assert found.after[f"{inner}templates/policy.yaml"] == GUARDED.replace(STAR, FIXED)


def test_a_dependency_that_is_not_there_is_no_obstacle(repository: Repository) -> None:
    lines = "dependencies:\n  - {name: redis, version: 1.0.0, repository: https://charts.example.com}\n"
    files = chart(GUARDED, "enabled: true\n")
    files["chart/Chart.yaml"] += lines
    assert repository.treat(files).after[POLICY] == GUARDED.replace(STAR, FIXED)


def test_a_library_chart_beside_the_chart_is_found(repository: Repository) -> None:
    files = chart(GUARDED.replace("app: web", 'app: {{ include "lib.app" . }}'), "enabled: true\n")
    files["chart/Chart.yaml"] += "dependencies:\n  - {name: lib, version: 1.0.0, repository: 'file://../lib'}\n"
    files["lib/Chart.yaml"] = "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n"
    files["lib/templates/_names.tpl"] = '{{- define "lib.app" -}}\nweb\n{{- end }}\n'
    assert '"*.example.com"' in repository.treat(files).after[POLICY]


RANGE = "    {{- range .Values.names }}\n" + STAR.replace("example", "{{ . }}") + "    {{- end }}\n"
RANGE_LITERAL = "    {{- range .Values.names }}\n" + STAR + "    {{- end }}\n"
WITH = "    {{- with .Values.rules }}\n    {{- toYaml . | nindent 4 }}\n    {{- end }}\n"
INCLUDE = '    {{- include "web.rules" . | nindent 4 }}\n'
RULES = "rules:\n  - toFQDNs: [{matchPattern: '**.example.com'}]\n"
DEFINED = '{{- define "web.rules" -}}\n- toFQDNs:\n    - matchPattern: "**.example.com"\n{{- end }}\n'
FILLED = '    - toFQDNs:\n        - matchPattern: "{{ .Values.pattern }}"\n'


@pytest.mark.parametrize(
    ("template", "values", "more", "why"),
    [
        (HEAD + DNS + RANGE, "names: [a, b]\n", {}, "inside `range`"),
        (HEAD + DNS + RANGE_LITERAL, "names: [a]\n", {}, "inside `range`"),
        (HEAD + DNS + WITH, RULES, {}, "comes from what the template fills in"),
        (HEAD + DNS + INCLUDE, "", {"chart/templates/_rules.tpl": DEFINED}, "comes from what the template fills in"),
        (HEAD + DNS + FILLED, 'pattern: "**.example.com"\n', {}, "comes from what the template fills in"),
    ],
    ids=["range", "literal-in-range", "toYaml", "include", "value"],
)
def test_what_is_no_literal_text_is_left_with_the_reason(
    repository: Repository, template: str, values: str, more: Mapping[str, str], why: str
) -> None:
    found = repository.treat(chart(template, values, more))
    assert found.after[POLICY] == template
    assert found.of("fqdn-double-star")
    for finding in found.of("fqdn-double-star"):
        assert not finding["fixed"]
        assert why in finding["advice"]


def test_text_that_is_part_of_another_manifest_elsewhere_is_left(repository: Repository) -> None:
    """With the values of one release the document is no policy."""
    kind = "{{ if .Values.other }}Other{{ else }}CiliumNetworkPolicy{{ end }}"
    template = HEAD.replace("CiliumNetworkPolicy", kind) + DNS + STAR
    more = {f"{name}.yaml": release(name, f"other: {name == 'b'}".lower()) for name in ("a", "b")}
    found = repository.treat(chart(template, "other: false\n", more))
    assert found.after[POLICY] == template
    [finding] = found.of("fqdn-double-star")
    assert "the fix would change another manifest that" in finding["advice"]


def test_what_can_be_fixed_is_fixed_beside_what_cannot(repository: Repository) -> None:
    template = HEAD + DNS + STAR + RANGE
    found = repository.treat(chart(template, "names: [a]\n"))
    assert found.after[POLICY] == template.replace(STAR, FIXED)
    assert sorted(each["fixed"] for each in found.of("fqdn-double-star")) == [False, True]


def test_a_literal_part_of_a_line_is_fixed(repository: Repository) -> None:
    template = HEAD + DNS + STAR.replace("example.com", "{{ .Values.domain }}.{{ .Values.top }}")
    found = repository.treat(chart(template, "domain: example\ntop: org\n"))
    assert found.after[POLICY] == template.replace("**", "*")


def test_two_releases_that_differ_are_left(repository: Repository) -> None:
    """The pattern is right for one of them, so that no text is right for both."""
    template = HEAD + DNS + '    - toFQDNs:\n        - matchPattern: "{{ .Values.stars }}.example.com"\n'
    more = {"a.yaml": release("a", "stars: '**'"), "b.yaml": release("b", "stars: '*'")}
    found = repository.treat(chart(template, "", more))
    assert found.after[POLICY] == template
    assert not found.findings[0]["fixed"]


def test_a_release_whose_values_are_not_read_holds_the_fix(repository: Repository) -> None:
    hidden = "  valuesFrom: [{kind: Secret, name: more}]\n"
    more = {"a.yaml": release("a", "enabled: true"), "b.yaml": release("b", "enabled: true", hidden)}
    found = repository.treat(chart(GUARDED, "", more))
    assert found.after[POLICY] == GUARDED
    assert "HelmRelease b, b.yaml:1 from Secret more" in found.findings[0]["advice"]


def test_post_renderers_hold_the_fix(repository: Repository) -> None:
    patch = "  postRenderers: [{kustomize: {patches: [{patch: '[]', target: {kind: CiliumNetworkPolicy}}]}}]\n"
    found = repository.treat(chart(GUARDED, "", {"a.yaml": release("a", "enabled: true", patch)}))
    assert found.after[POLICY] == GUARDED
    assert "postRenderers of HelmRelease a" in found.findings[0]["advice"]


def test_what_another_manifest_is_made_of_is_left(repository: Repository) -> None:
    """A checksum of the template in a Deployment changes with it, and pods would start anew."""
    deployment = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations:\n"
        '    sum: {{ include (print $.Template.BasePath "/policy.yaml") . | sha256sum }}\n'
    )
    found = repository.treat(chart(GUARDED, "enabled: true\n", {"chart/templates/web.yaml": deployment}))
    assert found.after[POLICY] == GUARDED
    assert "would change what web/templates/web.yaml renders" in found.findings[0]["advice"]


def test_random_values_elsewhere_are_no_obstacle(repository: Repository) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData:\n  key: {{ randAlphaNum 20 }}\n"
    found = repository.treat(chart(GUARDED, "enabled: true\n", {"chart/templates/secret.yaml": secret}))
    assert found.after[POLICY] == GUARDED.replace(STAR, FIXED)


def test_a_chart_that_helm_refuses_is_judged_without_it(repository: Repository) -> None:
    template = HEAD + DNS + STAR + '{{ required "say which" .Values.which }}\n'
    found = repository.treat(chart(template))
    assert found.code == 0
    assert found.after[POLICY] == template


def test_without_helm_there_are_findings_and_no_fixes(repository: Repository) -> None:
    found = repository.treat(chart(GUARDED, "enabled: true\n"), programs=())
    assert found.after[POLICY] == GUARDED
    assert [each["fixed"] for each in found.findings] == [False]


def test_render_never_leaves_templates(repository: Repository) -> None:
    found = repository.treat(chart(GUARDED, "enabled: true\n"), "--render", "never")
    assert found.after[POLICY] == GUARDED


def test_a_comment_silences_a_finding(repository: Repository) -> None:
    template = GUARDED.replace('"**.example.com"', '"**.example.com" # cnpfix: ignore[fqdn-double-star]')
    found = repository.treat(chart(template, "enabled: true\n"))
    assert not found.findings
    assert found.after[POLICY] == template


def test_a_comment_of_a_document_silences_nothing_in_another(repository: Repository) -> None:
    # Both documents are rendered from their first line on: what is silenced in one has the same line in the other.
    own = HEAD + DNS + STAR
    silenced = own.replace('"**.example.com"', '"**.example.com" # cnpfix: ignore[fqdn-double-star]')
    template = silenced + "---\n" + own.replace("-web", "-api")
    found = repository.treat(chart(template))
    line = template[: template.rindex("**")].count("\n") + 1
    assert [each["line"] for each in found.of("fqdn-double-star")] == [line]
    assert found.after[POLICY] == silenced + "---\n" + own.replace("-web", "-api").replace(STAR, FIXED)


@pytest.mark.parametrize("first", [True, False], ids=["in-the-first", "in-the-second"])
def test_a_comment_for_the_whole_file_silences_all_documents(repository: Repository, *, first: bool) -> None:
    texts = [HEAD + DNS + STAR, (HEAD + DNS + STAR).replace("-web", "-api")]
    texts[not first] = "# cnpfix: ignore-file[fqdn-double-star]\n" + texts[not first]
    template = "---\n".join(texts)
    found = repository.treat(chart(template))
    assert not found.findings
    assert found.after[POLICY] == template


def test_an_unused_suppression_of_a_template_is_reported_once(repository: Repository) -> None:
    template = GUARDED.replace(STAR, FIXED + "    # cnpfix: ignore[fqdn-double-star]\n    - toCIDR: [192.0.2.0/24]\n")
    more = {"a.yaml": release("a", "enabled: true"), "b.yaml": release("b", "enabled: true")}
    found = repository.treat(chart(template, "", more))
    assert [each["id"] for each in found.findings] == ["unused-suppression"]
    assert found.findings[0]["line"] == template[: template.index("# cnpfix")].count("\n") + 1


def test_two_documents_of_which_one_is_literal(repository: Repository) -> None:
    literal = (HEAD + DNS + STAR).replace("{{ .Release.Name }}-web", "lit").replace("{{ .Release.Namespace }}", "shop")
    template = literal + "---\n" + HEAD + DNS + STAR
    found = repository.treat(chart(template))
    assert found.after[POLICY] == template.replace(STAR, FIXED)
    assert [each["document"] for each in found.findings] == [0, 1]


@pytest.mark.parametrize(
    "before",
    [
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {{ .Release.Name }}-web\n---\n",
        "# Every CiliumNetworkPolicy of the chart.\n---\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata: {about: a NetworkPolicy}\n---\n",
    ],
    ids=["manifest", "comment", "words"],
)
def test_a_policy_behind_something_else_is_fixed(repository: Repository, before: str) -> None:
    found = repository.treat(chart(before + HEAD + DNS + STAR))
    assert found.after[POLICY] == before + HEAD + DNS + FIXED


def test_a_chart_without_a_finding_stays_byte_for_byte(repository: Repository) -> None:
    files = chart(GUARDED.replace(STAR, FIXED), "enabled: true\n")
    found = repository.treat(files)
    assert not found.findings
    assert found.after == files


def test_what_the_defaults_leave_out_is_rendered_with_its_condition_held(repository: Repository) -> None:
    found = repository.treat(chart(GUARDED, "enabled: false\n"))
    assert found.findings[0]["evidence"][-1] == "rendered with values.yaml and enabled=true"
    assert found.after[POLICY] == GUARDED.replace(STAR, FIXED)


@pytest.mark.parametrize(
    ("condition", "values", "words"),
    [
        (
            "and .Values.a.enabled (eq .Values.flavor `cilium`)",
            "a: {enabled: false}\n",
            "a.enabled=true, flavor=cilium",
        ),
        ('eq (.Values.enabled | toString) "true"', "enabled: false\n", "enabled=true"),
        ("or .Values.x .Values.y", "{}\n", "x=true"),
        ("and (not .Values.disabled) .Values.x", "disabled: true\n", "disabled=false, x=true"),
    ],
)
def test_conditions_that_are_read(repository: Repository, condition: str, values: str, words: str) -> None:
    found = repository.treat(chart(GUARDED.replace("if .Values.enabled", f"if {condition}"), values))
    assert found.findings[0]["evidence"][-1] == f"rendered with values.yaml and {words}"


def test_no_value_is_made_up_that_the_template_prints(repository: Repository) -> None:
    """A port that is `true` is no mistake of the template."""
    ports = '      toPorts:\n        - ports:\n            - port: "{{ .Values.port }}"\n'
    template = "{{- if .Values.port }}\n" + HEAD + DNS + FIXED + ports + "{{- end }}\n"
    assert not repository.treat(chart(template, "port: ''\n")).findings


def test_a_template_that_fails_beside_it_is_no_obstacle(repository: Repository) -> None:
    broken = {"chart/templates/web.yaml": 'a: {{ include "gone.helper" . }}\n'}
    found = repository.treat(chart(GUARDED, "enabled: true\n", broken))
    assert found.after[POLICY] == GUARDED.replace(STAR, FIXED)


def test_a_name_that_the_chart_insists_on(repository: Repository) -> None:
    names = "(hasPrefix `web-` .Release.Name) (hasPrefix `web-` .Release.Namespace)"
    template = GUARDED + f"{{{{- if not (and {names}) }}}}{{{{ fail `web-` }}}}{{{{ end }}}}\n"
    found = repository.treat(chart(template, "enabled: true\n"))
    assert found.after[POLICY] == template.replace(STAR, FIXED)


MIXED = "    - toCIDR:\n        - 192.0.2.0/24\n      toEntities:\n        - host\n"
PORTS = {
    "a-block-of-values": (
        "      {{- with .Values.ports }}\n      toPorts:\n        {{- toYaml . | nindent 8 }}\n      {{- end }}\n"
    ),
    "text-under-a-condition": (
        "      {{- if .Values.tls }}\n      toPorts: [{ports: [{port: '443'}]}]\n      {{- end }}\n"
    ),
    "values-without-a-condition": "      {{- toYaml .Values.more | nindent 6 }}\n",
}


@pytest.mark.parametrize("ports", PORTS.values(), ids=list(PORTS))
def test_a_rule_into_which_the_template_may_put_more_is_not_split(repository: Repository, ports: str) -> None:
    """With ports among the values, a rule split off without them would open every port."""
    template = HEAD + DNS + MIXED + ports
    values = 'more: {toPorts: [{ports: [{port: "443"}]}]}\n'
    found = repository.treat(chart(template, values), "--unsafe-fixes", "--select", "mixed-peers")
    assert found.of("mixed-peers")
    assert found.after[POLICY] == template
    assert "may put more into it" in found.of("mixed-peers")[0]["advice"]


@pytest.mark.parametrize(
    "rule", [MIXED, "    - {toCIDR: [192.0.2.0/24], toEntities: [host]}\n"], ids=["lines", "one-line"]
)
def test_a_rule_beside_one_into_which_the_template_may_put_more_is_split(repository: Repository, rule: str) -> None:
    template = HEAD + DNS + rule + FIXED + PORTS["a-block-of-values"]
    found = repository.treat(chart(template), "--unsafe-fixes", "--select", "mixed-peers")
    assert found.of("mixed-peers")[0]["fixed"]
    assert found.after[POLICY].endswith(FIXED + PORTS["a-block-of-values"])


def test_no_fix_copies_what_the_template_fills_in(repository: Repository) -> None:
    """The rule that is split off would hold the value of today in place of the markup."""
    rule = (
        "    - toCIDR:\n        - 192.0.2.0/24\n      toEntities:\n        - host\n"
        '      toPorts:\n        - ports:\n            - port: "{{ .Values.port }}"\n'
    )
    template = HEAD + DNS + rule
    found = repository.treat(chart(template, "port: 8443\n"), "--unsafe-fixes", "--select", "mixed-peers")
    [finding] = found.of("mixed-peers")
    assert found.after[POLICY] == template
    assert "the fix would copy `8443`, which the template fills in" in finding["advice"]


def test_values_that_a_person_names(repository: Repository) -> None:
    template = GUARDED.replace("if .Values.enabled", 'if eq (.Values.mode | lower) "strict"')
    more = {"mine.yaml": "mode: STRICT\n", "over.yaml": "other: 1\n"}
    found = repository.treat(chart(template, "mode: none\n", more), "--values", "mine.yaml,over.yaml")
    assert found.findings[0]["evidence"][-1] == "rendered with --values mine.yaml,over.yaml"
    assert found.after[POLICY] == template.replace(STAR, FIXED)
