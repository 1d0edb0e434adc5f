"""The commands of the plugin, and where each is found. Data only: shell completion reads it on each key."""

HERE = "watchbill.cli.plugin"

COMMANDS: dict[str, str] = {
    "declare": f"{HERE}.declare",
    "list": f"{HERE}.look",
    "get": f"{HERE}.look",
    "timeline": f"{HERE}.look",
    "ack": f"{HERE}.take",
    "update": f"{HERE}.update",
    "escalate": f"{HERE}.take",
    "snooze": f"{HERE}.take",
    "severity": f"{HERE}.say",
    "mitigate": f"{HERE}.say",
    "resolve": f"{HERE}.say",
    "reopen": f"{HERE}.say",
    "cancel": f"{HERE}.say",
    "oncall": f"{HERE}.oncall",
    "runbook": f"{HERE}.runbook",
    "test-page": f"{HERE}.testpage",
    "simulate": f"{HERE}.simulate",
    "lint": "watchbill.cli.lint",
    "version": "watchbill.cli.version",
}
"""The module of each command, in the order in which `--help` lists them."""

RUNBOOK = ("list", "run", "plan", "approve", "reject", "cancel")
"""The commands within `runbook`, in the order in which its `--help` lists them."""

OFFLINE = ("simulate", "lint", "version")
"""The commands that ask no cluster."""
