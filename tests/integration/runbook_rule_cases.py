"""The cases of the CEL rules of Runbook and RunbookRun; `rule_cases.py` says what a case is."""

from collections.abc import Iterator

from tests.integration.rule_cases import Case, Change, Object, name_case

TARGET: Object = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}
ROUTE: Object = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "name": "checkout"}
RESTART: Object = {"kubernetes": {"targetRef": TARGET, "restart": {}}}
PAGE: Object = {"url": "https://example.com/health"}
QUERY: Object = {"url": "https://prometheus.example.com", "query": "up"}
USER_NAME = "must be a user name of 1 to 253 characters"
SECRET_KEY = {"name": "tokens", "key": "k"}


def stepped(**step: object) -> Change:
    """A runbook with one step."""
    return {"steps": [{"name": "first", **step}]}


def parametrized(**parameter: object) -> Change:
    """A runbook with one parameter."""
    return {"parameters": [{"name": "size", **parameter}]}


def bounded(path: str, low: Change, high: Change, below: Change, above: Change, most: str) -> Case:
    """The bounds of a duration."""
    name = path.rpartition(".")[2]
    return Case(
        f"Runbook.spec.{path}",
        f"`{name}` must be a duration from 1s to {most}, such as 5m or 1h30m",
        "spec." + path.replace("[]", "[0]"),
        passes=(low, high),
        refuses=(below, above),
    )


def durations() -> Iterator[Case]:
    """Every duration of a runbook, at and beyond its bounds."""
    for path, most, beyond, make in (
        ("safety.cooldown", "168h", "169h", lambda d: {"safety": {"cooldown": d}}),
        ("safety.breaker.for", "168h", "169h", lambda d: {"safety": {"breaker": {"failures": 3, "for": d}}}),
        ("timeout", "168h", "169h", lambda d: {"timeout": d}),
        ("steps[].timeout", "24h", "25h", lambda d: stepped(wait={"duration": "1s"}, timeout=d)),
        ("steps[].wait.duration", "24h", "25h", lambda d: stepped(wait={"duration": d})),
        (
            "steps[].retry.backoff",
            "1h",
            "61m",
            lambda d: stepped(wait={"duration": "1s"}, retry={"limit": 1, "backoff": d}),
        ),
        (
            "steps[].approval.expiresAfter",
            "24h",
            "25h",
            lambda d: stepped(wait={"duration": "1s"}, approval={"expiresAfter": d}),
        ),
        ("steps[].check.within", "24h", "25h", lambda d: stepped(check={"http": PAGE, "within": d})),
        (
            "steps[].verify.within",
            "24h",
            "25h",
            lambda d: stepped(**RESTART, verify={"http": PAGE, "within": d}),
        ),
        (
            "steps[].debt.expiresAfter",
            "2160h",
            "2161h",
            lambda d: stepped(**RESTART, debt={"expiresAfter": d}),
        ),
    ):
        yield bounded(path, make("1s"), make(most), make("999ms"), make(beyond), most)


def keyed(field: str, value: Object) -> Case:
    """A map whose keys are user names: a wrong key is refused before anybody is asked whose it is."""
    return Case(
        f"RunbookRun.spec.{field}",
        f"every key of `{field}` {USER_NAME}",
        f"spec.{field}",
        passes=({field: {}},),
        refuses=({field: {"": value}}, {field: {"b" * 254: value}}),
    )


