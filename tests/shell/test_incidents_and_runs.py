"""Where runbooks and incidents meet, with whole operators: marks, runs that start by themselves, and debt."""

from typing import Any

from tests.faults.run_stage import Json, RunStage, patch, tell
from watchbill.shell.paths import path_of

OPERATOR = "system:serviceaccount:watchbill:watchbill"
FOR_CART: Json = {"incidentRef": {"name": "cart"}}
LOW: Json = {"risk": "Low"}
SEV_3: Json = {"severity": "SEV-3"}


def runs_of(stage: RunStage) -> list[Json]:
    found = stage.server.ask("GET", path_of("RunbookRun", "shop"))
    return [dict(each) for each in found["items"]]


def kinds(stage: RunStage) -> list[str]:
    return [each["kind"] for each in stage.status().get("timeline", [])]


async def phase(stage: RunStage, wanted: str) -> None:
    await stage.wait(f"the phase {wanted}", lambda: stage.status().get("phase") == wanted)


def test_a_run_that_marks_the_incident_moves_it_and_one_that_fails_does_not():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(marks="Mitigated"))
        stage.declare()
        await phase(stage, "Triggered")
        stage.request(**FOR_CART)
        assert (await stage.ended())["marks"] == "Mitigated"
        await phase(stage, "Mitigated")
        assert kinds(stage).count("Mitigated") == 1
        stage.say(state="Open", stateReason="it is back", setBy={"declaration": "ana", "state": "ana"})
        await phase(stage, "Acknowledged")
        await stage.pass_(minutes=5)
        assert (stage.status()["phase"], kinds(stage).count("Mitigated")) == ("Acknowledged", 1)

    tell(story)


def test_a_mark_is_counted_by_an_operator_that_starts_after_the_run_has_ended():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(marks="Mitigated"))
        stage.declare()
        await phase(stage, "Triggered")
        stage.request(**FOR_CART)
        await stage.ended()
        stage.leader.kill()
        await phase(stage, "Mitigated")

    tell(story, replicas=2)


def test_runbooks_are_listed_within_five_seconds_of_the_incident_and_of_the_runbook():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(), start="Suggest", match={"severities": ["SEV-1"]})
        stage.runbook(patch(), name="other", start="Suggest", match={"severities": ["SEV-3"]})
        stage.declare()
        since = stage.now
        await stage.wait("a suggestion", lambda: suggested(stage) == ["book"])
        assert stage.now - since <= 5
        stage.runbook(patch(), name="later", start="Suggest")
        since = stage.now
        await stage.wait("another", lambda: suggested(stage) == ["book", "later"])
        assert stage.now - since <= 5
        assert runs_of(stage) == []

    tell(story)


def suggested(stage: RunStage) -> list[str]:
    found: list[Any] = stage.status().get("runbooks", {}).get("suggested", [])
    return [each["name"] for each in found]


def test_a_runbook_starts_by_itself_once_and_what_is_deleted_is_not_made_again():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(**LOW), start="Auto")
        stage.declare()
        await stage.wait("a run", lambda: runs_of(stage))
        (run,) = runs_of(stage)
        name = run["metadata"]["name"]
        assert run["spec"]["requestedBy"] == OPERATOR
        assert (await stage.ended(name))["phase"] == "Succeeded"
        assert stage.load == "low"
        stage.server.ask("DELETE", path_of("RunbookRun", "shop", name))
        await stage.pass_(minutes=10)
        assert runs_of(stage) == []
        assert kinds(stage).count("RunStarted") == 1

    tell(story)


def test_a_high_step_that_starts_by_itself_waits_for_somebody():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(approval={"count": 1}, marks="Mitigated"), start="Auto")
        stage.declare()
        await stage.wait("a run", lambda: runs_of(stage))
        name = runs_of(stage)[0]["metadata"]["name"]
        await stage.wait("approval", lambda: stage.of_run(name).get("phase") == "AwaitingApproval")
        await stage.pass_(minutes=5)
        assert stage.load == "high"
        stage.approve("bo", name)
        assert (await stage.ended(name))["phase"] == "Succeeded"
        # bo stands behind it now.
        await phase(stage, "Mitigated")
        assert "bo" in [each["user"] for each in stage.status()["acknowledgements"]]

    tell(story)


def test_two_replicas_of_which_one_dies_start_one_run():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(**LOW), start="Auto")
        stage.declare()
        await stage.wait("the record", lambda: stage.status().get("runbooks", {}).get("started"))
        stage.leader.kill()
        await stage.wait("a run", lambda: runs_of(stage))
        await stage.pass_(minutes=5)
        assert len(runs_of(stage)) == 1
        assert stage.status()["runbooks"]["started"][0]["created"]

    tell(story, replicas=2)


def test_debt_keeps_a_resolved_incident_from_closing_reminds_once_and_is_settled():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(debt={"expiresAfter": "30m", "owner": "bo"}))
        stage.declare(**SEV_3)
        await phase(stage, "Triggered")
        stage.request(**FOR_CART)
        await stage.ended()
        await stage.wait("the debt", lambda: stage.status().get("debt"))
        (entry,) = stage.status()["debt"]
        assert (entry["run"], entry["step"], entry["owner"]) == ("run-1", "act", "bo")
        stage.resolve()
        await stage.pass_(hours=3)
        assert (stage.status()["phase"], kinds(stage).count("DebtExpired")) == ("Resolved", 1)
        stage.say(debtSettledBy={"bo": {"entries": ["run-1/act"]}})
        await phase(stage, "Closed")
        assert not stage.status().get("debt")

    tell(story)
