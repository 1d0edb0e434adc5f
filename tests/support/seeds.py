"""Faults of the core that several kinds of tests must find: the laws, the model, and the fault plans."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from watchbill.api.resources import Channel
from watchbill.core import channel, delivery, escalation, levels, targets
from watchbill.core.draft import Draft
from watchbill.core.effects import CreateChannel, IncidentFacts, PostToChannel

Patch = pytest.MonkeyPatch


def never(draft: Draft) -> Iterator[datetime]:
    """No wake-up."""
    return iter(())


def time_in_key(patch: Patch) -> None:
    """A key that holds the time."""
    page_for = targets.page_for

    def mutant(draft: Draft, *arguments: Any) -> Any:
        page = page_for(draft, *arguments)
        hops = tuple(h.model_copy(update={"key": f"{h.key}{draft.now:%H%M%S}"}) for h in page.hops)
        return page.model_copy(update={"hops": hops})

    patch.setattr(levels, "page_for", mutant)


def same_epoch(patch: Patch) -> None:
    """An epoch that does not grow."""
    begun = escalation.begun

    def mutant(draft: Draft, *arguments: Any) -> Draft:
        is_first = draft.escalation.epoch == 0
        return begun(draft if is_first else draft.escalating(epoch=draft.escalation.epoch - 1), *arguments)

    patch.setattr(escalation, "begun", mutant)


def never_repeated(patch: Patch) -> None:
    """A page that may have arrived, and does not say so."""
    send = delivery._send
    patch.setattr(delivery, "_send", lambda *arguments: replace(send(*arguments), repeated=False))


def never_adopted(patch: Patch) -> None:
    """A channel that was made and not marked is somebody else's."""

    def mutant(facts: IncidentFacts, found: Channel, other: str, may_adopt: tuple[str, ...]) -> CreateChannel:
        return CreateChannel(facts, found, other)

    patch.setattr(channel, "CreateChannel", mutant)


def never_probed(patch: Patch) -> None:
    """A post is sent again without a look for it."""

    def mutant(facts: IncidentFacts, found: Channel, text: str) -> PostToChannel:
        return PostToChannel(facts, found.model_copy(update={"uncertain": False}), text)

    patch.setattr(channel, "PostToChannel", mutant)
