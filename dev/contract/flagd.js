// node flagd.js DIRECTORY CONTEXT KEY...: tells what flags evaluate to while their file changes.
//
// Standard input is a list of texts: the file as it is at first, after the first change, and so on. They are
// given to one evaluation core of the OpenFeature project, one after another, as a client of flagd is. Prints
// a list: for each text and each key its value, variant and reason; the value is null where a client has to
// take the default in its own code. Fails where the core does not take a text.
"use strict";

const { readFileSync } = require("node:fs");

const [directory, context, ...keys] = process.argv.slice(2);
const fromDirectory = (name) => require(require.resolve(name, { paths: [directory] }));
const { FlagdCore, MemoryStorage } = fromDirectory("@openfeature/flagd-core");
const { DefaultLogger } = fromDirectory("@openfeature/core");

const STRICT = true; // What is not by the schema is an error, and not only a line in a log.

function main() {
  const storage = new MemoryStorage(new DefaultLogger());
  const core = new FlagdCore(storage);
  const told = JSON.parse(readFileSync(0, "utf8")).map((text) => {
    storage.setConfigurations(text, STRICT);
    return Object.fromEntries(keys.map((key) => [key, evaluated(core, key)]));
  });
  console.log(JSON.stringify(told));
}

function evaluated(core, key) {
  const [sample] = core.getFlag(key)?.variants.values() ?? [];
  const { value, variant, reason } = core.resolve(typeof sample, key, null, JSON.parse(context));
  return { value, variant: variant ?? null, reason };
}

try {
  main();
} catch (error) {
  console.error([error.message, error.cause?.message].filter(Boolean).join(": "));
  process.exitCode = 1;
}
