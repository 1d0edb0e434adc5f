"""What most teams would write: one kopf daemon for each incident, as kopf's documentation suggests.

`python -m bench.peers.naive_kopf --sink URL` prints `ready` once kopf has begun, and `steady` once `--expect`
daemons run.
"""

import argparse
import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import kopf

from watchbill.api.group import GROUP, VERSION

LEVELS = ("primary", "secondary", "everyone")
ESCALATE_AFTER = timedelta(hours=3)
INCIDENTS = (GROUP, VERSION, "incidents")


@kopf.on.startup()
async def begin(memo: kopf.Memo, **_: Any) -> None:
    """Open the session that pages go by."""
    memo.session = aiohttp.ClientSession()


@kopf.daemon(*INCIDENTS, cancellation_timeout=1.0)
async def escalate(memo: kopf.Memo, **cause: Any) -> None:
    """Page one level after the other, until somebody acknowledges."""
    uid = cause["uid"]
    memo.running.add(uid)
    if len(memo.running) == memo.expect:
        print("steady", flush=True)
    spec, at, now = cause["spec"], cause["status"].get("escalation", {}), datetime.now(UTC)
    if spec.get("acknowledgedBy") or spec.get("state"):
        return
    if "nextTime" in at and datetime.fromisoformat(at["nextTime"]) > now:
        due = datetime.fromisoformat(at["nextTime"])
        raise kopf.TemporaryError("it is not due", delay=(due - now).total_seconds())
    level = LEVELS[(LEVELS.index(at["level"]) + 1) % len(LEVELS)] if at.get("level") in LEVELS else LEVELS[0]
    page = {"incident": cause["name"], "key": f"{uid}.{level}"}
    async with memo.session.post(f"{memo.sink}/naive", json=page) as answer:
        answer.raise_for_status()
    following = (now + ESCALATE_AFTER).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    cause["patch"].status["phase"] = "Triggered"
    cause["patch"].status["escalation"] = {"state": "Waiting", "level": level, "nextTime": following}
    raise kopf.TemporaryError("it waits for an acknowledgement", delay=ESCALATE_AFTER.total_seconds())


@kopf.on.field(*INCIDENTS, field="spec.acknowledgedBy", new=kopf.PRESENT)
async def acknowledged(patch: kopf.Patch, **_: Any) -> None:
    """Say that somebody has taken it."""
    patch.status["phase"] = "Acknowledged"


@kopf.on.field(*INCIDENTS, field="spec.state", value="Resolved")
async def resolved(patch: kopf.Patch, **_: Any) -> None:
    """Say that it is over."""
    patch.status["phase"] = "Resolved"


async def run(options: argparse.Namespace) -> None:
    """Run until the process is ended."""
    ready = asyncio.Event()
    memo = kopf.Memo(sink=options.sink, expect=options.expect, running=set())
    where: dict[str, Any] = (
        {"namespaces": [options.namespace]} if options.namespace else {"clusterwide": True}
    )
    operator = asyncio.create_task(kopf.operator(standalone=True, memo=memo, ready_flag=ready, **where))
    await ready.wait()
    print("ready", flush=True)
    await operator


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sink", required=True)
    parser.add_argument("--namespace", default="")
    parser.add_argument("--expect", type=int, default=0)
    kopf.configure(verbose=False, quiet=True)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
