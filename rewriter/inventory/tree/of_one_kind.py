"""The answers that are all facts of one kind, as they stand."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter.inventory.objects.backups import BackupStore
from rewriter.inventory.objects.dns_records import DnsRecord
from rewriter.inventory.objects.gateways import ControllerClass, Gateway, Ingress, Route
from rewriter.inventory.objects.instances import Instances
from rewriter.inventory.objects.load_balancers import AddressPool, RedirectPolicy
from rewriter.inventory.objects.pods import KubeletSettings, Repository
from rewriter.inventory.objects.replicas import NamedWorkload
from rewriter.inventory.objects.resource_addresses import ResourceAddresses
from rewriter.inventory.tree.tree_facts import TreeFacts


class OfOneKind:
    """A part of `TreeInventory`, which says what each of them is in `questions.inventory`."""

    _facts: TreeFacts

    def controller_classes(self) -> Sequence[ControllerClass]:
        return self._facts.all_of("controller_classes")

    def gateways(self) -> Sequence[Gateway]:
        return self._facts.all_of("gateways")

    def routes(self) -> Sequence[Route]:
        return self._facts.all_of("routes")

    def ingresses(self) -> Sequence[Ingress]:
        return self._facts.all_of("ingresses")

    def dns_records(self) -> Sequence[DnsRecord]:
        return self._facts.all_of("dns_records")

    def address_pools(self) -> Sequence[AddressPool]:
        return self._facts.all_of("address_pools")

    def redirect_policies(self) -> Sequence[RedirectPolicy]:
        return self._facts.all_of("redirect_policies")

    def repositories(self) -> Sequence[Repository]:
        return self._facts.all_of("repositories")

    def kubelets(self) -> Sequence[KubeletSettings]:
        return self._facts.all_of("kubelets")

    def backup_stores(self) -> Sequence[BackupStore]:
        return self._facts.all_of("backup_stores")

    def instances(self) -> Sequence[Instances]:
        return self._facts.all_of("instances")

    def without_pods(self) -> Sequence[NamedWorkload]:
        return self._facts.all_of("without_pods")

    def scaled(self) -> Sequence[NamedWorkload]:
        return self._facts.all_of("scaled")

    def resource_addresses(self) -> Sequence[ResourceAddresses]:
        return self._facts.all_of("resource_addresses")
