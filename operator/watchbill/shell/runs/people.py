"""Pages somebody to look at a run, and says what a runbook wants people to be told."""

from collections.abc import Callable, Iterable, Iterator

from watchbill.api.connection import Connection
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.incident import Incident
from watchbill.api.incident_status import Hop, Page
from watchbill.api.resources import Channel
from watchbill.core.digest import digest
from watchbill.core.effects import ConnectionKey, Effect, IncidentFacts, PostToChannel, SendPage
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.references import class_granted, granted
from watchbill.core.runs.effects import AskPerson, run_key
from watchbill.core.steps.answers import unanswered
from watchbill.core.steps.contract import Answer, Message, RunFacts, StepResult
from watchbill.providers.facts import facts_of
from watchbill.shell.cache import ObjectKey
from watchbill.shell.order import Order
from watchbill.shell.perform import Outside, Performer

RANK = 1
"""Nothing follows until somebody has looked: it goes with the worst."""

LEVEL = "runbook"
SEVERITY = "RUNBOOK"
TRIES = 3
"""How often something is sent that was not, since people wrote into the run just then."""

SAID = (Result.OK, Result.CONFLICT)

RunKey = ObjectKey


class People:
    """Reaches people through Connections, as pages do."""

    def __init__(
        self, outside: Outside, last_resort: ConnectionKey | None, may_act: Callable[[], bool]
    ) -> None:
        self._cache = outside.cache
        self._clock = outside.clock
        self._last_resort = last_resort
        self._may_act = may_act
        # Of its own, for what becomes of these is no incident's business.
        self._performer = Performer(outside, may_act, lambda key, outcome: None)

    async def ask(self, key: RunKey, effect: AskPerson) -> StepResult:
        """OK once one connection has taken the page, else RETRY with why; a real one is tried first.

        Those of the incident's policy are tried, or of every policy of the namespace, in the order in which
        they page, and then the last resort; those of policies that are suspended come last.
        """
        said = "no policy of the namespace and no last resort names a connection that can page"
        title = f"a person must look at run {key.name}: {effect.reason}"
        facts = self._facts(effect.run, title, effect.message)
        for where in self._ways(effect.run):
            page = self._page(facts, where, f"{run_key(effect)}attention")
            outcome = await self._sent(key, page)
            if outcome is not None and outcome.result in SAID:
                return StepResult(Result.OK, output=f"{where.namespace}/{where.name}")
            said = f"connection {where.namespace}/{where.name}: {outcome.message if outcome else 'not sent'}"
        return StepResult(Result.RETRY, reason="NobodyReached", message=said)

    async def say(self, message: Message, run: RunFacts) -> Answer:
        """What came of one message, through a connection of the namespace or in the incident's channel."""
        key = ObjectKey("RunbookRun", run.namespace, run.name)
        effect = self._message(message, run)
        if isinstance(effect, str):
            return Answer(Result.PERMANENT, message=effect)
        outcome = await self._sent(key, effect)
        if outcome is None:
            return unanswered(message, False, "this process may not act any more")
        if outcome.result in SAID:
            return Answer(Result.OK)
        if outcome.result == Result.UNKNOWN:
            return unanswered(message, True, outcome.message)
        return Answer(outcome.result, message=outcome.message)

    def _message(self, message: Message, run: RunFacts) -> SendPage | PostToChannel | str:
        """How the message is sent, or why it cannot be."""
        if message.connection:
            where = ConnectionKey(run.namespace, message.connection)
            connection = self._cache.read(Connection, *where)
            if connection is not None and not facts_of(connection).pages:
                return f"connection {message.connection} carries no messages but those of a channel"
            title = message.text.splitlines()[0]
            facts = self._facts(run, title, message.text)
            return self._page(facts, where, f"{run.uid}/notify/{digest(message.text)[:12]}")
        incident = self._cache.read(Incident, run.namespace, run.incident)
        channel = incident.status.resources.channel if incident is not None else None
        if incident is None or channel is None or not channel.external_id or channel.archived:
            return f"incident {run.incident} has no channel"
        if refusal := self._ungranted(incident, channel):
            return refusal
        facts = IncidentFacts(
            incident.metadata.uid, run.namespace, run.incident, incident.spec.title, SEVERITY, RANK
        )
        # It is no entry of the incident's timeline: whether it was said is not looked for.
        return PostToChannel(facts, channel.model_copy(update={"uncertain": False}), message.text)

    def _ungranted(self, incident: Incident, channel: Channel) -> str:
        """Why the incident's class may not use the channel's connection any more; empty where it may."""
        connection = self._cache.read(Connection, channel.namespace, channel.connection)
        name = incident.status.frozen_class.name if incident.status.frozen_class else ""
        if connection is None or class_granted(connection.spec.allowed_classes, name):
            return ""
        place = f"{channel.namespace}/{channel.connection}"
        return f"connection {place} must list {name} in its spec.allowedClasses"

    def _facts(self, run: RunFacts, title: str, summary: str) -> IncidentFacts:
        return IncidentFacts(
            run.uid, run.namespace, run.name, title, SEVERITY, RANK, summary=summary, is_run=True
        )

    def _page(self, facts: IncidentFacts, where: ConnectionKey, key: str) -> SendPage:
        """The page; it has the same key at every try, so that it is one."""
        connection = self._cache.read(Connection, *where)
        uid = connection.metadata.uid if connection is not None else ""
        hop = Hop(
            connection=where.name, namespace=where.namespace, connection_uid=uid, key=key, state="Sending"
        )
        page = Page(
            id=f"p-{digest([key, where])[:10]}",
            epoch=1,
            round=1,
            level=LEVEL,
            due_time=self._clock.now(),
            state="Pending",
            hops=(hop,),
        )
        return SendPage(facts, page, 0, first_of_epoch=True)

    async def _sent(self, key: RunKey, effect: Effect) -> Outcome | None:
        """What became of the effect; None where this process may not act any more."""
        for _ in range(TRIES):
            if (outcome := await self._once(key, effect)) is not None or not self._may_act():
                return outcome
        return None

    async def _once(self, key: RunKey, effect: Effect) -> Outcome | None:
        """What became of the effect; None also where people have written into the run meanwhile."""
        raw = self._cache.get(*key)
        generation = int(raw["metadata"].get("generation", 0)) if raw is not None else 0
        return await self._performer.start(Order(key, effect, generation))

    def _ways(self, run: RunFacts) -> list[ConnectionKey]:
        """The connections to try, each once: those that reach a person first."""
        found = list(dict.fromkeys(self._named(run)))
        return sorted(found, key=lambda where: not self._is_real(where))

    def _named(self, run: RunFacts) -> Iterator[ConnectionKey]:
        policies = list(self._policies(run))
        yield from self._paged(each for each in policies if not each.spec.suspend)
        if self._last_resort is not None:
            yield self._last_resort
        yield from self._paged(each for each in policies if each.spec.suspend)

    def _paged(self, policies: Iterable[EscalationPolicy]) -> Iterator[ConnectionKey]:
        for policy in policies:
            for page in policy.status.preview:
                for hop in page.how:
                    where = ConnectionKey(*hop.connection.split("/", 1))
                    # The preview is a status: it tells who would be paged, and grants nothing.
                    if self._is_granted(where, policy.metadata.namespace or ""):
                        yield where

    def _policies(self, run: RunFacts) -> Iterator[EscalationPolicy]:
        incident = self._cache.read(Incident, run.namespace, run.incident) if run.incident else None
        frozen = incident.status.policy if incident is not None else None
        names = [raw["metadata"]["name"] for raw in self._cache.list("EscalationPolicy", run.namespace)]
        places = [(run.namespace, name) for name in sorted(names)]
        if frozen is not None:
            places.insert(0, (frozen.namespace or run.namespace, frozen.name))
        for place in places:
            if (policy := self._cache.read(EscalationPolicy, *place)) is not None:
                yield policy

    def _is_granted(self, where: ConnectionKey, referrer: str) -> bool:
        connection = self._cache.read(Connection, *where)
        return granted(where.namespace, connection.spec.allowed_namespaces if connection else None, referrer)

    def _is_real(self, where: ConnectionKey) -> bool:
        connection = self._cache.read(Connection, *where)
        return connection is not None and facts_of(connection).real
