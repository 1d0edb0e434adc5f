"""What another namespace has not granted is not used: not when a page leaves late, and not by its name."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.run_stage import RunStage, patch, tell
from tests.shell.test_run_asker import POST, Elsewhere, elsewhere
from tests.shell.world import CART, CONNECTIONS, OVER, World, accepts, answers, spec_of
from tests.support.apiserver.resources import NAMESPACES
from tests.support.builders import incident_class, policy, target
from watchbill.api.group import DEFAULT_CLASS_ANNOTATION
from watchbill.core.outcomes import Result
from watchbill.core.runs.effects import AskPerson
from watchbill.core.steps.contract import Message, RunFacts
from watchbill.shell.cache import ObjectKey
from watchbill.shell.paths import core_path, path_of
from watchbill.shell.ready import ReadyKeeper
from watchbill.shell.runs.people import People

__all__ = ["elsewhere"]
Json = dict[str, Any]

pytestmark = [pytest.mark.feature("F59"), pytest.mark.convention(21)]

TO_SHOP: Json = {"allowedNamespaces": {"from": "Names", "names": ["shop"]}}
HOOK: Json = {"webhook": {"url": "https://theirs.example.com/hook"}}
THEIRS = {"connectionRef": {"name": "theirs", "namespace": "pay"}}
DENIED = "connection pay/theirs must exist and list shop in its spec.allowedNamespaces"


def put_theirs(world: World, **grant: Any) -> None:
    """Team pay has a connection, with this grant."""
    put_in(world, "pay", "Connection", "theirs", HOOK | grant)


def put_in(world: World, namespace: str, kind: str, name: str, spec: Json, **more: Any) -> None:
    """An object of any namespace, of which the watch has told."""
    path = path_of(kind, namespace, name)
    created = world.clock.now().isoformat()
    world.api.put(path, spec=spec, metadata={"generation": 1, "creationTimestamp": created}, **more)
    world.tell(path)


class TestAGrantThatIsWithdrawn:
    async def paging(self, world: World, *, answer: int) -> World:
        world.vendors.answer["theirs"] = answers(answer)
        put_theirs(world, **TO_SHOP)
        ways = THEIRS | {"fallback": [{"connectionRef": {"name": "backup"}}]}
        world.furnish(("only", "5m", [ways]))
        world.declare()
        await world.run()
        return world

    async def test_ends_the_tries_of_a_page_that_was_planned_before(self, world: World):
        await self.paging(world, answer=503)
        assert world.vendors.arrived == [("theirs", "trigger")]
        put_theirs(world)
        world.vendors.answer["theirs"] = accepts
        world.pass_time(2)
        await world.run()
        assert world.vendors.arrived == [("theirs", "trigger"), ("backup", "trigger")]
        (page,) = world.stored.pages
        assert (page.hops[0].state, page.hops[0].reason) == ("Failed", "RefNotPermitted")
        assert page.hops[0].message == DENIED

    async def test_leaves_nothing_open_at_the_vendor(self, world: World):
        await self.paging(world, answer=202)
        put_theirs(world)
        world.people_say(**OVER)
        await world.run()
        assert world.vendors.arrived == [("theirs", "trigger"), ("theirs", "resolve")]


@pytest.mark.parametrize(
    ("classes", "goes"),
    [(["service"], True), ([], False), (["other"], False), (None, False)],
    ids=["granted", "not granted", "granted to another", "missing"],
)
async def test_the_default_policy_pages_where_it_grants_its_use_to_the_class(
    world: World, classes: list[str] | None, goes: bool
):
    world.put("IncidentClass", "service", spec_of(incident_class()), annotations=DEFAULT)
    put_in(world, "incident-platform", "Connection", "backup", CONNECTIONS["backup"])
    spec = spec_of(policy(("duty", "5m", [target("backup")])))
    if classes is not None:
        put_in(
            world, "incident-platform", "EscalationPolicy", "all-hands", spec | {"allowedClasses": classes}
        )
    world.declare()
    await world.run()
    assert (world.vendors.arrived == [("backup", "trigger")]) is goes
    if not goes:
        accepted = next(each for each in world.stored.conditions if each.type == "Accepted")
        assert (accepted.status, accepted.reason) == ("False", "PolicyNotFound")
        assert "the class's defaultEscalation cannot be used" in accepted.message


DEFAULT = {DEFAULT_CLASS_ANNOTATION: "true"}


async def test_a_policy_of_another_namespace_is_not_found_by_its_name(world: World):
    world.put("IncidentClass", "service", spec_of(incident_class()), annotations=DEFAULT)
    put_in(world, "pay", "Connection", "backup", CONNECTIONS["backup"])
    spec = spec_of(policy(("only", "5m", [target("backup")])))
    put_in(world, "pay", "EscalationPolicy", "primary", spec | {"allowedClasses": ["service"]})
    world.declare()
    await world.run()
    assert (world.stored.policy, world.vendors.arrived) == (None, [])


FIELDS = {
    "pagerDuty": ["routingKeySecretRef"],
    "webhook": ["urlSecretRef", "signingKeySecretRef"],
    "smtp": ["usernameSecretRef", "passwordSecretRef"],
    "slack": ["botTokenSecretRef"],
}
BESIDE: dict[str, Json] = {
    "smtp": {"host": "mail.example.com", "from": "a@example.com", "to": ["b@example.com"]},
}


@pytest.mark.parametrize("vendor", FIELDS)
async def test_a_secret_is_read_in_the_namespace_of_its_connection_alone(world: World, vendor: str):
    world.furnish(("only", "5m", [target("pagerduty")]), last_resort="pagerduty")
    world.api.objects.pop(core_path("secrets", "shop", "pagerduty"))
    world.api.put(core_path("secrets", "pay", "pagerduty"), data={"routingKey": "dGhlaXJz"})
    refs = {field: {"name": "pagerduty", "key": "routingKey"} for field in FIELDS[vendor]}
    world.put("Connection", "pagerduty", {vendor: BESIDE.get(vendor, {}) | refs})
    keeper = ReadyKeeper(world.cache, world.secrets, world.kube.patch_status, world.clock.now)
    await keeper.reconcile("Connection", "shop", "pagerduty")
    raw = world.api.objects[path_of("Connection", "shop", "pagerduty")]
    (ready,) = raw["status"]["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "SecretNotFound")
    world.declare()
    await world.run()
    read = {path for method, path in world.api.requests if method == "GET" and "/secrets/" in path}
    assert read == {core_path("secrets", "shop", "pagerduty")}
    assert world.vendors.arrived == []


async def test_an_update_is_about_an_incident_of_its_own_namespace_alone(world: World):
    world.furnish()
    world.declare()
    update = {"incidentRef": {"name": "cart"}, "by": "eve", "text": "all is well", "audience": ["Internal"]}
    put_in(world, "pay", "IncidentUpdate", "one", update)
    cart = world.observer.last_seen(CART)
    assert cart is not None
    assert world.observer.observe(cart).updates == ()
    keeper = ReadyKeeper(world.cache, world.secrets, world.kube.patch_status, world.clock.now)
    await keeper.reconcile("IncidentUpdate", "pay", "one")
    (ready,) = world.api.objects[path_of("IncidentUpdate", "pay", "one")]["status"]["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "IncidentNotFound")


def in_pay(stage: RunStage, kind: str, name: str, spec: Json, **more: Any) -> None:
    """An object of team pay."""
    stage.put(kind, name, {"spec": spec, **more}, path=path_of(kind, "pay"))


def their_runbook(stage: RunStage) -> str:
    spec = {"title": "Theirs", "serviceAccountName": "incident-responder", "steps": [patch()]}
    in_pay(stage, "Runbook", "book", spec)
    stage.request()
    return "RunbookNotFound"


def their_incident(stage: RunStage) -> str:
    spec = {"title": "Theirs", "severity": "SEV-1", "setBy": {"declaration": "ana"}}
    in_pay(stage, "Incident", "cart", spec)
    stage.runbook(patch())
    stage.request(incidentRef={"name": "cart"})
    return "IncidentNotFound"


def their_run(stage: RunStage) -> str:
    run = {"runbookRef": {"name": "book"}, "requestedBy": "ana"}
    in_pay(stage, "RunbookRun", "outer", run)
    stage.runbook(patch())
    stage.request(parentRef={"name": "outer"})
    return "ParentNotFound"


def their_account(stage: RunStage) -> str:
    stage.server.granted = {"pay/incident-responder"}
    stage.runbook(patch())
    stage.request()
    return "AccountForbidden"


NAMESAKES = [their_runbook, their_incident, their_run, their_account]


@pytest.mark.parametrize("named", NAMESAKES)
def test_a_run_finds_nothing_of_another_namespace_by_name(named: Callable[[RunStage], str]):
    async def story(stage: RunStage) -> None:
        stage.server.writer.create(NAMESPACES, "", {"metadata": {"name": "pay"}})
        await stage.blocked(named(stage))
        assert (stage.load, stage.acts) == ("high", [])

    tell(story)


def test_a_step_speaks_and_runs_a_runbook_within_its_own_namespace_alone():
    async def story(stage: RunStage) -> None:
        stage.server.writer.create(NAMESPACES, "", {"metadata": {"name": "pay"}})
        in_pay(stage, "Connection", "theirs", HOOK | TO_SHOP)
        spec = {"title": "Theirs", "serviceAccountName": "incident-responder", "steps": [patch()]}
        in_pay(stage, "Runbook", "inner", spec)
        stage.server.rights |= {("create", "runbookruns"), ("get", "runbookruns")}
        stage.runbook(
            {"name": "tell", "notify": {"connectionRef": {"name": "theirs"}, "text": "Hello."}, **GOES_ON},
            {"name": "inner", "runbook": {"runbookRef": {"name": "inner"}}},
        )
        stage.request()
        await stage.wait("the run below", lambda: stage.step("inner").get("handle"))
        assert stage.step("tell")["reason"] == "NotSaid"
        await stage.blocked("RunbookNotFound", stage.step("inner")["handle"])
        assert stage.load == "high"

    assert tell(story).vendors.arrived == []


GOES_ON = {"onFailure": "Continue"}


async def test_a_step_reads_secrets_of_its_own_namespace_alone(elsewhere: Elsewhere):
    kept = elsewhere.server.ask("GET", core_path("secrets", "shop", "deployer"))
    elsewhere.server.ask("DELETE", core_path("secrets", "shop", "deployer"))
    elsewhere.server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "pay"}})
    secret = {"metadata": {"name": "deployer"}, "data": kept["data"]}
    elsewhere.server.ask("POST", core_path("secrets", "pay"), secret)
    answer = await elsewhere.asker.answer(POST, RunFacts("u-1", "shop", "run-1", "incident-responder", ""))
    assert (answer.result, elsewhere.arrived) == (Result.PERMANENT, [])
    assert "Secret deployer cannot be read" in answer.message


RUN = RunFacts("u-1", "shop", "run-1", "incident-responder", "", incident="cart")
RUN_KEY = ObjectKey("RunbookRun", "shop", "run-1")
ALL = ("primary", "secondary")


@pytest.mark.parametrize(("grant", "goes"), [(TO_SHOP, True), ({}, False)], ids=["granted", "not granted"])
async def test_a_forged_preview_grants_nothing(world: World, grant: Json, goes: bool):
    """Who may write the status of a policy has runs page whom it names, where that is granted."""
    put_theirs(world, **grant)
    page = {"after": "0s", "round": 1, "level": "one", "who": "pay/theirs"}
    preview = [page | {"how": [{"connection": "pay/theirs", "vendor": "webhook"}]}]
    spec = spec_of(policy())
    put_in(world, "shop", "EscalationPolicy", "primary", spec, status={"preview": preview})
    world.put("RunbookRun", "run-1", {"runbookRef": {"name": "book"}, "requestedBy": "ana"}, uid=RUN.uid)
    people = People(world.outside, None, lambda: True)
    found = await people.ask(RUN_KEY, AskPerson(RUN, "act", "OutcomeUnknown", "look"))
    assert (found.result is Result.OK) is goes
    assert world.vendors.arrived == ([("theirs", "trigger")] if goes else [])


@pytest.mark.parametrize(
    ("suspended", "asked"), [((), "pagerduty"), (("primary",), "backup"), (ALL, "pagerduty")]
)
async def test_a_run_asks_through_a_suspended_policy_only_where_there_is_no_other(
    world: World, suspended: tuple[str, ...], asked: str
):
    world.furnish()
    for name, connection in (("primary", "pagerduty"), ("secondary", "backup")):
        page = {"after": "0s", "round": 1, "level": "one", "who": f"shop/{connection}"}
        how = [{"connection": f"shop/{connection}", "vendor": "webhook"}]
        spec = spec_of(policy()) | {"suspend": name in suspended}
        put_in(world, "shop", "EscalationPolicy", name, spec, status={"preview": [page | {"how": how}]})
    world.put("RunbookRun", "run-1", {"runbookRef": {"name": "book"}, "requestedBy": "ana"}, uid=RUN.uid)
    people = People(world.outside, None, lambda: True)
    found = await people.ask(RUN_KEY, AskPerson(RUN, "act", "OutcomeUnknown", "look"))
    assert found.output == f"shop/{asked}"


async def test_a_run_says_nothing_in_a_channel_whose_connection_is_granted_no_more(world: World):
    world.furnish()
    world.furnish_room()
    world.declare()
    await world.run()
    people = People(world.outside, None, lambda: True)
    world.put("RunbookRun", "run-1", {"runbookRef": {"name": "book"}, "requestedBy": "ana"}, uid=RUN.uid)
    assert (await people.say(Message("", "Hello."), RUN)).is_ok
    slack = spec_of_connection(world, "slack")
    world.put("Connection", "slack", slack | {"allowedClasses": ["other"]})
    asked = len(world.vendors.asked)
    answer = await people.say(Message("", "Hello."), RUN)
    assert answer.message == "connection shop/slack must list service in its spec.allowedClasses"
    assert (answer.result, len(world.vendors.asked)) == (Result.PERMANENT, asked)


def spec_of_connection(world: World, name: str) -> Json:
    found: Json = world.api.objects[path_of("Connection", "shop", name)]["spec"]
    return found
