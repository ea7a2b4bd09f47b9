// Runs the engine of an exported page: node page_in_node.js PAGE < REQUESTS, a JSON list; answers on standard output.
"use strict";

const { readFileSync } = require("node:fs");
const { runInThisContext } = require("node:vm");

const page = readFileSync(process.argv[2], "utf-8");
const element = (id) => page.match(new RegExp(`<script[^>]* id="${id}">([^]*?)</script>`))[1];

runInThisContext(`${element("engine")}
globalThis.engine = { Model, RandomStream, bytesOf };`);
const model = new engine.Model(JSON.parse(element("about")), engine.bytesOf(element("weights")));

const answers = {
  encode: (text) => model.tokenizer.encode(text),
  decode(ids) {
    const decoder = model.tokenizer.decoder();
    return ids.map((id) => decoder.push(id)).join("") + decoder.finish();
  },
  uniforms({ randomSeed, count }) {
    const stream = new engine.RandomStream(BigInt(randomSeed));
    return Array.from({ length: count }, () => stream.next());
  },
  logits(ids) {
    const state = model.network.initialState();
    return ids.map((id) => Array.from(model.network.step(id, state)));
  },
  write({ prompt, ...options }) {
    return [...model.write(model.read(prompt).ids, options)].join("");
  },
};

const requests = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(requests.map(([name, argument]) => answers[name](argument))));
