"""From the ports of a rule to those on which a Service's backends listen.

Policies are checked after load balancing, so toPorts means backend ports (Cilium docs, "Services based" policies).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy

from rewriter.cilium.go_syntax import is_service_name, parse_uint16
from rewriter.evidence.backends import Backends, UndecidedError
from rewriter.finding import Operation
from rewriter.inventory.facts.model import Service, ServicePort
from rewriter.passes.kit.changes.forms import Form, list_of, members_of
from rewriter.records import dataclass
from rewriter.text import join_names, port_text

Plan = list[dict[int, list[Form]]]
"""For each item of toPorts, what each of its ports becomes, by index: itself, others, or none."""

_BY_HAND = "write the port on which the backends listen"


def backend_ports(port: object, backends: Backends) -> list[Form]:
    """One item of `ports` as the backends have it: as written, translated, or empty where it is not the Service's.

    Raises UndecidedError where it can be read in two ways.
    """
    if not isinstance(port, dict) or not isinstance(port.get("port"), str):
        raise UndecidedError("toPorts has a port that is not text", _BY_HAND)
    if backends.ports is None:
        return [port]
    protocol = str(port.get("protocol") or "ANY").upper()
    candidates = [p for p in backends.ports if protocol in ("ANY", p.protocol)]
    text = port["port"]
    if is_service_name(text):
        return _named(port, text.lower(), candidates, backends)
    try:
        number = parse_uint16(text)
    except ValueError:
        raise UndecidedError(f"toPorts has a port {text!r}", _BY_HAND) from None
    end = port.get("endPort")
    if number == 0:
        return [port]
    if isinstance(end, int) and end > number:
        return _range(port, number, end, candidates, backends)
    return _number(port, number, candidates, backends)


@dataclass(frozen=True, slots=True)
class Translations:
    """What a port becomes by each of the Services that have it, and why one of them cannot say."""

    by_service: tuple[tuple[Service, list[Form]], ...]
    doubt: str

    @property
    def services(self) -> tuple[Service, ...]:
        return tuple(service for service, _ in self.by_service)

    @property
    def ports(self) -> list[Form]:
        return [new for _, news in self.by_service for new in news]


def translations(
    port: Mapping[str, object], services: Iterable[Service], backends: Callable[[Service], Backends]
) -> Translations | None:
    """What a port becomes by the Services before its pods; None where none has it, or it is right for one."""
    found: list[tuple[Service, list[Form]]] = []
    doubt = ""
    for service in services:
        try:
            news = backend_ports(port, backends(service))
        except UndecidedError as error:
            doubt = error.reason
            continue
        if news == [port]:
            return None
        if news:
            found.append((service, news))
    return Translations(tuple(found), doubt) if found else None


def _number(port: Form, number: int, candidates: Sequence[ServicePort], backends: Backends) -> list[Form]:
    own = [p for p in candidates if p.port == number]
    listening = [p for p in candidates if number in _numbers(p, backends)]
    if all(p in listening for p in own):
        return [port] if own or listening else []
    others = [p for p in listening if p not in own]
    if others:
        raise UndecidedError(
            f"port {number} is a port of {backends.name} and the backend port of another, {_port_list(backends)}",
            _BY_HAND,
        )
    return _translated(port, own)


def _translated(port: Form, own: Sequence[ServicePort]) -> list[Form]:
    """The targets of the Service ports; with one target for all of them, the protocol stays as written."""
    targets = dict.fromkeys(str(p.target) for p in own)
    if len(targets) == 1:
        return [{**port, "port": target} for target in targets]
    return [{**port, "port": str(p.target), "protocol": p.protocol} for p in own]


def _named(port: Form, name: str, candidates: Sequence[ServicePort], backends: Backends) -> list[Form]:
    if any(str(p.target).lower() == name for p in candidates) or any(
        c.name.lower() == name for c in backends.containers
    ):
        return [port]
    own = [p for p in candidates if p.name.lower() == name]
    if own and not backends.containers:
        raise UndecidedError(
            f"port {name} is the name of a port of {backends.name}, and whether containers call theirs so is not known",
            _BY_HAND,
        )
    return _translated(port, own) if own else []


def _range(port: Form, first: int, last: int, candidates: Sequence[ServicePort], backends: Backends) -> list[Form]:
    own = [p for p in candidates if first <= p.port <= last]
    listening = [p for p in candidates if any(first <= number <= last for number in _numbers(p, backends))]
    if any(p not in listening for p in own):
        raise UndecidedError(
            f"ports {first}-{last} hold ports of {backends.name} whose backends listen elsewhere, "
            f"{_port_list(backends)}",
            _BY_HAND,
        )
    return [port] if own or listening else []


def _numbers(port: ServicePort, backends: Backends) -> set[int]:
    """The numbers on which the backends of a Service port are known to listen."""
    if isinstance(port.target, int):
        return {port.target}
    return {c.number for c in backends.containers if c.name == port.target and c.protocol == port.protocol}


def _port_list(backends: Backends) -> str:
    return join_names(f"{p.port}/{p.protocol} → {p.target}" for p in backends.ports or ())


def translate(to_ports: Sequence[object], backends: Backends) -> Plan:
    """What toPorts becomes for a Service. Raises UndecidedError."""
    plan: Plan = []
    for item in to_ports:
        ports = item.get("ports") if isinstance(item, Mapping) else None
        if ports is not None and not isinstance(ports, list):
            raise UndecidedError("toPorts is malformed", _BY_HAND)
        plan.append({index: backend_ports(port, backends) for index, port in enumerate(ports or ())})
    return plan


def apply_plan(to_ports: Sequence[object], plan: Plan) -> list[object]:
    """The new toPorts. An item without any port left goes; one that had none stays."""
    result: list[object] = []
    for item, ports in zip(to_ports, plan, strict=True):
        if not ports:
            result.append(deepcopy(item))
        elif any(ports.values()):
            own = [deepcopy(new) for news in ports.values() for new in news]
            result.append({**deepcopy(members_of(item)), "ports": own})
    return result


def plan_operations(route: str, to_ports: Sequence[object], plan: Plan) -> list[Operation]:
    """The operations that make the new toPorts in place, from the last item to the first."""
    operations: list[Operation] = []
    for item in reversed(range(len(plan))):
        ports = plan[item]
        if ports and not any(ports.values()):
            operations.append({"op": "remove", "path": f"{route}/{item}"})
            continue
        for index in reversed(ports):
            place = f"{route}/{item}/ports/{index}"
            operations += _port_operations(place, index, port_at(to_ports[item], index), ports[index])
    return operations


def port_at(item: object, index: int) -> Form:
    """One port of an item of toPorts."""
    return members_of(list_of(members_of(item)["ports"])[index])


def _port_operations(
    place: str, index: int, old: Mapping[str, object], news: Sequence[Mapping[str, object]]
) -> Iterator[Operation]:
    if not news:
        yield {"op": "remove", "path": place}
        return
    for number, new in enumerate(news[1:], index + 1):
        yield {"op": "add", "path": f"{place.rpartition('/')[0]}/{number}", "value": dict(new)}
    for name, value in news[0].items():
        if old.get(name) != value:
            yield {"op": "replace" if name in old else "add", "path": f"{place}/{name}", "value": value}


def plan_ports(to_ports: Sequence[object]) -> list[str]:
    """The ports of toPorts in words: `80/TCP`, `1000-2000`."""
    ports = [port for item in to_ports for port in list_of(members_of(item).get("ports"))]
    return list(dict.fromkeys(port_text(port) for port in ports if isinstance(port, dict)))


def translated_ports(to_ports: Sequence[object], plan: Plan) -> tuple[list[str], list[str]]:
    """The ports that a plan replaces by others, and these, in words."""
    old: dict[str, None] = {}
    new: dict[str, None] = {}
    for item, ports in zip(to_ports, plan, strict=True):
        for index, news in ports.items():
            port = port_at(item, index)
            if news and news != [port]:
                old[port_text(port)] = None
                new |= dict.fromkeys(map(port_text, news))
    return list(old), list(new)


def ports_known(backends: Backends) -> str:
    """The ports that a Service has, in words."""
    return f"{backends.name} has {_port_list(backends) or 'no ports'}"
