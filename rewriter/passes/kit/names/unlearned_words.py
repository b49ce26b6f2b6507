"""The words about `toFQDNs` that learn no address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.evidence.dns import DnsServer
from rewriter.evidence.names_learned import Unlearned
from rewriter.evidence.policies import AppliedRule
from rewriter.text import join_names


def unlearned_message(found: Unlearned, denying: Sequence[AppliedRule] = ()) -> str:
    """What is wrong; `denying` are the deny rules that shut DNS."""
    if denying:
        return "`toFQDNs` learns no address: a deny rule shuts DNS for these pods"
    server = found.server
    if found.misses and server is not None:
        return f"`toFQDNs` learns no address: DNS goes to {server.words}, and no rule with `rules.dns` names it"
    if found.open_at:
        return "`toFQDNs` learns no address: a rule lets DNS out without `rules.dns`, past the DNS proxy"
    where = f" to {server.words}" if server is not None and server.instead_of else ""
    return f"`toFQDNs` learns no address: no policy of these pods lets DNS out{where}"


def unlearned_evidence(found: Sequence[Unlearned], server: DnsServer | None) -> Iterator[str]:
    """The pods, the rules that let DNS out past the proxy, and the server."""
    workloads = [missed.reach.workload for missed in found if missed.reach.workload is not None]
    if workloads:
        yield f"applies to {join_names((f'{workload}, {workload.source}' for workload in workloads), most=3)}"
    for rule in found[0].open_at:
        yield f"lets DNS out: {rule}"
    yield from server.evidence if server is not None else ()