def either_way(prefix: str, field: str) -> Iterator[Case]:
    """The rules of what changes something, be it as the step or as its undo."""

    def doing(**body: object) -> Change:
        return stepped(**(body if not field else {"wait": {"duration": "1s"}, "undo": body}))

    def on(**action: object) -> Change:
        return doing(kubernetes={"targetRef": TARGET, **action})

    at = f"spec.steps[0]{field}"
    yield Case(
        f"{prefix}.kubernetes",
        "exactly one action must be set: `patch`, `apply`, `delete`, `scale`, `restart`, `cordon`, "
        "`uncordon`",
        f"{at}.kubernetes",
        passes=(on(restart={}), on(scale={"replicas": 0})),
        refuses=(on(), on(restart={}, delete={})),
    )
    yield Case(
        f"{prefix}.kubernetes",
        "`targetRef` must be set but for `apply`, whose manifest names the object",
        f"{at}.kubernetes",
        passes=(doing(kubernetes={"apply": {"manifest": "{}"}}), on(cordon={})),
        refuses=(doing(kubernetes={"restart": {}}), on(apply={"manifest": "{}"})),
    )
    yield Case(
        f"{prefix}.kubernetes.scale",
        "exactly one of `replicas` and `replicasParameter` must be set",
        f"{at}.kubernetes.scale",
        passes=(on(scale={"replicas": 3}), on(scale={"replicasParameter": "size"})),
        refuses=(on(scale={}), on(scale={"replicas": 3, "replicasParameter": "size"})),
    )
    yield Case(
        f"{prefix}.job.env[]",
        "exactly one of `value` and `valueSecretRef` must be set",
        f"{at}.job.env[0]",
        passes=(
            doing(job={"image": "busybox", "env": [{"name": "A", "value": ""}]}),
            doing(job={"image": "busybox", "env": [{"name": "A", "valueSecretRef": SECRET_KEY}]}),
        ),
        refuses=(doing(job={"image": "busybox", "env": [{"name": "A"}]}),),
    )
    yield Case(
        f"{prefix}.runbook.parameters",
        "every key of `parameters` must be the name of a parameter",
        f"{at}.runbook.parameters",
        passes=(doing(runbook={"runbookRef": {"name": "other"}, "parameters": {"size": "3"}}),),
        refuses=(doing(runbook={"runbookRef": {"name": "other"}, "parameters": {"": "3"}}),),
    )

    def shifting(**changes: object) -> Change:
        return doing(traffic={"targetRef": ROUTE, "weights": [{"name": "a", "weight": 0}], **changes})

    yield Case(
        f"{prefix}.traffic",
        "`targetRef` must name an HTTPRoute of gateway.networking.k8s.io",
        f"{at}.traffic",
        passes=(shifting(), shifting(targetRef=ROUTE | {"apiVersion": "gateway.networking.k8s.io/v1beta1"})),
        refuses=(shifting(targetRef=TARGET), shifting(targetRef=ROUTE | {"apiVersion": "apps/v1"})),
    )
    yield Case(
        f"{prefix}.traffic",
        "at most one of `ruleName` and `ruleIndex` must be set",
        f"{at}.traffic",
        passes=(shifting(), shifting(ruleName="all"), shifting(ruleIndex=0)),
        refuses=(shifting(ruleName="all", ruleIndex=0),),
    )


def flags(prefix: str, field: str) -> Iterator[Case]:
    """The rules of a feature flag, be it as the step or as its undo."""

    def setting(**flag: object) -> Change:
        body = {"flag": flag}
        return stepped(**(body if not field else {"wait": {"duration": "1s"}, "undo": body}))

    at = f"spec.steps[0]{field}.flag"
    file: Object = {"configMapKeyRef": {"name": "flags", "key": "flags.json"}, "feature": "a"}
    service = {
        "project": "p",
        "feature": "a",
        "environment": "b",
        "enabled": False,
        "authorizationSecretRef": SECRET_KEY,
    }
    yield Case(
        f"{prefix}.flag",
        "exactly one vendor must be set: `unleash`, `launchDarkly`, `flagd`",
        at,
        passes=(
            setting(launchDarkly=service),
            setting(unleash=service | {"baseURL": "http://unleash.flags:4242/root"}),
        ),
        refuses=(setting(), setting(launchDarkly=service, flagd=file | {"state": "ENABLED"})),
    )
    yield Case(
        f"{prefix}.flag.flagd",
        "at least one of `defaultVariant` and `state` must be set",
        f"{at}.flagd",
        passes=(setting(flagd=file | {"state": "ENABLED"}), setting(flagd=file | {"defaultVariant": "off"})),
        refuses=(setting(flagd=file),),
    )


