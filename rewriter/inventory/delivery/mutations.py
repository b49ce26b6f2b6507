"""What changes objects at admission: mutating policies of Kyverno, Gatekeeper and the API server, and webhooks.

Kyverno's ClusterPolicy and Policy with `mutate` rules and its MutatingPolicy, Gatekeeper's Assign, AssignMetadata and
ModifySet, and the MutatingAdmissionPolicy of Kubernetes; and what changes them on their way to member clusters: the
override policies of Karmada and the patches of Sveltos. One that may touch the rules of network policies holds those;
one that may add labels to pods makes labels possible that no manifest holds. What they exclude is not taken off: it is
what they may touch that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from rewriter import patterns as re
from rewriter.inventory.delivery.appliers import api_group
from rewriter.inventory.delivery.mutated_appliers import APPLIER_RESOURCES, may_change_applied
from rewriter.inventory.delivery.patches import parse_patch
from rewriter.inventory.delivery.written_labels import label_keys, operation_keys, plain_key
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import Manifest, items, mapping, text_items
from rewriter.inventory.texts.understood import INERT_NAMES
from rewriter.records import dataclass

MUTATION_KINDS = frozenset(
    {
        b"ClusterPolicy",
        b"Policy",
        b"MutatingPolicy",
        b"NamespacedMutatingPolicy",
        b"MutatingAdmissionPolicy",
        b"Assign",
        b"AssignMetadata",
        b"ModifySet",
        b"MutatingWebhookConfiguration",
        b"OverridePolicy",
        b"ClusterOverridePolicy",
        b"ClusterProfile",
        b"Profile",
    }
)
CLUSTERWIDE = "CiliumClusterwideNetworkPolicy"
_RULES = ("spec", "specs")
_RESOURCES = {
    "CiliumNetworkPolicy": ("cilium.io", "ciliumnetworkpolicies"),
    CLUSTERWIDE: ("cilium.io", "ciliumclusterwidenetworkpolicies"),
    "NetworkPolicy": ("networking.k8s.io", "networkpolicies"),
}
#: Resources of the API server that make no pods; `pods` and what is not known may.
_NO_PODS = frozenset(
    {"namespaces", "services", "ingresses", "configmaps", "secrets", *(plural for _, plural in _RESOURCES.values())}
)
#: Tools whose webhooks do what their own policies say, which are read.
_FOLLOWED = frozenset({"gatekeeper", "kyverno"})
#: The labels that webhooks of well-known tools give to pods, by a part of their name; none where they add none.
_ADDED_BY_WEBHOOKS: Mapping[str, tuple[str, ...]] = {
    "cert-manager": (),
    "istio": ("istio.io/*", "*.istio.io/*"),
    "linkerd": ("linkerd.io/*", "*.linkerd.io/*"),
    "vault": (),
    "pod-identity": (),
    "azure-wi": (),
    "vpa": (),
}
_VERSION = re.compile(r"^(v\d\w*|\*)$")
_NAME_LABEL = "kubernetes.io/metadata.name"
#: Keys in an expression of CEL: quoted, or before a colon.
_CEL_KEYS = re.compile(r"""["']([^"'\s]+)["']|([A-Za-z_]\w*)\s*:""")


@dataclass(frozen=True, slots=True)
class Mutation:
    """One such policy, or a rule of one. `words` name it with its file and line.

    `policies` are the kinds of network policies whose rules it may change, `keys` the labels that it may add to pods
    (patterns). `namespaces` are those of the objects that it matches (None: any). `appliers` are the kinds of Flux and
    Argo CD of which it may change objects so that they apply policies in another way.
    """

    words: str
    source: Source
    policies: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    namespaces: frozenset[str] | None = None
    appliers: frozenset[str] = frozenset()

    def may_touch(self, kind: str, namespace: str | None) -> bool:
        """Whether it may change the rules of a network policy (`namespace` None: not known)."""
        if kind not in self.policies or (kind == CLUSTERWIDE and self.namespaces is not None):
            return False
        return self.namespaces is None or namespace is None or namespace in self.namespaces


def read_mutations(manifest: Manifest) -> Iterator[Mutation]:
    """What a manifest changes at admission; nothing for any other manifest."""
    value = manifest.value
    group, kind = api_group(value), manifest.kind
    if group == "kyverno.io" and kind in ("ClusterPolicy", "Policy"):
        for rule in items(mapping(value.get("spec")).get("rules")):
            if mapping(rule.get("mutate")):
                yield from _kyverno(manifest, rule)
    elif group in ("policies.kyverno.io", "admissionregistration.k8s.io") and kind.endswith(
        ("MutatingPolicy", "MutatingAdmissionPolicy")
    ):
        yield from _expressions(manifest, "Kyverno" if "kyverno" in group else "the API server")
    elif group == "mutations.gatekeeper.sh":
        yield from _gatekeeper(manifest)
    elif group == "admissionregistration.k8s.io" and kind == "MutatingWebhookConfiguration":
        yield from _webhooks(manifest)
    elif group == "policy.karmada.io" and kind in ("OverridePolicy", "ClusterOverridePolicy"):
        yield from _karmada(manifest)
    elif group == "config.projectsveltos.io" and kind in ("ClusterProfile", "Profile"):
        yield from _sveltos(manifest)


def _kyverno(manifest: Manifest, rule: Mapping[str, Any]) -> Iterator[Mutation]:
    mutate = mapping(rule.get("mutate"))
    match = mapping(rule.get("match"))
    blocks = [mapping(item.get("resources")) for name in ("any", "all") for item in items(match.get(name))]
    blocks += [mapping(match.get("resources"))] if mapping(match.get("resources")) else []
    targets = items(mutate.get("targets"))
    if targets:
        kinds = [str(target.get("kind", "*")) for target in targets]
        places = [[target.get("namespace")] if target.get("namespace") else None for target in targets]
    else:
        kinds = [_kind(text) for block in blocks for text in text_items(block.get("kinds"))] or ["*"]
        places = [block.get("namespaces") for block in blocks] or [None]
    own = manifest.metadata.get("namespace") if manifest.kind == "Policy" else None
    touches, keys = _changes(mutate)
    where = [[own]] if own else places
    yield from _mutation(manifest, "Kyverno", kinds, where, keys=keys, touches=touches, written=mutate)


def _changes(mutate: Mapping[str, Any], depth: int = 0) -> tuple[bool, frozenset[str]]:
    """Whether a `mutate` of Kyverno changes the spec of an object, and the labels that it adds to it or its pods."""
    touches, keys = False, set()
    merge = mutate.get("patchStrategicMerge")
    if isinstance(merge, dict):
        touches = any(name in _RULES for name in map(plain_key, merge) if name)
        keys |= set(label_keys(merge))
    elif merge is not None:
        return True, frozenset({"*"})
    text = mutate.get("patchesJson6902")
    if text is not None:
        patches = list(parse_patch(str(text), {}, Source("")))
        touches = touches or not patches or any(patch.changes_rules for patch in patches)
        for patch in patches:
            for operation in patch.operations:
                place = str(operation.get("path"))
                touches = touches or "{{" in place.split("/")[1:2]
                keys |= set(operation_keys(place, operation.get("value")))
        if any(patch.unread for patch in patches) or "{{" in str(text).partition("value")[0]:
            touches, keys = True, keys | {"*"}
    for item in items(mutate.get("foreach")) if depth < 5 else ():
        inner, more = _changes(item, depth + 1)
        touches, keys = touches or inner, keys | more
    return touches, frozenset(keys)


def _kind(text: str) -> str:
    """The kind of Kyverno's `group/version/kind/subresource`, of which any part may be missing."""
    parts = text.split("/")
    if len(parts) > 1:
        first = next((n for n, part in enumerate(parts[:2]) if _VERSION.match(part)), None)
        if len(parts) == 2 and first is None:
            return parts[0]
        parts = parts[2:] if first == 1 and len(parts) > 2 else parts[1:]
    return parts[0].split(".")[0]


