// node gate.js DIRECTORY DOCUMENT: tells which schemas of the document Prism really checks.
//
// Prism validates with AJV, and takes a schema that AJV cannot compile for one that anything fits. So each
// body and each list of parameters is validated here by Prism's own functions, with AJV listened to: a
// schema counts as checked when its function was compiled, was called, and returned.
"use strict";

const { createRequire } = require("node:module");

const fromPrism = createRequire(require.resolve("@stoplight/prism-http", { paths: [process.argv[2]] }));
const { getHttpOperationsFromSpec } = fromPrism("@stoplight/prism-http/dist/utils/operations");
const validators = fromPrism("@stoplight/prism-http/dist/validator/validators");
const ajv = fromPrism("ajv/dist/core").default;

const INPUT = 0, OUTPUT = 1; // Prism's own numbers for the direction.
const SAMPLES = [null, true, 0, "", [], {}];
let calls = 0;
let trouble = "";

const compile = ajv.prototype.compile;
ajv.prototype.compile = function (...given) {
  // Only makes the code longer or shorter; Graph's document would take a minute with it.
  this.opts.inlineRefs = false;
  try {
    return new Proxy(compile.apply(this, given), { apply: called });
  } catch (error) {
    trouble = error.message;
    throw error;
  }
};

function called(check, self, given) {
  try {
    const answer = Reflect.apply(check, self, given);
    calls += 1;
    return answer;
  } catch (error) {
    trouble = error.message;
    throw error;
  }
}

const known = new Map();

function found(where, schema, validate) {
  // Errors are described alike for hundreds of operations. Prism gives each copy an id of its own, and
  // one that refers to others means something else in another operation.
  const text = JSON.stringify(schema, (key, value) => (key === "x-stoplight" ? undefined : value));
  if (!known.has(text) || text.includes('"$ref"')) {
    calls = 0;
    trouble = "";
    validate();
    known.set(text, trouble || (calls ? "" : "no schema was asked"));
  }
  return { where, trouble: known.get(text) };
}

function* bodies(contents, direction, where, bundle) {
  for (const content of contents ?? []) {
    if (!content.schema) continue;
    const form = /urlencoded|multipart/.test(content.mediaType);
    yield found(`${where} ${content.mediaType}`, [form, direction, content.schema], () => {
      for (const sample of form ? [""] : SAMPLES)
        validators.validateBody(sample, [content], direction, content.mediaType, "boundary", bundle);
    });
  }
}

function* parameters(request, where, bundle) {
  const kinds = { query: "validateQuery", headers: "validateHeaders", path: "validatePath" };
  for (const [kind, name] of Object.entries(kinds)) {
    const specs = request?.[kind];
    if (specs?.length)
      yield found(`${where} ${kind}`, specs, () => validators[name]({}, specs, INPUT, bundle));
  }
}

async function main(document) {
  const operations = await getHttpOperationsFromSpec(document);
  const told = { operations: operations.length, requests: [], responses: [], parameters: [] };
  for (const operation of operations) {
    const where = `${operation.method} ${operation.path}`;
    const { request, responses, __bundled__: bundle } = operation;
    told.requests.push(...bodies(request?.body?.contents, INPUT, where, bundle));
    told.parameters.push(...parameters(request, where, bundle));
    for (const response of responses)
      told.responses.push(...bodies(response.contents, OUTPUT, `${where} ${response.code}`, bundle));
  }
  console.log(JSON.stringify(told));
}

main(process.argv[3]);
