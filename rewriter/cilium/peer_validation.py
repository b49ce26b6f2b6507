"""What Cilium demands of addresses and DNS names in a rule (Cilium pkg/policy/api rule_validation.go, fqdn.go)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from rewriter import patterns as re
from rewriter.cilium.cidr import AddressError, Prefix, parse_address, parse_prefix, prefix_address
from rewriter.cilium.go_syntax import quote
from rewriter.cilium.label_syntax import selector_problem
from rewriter.cilium.labels import split_key
from rewriter.cilium.rejected import NIL_POINTER, RejectedError
from rewriter.cilium.version import (
    BARE_ADDRESS_REJECTED,
    CIDR_GROUP_SELECTOR,
    CIDR_GROUP_SELECTOR_IS_QUOTED,
    CIDR_GROUP_SELECTOR_MAY_BE_NULL,
    DOUBLE_STAR_SPANS_LABELS,
    EGRESS_CIDR_GROUPS,
    EXCEPT_INSIDE_CHECKED,
    FQDN_LENGTH_CHECKED,
    FQDN_PATTERN_LENGTH_CHECKED,
    LABEL_SOURCES_CHECKED,
    LOWER_CASE_MESSAGES,
    UNPREFIXED_KEYS_CHECKED,
    ZONED_ADDRESS_PANICS,
    Version,
)

_NAME = re.compile(r"[-a-zA-Z0-9_.]+")
_PATTERN = re.compile(r"[-a-zA-Z0-9_.*]+")
_MAX_NAME = 255


def check_cidr(text: Any, route: str, version: Version) -> None:
    """Raises RejectedError unless an entry of fromCIDR or toCIDR parses."""
    text = text or ""
    if not text:
        raise RejectedError("IP must be specified", route)
    try:
        parse_prefix(text)
        return
    except AddressError as error:
        problem = str(error)
    if version < BARE_ADDRESS_REJECTED:
        try:
            address = parse_address(text)
        except AddressError as error:
            problem = str(error)
        else:
            if not (address.zone and version >= ZONED_ADDRESS_PANICS):
                return
            raise RejectedError(f"panic: {quote(text)} is not a CIDR: {problem}", route)
    raise RejectedError(f"unable to parse CIDR: {problem}", route)


def check_cidr_rule(rule: Mapping[str, Any] | None, route: str, version: Version) -> None:
    """Raises RejectedError unless an entry of fromCIDRSet or toCIDRSet is valid."""
    rule = rule or {}
    text, group = rule.get("cidr") or "", rule.get("cidrGroupRef")
    if version >= CIDR_GROUP_SELECTOR:
        selector = rule.get("cidrGroupSelector")
        # Up to 1.19 the field is a pointer, and null is as if absent.
        selects = selector is not None or ("cidrGroupSelector" in rule and version >= CIDR_GROUP_SELECTOR_MAY_BE_NULL)
        if selects:
            _check_group_selector(selector, f"{route}/cidrGroupSelector", version)
        given = bool(text) + bool(group) + selects
        if given == 0:
            raise RejectedError("one of cidr, cidrGroupRef, or cidrGroupSelector is required", route)
        if given > 1:
            message = "more than one of cidr, cidrGroupRef, or cidrGroupSelector may not be set"
            raise RejectedError(message, route)
        if not text:
            return
    elif group and (version >= EGRESS_CIDR_GROUPS or "/egress/" not in route):
        if rule.get("except"):
            raise RejectedError(f"panic: {NIL_POINTER}", f"{route}/except")
        return
    _check_cidr_with_exceptions(text, rule.get("except") or [], route, version)


def _check_group_selector(selector: Any, route: str, version: Version) -> None:
    problem = selector_problem(selector, _group_text(version))
    if problem:
        quoted = json.dumps(selector, separators=(",", ":"), ensure_ascii=False)
        which = f" {quoted}" if version >= CIDR_GROUP_SELECTOR_IS_QUOTED else ""
        message = f"failed to sanitize cidrGroupSelector{which}: invalid label selector: {problem[0]}"
        raise RejectedError(message, route + problem[1])


def _group_text(version: Version) -> Callable[[str], str]:
    if version >= LABEL_SOURCES_CHECKED:
        return _name_of
    return str if version >= UNPREFIXED_KEYS_CHECKED else _group_key


def _group_key(key: str) -> str:
    return f"cidrgroup.{key}"


def _name_of(key: str) -> str:
    """A key of a group's label as releases since 1.20 check it: without its source."""
    return split_key(key)[1]


def _check_cidr_with_exceptions(text: str, exceptions: list[Any], route: str, version: Version) -> None:
    try:
        prefix = parse_prefix(text)
    except AddressError as error:
        unable = "unable" if version >= LOWER_CASE_MESSAGES else "Unable"
        message = f"{unable} to parse CIDRRule {quote(text)}: {error}"
        raise RejectedError(message, f"{route}/cidr") from None
    for index, written in enumerate(exceptions):
        place = f"{route}/except/{index}"
        try:
            except_prefix, address = parse_prefix(written or ""), prefix_address(written or "")
        except AddressError as error:
            raise RejectedError(str(error), place) from None
        wider = except_prefix.bits < prefix.bits and version >= EXCEPT_INSIDE_CHECKED
        if wider or not prefix.contains_address(address.width, address.value):
            message = f"allow CIDR prefix {text} does not contain exclude CIDR prefix {written or ''}"
            raise RejectedError(message, place)
        if _splitting_panics(prefix, except_prefix) and version < LOWER_CASE_MESSAGES:
            raise RejectedError("panic: runtime error: makeslice: cap out of range", place)


def _splitting_panics(prefix: Prefix, exception: Prefix) -> bool:
    """Whether cutting an exception that is wider than its prefix crashed the agent (Cilium pkg/ip removeCIDR)."""
    return exception.bits < prefix.bits and prefix.contains_address(exception.width, exception.network)


def check_fqdn(selector: Mapping[str, Any], route: str, version: Version, *, exclusive: bool = True) -> None:
    """Raises RejectedError unless matchName and matchPattern are valid; `exclusive` forbids both at once."""
    name, pattern = selector.get("matchName") or "", selector.get("matchPattern") or ""
    if exclusive and name and pattern:
        message = "only one of MatchName or MatchPattern is allowed in an FQDNSelector"
        raise RejectedError(message, f"{route}/matchPattern")
    if version >= FQDN_LENGTH_CHECKED:
        _check_length(name, "MatchName", f"{route}/matchName")
    if name and not _NAME.fullmatch(name):
        allowed = "Only 0-9, a-z, A-Z and . and - characters are allowed"
        raise RejectedError(f'Invalid characters in MatchName: "{name}". {allowed}', f"{route}/matchName")
    if version >= FQDN_PATTERN_LENGTH_CHECKED:
        _check_length(pattern, "MatchPattern", f"{route}/matchPattern")
    if pattern and not _PATTERN.fullmatch(pattern):
        known = "., -, _ and *" if version >= DOUBLE_STAR_SPANS_LABELS else "., - and *"
        allowed = f"Only 0-9, a-z, A-Z and {known} characters are allowed"
        message = f'Invalid characters in MatchPattern: "{pattern}". {allowed}'
        raise RejectedError(message, f"{route}/matchPattern")


def _check_length(text: str, name: str, route: str) -> None:
    if len(text.strip()) > _MAX_NAME:
        message = f"Invalid {name}: {quote(text)}. Must be <= {_MAX_NAME} characters long."
        raise RejectedError(message, route)
