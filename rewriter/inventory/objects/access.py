"""Which ServiceAccounts have rights at the API server: bindings of roles."""

from __future__ import annotations

from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.kubernetes import namespace_of
from rewriter.inventory.texts.manifests import Manifest, items, mapping
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class AccountBinding:
    """A RoleBinding or ClusterRoleBinding that gives a role to a ServiceAccount."""

    kind: str
    name: str
    cluster: str | None
    namespace: str
    account: str
    role: str
    source: Source

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def account_bindings(manifest: Manifest, cluster: str | None) -> tuple[AccountBinding, ...]:
    """The ServiceAccounts that one binding names, each with its own namespace (else the binding's)."""
    own = namespace_of(manifest)
    role = mapping(manifest.value.get("roleRef")).get("name")
    found = []
    for subject in items(manifest.value.get("subjects")):
        account, namespace = subject.get("name"), subject.get("namespace") or own
        if subject.get("kind") == "ServiceAccount" and isinstance(account, str) and isinstance(namespace, str):
            found.append(
                AccountBinding(
                    manifest.kind, manifest.name, cluster, namespace, account, str(role or ""), manifest.source
                )
            )
    return tuple(found)
