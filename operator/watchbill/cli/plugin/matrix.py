"""The severity matrix of a class, as the person who types may read it."""

from watchbill.api.group import DEFAULT_CLASS_ANNOTATION
from watchbill.cli.plugin.failure import Failed
from watchbill.cli.plugin.kubectl import CLASSES, Kubectl


def severities(kubectl: Kubectl, class_: str | None) -> list[str]:
    """The severities of this class, or of the default one, the worst first; none where it cannot be read."""
    try:
        found = kubectl.read("get", CLASSES)["items"]
    except Failed:
        return []
    for each in found:
        is_default = each["metadata"].get("annotations", {}).get(DEFAULT_CLASS_ANNOTATION) == "true"
        if each["metadata"]["name"] == class_ or (class_ is None and is_default):
            rows = sorted(each["spec"]["severities"], key=lambda row: int(row["rank"]))
            return [str(row["name"]) for row in rows]
    return []
