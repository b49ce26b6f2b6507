"""Programs and commands that change policies of the tree before, or after, they are applied: by the place of a rule.

What they do is not computed. One that names files with policies changes these; one that names kinds alone, any.
"""

from __future__ import annotations

import posixpath
from collections.abc import Container, Iterator, Sequence

from rewriter import patterns as re
from rewriter.inventory.delivery.appliers import DECIDING
from rewriter.inventory.facts.model import Source
from rewriter.inventory.texts.line_numbers import LineNumbers
from rewriter.inventory.texts.remarks import in_remark

_DIRECTION = r"(?:in|e)gress(?:Deny)?"
#: A rule by its number, or the rules by a part of their list: of jq and yq, of pointers, in Python and Jsonnet, of ytt.
_BY_PLACE = re.compile(
    rf"""\b{_DIRECTION}["']?\]?(?:\[-?\d{{0,9}}(?::-?\d{{0,9}})?\]|/\d+|/-(?=["'\s,}}])|\.-?\d+\b)|\bslice\([^)\n]{{0,120}}\b{_DIRECTION}\b"""
    rf"""|\bdel\([^)\n]{{0,120}}\b{_DIRECTION}\b|\b{_DIRECTION}["']?\]?\.(?:pop|insert|remove|delete_at)\("""
)
_OF_YTT = re.compile(r"#@overlay/match[^\n]{0,300}(?:overlay\.index\(|NetworkPolicy\b)")
_POLICIES = r"(?:c?cnp|ciliumnp|netpol|networkpolic(?:y|ies)|cilium(?:clusterwide)?networkpolic(?:y|ies))"
_COMMAND = re.compile(r"\b(?:kubectl|oc)\b(?:\\\r?\n|[^\n|;&])*", re.IGNORECASE)
_PATCHES = re.compile(r"[ \t](?:patch|edit)\b")
_PATCHED = re.compile(r"\bk8s_json_patch\b(?s:.){0,600}?\bkind:[ \t]*\w*NetworkPolicy\b")
_HELM = re.compile(r"\bhelm\b(?:\\\r?\n|[^\n|;&])*")
_POST_RENDERER = re.compile(r"[ \t]--post-renderer\b")
_KINDS = re.compile(rf"\b{_POLICIES}\b", re.IGNORECASE)
#: A text of a file with parts replaced, in Terraform.
_OF_TERRAFORM = re.compile(r"\breplace\(\s*(?:template)?file\(")
#: Functions of kpt, and what is added to a kustomization by a command: both for folders of the tree.
_OF_FOLDERS = re.compile(
    r"\b(?P<words>kpt[ \t]+(?:live[ \t]+)?fn[ \t]+(?:eval|render)"
    r"|kustomize[ \t]+edit[ \t]+add[ \t]+(?:patch|component|transformer))\b(?P<rest>(?:\\\r?\n|[^\n|;&])*)"
)
#: Objects of Flux and Argo CD that a command makes or changes, and what of its options changes what they apply.
_OF_APPLIERS = re.compile(
    r"(?<![\w./-])(?P<words>flux[ \t]+create[ \t]+(?:kustomization|ks)|argocd[ \t]+app[ \t]+(?:create|set|patch))"
    r"(?![\w-])(?P<rest>(?:\\\r?\n|[^\n|;&])*)"
)
_CHANGING = re.compile(
    r"(?<!\S)(?:--target-namespace|--config-management-plugin|--plugin-env|--kustomize-(?:namespace|common-label)"
    r"|--helm-\S+|--values\b|--values-literal-file|--parameter|-p|--patch|--jsonnet-\S+)(?=[ \t=])"
)
_FOLDER = re.compile(r"(?<!\S)--path(?:[ \t]+|=)[\"']?([^\s\"']+)")
_ONLY_PRINTS = re.compile(r"(?<!\S)(?:--export|--dry-run)(?=[=\s]|$)")
_APPLIERS = re.compile(
    r"(?<![\w./-])(?:kustomizations?|ks|helmreleases?|hr|applications?|applicationsets?|appsets?|fluxinstances?)"
    r"(?:\.[\w.]+)?(?=[/ \t])"
)
_MEMBERS = rf"(?:{'|'.join(sorted(DECIDING - {'path'}))})"
_NAMED = re.compile(
    rf"""\b{_MEMBERS}["']?[ \t]*:|/spec/(?:{_MEMBERS}|path)\b|\bpath["']?[ \t]*:[ \t]*["']?(?![/"'\s])"""
    r"""|--patch-file|(?:-p|--patch)[ \t=]*["']?\$[{(]?\w"""
)
_OTHER_KIND = re.compile(rf"[ \t]--kind[ \t=]+[\"']?(?!{_POLICIES}\b)\w", re.IGNORECASE)


