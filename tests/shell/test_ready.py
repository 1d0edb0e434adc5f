"""ReadyKeeper writes what changed and nothing else, and knows when to look again."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.builders import T0, target
from watchbill.api.group import DEFAULT_CLASS_ANNOTATION
from watchbill.api.reasons import Reason
from watchbill.shell.cache import Cache, ObjectKey
from watchbill.shell.dependants import dependants
from watchbill.shell.kube import Conflict, Forbidden, NotFound, Unreachable
from watchbill.shell.ready import ReadyKeeper
from watchbill.shell.secrets import SecretProblem

VALUE = "R0UT1NGKEY0123456789ABCDEF012345"


class Secrets:
    """Secrets by (namespace, name, key): a value, or what reading it raises."""

    def __init__(self, **found: str | Exception) -> None:
        self.found = found
        self.invalidated: list[tuple[str, str]] = []

    async def read(self, namespace: str, name: str, key: str) -> str:
        value = self.found.get(name, SecretProblem(Reason.SECRET_NOT_FOUND, f"Secret {name}: create it"))
        if isinstance(value, Exception):
            raise value
        return value

    def invalidate(self, namespace: str, name: str) -> None:
        self.invalidated.append((namespace, name))


class World:
    """A cache, Secrets, a clock, and an API server that takes status patches into the cache."""

    def __init__(self) -> None:
        self.cache = Cache()
        self.secrets = Secrets()
        self.time = T0
        self.writes: list[tuple[str, dict[str, Any]]] = []
        self.refusal: Exception | None = None
        self.keeper = ReadyKeeper(self.cache, self.secrets, self.patch_status, self.now)
        self._versions: Iterator[int] = iter(range(1, 10_000))

    def now(self) -> datetime:
        return self.time

    def apply(self, kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> None:
        """Create an object in namespace shop, or in none for a class; or replace all but its status."""
        home = {} if kind == "IncidentClass" else {"namespace": "shop"}
        version = str(next(self._versions))
        own = {"name": name, "uid": f"uid-{name}", "generation": 1, "resourceVersion": version}
        known = self.cache.get(kind, home.get("namespace", ""), name) or {}
        status = {"status": known["status"]} if "status" in known else {}
        self.cache.upsert(kind, {"metadata": own | home | metadata, "spec": spec} | status)

    def delete(self, kind: str, name: str) -> None:
        self.cache.delete(kind, "shop", name, next(self._versions))

    async def patch_status(self, path: str, body: dict[str, Any]) -> None:
        self.writes.append((path, body))
        if self.refusal:
            raise self.refusal
        raw = self.raw(path)
        metadata = raw["metadata"] | {"resourceVersion": str(next(self._versions))}
        status = raw.get("status", {}) | body["status"]
        self.cache.upsert(self.kind(path), {**raw, "metadata": metadata, "status": status})

    def kind(self, path: str) -> str:
        plural = path.split("/")[-2]
        kinds = {"connections": "Connection", "escalationpolicies": "EscalationPolicy"}
        return kinds.get(plural) or {"incidentclasses": "IncidentClass"}.get(plural, "IncidentUpdate")

    def raw(self, path: str) -> Any:
        kind = self.kind(path)
        return self.cache.get(kind, "" if kind == "IncidentClass" else "shop", path.rpartition("/")[2])

    async def look(self, kind: str, name: str) -> timedelta | None:
        return await self.keeper.reconcile(kind, "" if kind == "IncidentClass" else "shop", name)

    def ready(self, kind: str, name: str) -> dict[str, Any]:
        raw = self.cache.get(kind, "" if kind == "IncidentClass" else "shop", name)
        assert raw is not None
        (condition,) = [each for each in raw["status"]["conditions"] if each["type"] == "Ready"]
        return dict(condition)


@pytest.fixture
def world() -> World:
    return World()


POLICY = {
    "levels": [{"name": "one", "escalateAfter": "5m", "targets": [target("pager")]}],
    "lastResort": {"targets": [target("pager")]},
}
CONSOLE: dict[str, Any] = {"console": {}}
PAGERDUTY = {"pagerDuty": {"routingKeySecretRef": {"name": "pagerduty", "key": "routingKey"}}}
HOOK = {"webhook": {"urlSecretRef": {"name": "hook", "key": "url"}}}
UPDATE = {"incidentRef": {"name": "checkout"}, "audience": ["Internal"], "text": "Looking"}
CLASS = {
    "severities": [{"name": "SEV-1", "rank": 1}],
    "defaultEscalation": {"policyRef": {"name": "all-hands", "namespace": "shop"}},
}
INCIDENT = {"title": "Checkout returns 500", "severity": "SEV-1"}


async def test_ready_and_the_generation_are_written_to_the_objects_status(world: World):
    world.apply("Connection", "pager", CONSOLE, generation=4)
    await world.look("Connection", "pager")
    ((path, body),) = world.writes
    assert path == "/apis/watchbill.dev/v1alpha1/namespaces/shop/connections/pager"
    assert body == {
        "metadata": {"resourceVersion": "1"},
        "status": {
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "ResolvedRefs",
                    "message": "valid, and all that it names exists; pages through it are only written "
                    "down: it wakes nobody",
                    "lastTransitionTime": "2026-03-09T03:00:00.000Z",
                    "observedGeneration": 4,
                }
            ],
            "observedGeneration": 4,
        },
    }


async def test_a_class_is_written_without_a_namespace(world: World):
    world.apply("IncidentClass", "service", CLASS)
    await world.look("IncidentClass", "service")
    assert world.writes[0][0] == "/apis/watchbill.dev/v1alpha1/incidentclasses/service"


async def test_nothing_is_written_where_nothing_changed(world: World):
    world.apply("EscalationPolicy", "primary", POLICY)
    for _ in range(3):
        await world.look("EscalationPolicy", "primary")
        world.time += timedelta(minutes=1)
    assert len(world.writes) == 1


async def test_a_new_generation_is_written_and_keeps_the_transition_time(world: World):
    world.apply("Connection", "pager", CONSOLE)
    await world.look("Connection", "pager")
    world.time += timedelta(minutes=1)
    world.apply("Connection", "pager", CONSOLE, generation=2)
    await world.look("Connection", "pager")
    assert world.writes[1][1]["status"]["observedGeneration"] == 2
    assert world.ready("Connection", "pager")["lastTransitionTime"] == "2026-03-09T03:00:00.000Z"
    assert world.ready("Connection", "pager")["observedGeneration"] == 2


async def test_a_missing_connection_heals_when_it_appears(world: World):
    world.apply("EscalationPolicy", "primary", POLICY)
    await world.look("EscalationPolicy", "primary")
    assert world.ready("EscalationPolicy", "primary")["reason"] == "RefNotFound"
    world.time += timedelta(seconds=30)
    world.apply("Connection", "pager", CONSOLE)
    for key in dependants("Connection", "shop", "pager", world.cache):
        await world.keeper.reconcile(*key)
    healed = world.ready("EscalationPolicy", "primary")
    assert (healed["status"], healed["lastTransitionTime"]) == ("True", "2026-03-09T03:00:30.000Z")


PAGER = {"connection": "shop/pager", "vendor": "console"}
PREVIEW = [
    {"after": "0s", "round": 1, "level": "one", "who": "shop/pager", "how": [PAGER]},
    {"after": "5m", "round": 1, "level": "lastResort", "who": "shop/pager", "how": [PAGER]},
]


async def test_a_policys_preview_is_written_with_ready_and_not_again(world: World):
    world.apply("Connection", "pager", CONSOLE)
    world.apply("EscalationPolicy", "primary", POLICY)
    for _ in range(2):
        await world.look("EscalationPolicy", "primary")
        world.time += timedelta(minutes=1)
    ((_, body),) = world.writes
    assert body["status"]["preview"] == PREVIEW
    assert body["status"]["observedGeneration"] == 1
    assert world.ready("EscalationPolicy", "primary")["status"] == "True"


async def test_a_preview_follows_what_the_connections_can_do(world: World):
    world.apply("Connection", "pager", CONSOLE)
    world.apply("EscalationPolicy", "primary", POLICY)
    await world.look("EscalationPolicy", "primary")
    world.apply("Connection", "pager", PAGERDUTY, generation=2)
    await world.look("EscalationPolicy", "primary")
    status = world.writes[1][1]["status"]
    assert {hop["vendor"] for page in status["preview"] for hop in page["how"]} == {"pagerDuty"}
    # Ready is as it was: the preview alone has changed.
    assert status["conditions"] == world.writes[0][1]["status"]["conditions"]


async def test_a_preview_of_nobody_is_absent(world: World):
    world.apply("EscalationPolicy", "primary", POLICY)
    await world.look("EscalationPolicy", "primary")
    assert "preview" not in world.writes[0][1]["status"]
    world.apply("Connection", "pager", CONSOLE)
    await world.look("EscalationPolicy", "primary")
    world.apply("EscalationPolicy", "primary", {"levels": "none"}, generation=2)
    await world.look("EscalationPolicy", "primary")
    assert world.writes[1][1]["status"]["preview"] == PREVIEW
    assert world.writes[2][1]["status"]["preview"] is None


async def test_a_connection_that_goes_is_missed(world: World):
    world.apply("Connection", "pager", CONSOLE)
    world.apply("EscalationPolicy", "primary", POLICY)
    await world.look("EscalationPolicy", "primary")
    world.delete("Connection", "pager")
    for key in dependants("Connection", "shop", "pager", world.cache):
        await world.keeper.reconcile(*key)
    assert world.ready("EscalationPolicy", "primary")["reason"] == "RefNotFound"


async def test_a_class_follows_its_policy(world: World):
    world.apply("IncidentClass", "service", CLASS)
    await world.look("IncidentClass", "service")
    assert world.ready("IncidentClass", "service")["reason"] == "RefNotFound"
    world.apply("EscalationPolicy", "all-hands", POLICY)
    for key in dependants("EscalationPolicy", "shop", "all-hands", world.cache):
        await world.keeper.reconcile(*key)
    assert world.ready("IncidentClass", "service")["reason"] == "RefNotPermitted"
    world.apply("EscalationPolicy", "all-hands", POLICY | {"allowedClasses": ["service"]})
    for key in dependants("EscalationPolicy", "shop", "all-hands", world.cache):
        await world.keeper.reconcile(*key)
    assert world.ready("IncidentClass", "service")["status"] == "True"


async def test_two_default_classes_are_told_of_each_other_until_one_is_left(world: World):
    world.apply("EscalationPolicy", "all-hands", POLICY | {"allowedClasses": ["data", "service"]})
    default = {"annotations": {DEFAULT_CLASS_ANNOTATION: "true"}}

    async def follow(name: str) -> list[str]:
        """The reasons of both after one has changed."""
        for key in (
            ObjectKey("IncidentClass", "", name),
            *dependants("IncidentClass", "", name, world.cache),
        ):
            await world.keeper.reconcile(*key)
        return [world.ready("IncidentClass", each)["reason"] for each in ("data", "service")]

    world.apply("IncidentClass", "data", CLASS, **default)
    await world.look("IncidentClass", "data")
    world.apply("IncidentClass", "service", CLASS, **default)
    assert await follow("service") == ["SecondDefault", "SecondDefault"]
    world.apply("IncidentClass", "service", CLASS)
    assert await follow("service") == ["ResolvedRefs", "ResolvedRefs"]


def test_a_default_class_is_looked_at_again_when_another_class_goes(world: World):
    world.apply("IncidentClass", "data", CLASS, annotations={DEFAULT_CLASS_ANNOTATION: "true"})
    world.apply("IncidentClass", "plain", CLASS)
    assert dependants("IncidentClass", "", "gone", world.cache) == [ObjectKey("IncidentClass", "", "data")]


async def test_an_update_follows_its_incident(world: World):
    world.apply("IncidentUpdate", "one", UPDATE)
    await world.look("IncidentUpdate", "one")
    assert world.ready("IncidentUpdate", "one")["reason"] == "IncidentNotFound"
    world.apply("Incident", "checkout", INCIDENT)
    for key in dependants("Incident", "shop", "checkout", world.cache):
        await world.keeper.reconcile(*key)
    assert world.ready("IncidentUpdate", "one")["reason"] == "Posted"


async def test_an_update_of_an_incident_that_rests_is_posted(world: World):
    world.apply("Incident", "checkout", INCIDENT)
    world.cache.rest("Incident", "shop", "checkout")
    world.apply("IncidentUpdate", "one", UPDATE)
    await world.look("IncidentUpdate", "one")
    assert world.ready("IncidentUpdate", "one")["reason"] == "Posted"


async def test_a_good_secret_is_looked_at_again_after_a_minute(world: World):
    world.secrets.found = {"pagerduty": VALUE}
    world.apply("Connection", "pager", PAGERDUTY)
    assert await world.look("Connection", "pager") == timedelta(seconds=60)
    assert world.ready("Connection", "pager")["status"] == "True"
    assert world.secrets.invalidated == []


@pytest.mark.parametrize(("connections", "seconds"), [(1, 60), (6, 60), (100, 1000), (1000, 3600)])
async def test_the_more_connections_there_are_the_less_often_a_good_secret_is_read_again(
    world: World, connections: int, seconds: int
):
    world.secrets.found = {"pagerduty": VALUE}
    for number in range(connections):
        world.apply("Connection", f"pager-{number}", PAGERDUTY)
    assert await world.look("Connection", "pager-0") == timedelta(seconds=seconds)


async def test_a_bad_secret_is_read_again_soon_however_many_connections_there_are(world: World):
    for number in range(100):
        world.apply("Connection", f"pager-{number}", PAGERDUTY)
    assert await world.look("Connection", "pager-0") == timedelta(seconds=3)


SECRETS = {
    "that is missing": (PAGERDUTY, {}, "SecretNotFound"),
    "that may not be read": (
        PAGERDUTY,
        {"pagerduty": SecretProblem(Reason.SECRET_FORBIDDEN, "let it: kubectl create rolebinding")},
        "SecretForbidden",
    ),
    "without the key": (
        PAGERDUTY,
        {"pagerduty": SecretProblem(Reason.SECRET_KEY_MISSING, "set it")},
        "SecretKeyMissing",
    ),
    "that is empty": (PAGERDUTY, {"pagerduty": ""}, "SecretKeyMissing"),
    "that is no URL where one belongs": (HOOK, {"hook": "s3cret"}, "InvalidURL"),
}


@pytest.mark.parametrize(("spec", "found", "reason"), SECRETS.values(), ids=SECRETS)
async def test_a_secret_is_read_afresh_within_five_seconds(world: World, spec, found, reason):
    world.secrets.found = found
    world.apply("Connection", "pager", spec)
    again = await world.look("Connection", "pager")
    assert again is not None
    assert again <= timedelta(seconds=4)
    assert len(world.secrets.invalidated) == 1
    assert world.ready("Connection", "pager")["reason"] == reason


async def test_a_secret_that_appears_heals_its_connection(world: World):
    world.apply("Connection", "pager", PAGERDUTY)
    await world.look("Connection", "pager")
    world.secrets.found = {"pagerduty": VALUE}
    assert await world.look("Connection", "pager") == timedelta(seconds=60)
    assert world.ready("Connection", "pager")["status"] == "True"


async def test_the_worst_of_two_secrets_says_when_to_look_again(world: World):
    both = {
        "urlSecretRef": {"name": "hook", "key": "url"},
        "signingKeySecretRef": {"name": "gone", "key": "key"},
    }
    world.secrets.found = {"hook": "https://example.com/hook"}
    world.apply("Connection", "pager", {"webhook": both})
    assert await world.look("Connection", "pager") == timedelta(seconds=3)
    assert world.ready("Connection", "pager")["message"].startswith("spec.webhook.signingKeySecretRef: ")


async def test_no_value_of_a_secret_reaches_a_status(world: World):
    world.secrets.found = {"hook": "s3cret-not-a-url"}
    world.apply("Connection", "pager", HOOK)
    await world.look("Connection", "pager")
    assert "s3cret" not in str(world.writes)


async def test_an_unreachable_server_says_nothing_of_a_secret(world: World):
    world.secrets.found = {"pagerduty": Unreachable(0, "ClientError", "no answer in time")}
    world.apply("Connection", "pager", PAGERDUTY)
    with pytest.raises(Unreachable):
        await world.look("Connection", "pager")
    assert world.writes == []


@pytest.mark.parametrize("refusal", [Conflict(409, "Conflict", ""), NotFound(404, "NotFound", "")])
async def test_an_object_that_changed_or_went_meanwhile_is_left_to_its_next_event(world: World, refusal):
    world.refusal = refusal
    world.apply("Connection", "pager", CONSOLE)
    assert await world.look("Connection", "pager") is None
    assert len(world.writes) == 1


async def test_another_refusal_is_told(world: World):
    world.refusal = Forbidden(403, "Forbidden", "")
    world.apply("Connection", "pager", CONSOLE)
    with pytest.raises(Forbidden):
        await world.look("Connection", "pager")


async def test_a_spec_that_cannot_be_read_is_told_and_never_crashes(world: World):
    world.apply("EscalationPolicy", "primary", {"levels": "none"})
    await world.look("EscalationPolicy", "primary")
    condition = world.ready("EscalationPolicy", "primary")
    assert (condition["status"], condition["reason"]) == ("False", "InvalidSpec")
    assert condition["message"].startswith("spec.levels: ")


async def test_a_connection_that_cannot_be_read_pages_nobody(world: World):
    world.apply("Connection", "pager", {"console": "yes"})
    world.apply("EscalationPolicy", "primary", POLICY)
    await world.look("EscalationPolicy", "primary")
    assert world.ready("EscalationPolicy", "primary")["reason"] == "InvalidSpec"


async def test_conditions_of_other_types_stay(world: World):
    other = {
        "type": "Suspended",
        "status": "True",
        "reason": "ByPerson",
        "lastTransitionTime": "2026-03-09T02:00:00.000Z",
        "note": "written by a newer version",
    }
    world.apply("Connection", "pager", CONSOLE)
    seen = world.cache.get("Connection", "shop", "pager")
    assert seen is not None
    metadata = seen["metadata"] | {"resourceVersion": "500"}
    world.cache.upsert("Connection", {**seen, "metadata": metadata, "status": {"conditions": [other]}})
    await world.look("Connection", "pager")
    assert world.writes[0][1]["status"]["conditions"][0] == other


async def test_an_object_that_is_being_deleted_is_let_be(world: World):
    world.apply("Connection", "pager", CONSOLE, deletionTimestamp="2026-03-09T03:00:00Z")
    assert await world.look("Connection", "pager") is None
    assert world.writes == []


async def test_an_object_that_is_not_there_and_an_incident_have_no_ready(world: World):
    world.apply("Incident", "checkout", INCIDENT)
    assert await world.look("Connection", "gone") is None
    assert await world.look("Incident", "checkout") is None
    assert world.writes == []


def test_a_connection_is_looked_for_in_fallbacks_last_resorts_and_channels(world: World):
    fallback = {"name": "one", "escalateAfter": "5m", "targets": [target("other", "pager")]}
    world.apply(
        "EscalationPolicy", "fallback", {"levels": [fallback], "lastResort": {"targets": [target("x")]}}
    )
    world.apply(
        "EscalationPolicy", "last", {"levels": [fallback], "lastResort": {"targets": [target("pager")]}}
    )
    world.apply("EscalationPolicy", "level", POLICY | {"lastResort": {"targets": [target("x")]}})
    channel = {"channel": {"connectionRef": {"name": "pager", "namespace": "shop"}}}
    world.apply(
        "IncidentClass",
        "service",
        CLASS | {"severities": [{"name": "SEV-1", "rank": 1, "response": channel}]},
    )
    assert dependants("Connection", "shop", "pager", world.cache) == [
        ObjectKey("EscalationPolicy", "shop", "fallback"),
        ObjectKey("EscalationPolicy", "shop", "last"),
        ObjectKey("EscalationPolicy", "shop", "level"),
        ObjectKey("IncidentClass", "", "service"),
    ]
    assert dependants("Connection", "shop", "x", world.cache) == [
        ObjectKey("EscalationPolicy", "shop", "fallback"),
        ObjectKey("EscalationPolicy", "shop", "level"),
    ]


def test_a_connection_of_the_same_name_elsewhere_concerns_nobody_here(world: World):
    world.apply("EscalationPolicy", "primary", POLICY)
    assert dependants("Connection", "pay", "pager", world.cache) == []


async def test_an_update_that_agrees_with_its_incident_can_rest(world: World):
    world.apply("Incident", "checkout", INCIDENT)
    world.apply("IncidentUpdate", "one", UPDATE)
    await world.look("IncidentUpdate", "one")
    assert dependants("Incident", "shop", "checkout", world.cache) == []
    world.delete("Incident", "checkout")
    assert dependants("Incident", "shop", "checkout", world.cache) == [
        ObjectKey("IncidentUpdate", "shop", "one")
    ]
