"""Who is paged by a policy in files: the operator's own table, or a walk where some connections are down."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from watchbill.api.connection import AllowedNamespaces, Connection, ConnectionSpec, Console
from watchbill.api.durations import format_duration
from watchbill.api.escalation_policy import EscalationPolicy, PreviewedHop, PreviewedPage
from watchbill.api.incident import Incident
from watchbill.api.incident_class import IncidentClass
from watchbill.api.incident_status import Page
from watchbill.cli.links import World
from watchbill.cli.plugin.walk import Sending, walked
from watchbill.core.digest import digest
from watchbill.core.effects import ConnectionKey
from watchbill.core.observation import ConnectionFacts, Observation
from watchbill.core.preview import previewed
from watchbill.core.references import references
from watchbill.providers.facts import facts_of

ANYBODYS = AllowedNamespaces(from_="All")
ASSUMED = ConnectionSpec(console=Console(), allowed_namespaces=ANYBODYS)
"""What a connection is taken to be that is in none of the files: any that can page."""


@dataclass(frozen=True, slots=True)
class Told:
    """One page, and through which connection somebody got it when."""

    page: PreviewedPage
    accepted_by: str | None
    """The connection as namespace/name; None where none of them answers."""
    accepted_after: str | None
    """The time since the declaration."""


def foretold(
    policy: EscalationPolicy, world: World, start: datetime, down: frozenset[ConnectionKey]
) -> list[Told]:
    """Every page of an incident that is declared at this moment, until the last resort was paged once."""
    connections = connections_of(policy, world)
    if not down:
        pages = previewed(policy, connections, start)
        return [Told(page, page.how[0].connection, page.after) for page in pages]
    sendings = walked(observed(policy, world, start), start, down)
    return list(_by_page(sendings, start, connections))


def connections_of(policy: EscalationPolicy, world: World) -> dict[ConnectionKey, ConnectionSpec]:
    """The connections that a policy names; one that is in none of the files is taken to be there."""
    keys = [ConnectionKey(each.namespace, each.name) for each in references(policy)]
    return {key: world.connections.get(key, ASSUMED) for key in keys}


def observed(policy: EscalationPolicy, world: World, start: datetime) -> Observation:
    """What the operator would see of an incident of the policy's namespace that is declared now."""
    home = policy.metadata.namespace or ""
    row = {"name": "SEV-1", "rank": 1, "escalation": {"policyName": policy.metadata.name}}
    default = {"policyRef": {"name": policy.metadata.name, "namespace": home}}
    spec = {"severities": [row], "defaultEscalation": default}
    metadata = {"name": "simulated", "namespace": home, "uid": "simulated", "creationTimestamp": start}
    return Observation(
        incident=Incident.model_validate(
            {"metadata": metadata | {"generation": 1}, "spec": {"title": "Simulated", "severity": "SEV-1"}}
        ),
        incident_class=IncidentClass.model_validate({"metadata": {"name": "simulated"}, "spec": spec}),
        policies={policy.metadata.name: policy},
        connections={key: _facts(world, key) for key in connections_of(policy, world)},
        holder="simulation",
    )


def _facts(world: World, key: ConnectionKey) -> ConnectionFacts:
    # The key of a page holds the connection's UID, which a file does not know.
    uid = digest(list(key))
    found = world.models.get(("Connection", *key))
    if not isinstance(found, Connection):
        return ConnectionFacts(uid=uid, allowed_namespaces=ANYBODYS)
    metadata = found.metadata.model_copy(update={"uid": uid})
    return facts_of(found.model_copy(update={"metadata": metadata}))


def _by_page(
    sendings: tuple[Sending, ...], start: datetime, connections: Mapping[ConnectionKey, ConnectionSpec]
) -> Iterator[Told]:
    """One entry for the attempts of each page, in the order in which they begin."""
    by_page: dict[str, list[Sending]] = {}
    for sending in sendings:
        by_page.setdefault(sending.page.id, []).append(sending)
    for tries in by_page.values():
        first = tries[0].page
        accepted = next((each for each in tries if each.accepted), None)
        yield Told(
            PreviewedPage(
                after=format_duration(tries[0].time - start),
                round=first.round,
                level=first.level,
                who=f"{first.hops[0].namespace}/{first.hops[0].connection}",
                how=tuple(_ways(first, connections)),
            ),
            None if accepted is None else "/".join(accepted.connection),
            None if accepted is None else format_duration(accepted.time - start),
        )


def _ways(page: Page, connections: Mapping[ConnectionKey, ConnectionSpec]) -> Iterator[PreviewedHop]:
    """The connections that a page could go through when it was first tried."""
    for hop in page.hops:
        if hop.state != "Failed":
            vendor = connections[ConnectionKey(hop.namespace, hop.connection)].vendor
            yield PreviewedHop(connection=f"{hop.namespace}/{hop.connection}", vendor=vendor)
