// Reads the model that this page holds, and writes text with it: the arithmetic and the order of the draws are those of
// seqgen, so that the same random seed writes the same text as `seqgen generate`.  No part of it touches the page.
"use strict";

// ---- Weights: a safetensors file, 8 bytes with the length of a JSON header, the header, the numbers. ----

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const ELEMENTS = {
  F32: [Float32Array, "getFloat32"],
  U8: [Uint8Array, "getUint8"],
  U16: [Uint16Array, "getUint16"],
  U32: [Uint32Array, "getUint32"],
  U64: [BigUint64Array, "getBigUint64"],
};

function readTensors(bytes) {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const tensors = {};
  for (const [name, { dtype, data_offsets: [begin, end] }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const view = new DataView(bytes.buffer, 8 + length + begin, end - begin);
    const [array, get] = ELEMENTS[dtype], width = array.BYTES_PER_ELEMENT;
    const values = new array(view.byteLength / width);
    for (let i = 0; i < values.length; i++) values[i] = view[get](width * i, true);
    tensors[name] = values;
  }
  return tensors;
}

// ---- The network: lstm (gates i f g o), gru (r z n, reset-after) and rnn, one sequence, one step. ----

const GATES = { lstm: 4, gru: 3, rnn: 1 };

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

// out[row] = start[row] + the row of the matrix times x.  Four sums, which a processor adds up side by side.
function product(matrix, x, start) {
  const width = x.length, rows = matrix.length / width, out = new Float32Array(rows);
  for (let row = 0, at = 0; row < rows; row++) {
    let a = start[row], b = 0, c = 0, d = 0, k = 0;
    for (; k + 3 < width; k += 4, at += 4) {
      a += matrix[at] * x[k];
      b += matrix[at + 1] * x[k + 1];
      c += matrix[at + 2] * x[k + 2];
      d += matrix[at + 3] * x[k + 3];
    }
    for (; k < width; k++, at++) a += matrix[at] * x[k];
    out[row] = a + b + (c + d);
  }
  return out;
}

class Network {
  constructor(spec, tensors) {
    this.spec = spec;
    this.tensors = tensors;
    this.zeros = new Float32Array(GATES[spec.architecture] * spec.hidden_size);
    this.firstInputs = new Map(); // what a token gives to the gates of layer 0, once it has been met
  }

  initialState() {
    const size = this.spec.hidden_size;
    return Array.from({ length: this.spec.num_layers }, () => ({
      hidden: new Float32Array(size),
      cell: new Float32Array(size),
    }));
  }

  // Logits (V) for the token after this one; the state becomes that after it.
  step(token, state) {
    let hidden = null;
    for (let number = 0; number < state.length; number++) {
      const own = (name) => this.tensors[`layers.${number}.${name}`];
      const inputs = number ? product(own("input_weight"), hidden, own("bias")) : this.firstInput(token);
      this.advance(state[number], inputs, own);
      hidden = state[number].hidden;
    }
    const output = this.tensors[this.spec.tie_embeddings ? "embedding.weight" : "output.weight"];
    return product(output, hidden, this.tensors["output.bias"]);
  }

  advance(state, inputs, own) {
    const size = this.spec.hidden_size;
    const recurrent = product(own("recurrent_weight"), state.hidden, this.zeros);
    const hidden = new Float32Array(size);
    for (let j = 0; j < size; j++) {
      const gate = (number) => inputs[number * size + j] + recurrent[number * size + j];
      switch (this.spec.architecture) {
        case "lstm":
          state.cell[j] = sigmoid(gate(1)) * state.cell[j] + sigmoid(gate(0)) * Math.tanh(gate(2));
          hidden[j] = sigmoid(gate(3)) * Math.tanh(state.cell[j]);
          break;
        case "gru": {
          const r = sigmoid(gate(0)), z = sigmoid(gate(1));
          const candidate = recurrent[2 * size + j] + own("recurrent_candidate_bias")[j];
          const n = Math.tanh(inputs[2 * size + j] + r * candidate);
          hidden[j] = (1 - z) * n + z * state.hidden[j];
          break;
        }
        case "rnn":
          hidden[j] = Math.tanh(gate(0));
      }
    }
    state.hidden = hidden;
  }

  firstInput(token) {
    let inputs = this.firstInputs.get(token);
    if (!inputs) {
      inputs = this.firstInputOf(token);
      this.firstInputs.set(token, inputs);
    }
    return inputs;
  }

  firstInputOf(token) {
    const { input_encoding: encoding, embedding_size: width, vocab_size: size } = this.spec;
    const matrix = this.tensors["layers.0.input_weight"], bias = this.tensors["layers.0.bias"];
    if (encoding === "embedding") {
      return product(matrix, this.tensors["embedding.weight"].subarray(token * width, (token + 1) * width), bias);
    }
    if (encoding === "one-hot") return bias.map((value, row) => value + matrix[row * size + token]);
    return bias.map((value, row) => value + matrix[row] * Math.fround(token / size));
  }
}

// ---- N-grams, and the network mixed with them: docs/reference/checkpoint-format.md has the formulas. ----

const SMALLEST = 2 ** -126;

class Mixture {
  constructor(network, tensors) {
    this.network = network;
    this.unigram = tensors["ngrams.unigram"];
    this.weights = tensors["ngrams.weights"];
    this.contexts = [];
    for (let length = 1; tensors[`ngrams.contexts.${length}.codes`]; length++) {
      const named = (name) => [name, tensors[`ngrams.contexts.${length}.${name}`]];
      this.contexts.push(Object.fromEntries(["codes", "starts", "tokens", "discounted", "backoff"].map(named)));
    }
  }

  initialState() {
    return { network: this.network.initialState(), last: [] };
  }

  // The logits (V) for the token after this one; the state becomes that after it.
  step(token, state) {
    const network = this.network.step(token, state.network), top = network.reduce((a, b) => Math.max(a, b));
    state.last = [...state.last, token].slice(-this.contexts.length);
    const { probabilities, length, followers } = this.after(state.last);
    const at = 2 * (2 * length + (followers > 1 ? 1 : 0));
    const [ofNetwork, ofNgrams] = this.weights.subarray(at, at + 2);
    return network.map((value, id) => {
      return ofNetwork * Math.max(value - top, Math.log(SMALLEST)) + ofNgrams * Math.log(Math.max(probabilities[id], SMALLEST));
    });
  }

  // What n-grams expect after these tokens, how many of them the longest known context has, and how many different tokens followed it.
  after(last) {
    const probabilities = Float32Array.from(this.unigram), base = BigInt(probabilities.length);
    let code = 0n, digit = 1n, length = 0, followers = probabilities.length;
    for (; length < last.length; length++) {
      const known = this.contexts[length];
      code += digit * BigInt(last[last.length - 1 - length]);
      digit *= base;
      const place = placeOf(known.codes, known.codes instanceof BigUint64Array ? code : Number(code));
      if (place < 0) break;
      for (let id = 0; id < probabilities.length; id++) probabilities[id] *= known.backoff[place];
      for (let at = known.starts[place]; at < known.starts[place + 1]; at++) {
        probabilities[known.tokens[at]] += known.discounted[at];
      }
      followers = known.starts[place + 1] - known.starts[place];
    }
    return { probabilities, length, followers };
  }
}

// Where a number stands in an ascending array, or -1.
function placeOf(numbers, wanted) {
  let low = 0, high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return numbers[low] === wanted ? low : -1;
}

// ---- Tokenizers: char, byte and word. ----

// What Python calls white space and words; the classes of JavaScript differ in a few characters.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LETTER = "\\p{L}\\p{N}_";
const WORD = `[${LETTER}][${LETTER}\\p{Mn}\\p{Mc}]*`; // with the marks that letters have
const PARTS = new RegExp(`${WORD}(?:['\\u2019]${WORD})*|[${SPACE}]+|[^${LETTER}${SPACE}]`, "gu");

class ByteTokenizer {
  encode(text) {
    return { ids: [...new TextEncoder().encode(text)], missing: [] };
  }

  decoder() {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return {
      push: (token) => (token < 256 ? decoder.decode(Uint8Array.of(token), { stream: true }) : ""), // 256 is the end
      finish: () => decoder.decode(),
    };
  }
}

class TableTokenizer {
  // nearest: [characters that the vocabulary lacks, and as many that stand for them], each as one string.
  constructor(state, nearest) {
    this.state = state;
    this.symbols = new Set(state.symbols);
    const others = [...nearest[1]];
    this.nearest = new Map([...nearest[0]].map((character, place) => [character, others[place]]));
    this.unknown = this.symbols.has("\ufffd") ? "\ufffd" : "";
    this.pieces = [...state.symbols, ...(state.words ?? [])];
    this.ids = new Map(this.pieces.map((piece, id) => [piece, id]));
  }

  // The ids, and each character that the vocabulary lacks with what it was read as.
  encode(text) {
    const missing = new Map();
    text = this.normal(text.replace(/\p{Cs}/gu, "\ufffd")); // lone halves of a surrogate pair
    for (;;) {
      // Again and again: what replaces a character may compose with the next one.
      const replaced = Array.from(text, (character) => this.known(character, missing)).join("");
      if (replaced === text) break;
      text = this.normal(replaced);
    }
    const parts = this.state.words ? text.match(PARTS) ?? [] : [...text];
    const ids = parts.flatMap((part) => this.ids.get(part) ?? [...part].map((character) => this.ids.get(character)));
    return { ids, missing: [...missing] };
  }

  normal(text) {
    const form = this.state.normalization ?? "none";
    if (form !== "none") text = text.normalize(form);
    if (!this.state.lowercase) return text;
    text = text.toLowerCase();
    return form === "none" ? text : text.normalize(form);
  }

  known(character, missing) {
    if (this.symbols.has(character)) return character;
    const replacement = this.nearest.get(character) ?? this.unknown;
    missing.set(character, replacement);
    return replacement;
  }

  decoder() {
    return { push: (token) => this.pieces[token] ?? "", finish: () => "" };
  }
}

function makeTokenizer({ name, state, nearest }) {
  return name === "byte" ? new ByteTokenizer() : new TableTokenizer(state, nearest);
}

// ---- Drawing: temperature, min-p, and the random numbers of Philox 4x64-10 (Salmon et al. 2011). ----

const MASK = (1n << 64n) - 1n;

class RandomStream {
  constructor(randomSeed, sample = 0n) {
    this.key = [randomSeed & MASK, sample];
    this.counter = 0n;
    this.words = [];
  }

  // At least 0 and below 1: the upper 53 of 64 bits.
  next() {
    if (!this.words.length) this.words = this.block(++this.counter);
    return Number(this.words.shift() >> 11n) * 2 ** -53;
  }

  block(counter) {
    let [a, b, c, d] = [counter, 0n, 0n, 0n];
    let [first, second] = this.key;
    for (let round = 0; round < 10; round++) {
      const left = 0xd2e7470ee14c6c93n * a, right = 0xca5a826395121157n * c;
      [a, b, c, d] = [(right >> 64n) ^ b ^ first, right & MASK, (left >> 64n) ^ d ^ second, left & MASK];
      first = (first + 0x9e3779b97f4a7c15n) & MASK;
      second = (second + 0xbb67ae8584caa73bn) & MASK;
    }
    return [a, b, c, d];
  }
}

// The logits in float32, as they are divided by the temperature, without the forbidden token and what min-p leaves out.
function adjusted(logits, { temperature, minP, forbidden }) {
  const left = Float32Array.from(logits);
  if (forbidden !== null) left[forbidden] = -Infinity;
  let best = left.reduce((a, b) => Math.max(a, b));
  if (temperature === 0) {
    const place = left.indexOf(best); // the first of equals
    return left.map((value, id) => (id === place ? value : -Infinity));
  }
  const divisor = Math.fround(Math.max(temperature, 1e-30));
  for (let id = 0; id < left.length && temperature !== 1; id++) {
    left[id] = temperature > 1 ? left[id] / divisor : Math.fround(left[id] - best) / divisor;
  }
  best = left.reduce((a, b) => Math.max(a, b));
  const least = minP > 0 ? Math.fround(best + Math.fround(Math.log(minP))) : -Infinity;
  return left.map((value) => (value >= least ? value : -Infinity));
}

function draw(logits, uniform) {
  const top = logits.reduce((a, b) => Math.max(a, b));
  let total = 0;
  const cumulative = Float64Array.from(logits, (value) => (total += Math.exp(value - top)));
  return cumulative.findIndex((sum) => sum > uniform * total);
}

// ---- The model: text in, text out. ----

class Model {
  // about: what the page says of the model; bytes: its weights.
  constructor(about, bytes) {
    this.about = about;
    const tensors = readTensors(bytes), network = new Network(about.spec, tensors);
    this.network = tensors["ngrams.unigram"] ? new Mixture(network, tensors) : network;
    this.tokenizer = makeTokenizer(about.tokenizer);
  }

  // What the prompt is read as; throws where nothing of it is known.
  read(prompt) {
    const { ids, missing } = this.tokenizer.encode(prompt);
    if (prompt && !ids.length) throw new RangeError("The model knows no symbol of this prompt.");
    return { ids: this.opening(ids), missing };
  }

  // The ids that a text begins after, at least one.
  opening(ids) {
    if (this.about.has_ends) return [this.about.end_id, ...ids];
    if (ids.length) return ids;
    const line = this.tokenizer.encode("\n").ids;
    return line.length ? line : [0];
  }

  // The text after the ids of a prompt, a piece for each token.
  *write(ids, { length, temperature, minP, randomSeed }) {
    const random = new RandomStream(BigInt(randomSeed));
    const decoder = this.tokenizer.decoder();
    const forbidden = this.about.has_ends ? null : this.about.end_id;
    const state = this.network.initialState();
    let logits;
    for (const token of ids) logits = this.network.step(token, state);
    let ended = false;
    for (let written = 0; written < length; written++) {
      const token = draw(adjusted(logits, { temperature, minP, forbidden }), random.next());
      ended = token === this.about.end_id;
      if (ended) break;
      yield decoder.push(token);
      logits = this.network.step(token, state);
    }
    const rest = decoder.finish();
    yield ended ? rest : rest.replace(/\ufffd$/, ""); // a character that the length cuts is left out
  }
}
