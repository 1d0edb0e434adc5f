"""`oncall`: who would be paged right now at each level, and what is not Ready."""

import json
from typing import Any

import pytest

from tests.support.plugin_world import World
from watchbill.cli.plugin import options
from watchbill.cli.plugin.failure import ExitCode

POLICIES = "escalationpolicies.watchbill.dev"
CONNECTIONS = "connections.watchbill.dev"
READY = {"type": "Ready", "status": "True", "reason": "ResolvedRefs", "message": "valid"}
MISSING = {
    "type": "Ready",
    "status": "False",
    "reason": "RefNotFound",
    "message": "spec.levels[1].targets[0].connectionRef: Connection shop/gone does not exist",
}
LOCKED = {"type": "Ready", "status": "False", "reason": "SecretForbidden", "message": "let it be read"}


def page(after: str, level: str, who: str, *how: tuple[str, str], round_: int = 1) -> Any:
    ways = [{"connection": f"shop/{name}", "vendor": vendor} for name, vendor in how]
    return {"after": after, "round": round_, "level": level, "who": f"shop/{who}", "how": ways}


PAGER, BACKUP = ("pager", "pagerDuty"), ("backup", "smtp")
PREVIEW = [
    page("0s", "first", "pager", PAGER, BACKUP),
    page("5m", "first", "pager", PAGER, BACKUP, round_=2),
    page("10m", "lastResort", "backup", BACKUP),
]


def thing(name: str, ready: Any, generation: int = 1, **status: Any) -> Any:
    metadata = {"name": name, "namespace": "shop", "generation": generation}
    return {"metadata": metadata, "status": {"observedGeneration": 1, "conditions": [ready]} | status}


def policy(name: str = "primary", ready: Any = READY, preview: Any = PREVIEW, generation: int = 1) -> Any:
    levels = [{"name": "first"}, {"name": "second"}]
    return thing(name, ready, generation, preview=preview) | {"spec": {"levels": levels}}


def holds(world: World, *policies: Any, **connections: Any) -> None:
    held = {f"{POLICIES}/{each['metadata']['name']}": each for each in policies}
    others = {f"{CONNECTIONS}/{name}": thing(name, ready) for name, ready in connections.items()}
    world.save("objects", held | others)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")


def test_a_program_gets_the_levels_of_each_policy(world: World):
    holds(world, policy(), policy("other"), pager=READY)
    found = json.loads(world.types("oncall").stdout)["policies"]
    assert [each["policy"] for each in found] == ["primary", "other"]
    assert found[0]["namespace"] == "shop"
    assert found[0]["ready"] == {"status": "True", "reason": "ResolvedRefs", "message": "valid"}
    assert [(each["level"], each["after"]) for each in found[0]["levels"]] == [
        ("first", "0s"),
        ("second", None),
        ("lastResort", "10m"),
    ]
    (first,) = found[0]["levels"][0]["pages"]
    assert first["who"] == "shop/pager"
    assert [(hop["vendor"], hop.get("ready", {}).get("status")) for hop in first["how"]] == [
        ("pagerDuty", "True"),
        ("smtp", None),
    ]


@pytest.mark.usefixtures("terminal")
def test_a_policy_that_is_suspended_is_said_to_be_passed_over(world: World):
    holds(world, policy(ready=READY | {"reason": "Suspended", "message": "incidents pass it over"}))
    said = world.types("oncall").stdout
    assert "EscalationPolicy shop/primary: incidents pass it over" in said
    assert "Suspended" in said


@pytest.mark.usefixtures("terminal")
def test_a_person_gets_one_table_of_all_policies(world: World):
    holds(world, policy(), policy("other", ready=MISSING))
    lines = [line.split() for line in world.types("oncall", "-A").stdout.splitlines()]
    assert lines[0] == ["NAMESPACE", "POLICY", "LEVEL", "AFTER", "WHO", "HOW", "READY"]
    how = ["pagerDuty,", "then", "smtp", "by", "shop/backup"]
    assert lines[1] == ["shop", "primary", "first", "0s", "shop/pager", *how, "True"]
    assert lines[2] == ["shop", "primary", "second", "-", "nobody", "-", "True"]
    assert lines[3] == ["shop", "primary", "last", "resort", "10m", "shop/backup", "smtp", "True"]
    assert lines[5] == ["shop", "other", "second", "-", "nobody", "-", "RefNotFound"]
    assert lines[7][:3] == ["EscalationPolicy", "shop/other:", "spec.levels[1].targets[0].connectionRef:"]


@pytest.mark.usefixtures("terminal")
def test_a_connection_that_is_not_ready_is_told_with_its_reason_once(world: World):
    holds(world, policy(), pager=READY, backup=LOCKED)
    lines = world.types("oncall", "primary").stdout.splitlines()
    assert [line.split()[-1] for line in lines[1:4]] == ["SecretForbidden", "True", "SecretForbidden"]
    assert lines[4:] == ["Connection shop/backup: let it be read"]


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    "unseen",
    [policy(preview=[], generation=2), policy() | {"status": {}}],
    ids=["a newer version", "a new one"],
)
def test_what_the_operator_has_not_looked_at_is_unknown(world: World, unseen: Any):
    holds(world, unseen)
    lines = world.types("oncall").stdout.splitlines()
    assert lines[1].split() == ["primary", "first", "-", "unknown", "-", "NotSeen"]
    assert "the operator has not looked at this version yet" in lines[-1]


def test_who_may_not_look_at_connections_still_sees_who_is_paged(world: World):
    holds(world, policy())
    world.fails(get=["", "Forbidden"])
    said = world.types("oncall")
    assert said.exit_code == 0
    assert json.loads(said.stdout)["policies"][0]["levels"][0]["pages"][0]["who"] == "shop/pager"


def test_kubectl_prints_what_it_alone_can(world: World):
    holds(world, policy())
    assert world.types("oncall", "primary", "-o", "wide").stdout == "printed as wide\n"
    assert world.types("oncall", "-A", "-o", "name").stdout == "printed as name\n"
    assert [call for call in world.calls("get") if "--all-namespaces" in call]


def test_how_it_fails(world: World):
    assert world.types("oncall", "primary").exit_code == ExitCode.NOT_FOUND
    assert world.types("oncall", "primary", "-A").exit_code == 2


@pytest.mark.usefixtures("terminal")
def test_a_namespace_without_policies_says_so(world: World):
    said = world.types("oncall")
    assert (said.exit_code, said.stdout) == (0, "")
    assert said.stderr == "No escalation policies found.\n"
