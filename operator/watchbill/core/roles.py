"""Who holds which role."""

from watchbill.api.incident_status import MAX_ROLES, RoleHolder
from watchbill.core import severity
from watchbill.core.draft import Draft

COMMANDER = "commander"


def filled(draft: Draft) -> Draft:
    """The draft with its roles filled: by name where a person named somebody, else by first acknowledger."""
    for name in _names(draft):
        draft = _held(draft, name, *_holder(draft, name))
    return draft


def _names(draft: Draft) -> tuple[str, ...]:
    row = severity.row(draft.status.frozen_class, draft.spec.severity)
    others = (role.name for role in row.roles if role.name != COMMANDER) if row else ()
    return (COMMANDER, *others)


def _holder(draft: Draft, name: str) -> tuple[str, str]:
    """Who should hold the role, and who says so; empty where nobody does yet."""
    roles, set_by = draft.spec.roles, draft.spec.set_by
    if name == COMMANDER and roles is not None and roles.commander:
        return roles.commander, (set_by.roles if set_by else None) or "unknown"
    held = next((role for role in draft.status.roles if role.name == name), None)
    if held is not None:
        return held.user, held.user
    first = min(draft.status.acknowledgements, key=lambda record: record.time, default=None)
    return (first.user, first.user) if first else ("", "")


def _held(draft: Draft, name: str, user: str, by: str) -> Draft:
    held = next((role for role in draft.status.roles if role.name == name), None)
    if not user or (held is not None and held.user == user):
        return draft
    holder = RoleHolder(name=name, user=user, since_time=draft.now)
    others = tuple(role for role in draft.status.roles if role.name != name)
    # Another version may have left roles that this one does not know: the oldest give way.
    draft = draft.having(roles=(*others, holder)[-MAX_ROLES:])
    draft = draft.noted("Role", f"{user} is {name}", by, "kubectl")
    return draft.having(commander=user) if name == COMMANDER else draft