def program_changes(
    path: str, inner: str, data: bytes, policies: Sequence[str]
) -> Iterator[tuple[str, Source, tuple[str, ...]]]:
    """What of a text changes policies: in words, where, and the inner paths that it may change (`.`: all).

    `inner` is the inner path of the text, `policies` are those of the files that may hold any.
    """
    text = data.decode("utf-8", "replace")
    lines = LineNumbers(text)
    folders = {folder for policy in policies for folder in _above(policy)}
    for match in _HELM.finditer(text):
        if _POST_RENDERER.search(match[0]) is None or in_remark(text, match.start()):
            continue
        charts = tuple(_charts(match[0].split(), inner, folders))
        if charts:
            source = Source(path, lines.at(match.start()))
            yield f"the post-renderer of {source}", source, charts
    for match in _OF_FOLDERS.finditer(text):
        if not in_remark(text, match.start()) and _OTHER_KIND.search(match["rest"]) is None:
            source = Source(path, lines.at(match.start()))
            words = match["rest"].split()[:1] if match["words"].startswith("kpt") else []
            operands = [word for word in words if not word.startswith("-") and "$" not in word and "{{" not in word]
            changed = tuple(_charts(operands, inner, folders)) if operands else (".",)
            if changed:
                yield f"`{' '.join(match['words'].split())}` in {source}", source, changed
    for match in _OF_APPLIERS.finditer(text):
        if in_remark(text, match.start()) or _ONLY_PRINTS.search(match["rest"]) or not _CHANGING.search(match["rest"]):
            continue
        source = Source(path, lines.at(match.start()))
        folder = _FOLDER.search(match["rest"])
        changed = (".",) if folder is None or "$" in folder[1] else tuple(_charts([folder[1]], inner, folders))
        if changed:
            yield f"`{' '.join(match['words'].split())}` in {source}", source, changed
    for match in _COMMAND.finditer(text):
        verb = _PATCHES.search(match[0])
        kind = _APPLIERS.search(match[0], verb.end()) if verb else None
        if verb and kind and _NAMED.search(match[0], kind.end()) and not in_remark(text, match.start()):
            source = Source(path, lines.at(match.start()))
            yield f"`{match[0].split()[0]}{verb[0]} {kind[0]}` in {source}", source, (".",)
    patterns = (_PATCHED, _OF_TERRAFORM, *((_BY_PLACE, _OF_YTT) if "gress" in text else ()))
    starts = [match.start() for match in _COMMAND.finditer(text) if _patches_policies(match[0])]
    starts += [match.start() for pattern in patterns for match in pattern.finditer(text)]
    starts = [start for start in starts if not in_remark(text, start)]
    named = tuple(policy for policy in policies if posixpath.basename(policy) in text) if starts else ()
    if starts and (named or _KINDS.search(text) is not None):
        source = Source(path, lines.at(min(starts)))
        yield f"what {source} does", source, named or (".",)


def _patches_policies(command: str) -> bool:
    verb = _PATCHES.search(command)
    return verb is not None and _KINDS.search(command, verb.end()) is not None


def _above(path: str) -> Iterator[str]:
    """The folders that hold a file."""
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)


def _charts(words: Sequence[str], inner: str, folders: Container[str]) -> Iterator[str]:
    """The folders with policies that a command names, as they lie beside its file, or at the top of the tree."""
    for word in words:
        for base in (posixpath.dirname(inner), ""):
            folder = posixpath.normpath(posixpath.join(base, word))
            if folder in folders:
                yield folder