def _expressions(manifest: Manifest, tool: str) -> Iterator[Mutation]:
    """Those whose changes are expressions of CEL."""
    spec = mapping(manifest.value.get("spec"))
    text = " ".join(_expressions_in(spec.get("mutations")))
    kinds: list[str] = []
    pods = False
    places: list[Any] = []
    for name in ("matchConstraints", "targetMatchConstraints"):
        match = mapping(spec.get(name))
        for rule in items(match.get("resourceRules")):
            for resource in text_items(rule.get("resources")):
                plural = resource.partition("/")[0].lower()
                pods = pods or plural not in _NO_PODS
                kinds += _kinds_of(rule, plural)
        if match:
            places.append(_selected_names(mapping(match.get("namespaceSelector"))))
    own = manifest.metadata.get("namespace") if manifest.kind == "NamespacedMutatingPolicy" else None
    touches = not text or re.search(r"\bspecs?\b", text) is not None
    keys: frozenset[str] = frozenset()
    if pods and ("labels" in text or not text):
        keys = frozenset(quoted or bare for quoted, bare in _CEL_KEYS.findall(text)) or frozenset({"*"})
        keys |= {key.rpartition("/labels/")[2].replace("~1", "/") for key in keys if "/labels/" in key}
    where = [[own]] if own else places or [None]
    asked = [*kinds, *(["Pod"] if pods else [])]
    yield from _mutation(manifest, tool, asked, where, keys=keys, touches=touches, written=spec.get("mutations"))


