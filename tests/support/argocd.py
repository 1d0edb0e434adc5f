"""What Argo CD does by the Lua that we ship, in the dialect that it runs, Lua 5.1: health and actions.

Source: argo-cd, docs/operator-manual/health.md, and util/lua, which gives scripts few libraries.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from lupa import lua51  # type: ignore[import-untyped]  # it ships no types

from watchbill.api.group import GROUP

FOLDER = Path(__file__).parents[2] / "config/argocd"
PATCHES = ("health.yaml", "actions.yaml")
PREFIX = f"resource.customizations.health.{GROUP}_"

KEPT = ("assert", "error", "ipairs", "next", "pairs", "select", "tonumber", "tostring", "type", "unpack")
"""What a script may use here; `table` beside these. Less than Argo CD gives, never more."""

SANDBOX = """
local kept = {table = table}
for _, name in ipairs({%s}) do kept[name] = _G[name] end
return function(source, obj)
  kept.obj = obj
  return setfenv(assert(loadstring(source)), kept)()
end
"""


def shipped(file: str = "health.yaml") -> dict[str, str]:
    """The data of a patch that we ship: scripts by their keys in `argocd-cm`."""
    data: dict[str, str] = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))["data"]
    return data


def health(thing: Mapping[str, Any], data: Mapping[str, str]) -> tuple[str, str]:
    """The status and the message that the script of the object's kind returns; LookupError without one."""
    answer = run(data[PREFIX + thing["kind"]], thing)
    return answer["status"], answer["message"]


def acted(action: str, thing: Mapping[str, Any], data: Mapping[str, str]) -> Any:
    """The object as an action of its kind returns it; LookupError where there is none of this name."""
    scripts = yaml.safe_load(data[f"resource.customizations.actions.{GROUP}_{thing['kind']}"])
    return run({each["name"]: each["action.lua"] for each in scripts["definitions"]}[action], thing)


def run(script: str, thing: Mapping[str, Any]) -> Any:
    """What a script returns for an object; a table as a dict, or as a list where its keys are 1 to n."""
    lua = lua51.LuaRuntime(register_eval=False, register_builtins=False)
    call = lua.execute(SANDBOX % ", ".join(f"{name!r}" for name in KEPT))
    return _plain(call(script, lua.table_from(thing, recursive=True)))


def _plain(value: Any) -> Any:
    if lua51.lua_type(value) != "table":
        return value
    keys = list(value)
    if keys and keys == list(range(1, len(keys) + 1)):
        return [_plain(value[key]) for key in keys]
    return {key: _plain(value[key]) for key in keys}
