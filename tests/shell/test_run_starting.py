"""Runs that start by themselves: created once, and told why not where that cannot be."""

import asyncio
from typing import Any

import pytest

from watchbill.core.mitigation import StartRun
from watchbill.shell.cache import ObjectKey
from watchbill.shell.clock import Clock
from watchbill.shell.kube import Conflict, Forbidden, KubeError
from watchbill.shell.runs.starting import Starter

OPERATOR = "system:serviceaccount:watchbill:watchbill"
WANTED = StartRun("shop", "cart", "book", "book-1")
MINE = {"requestedBy": OPERATOR, "incidentRef": {"name": "cart"}}


class Server:
    """Answers creations with these errors, the last for ever, and reads with this spec."""

    def __init__(self, *errors: KubeError | None, there: Any = None) -> None:
        self.errors, self.there, self.created = list(errors), there, 0

    async def post(self, path: str, body: Any) -> Any:
        await asyncio.sleep(0)
        error = self.errors.pop(0) if len(self.errors) > 1 else self.errors[0]
        if error is not None:
            raise error
        self.created += 1
        return body

    async def get(self, path: str) -> Any:
        return {"spec": self.there}


class Told:
    """A starter, and whom it told of what."""

    def __init__(self, server: Server) -> None:
        self.runs: list[Any] = []
        self.woken: list[ObjectKey] = []
        kube: Any = server
        self.starter = Starter(
            kube, Clock(), OPERATOR, lambda kind, type_, raw: self.runs.append(raw), self.woken.append
        )

    def start(self, times: int = 1) -> str:
        """What is said of the run after it was asked for; empty where it is there."""

        async def main() -> None:
            for _ in range(times):
                self.starter.start(WANTED)
            await self.starter.drain(5)

        asyncio.run(main())
        found = self.starter.problems("shop", "cart").get("book-1")
        return found.message if found is not None else ""


def test_a_run_is_created_once_however_often_it_is_asked_for_meanwhile():
    server = Server(None)
    told = Told(server)
    assert told.start(times=3) == ""
    assert server.created == len(told.runs) == 1
    assert told.runs[0]["spec"]["requestedBy"] == OPERATOR
    assert told.woken == []


def test_a_refusal_wakes_the_incident_with_its_reason_which_is_gone_once_it_went_well():
    told = Told(Server(Forbidden(403, "Forbidden", "not you"), None))
    assert told.start() == "Forbidden: not you"
    assert told.woken == [ObjectKey("Incident", "shop", "cart")]
    assert told.start() == ""
    assert len(told.runs) == 1


def test_each_refusal_is_waited_for_longer():
    told = Told(Server(Forbidden(403, "Forbidden", "not you")))
    waits = []
    for _ in range(3):
        told.start()
        waits.append(told.starter.problems("shop", "cart")["book-1"].next_time)
    assert waits == sorted(set(waits))


@pytest.mark.parametrize(
    ("there", "problem"),
    [
        (MINE, ""),
        (MINE | {"requestedBy": "ana"}, "a run book-1 is there that somebody else has made: delete it"),
    ],
)
def test_a_run_that_is_there_is_the_one_where_it_is_ours(there, problem):
    told = Told(Server(Conflict(409, "AlreadyExists", "it exists"), there=there))
    assert (told.start(), len(told.runs)) == (problem, 0 if problem else 1)


def test_of_an_incident_that_is_gone_nothing_is_kept():
    told = Told(Server(Forbidden(403, "Forbidden", "not you")))
    told.start()
    told.starter.forget("shop", "cart")
    assert told.starter.problems("shop", "cart") == {}