def _kinds_of(rule: Mapping[str, Any], pattern: str) -> list[str]:
    """The kinds of policies, and of what applies them, that a resource of a rule of the API server names."""
    known = {**_RESOURCES, **APPLIER_RESOURCES}
    return [kind for kind, (group, plural) in known.items() if _meets(rule, group, pattern, plural)]


def _meets(rule: Mapping[str, Any], group: str, pattern: str, plural: str) -> bool:
    groups = text_items(rule.get("apiGroups")) or ["*"]
    return fnmatchcase(plural, pattern) and any(other in ("*", group) for other in groups)


def _expressions_in(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < 6:
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from _expressions_in(part, depth + 1)


def _selected_names(selector: Mapping[str, Any]) -> Any:
    """The namespaces that a selector names; None where it names none."""
    name = mapping(selector.get("matchLabels")).get(_NAME_LABEL)
    if isinstance(name, str):
        return [name]
    for item in items(selector.get("matchExpressions")):
        if item.get("key") == _NAME_LABEL and item.get("operator") == "In":
            return item.get("values")
    return None


def _webhooks(manifest: Manifest) -> Iterator[Mutation]:
    """What webhooks may change: their manifests only say about which objects the API server asks them."""
    for webhook in items(manifest.value.get("webhooks")):
        name = str(webhook.get("name"))
        if any(part in _FOLLOWED for part in re.split(r"[.-]", f"{name}.{manifest.name}")):
            continue
        rules = items(webhook.get("rules"))
        kinds, pods = _asked(rules)
        keys = next((keys for part, keys in _ADDED_BY_WEBHOOKS.items() if part in f"{name} {manifest.name}"), ("*",))
        place = _selected_names(mapping(webhook.get("namespaceSelector")))
        asked = [*kinds, *(["Pod"] if pods else [])]
        yield from _mutation(manifest, "a webhook", asked, [place], keys=frozenset(keys), touches=True)


def _asked(rules: Iterable[Mapping[str, Any]]) -> tuple[list[str], bool]:
    """The kinds of policies that rules of the API server match, and whether they match pods."""
    kinds: list[str] = []
    pods = False
    for rule in rules:
        for resource in text_items(rule.get("resources")):
            plural = resource.partition("/")[0].lower()
            groups = text_items(rule.get("apiGroups")) or ["*"]
            pods = pods or (fnmatchcase("pods", plural) and any(group in ("*", "") for group in groups))
            kinds += _kinds_of(rule, plural)
    return kinds, pods


def _gatekeeper(manifest: Manifest) -> Iterator[Mutation]:
    spec = mapping(manifest.value.get("spec"))
    match = mapping(spec.get("match"))
    kinds = [kind for item in items(spec.get("applyTo")) for kind in text_items(item.get("kinds"))]
    kinds = kinds or [kind for item in items(match.get("kinds")) for kind in text_items(item.get("kinds"))] or ["*"]
    location = str(spec.get("location", ""))
    touches = re.split(r"[.\[]", location, maxsplit=1)[0] in (*_RULES, "*", "")
    _, found, key = location.partition("labels.")
    keys = frozenset({key.strip("\"'")} if found else set())
    where = [match.get("namespaces")]
    written = [location, spec.get("parameters")]
    yield from _mutation(manifest, "Gatekeeper", kinds, where, keys=keys, touches=touches, written=written)


def _karmada(manifest: Manifest) -> Iterator[Mutation]:
    """What an override policy writes into the objects that it selects: all of its namespace where it selects none."""
    spec = mapping(manifest.value.get("spec"))
    overriders = [mapping(rule.get("overriders")) for rule in items(spec.get("overrideRules"))]
    overriders += [mapping(spec.get("overriders"))] if spec.get("overriders") else []
    paths = [str(part.get("path", "")) for overrider in overriders for part in items(overrider.get("plaintext"))]
    paths += [
        str(part.get("fieldPath", "")) for overrider in overriders for part in items(overrider.get("fieldOverrider"))
    ]
    touches = any(path.split("/")[1:2] in ([], [""], *([name] for name in _RULES)) for path in paths)
    keys = {key for path in paths for key in operation_keys(path, {}) if "/labels" in path}
    for overrider in overriders:
        keys |= {key for part in items(overrider.get("labelsOverrider")) for key in mapping(part.get("value"))}
    selectors = items(spec.get("resourceSelectors"))
    kinds = [str(selector.get("kind", "*")) for selector in selectors] or ["*"]
    own = manifest.metadata.get("namespace") if manifest.kind == "OverridePolicy" else None
    places = [
        [own] if own else [selector["namespace"]] if selector.get("namespace") else None
        for selector in selectors or [{}]
    ]
    texts = frozenset(map(str, keys))
    yield from _mutation(manifest, "Karmada", kinds, places, keys=texts, touches=touches, written=overriders)


def _sveltos(manifest: Manifest) -> Iterator[Mutation]:
    """The patches that a profile makes of what it deploys."""
    for item in items(mapping(manifest.value.get("spec")).get("patches")):
        target = mapping(item.get("target"))
        patches = list(parse_patch(str(item.get("patch", "")), target, manifest.source))
        keys = {key for patch in patches for key in label_keys(patch.merge or {})}
        for operation in (operation for patch in patches for operation in patch.operations):
            keys |= set(operation_keys(str(operation.get("path")), operation.get("value")))
        touches = not patches or any(patch.changes_rules for patch in patches)
        place = [target["namespace"]] if target.get("namespace") else None
        kinds = [str(target.get("kind") or "*")]
        written = item.get("patch")
        yield from _mutation(
            manifest, "Sveltos", kinds, [place], keys=frozenset(keys), touches=touches, written=written
        )


def _mutation(
    manifest: Manifest,
    tool: str,
    kinds: Iterable[str],
    places: Iterable[Any],
    *,
    keys: frozenset[str],
    touches: bool,
    written: Any = None,
) -> Iterator[Mutation]:
    """One mutation of objects of these kinds (patterns) in these namespaces (lists; None: any).

    `written` is what it writes there, None where that is not known.
    """
    wanted = [kind if "{{" not in kind else "*" for kind in kinds]
    policies = frozenset(kind for kind in _RESOURCES if any(fnmatchcase(kind, kind_name) for kind_name in wanted))
    appliers = frozenset(kind for kind in APPLIER_RESOURCES if any(fnmatchcase(kind, pattern) for pattern in wanted))
    decides = touches and bool(appliers) and (written is None or may_change_applied(written))
    pods = any(kind_name.encode() not in INERT_NAMES and kind_name != "Service" for kind_name in wanted)
    found: set[str] | None = set()
    for place in places:
        names = text_items(place)
        if found is None or not names or any(re.search(r"[*?{!]", name) for name in names):
            found = None
        else:
            found |= set(names)
    made = Mutation(
        f"{manifest.kind} {manifest.name} ({tool}), {manifest.source}",
        manifest.source,
        policies if touches else frozenset(),
        keys if pods else frozenset(),
        None if found is None else frozenset(found),
        appliers if decides else frozenset(),
    )
    if made.policies or made.keys or made.appliers:
        yield made


_UNREAD_KIND = re.compile(rb"^[\"']?kind[\"']?:[ \t]*[\"']?(%s)\b" % b"|".join(sorted(MUTATION_KINDS)), re.MULTILINE)


def all_mutations(files: TreeFiles, is_applied: Callable[[str], bool]) -> tuple[Mutation, ...]:
    """Those of every file that anybody may apply; of what cannot be read, those that name network policies."""
    found: list[Mutation] = []
    for file in files.files.where(lambda file: bool(file.kinds & MUTATION_KINDS) or file.holds_list):
        if is_applied(file.path):
            for manifest in files.manifests(file):
                found += read_mutations(manifest)
    for unread in files.unread:
        text = unread.text or b""
        kind = _UNREAD_KIND.search(text)
        if kind and b"mutat" in text.lower() and b"networkpolic" in text.lower():
            words = f"{kind[1].decode()} in {unread.source}, which {unread.why},"
            found.append(Mutation(words, unread.source, frozenset(_RESOURCES)))
    return tuple(found)