RUNBOOK_CASES = (
    name_case("Runbook"),
    *durations(),
    Case(
        "Runbook.spec",
        "`start` must not be Auto while a step of High risk has no `approval`: a person must agree to it",
        "spec.start",
        passes=(
            {"start": "Suggest", **stepped(**RESTART)},
            {"start": "Auto", **stepped(**RESTART, approval={})},
            {"start": "Auto", **stepped(**RESTART, risk="Low")},
            {"start": "Auto", **stepped(check={"http": PAGE})},
        ),
        refuses=(
            {"start": "Auto", **stepped(**RESTART)},
            {"start": "Auto", **stepped(**RESTART, approval={"count": 0})},
            {"start": "Auto", **stepped(check={"http": PAGE}, risk="High")},
        ),
    ),
    Case(
        "Runbook.spec.parameters[]",
        "`pattern` must be absent unless `type` is String",
        "spec.parameters[0].pattern",
        passes=(parametrized(pattern="^a$"),),
        refuses=(parametrized(type="Integer", pattern="^1$"),),
    ),
    Case(
        "Runbook.spec.parameters[]",
        "`min` and `max` must be absent unless `type` is Integer",
        "spec.parameters[0]",
        passes=(parametrized(type="Integer", min=0, max=9), parametrized(type="Boolean")),
        refuses=(parametrized(min=0), parametrized(type="Duration", max=9)),
    ),
    Case(
        "Runbook.spec.parameters[]",
        "`default` must be one of `enum`",
        "spec.parameters[0].default",
        passes=(
            parametrized(enum=["a", "b"], default="b"),
            parametrized(enum=["a"]),
            parametrized(default="a"),
        ),
        refuses=(parametrized(enum=["a", "b"], default="c"),),
    ),
    Case(
        "Runbook.spec.steps[]",
        "exactly one kind must be set: `manual`, `check`, `wait`, `kubernetes`, `job`, `http`, `notify`, "
        "`runbook`, `rollback`, `traffic`, `flag`",
        "spec.steps[0]",
        passes=(stepped(manual={"text": "Look."}), stepped(rollback={"targetRef": TARGET})),
        refuses=(stepped(), stepped(manual={"text": "Look."}, wait={"duration": "1s"})),
    ),
    Case(
        "Runbook.spec.steps[]",
        "`risk` must not be ReadOnly: this kind of step changes something",
        "spec.steps[0]",
        passes=(stepped(wait={"duration": "1s"}, risk="ReadOnly"), stepped(**RESTART, risk="Low")),
        refuses=(stepped(**RESTART, risk="ReadOnly"), stepped(notify={"text": "Hello."}, risk="ReadOnly")),
    ),
    Case(
        "Runbook.spec.steps[]",
        "`verify` must say what to look at: set its `targetRef`, `promQL` or `http`",
        "spec.steps[0]",
        passes=(
            stepped(**RESTART, verify={"within": "1s", "condition": "true"}),
            stepped(wait={"duration": "1s"}, verify={"within": "1s", "http": PAGE}),
        ),
        refuses=(stepped(wait={"duration": "1s"}, verify={"within": "1s", "condition": "true"}),),
    ),
    Case(
        "Runbook.spec.steps[].check",
        "exactly one of `targetRef`, `promQL` and `http` must be set",
        "spec.steps[0].check",
        passes=(stepped(check={"promQL": QUERY}),),
        refuses=(stepped(check={}), stepped(check={"promQL": QUERY, "http": PAGE})),
    ),
    Case(
        "Runbook.spec.steps[].check",
        "`condition` must be set: it says what must be true of the object",
        "spec.steps[0].check",
        passes=(stepped(check={"targetRef": TARGET, "condition": "true"}),),
        refuses=(stepped(check={"targetRef": TARGET}),),
    ),
    Case(
        "Runbook.spec.steps[].verify",
        "at most one of `targetRef`, `promQL` and `http` must be set",
        "spec.steps[0].verify",
        passes=(stepped(**RESTART, verify={"within": "1s", "promQL": QUERY}),),
        refuses=(stepped(**RESTART, verify={"within": "1s", "promQL": QUERY, "http": PAGE}),),
    ),
    Case(
        "Runbook.spec.steps[].verify",
        "`condition` must be set: it says what must be true of the object",
        "spec.steps[0].verify",
        passes=(stepped(**RESTART, verify={"within": "1s", "condition": "true"}),),
        refuses=(stepped(**RESTART, verify={"within": "1s"}),),
    ),
    *either_way("Runbook.spec.steps[]", ""),
    *either_way("Runbook.spec.steps[].undo", ".undo"),
    *flags("Runbook.spec.steps[]", ""),
    *flags("Runbook.spec.steps[].undo", ".undo"),
    Case(
        "Runbook.spec.steps[].undo",
        "exactly one kind must be set: `kubernetes`, `job`, `http`, `notify`, `runbook`, `rollback`, "
        "`traffic`, `flag`",
        "spec.steps[0].undo",
        passes=(stepped(wait={"duration": "1s"}, undo=RESTART),),
        refuses=(stepped(wait={"duration": "1s"}, undo={}),),
    ),
    name_case("RunbookRun"),
    Case(
        "RunbookRun",
        "a run that has ended must not change: create another",
        "<nil>",
        before={"reason": "Errors"},
        status={"phase": "Succeeded"},
        passes=({},),
        refuses=({"cancelledBy": {"admin": {}}},),
    ),
    Case(
        "RunbookRun.spec",
        "a run must not change but for `approvals`, `manualDone`, `cancelledBy`: create another",
        "spec",
        before={"incidentRef": {"name": "checkout"}},
        passes=({"cancelledBy": {"admin": {}}},),
        refuses=(
            {"parameters": {"deployment": "other"}},
            {"runbookRef": {"name": "other"}},
            {"incidentRef": None},
            {"dryRun": True},
            {"requestedBy": "bo"},
            {"reason": "None."},
            {"parentRef": {"name": "other"}},
        ),
    ),
    Case(
        "RunbookRun.spec.parameters",
        "every key of `parameters` must be the name of a parameter",
        "spec.parameters",
        passes=({"parameters": {"size": "3"}},),
        refuses=({"parameters": {"": "3"}},),
    ),
    keyed("approvals", {"planHash": "sha256:4f1c0d9be2a7"}),
    keyed("manualDone", {"steps": ["first"]}),
    keyed("cancelledBy", {}),
)
