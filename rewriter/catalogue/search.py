"""The symptoms that a description in your own words means."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from rewriter import patterns as re
from rewriter.catalogue.symptoms import Symptom

#: A word of the symptom itself, or of the other ways to say it, counts more than one of the explanation.
_HEADING, _EXPLANATION = 3.0, 1.0
#: A word that no symptom has counts this part of a rare one: it may name what the pods are, or what they reach.
_UNKNOWN = 0.35
#: Of what the rare words of a description are worth, a symptom has to meet this much.
_ENOUGH = 0.4
#: A symptom that meets less than this part of what the best one meets is left out.
_CLOSE = 0.6

_WORD = re.compile(r"[a-z0-9]+(?:\.[0-9]+)*|\[\]")
_TIMEOUT = re.compile(r"tim(?:e|es|ed|ing) out")
#: That something passes which should not is a word of its own: without it, "not blocked" would mean "blocked".
_PASSES = re.compile(
    r"\b(?:not|nothing|never|nobody)(?: is| are| gets?| being)? (?:block|den[iy]|drop|enforc|restrict|protect)\w*"
    r"|n't (?:block|deny|drop|restrict|protect)\w*"
    r"|\bstill (?:be |is |can )?(?:reach|allow|open|pass|access|talk|connect)\w*"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ENDINGS = ("ing", "ed", "es", "s", "e")
#: Words that symptoms have in common.
_COMMON_TEXT = (
    "a an and any are as at be been but by can cannot could do does doesn for from get gets has have i in into is it "
    "its just me my no not nothing of on one or our so some still t that the their them then there they this "
    "to too up was we what when which while why will with you your"
)
_COMMON = frozenset(_COMMON_TEXT.split())
#: Different words for one thing: each is compared as the first of its row.
_SAME = {
    same: row[0]
    for row in (
        ("drop", "block", "deny", "denied", "reject", "lost", "lose"),
        ("timeout", "hang", "hung", "stuck", "unreachable"),
        ("resolve", "resolution", "lookup", "nslookup", "dig"),
        ("connect", "connection", "curl", "wget", "dial"),
        ("refuse", "invalid"),
        ("clustermesh", "mesh"),
        ("apiserver", "api-server"),
        ("allow", "open", "permit", "pass"),
        ("world", "internet", "outside", "external"),
        ("probe", "liveness", "readiness", "healthcheck"),
        ("database", "db", "postgres", "mysql", "redis"),
    )
    for same in row
}


def search(text: str, symptoms: Sequence[Symptom], most: int = 3) -> tuple[Symptom, ...]:
    """The symptoms that a description means, the likeliest first; none where too few of its words are known.

    Rare words count more than frequent ones, words of a heading more than those of its explanation.
    """
    asked = set(_words(text))
    documents = [_weights(symptom) for symptom in symptoms]
    frequency = Counter(word for document in documents for word in document)
    rarity = {
        word: math.log(1 + len(documents) / (1 + frequency[word])) * (1 if frequency[word] else _UNKNOWN)
        for word in asked
    }
    whole = sum(rarity.values()) * _HEADING
    scores = [sum(rarity[word] * document.get(word, 0.0) for word in asked) for document in documents]
    best = max(scores, default=0.0)
    if not whole or best < _ENOUGH * whole:
        return ()
    together = [_in_one_phrase(asked, symptom) for symptom in symptoms]
    ranked = sorted(range(len(symptoms)), key=lambda index: (-scores[index], -together[index]))
    return tuple(symptoms[index] for index in ranked[:most] if scores[index] >= _CLOSE * best)


def _in_one_phrase(asked: set[str], symptom: Symptom) -> int:
    """How many of the words stand in one phrase: of symptoms that have them all, this one means them."""
    return max(len(asked & set(_words(phrase))) for phrase in (symptom.symptom, *symptom.words))


def _weights(symptom: Symptom) -> dict[str, float]:
    """The words of a symptom, with what each counts."""
    weights = dict.fromkeys(_words(symptom.cause, symptom.look, *symptom.passes), _EXPLANATION)
    return weights | dict.fromkeys(_words(symptom.symptom, *symptom.words), _HEADING)


def _words(*texts: str) -> Iterable[str]:
    for text in texts:
        parted = _TIMEOUT.sub("timeout", f"{text} {_CAMEL.sub(' ', text)}".lower())
        parted = _PASSES.sub("unrestricted", parted)
        for word in _WORD.findall(parted):
            if word not in _COMMON:
                yield _SAME.get(word) or _SAME.get(_stem(word)) or _stem(word)


def _stem(word: str) -> str:
    """A word without its ending: `policies` and `policy`, `dropped` and `drop` are one."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            short = word[: -len(ending)]
            doubled = ending in ("ing", "ed") and short[-1] == short[-2] and short[-1] not in "ls"
            return short[:-1] if doubled else short
    return word
