"""Values from Secrets as a provider needs them."""

from watchbill.providers.contract import Misconfigured, Settings


def secret(settings: Settings, path: str) -> str:
    """The value that the Secret reference at `path` names, without the line break that files end in.

    Raises Misconfigured, naming the path and never the value, where it is absent or blank.
    """
    value = settings.secrets.get(path, "").strip()
    if not value:
        raise Misconfigured(path, "the key of the Secret must hold a value that is not blank")
    return value
