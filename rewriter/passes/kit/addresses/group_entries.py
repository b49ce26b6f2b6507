"""The CIDRs of the CiliumCIDRGroups to which a rule refers."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.addresses import address_set
from rewriter.cilium.cidr import AddressError, Prefix, parse_prefix
from rewriter.cilium.nodes import CidrRule
from rewriter.cilium.policy import PeerField
from rewriter.evidence.context import Context
from rewriter.evidence.references import groups_of
from rewriter.passes.kit.addresses.cidr_entries import CidrEntry


def group_entries(context: Context, field: PeerField) -> Iterator[CidrEntry]:
    """Each CIDR of each known group in from/toCIDRSet, with the index of the entry that refers to it.

    A CIDR that does not parse is left out, as the agents leave it out, and so are groups of which two have one name.
    """
    if not field.name.endswith("CIDRSet"):
        return
    for index, entry in enumerate(field.decoded()):
        if not isinstance(entry, CidrRule) or entry.written.get("cidr"):
            continue
        groups = groups_of(context, entry) or ()
        for group in groups if len({group.name for group in groups}) == len(groups) else ():
            for text in group.cidrs:
                prefix = _prefix(text)
                if prefix is not None:
                    words = f"{text} of CIDR group {group.name}"
                    yield CidrEntry(index, words, prefix, (), address_set([prefix]), group)


def _prefix(text: str) -> Prefix | None:
    try:
        return parse_prefix(text)
    except AddressError:
        return None
