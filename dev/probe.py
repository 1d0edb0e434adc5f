"""Questions that show whether the admission policies and roles are in force, not only stored.

A new policy lets requests through for some 0.6 s. Each function here returns what is still wrong, or None.
"""

from typing import Any

from dev.client import UNREACHABLE, Answer, Client

PATH = "/apis/watchbill.dev/v1alpha1/namespaces/default/incidents?dryRun=All"
STRANGER = "somebody-else"
REFUSALS = ("must name you", f"`{STRANGER}`")
"""One of these is in the message when the policy about authors refused, rather than another."""


def incident(**spec: Any) -> dict[str, Any]:
    """A complete Incident with these further spec fields, which is never stored."""
    return {
        "apiVersion": "watchbill.dev/v1alpha1",
        "kind": "Incident",
        "metadata": {"name": "probe"},
        "spec": {
            "title": "Are the admission policies in force?",
            "severity": "SEV-3",
            "affected": [{"service": "probe"}],
            **spec,
        },
    }


def false_name_is_let_through(admin: Client) -> str | None:
    """A complaint until an Incident that bears somebody else's name is refused by a policy.

    It bears the name twice: where policies fill in the author, the declaration's is put right
    before it is judged, but an acknowledgement is refused all the same.
    """
    false = incident(setBy={"declaration": STRANGER}, acknowledgedBy={STRANGER: {}})
    answer = _create(admin, false)
    if not answer.succeeded and any(words in answer.message for words in REFUSALS):
        return None
    return f"the admission policies do not refuse an Incident in a false name ({_said(answer)})."


def author_is_not_filled_in(admin: Client, user: str) -> str | None:
    """A complaint until the author of an Incident is filled in by the mutating policy."""
    answer = _create(admin, incident())
    author = answer.body.get("spec", {}).get("setBy", {}).get("declaration")
    if author == user:
        return None
    return f"the admission policies do not fill in who declares an Incident ({_said(answer)})."


def operator_sees_no_incidents(operator: Client) -> str | None:
    """A complaint until the operator's token and role let it list incidents."""
    try:
        answer = operator.get("/apis/watchbill.dev/v1alpha1/incidents?limit=1")
    except UNREACHABLE as error:
        answer = Answer(0, {"message": str(error)})
    if answer.succeeded:
        return None
    return f"the operator may not list incidents ({_said(answer)})."


def _create(admin: Client, body: dict[str, Any]) -> Answer:
    try:
        return admin.post(PATH, body)
    except UNREACHABLE as error:
        return Answer(0, {"message": str(error)})


def _said(answer: Answer) -> str:
    return f"{answer.status} {answer.message}".strip()[:300]
