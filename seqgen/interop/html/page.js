// The form of this page: what a person asks for, and the text as it is written.
"use strict";

const find = (id) => document.getElementById(id);
const BREATH = 12; // milliseconds of work between two moments in which the page can be used

let model = null;
let running = null; // the number of the text that is being written; another number, or null, ends it

function asked() {
  const given = Object.fromEntries(new FormData(find("form")));
  return {
    prompt: given.prompt.replaceAll("\r\n", "\n"), // which a form makes of line ends
    length: Number(given.length),
    temperature: Number(given.temperature),
    minP: Number(given.min_p),
    randomSeed: given.random_seed || String(crypto.getRandomValues(new Uint32Array(1))[0]),
  };
}

// The command that writes the same text.
function command({ prompt, length, temperature, minP, randomSeed }) {
  const quoted = (text) => (/^[\w.:@\/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const words = ["seqgen generate", "--model", quoted(model.about.name)];
  if (prompt) words.push(prompt.startsWith("-") ? `--seed=${quoted(prompt)}` : `--seed ${quoted(prompt)}`);
  words.push("--temperature", temperature);
  if (minP > 0) words.push("--min-p", minP);
  words.push("--length", length);
  if (temperature > 0) words.push("--random-seed", randomSeed);
  return words.join(" ");
}

function described(missing) {
  const shown = missing.slice(0, 8).map(([character, read]) =>
    `${JSON.stringify(character)} (${read ? `read as ${JSON.stringify(read)}` : "left out"})`);
  const more = missing.length > 8 ? ` and ${missing.length - 8} more` : "";
  return missing.length ? `The model does not know ${shown.join(", ")}${more}.` : "";
}

function show(state) {
  document.body.dataset.state = state;
  find("write").textContent = state === "writing" ? "Stop" : "Write";
  find("text").setAttribute("aria-busy", state === "writing");
}

async function write() {
  const options = asked(), number = Symbol();
  running = number;
  let read;
  try {
    read = model.read(options.prompt);
  } catch (error) {
    running = null;
    find("note").textContent = error.message;
    return;
  }
  show("writing");
  find("note").textContent = described(read.missing);
  find("prompt-shown").textContent = options.prompt;
  const text = find("written");
  text.textContent = "";
  find("same").hidden = true;
  const began = performance.now();
  let pieces = 0, held = "", breathed = began;
  const report = () => {
    text.append(held);
    held = "";
    const seconds = (performance.now() - began) / 1000;
    const pace = `${Math.round(pieces / seconds).toLocaleString("en")} a second`;
    find("status").textContent = `${pieces.toLocaleString("en")} tokens, ${pace}`;
  };
  for (const piece of model.write(read.ids, options)) {
    held += piece;
    pieces += 1;
    if (performance.now() - breathed < BREATH) continue;
    report();
    await new Promise((go) => setTimeout(go));
    if (running !== number) break;
    breathed = performance.now();
  }
  pieces -= running === number; // the last piece is what the decoder had left
  report();
  if (running !== number) return;
  running = null;
  find("command").textContent = command(options);
  find("same").hidden = false;
  show("done");
}

function stop() {
  running = null;
  show("stopped");
}

function start() {
  const about = JSON.parse(find("about").textContent);
  model = new Model(about, bytesOf(find("weights").textContent));
  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (running) stop();
    else write();
  });
  find("prompt").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) find("form").requestSubmit();
  });
  for (const name of ["temperature", "min-p"]) {
    const shown = () => (find(`${name}-shown`).textContent = Number(find(name).value).toFixed(2));
    find(name).addEventListener("input", shown);
    shown();
  }
  find("write").disabled = false;
  find("status").textContent = "";
  show("ready");
}

start();
