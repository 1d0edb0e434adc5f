"""From a target to the hops of its page: which connections there are, and under which keys."""

from watchbill.api.escalation_policy import ConnectionRef, Target
from watchbill.api.incident_status import Hop, Page
from watchbill.api.reasons import Reason
from watchbill.core.digest import digest
from watchbill.core.draft import Draft
from watchbill.core.effects import ConnectionKey
from watchbill.core.observation import ConnectionFacts
from watchbill.core.plan import LAST_RESORT
from watchbill.core.references import granted, ungranted
from watchbill.core.texts import cut


def page_key(uid: str, place: tuple[int, int, str], target_uid: str, connection_uid: str) -> str:
    """The outward key of a page: durable facts alone, the incident's UID first (at most 160 characters).

    `place` is (epoch, round, level). A target is its connection's UID and whether it is the last resort; the
    page's own way may be another connection, which two targets can share as their fallback.
    """
    epoch, round_, level = place
    target = digest([target_uid, connection_uid, level == LAST_RESORT])[:12]
    return f"{uid}/{epoch}/{round_}/{level}/{target}"


def page_for(draft: Draft, target: Target, place: tuple[int, int, str], namespace: str) -> Page:
    """The page of a target at a place, each hop ready to be tried or failed with its reason."""
    refs: list[ConnectionRef] = [target.connection_ref, *(f.connection_ref for f in target.fallback)]
    target_uid = _uid(draft, ConnectionKey(refs[0].namespace or namespace, refs[0].name), namespace)
    hops = tuple(_hop(draft, ref, (place, target_uid), namespace) for ref in refs)
    epoch, round_, level = place
    address = (refs[0].namespace or namespace, refs[0].name)
    identity = digest([draft.observation.incident.metadata.uid, *place, *address])
    return Page(
        id=f"p-{identity[:10]}",
        epoch=epoch,
        round=round_,
        level=level,
        due_time=draft.now,
        state="Pending",
        hops=hops,
    )


def is_reachable(page: Page) -> bool:
    """Whether at least one hop of a fresh page can be tried."""
    return any(hop.state != "Failed" for hop in page.hops)


def _uid(draft: Draft, key: ConnectionKey, referrer: str) -> str:
    """The connection's UID, or its place where it is not there or is not granted."""
    facts = _granted(draft, key, referrer)
    return facts.uid if facts else f"{key.namespace}/{key.name}"


def _granted(draft: Draft, key: ConnectionKey, referrer: str) -> ConnectionFacts | None:
    """What is known of a connection; None where it is not there, or this namespace may not use it."""
    facts = draft.observation.connections.get(key)
    allowed = facts.allowed_namespaces if facts else None
    return facts if granted(key.namespace, allowed, referrer) else None


def _hop(draft: Draft, ref: ConnectionRef, of: tuple[tuple[int, int, str], str], namespace: str) -> Hop:
    place, target_uid = of
    key = ConnectionKey(ref.namespace or namespace, ref.name)
    facts = _granted(draft, key, namespace)
    uid = draft.observation.incident.metadata.uid
    base = Hop(
        connection=key.name,
        namespace=key.namespace,
        connection_uid=facts.uid if facts else "",
        key=page_key(uid, place, target_uid, _uid(draft, key, namespace)),
        state="Pending",
    )
    problem = _problem(key, facts, namespace)
    if problem:
        reason, text = problem
        return base.model_copy(update={"state": "Failed", "reason": reason, "message": cut(text, 128)})
    if draft.spec.mode != "Live":
        return base.model_copy(update={"state": "Accepted", "reason": "Drill", "unreal": True})
    assert facts is not None
    return base.model_copy(update={"unkeyed": facts.unkeyed, "unreal": not facts.real})


def _problem(key: ConnectionKey, facts: ConnectionFacts | None, referrer: str) -> tuple[Reason, str] | None:
    """Why a connection cannot be used, or None where it can."""
    name = f"connection {key.namespace}/{key.name}"
    if facts is None and key.namespace != referrer:
        return Reason.REF_NOT_PERMITTED, ungranted("connection", key, referrer)
    if facts is None:
        return Reason.REF_NOT_FOUND, f"{name} is not there"
    if not facts.pages:
        return Reason.INVALID_SPEC, f"{name} cannot carry pages"
    return None
