"""What the bytes of a file show before anything parses them."""

from __future__ import annotations

from rewriter.discovery import holds_old_object, holds_policy
from rewriter.inventory.texts.kinds_in_text import KIND, is_odd, may_be_unknown
from rewriter.records import dataclass

SECRET = b"Secret"
_SECRETS = frozenset({SECRET, b"SecretList"})
#: What marks values that are not to be kept, in manifests of other kinds too.
_PRIVATE = (b"stringData", b"ENC[", b"secretGenerator")
VARIABLE_KINDS = frozenset({b"ConfigMap", SECRET})


@dataclass(frozen=True, slots=True)
class FileRecord:
    """The same for the same bytes, wherever they lie.

    `kinds` are those that it names, at any depth. `kept`: it may hold facts. `holds_list`: it may hold any kind beside
    those. `unknown`: it holds objects of kinds that may make pods, or whose kind is not read here. `variables`: it
    names a ConfigMap or a Secret. `policy`: it may hold a policy, or an object that is judged beside policies.
    `private`: it may hold a Secret, of which no word is kept anywhere. `cluster_dns`: it may hold the DNS of a cluster.
    """

    kinds: frozenset[bytes] = frozenset()
    kept: bool = False
    holds_list: bool = False
    unknown: bool = False
    variables: bool = False
    policy: bool = False
    private: bool = False
    cluster_dns: bool = False


def record_of(data: bytes, text: bytes, wanted: frozenset[bytes]) -> FileRecord:
    """The record of a file's bytes; `text` is these with escapes read.

    It is kept when it names one of the wanted kinds, a List or cilium-config, kinds that may make pods, or kinds that
    are written so that only a parser reads them.
    """
    policy = holds_policy(data) or holds_old_object(data)
    if b"kind" not in text:
        return FileRecord(policy=policy, private=any(mark in text for mark in _PRIVATE))
    kinds = frozenset(KIND.findall(text))
    odd = is_odd(text)
    holds_list = odd or (b"List" in text and any(kind.endswith(b"List") for kind in kinds))
    unknown = b"apiVersion" in text and (odd or may_be_unknown(text, kinds))
    return FileRecord(
        kinds,
        kept=holds_list or unknown or not kinds.isdisjoint(wanted) or b"cilium-config" in data,
        holds_list=holds_list,
        unknown=unknown,
        variables=not kinds.isdisjoint(VARIABLE_KINDS),
        policy=policy,
        private=odd or not kinds.isdisjoint(_SECRETS) or any(mark in text for mark in _PRIVATE),
        cluster_dns=b"k8s-app: kube-dns" in data or b"coredns/coredns" in data,
    )
