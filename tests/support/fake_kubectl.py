"""A kubectl for the plugin's fast tests: objects in a folder, and the faults that a test asks for.

The same commands meet the real one in tests/integration/test_plugin.py.
"""

import json
import sys
from pathlib import Path

WORLD = Path(sys.argv[1])
FAULTS = {
    "Conflict": 'Error from server (Conflict): Operation cannot be fulfilled on incidents.watchbill.dev "x"',
    "Forbidden": 'Error from server (Forbidden): incidents.watchbill.dev "x" is forbidden: User "ana" cannot',
    "Invalid": 'The Incident "x" is invalid: spec.severity: Invalid value: "?"',
    "Unreachable": "Unable to connect to the server: dial tcp 192.0.2.1:6443: i/o timeout",
}


def load(name, default=None):
    """The JSON of a file of the world."""
    path = WORLD / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else default


def save(name, content):
    """Write a file of the world."""
    (WORLD / f"{name}.json").write_text(json.dumps(content))


def fail(text):
    """End as kubectl does."""
    sys.exit(text)


def merged(target, patch):
    """The target after an RFC 7386 merge patch."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def answer(verb, words, options):
    """What kubectl would do for a verb."""
    objects = load("objects", {})
    kind, name = words[0] if words else "", words[1] if len(words) > 1 else ""
    if verb == "auth":
        return {"status": {"userInfo": {"username": "ana"}}}
    if verb == "create":
        made = json.loads(sys.stdin.read())
        key = f"{made['kind'].lower()}s.watchbill.dev/{made['metadata']['name']}"
        if key in objects:
            fail(f"Error from server (AlreadyExists): {key} already exists")
        stamp = {
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": load("now"),
            "uid": f"uid-{key}",
        }
        made["metadata"] |= stamp
        save("objects", objects | {key: made})
        return made
    if verb == "get" and not name:
        return {
            "kind": "List",
            "items": [each for key, each in objects.items() if key.startswith(f"{kind}/")],
        }
    found = objects.get(f"{kind}/{name}")
    if found and verb == "get" and (statuses := load("statuses")):
        # The operator goes on while the plugin looks.
        save("statuses", statuses[1:] or statuses)
        found = found | {"status": statuses[0]}
    if found is None:
        fail(f'Error from server (NotFound): {kind} "{name}" not found')
    if verb == "patch":
        patch = json.loads(options["--patch"])
        if patch["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
            fail(FAULTS["Conflict"])
        found = merged(found, patch)
        found["metadata"]["resourceVersion"] = str(int(found["metadata"]["resourceVersion"]) + 1)
        found["metadata"]["generation"] += 1
        save("objects", objects | {f"{kind}/{name}": found})
    return found


def main():
    """Note the call, then answer it, or fail as a test asked."""
    arguments = sys.argv[2:]
    with (WORLD / "calls").open("a") as calls:
        calls.write(json.dumps(arguments) + "\n")
    options = dict(each.partition("=")[::2] for each in arguments if each.startswith("-"))
    verb, *words = [each for each in arguments if not each.startswith("-")]
    if said := load("says"):
        print(said, file=sys.stderr)
    faults = load("faults", {})
    if faults.get(verb):
        first, *rest = faults[verb]
        save("faults", faults | {verb: rest})
        if first:
            fail(FAULTS[first])
    if words[:1] == ["can-i"]:
        print("Warning: verb 'resolve' is not a known verb", file=sys.stderr)
        answers = {True: "no", False: "yes"}
        print(answers[words[1] in load("denied", [])])
        sys.exit(words[1] in load("denied", []))
    if "--watch" in options:
        for version in load("versions"):
            print(json.dumps({"type": "MODIFIED", "object": version}))
        return
    if options.get("--output") in ("wide", "name", "yaml"):
        print(f"printed as {options['--output']}")
        return
    if "jsonpath" in " ".join(arguments):
        print("\n".join(key.partition("/")[2] for key in load("objects", {}) if key.startswith(words[0])))
        return
    print(json.dumps(answer(verb, words, options), indent=4))


if __name__ == "__main__":
    main()
