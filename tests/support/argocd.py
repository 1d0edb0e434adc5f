"""Argo CD's judgment of an object's health, by the Lua that we ship, in the dialect that it runs: Lua 5.1.

Source: argo-cd, docs/operator-manual/health.md, and util/lua, which gives scripts few libraries.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from lupa import lua51  # type: ignore[import-untyped]  # it ships no types

from watchbill.api.group import GROUP

PATCH = Path(__file__).parents[2] / "config/argocd/health.yaml"
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


def shipped() -> dict[str, str]:
    """The data of the patch that we ship: scripts by their keys in `argocd-cm`."""
    data: dict[str, str] = yaml.safe_load(PATCH.read_text(encoding="utf-8"))["data"]
    return data


def health(thing: Mapping[str, Any], data: Mapping[str, str]) -> tuple[str, str]:
    """The status and the message that the script of the object's kind returns; LookupError without one."""
    script = data[PREFIX + thing["kind"]]
    lua = lua51.LuaRuntime(register_eval=False, register_builtins=False)
    run = lua.execute(SANDBOX % ", ".join(f"{name!r}" for name in KEPT))
    answer = run(script, lua.table_from(thing, recursive=True))
    return answer["status"], answer["message"]
