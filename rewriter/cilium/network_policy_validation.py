"""What the Kubernetes API server demands of a NetworkPolicy (k8s.io/kubernetes pkg/apis/networking/validation).

Cilium itself checks next to nothing there: what the API server rejects never reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.cilium.cidr import AddressError, parse_prefix
from rewriter.cilium.go_syntax import is_service_name, quote
from rewriter.cilium.label_syntax import selector_problem
from rewriter.cilium.rejected import RejectedError

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_TYPES = ("Ingress", "Egress")


def check_network_policy(spec: Mapping[str, Any], route: str) -> None:
    """Raises RejectedError unless the API server accepts the decodable spec of a NetworkPolicy."""
    _check_selector(spec.get("podSelector"), "spec.podSelector", f"{route}/podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or []):
            _check_rule(rule or {}, peers, f"spec.{direction}[{index}]", f"{route}/{direction}/{index}")
    types = spec.get("policyTypes") or []
    if len(types) > 2:
        message = "spec.policyTypes: Invalid value: may not specify more than two policyTypes"
        raise RejectedError(message, f"{route}/policyTypes")
    for index, name in enumerate(types):
        if name not in _TYPES:
            _unsupported(name, f"spec.policyTypes[{index}]", _TYPES, f"{route}/policyTypes/{index}")


def _check_rule(rule: Mapping[str, Any], peers: str, path: str, route: str) -> None:
    for index, port in enumerate(rule.get("ports") or []):
        _check_port(port or {}, f"{path}.ports[{index}]", f"{route}/ports/{index}")
    for index, peer in enumerate(rule.get(peers) or []):
        _check_peer(peer or {}, f"{path}.{peers}[{index}]", f"{route}/{peers}/{index}")


def _check_port(port: Mapping[str, Any], path: str, route: str) -> None:
    protocol = port.get("protocol")
    if protocol is not None and protocol not in _PROTOCOLS:
        _unsupported(protocol, f"{path}.protocol", _PROTOCOLS, f"{route}/protocol")
    number, end = port.get("port"), port.get("endPort")
    if isinstance(number, int) and not 1 <= number <= 65535:
        message = f"{path}.port: Invalid value: {number}: must be between 1 and 65535, inclusive"
        raise RejectedError(message, f"{route}/port")
    if isinstance(number, str) and not (is_service_name(number) and number == number.lower()):
        message = f"{path}.port: Invalid value: {quote(number)}: must be a valid IANA service name"
        raise RejectedError(message, f"{route}/port")
    if end is None:
        return
    if number is None:
        raise RejectedError(f"{path}.endPort: Required value: port must be specified", f"{route}/endPort")
    if isinstance(number, str):
        message = f"{path}.endPort: Invalid value: {end}: port must be an integer when endPort is specified"
        raise RejectedError(message, f"{route}/endPort")
    if not number <= end <= 65535:
        problem = "must be greater than or equal to `port`" if end < number else "must be at most 65535"
        raise RejectedError(f"{path}.endPort: Invalid value: {end}: {problem}", f"{route}/endPort")


def _check_peer(peer: Mapping[str, Any], path: str, route: str) -> None:
    selectors = [field for field in ("podSelector", "namespaceSelector") if peer.get(field) is not None]
    block = peer.get("ipBlock")
    if not selectors and block is None:
        raise RejectedError(f"{path}: Required value: must specify a peer", route)
    if selectors and block is not None:
        raise RejectedError(f"{path}: Forbidden: may not specify both ipBlock and another peer", route)
    for field in selectors:
        _check_selector(peer[field], f"{path}.{field}", f"{route}/{field}")
    if block is not None:
        _check_block(block, f"{path}.ipBlock", f"{route}/ipBlock")


def _check_block(block: Mapping[str, Any], path: str, route: str) -> None:
    text = block.get("cidr") or ""
    if not text:
        raise RejectedError(f"{path}.cidr: Required value", f"{route}/cidr")
    prefix = _prefix(text, f"{path}.cidr", f"{route}/cidr")
    for index, written in enumerate(block.get("except") or []):
        place = f"{path}.except[{index}]"
        exception = _prefix(written or "", place, f"{route}/except/{index}")
        if exception.bits <= prefix.bits or not prefix.contains(exception):
            problem = "must be a strict subset of `cidr`"
            raise RejectedError(f"{place}: Invalid value: {quote(written)}: {problem}", f"{route}/except/{index}")


def _prefix(text: str, path: str, route: str) -> Any:
    try:
        return parse_prefix(text)
    except AddressError:
        problem = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
        raise RejectedError(f"{path}: Invalid value: {quote(text)}: {problem}", route) from None


def _check_selector(selector: Any, path: str, route: str) -> None:
    problem = selector_problem(selector)
    if problem:
        raise RejectedError(f"{path}.{problem[0]}", route + problem[1])


def _unsupported(value: Any, path: str, known: tuple[str, ...], route: str) -> None:
    names = ", ".join(map(quote, known))
    raise RejectedError(f"{path}: Unsupported value: {quote(value or '')}: supported values: {names}", route)
