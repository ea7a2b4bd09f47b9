"""Reads a model folder of seqgen and goes on from a text, always with the likeliest character.

    python read_model.py FOLDER "the ice" 200

Written from the page about the format of model folders alone: it needs NumPy, and neither seqgen nor a framework.  Of a model with
ngrams.safetensors it leaves the n-grams out, and so writes other text than ``seqgen generate``.
"""

import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def read_tensors(path: Path) -> dict[str, Array]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[8 + length + begin : 8 + length + end], "<f4").reshape(entry["shape"])
    return tensors


def initial_state(spec: dict[str, Any]) -> list[tuple[Array, Array]]:
    zeros = np.zeros(spec["hidden_size"])
    return [(zeros, zeros) for _ in range(spec["num_layers"])]


def step(
    spec: dict[str, Any], weights: dict[str, Array], token: int, state: list[tuple[Array, Array]]
) -> tuple[Array, list[tuple[Array, Array]]]:
    """The logits (V,) for the token after this one, and the state after it."""
    match spec["input_encoding"]:
        case "embedding":
            x = weights["embedding.weight"][token]
        case "one-hot":
            x = np.eye(spec["vocab_size"])[token]
        case "scalar":
            x = np.array([token / spec["vocab_size"]])
    after = []
    for number in range(spec["num_layers"]):
        h, c = state[number]
        layer = f"layers.{number}."
        inputs = weights[layer + "input_weight"] @ x + weights[layer + "bias"]  # (G·H,)
        recurrent = weights[layer + "recurrent_weight"] @ h  # (G·H,)
        match spec["architecture"]:
            case "lstm":
                i, f, g, o = np.split(inputs + recurrent, 4)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
            case "gru":
                (xr, xz, xn), (hr, hz, hn) = np.split(inputs, 3), np.split(recurrent, 3)
                r, z = sigmoid(xr + hr), sigmoid(xz + hz)
                n = np.tanh(xn + r * (hn + weights[layer + "recurrent_candidate_bias"]))
                h = (1 - z) * n + z * h
            case "rnn":
                h = np.tanh(inputs + recurrent)
        after.append((h, c))
        x = h
    output = weights["embedding.weight" if spec["tie_embeddings"] else "output.weight"]
    return output @ x + weights["output.bias"], after


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def main(folder: Path, prompt: str, length: int) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    if config["format_version"] != 1 or config["parts"]["tokenizer"]["name"] != "char":
        sys.exit("This reader knows format 1 and the tokenizer char.")
    spec, weights = config["model"], read_tensors(folder / "model.safetensors")
    end = len(tokenizer["symbols"])  # the last id
    state = initial_state(spec)
    for token in [end] * config["has_ends"] + [tokenizer["symbols"].index(symbol) for symbol in prompt]:
        logits, state = step(spec, weights, token, state)
    text = prompt
    for _ in range(length):
        token = int(np.argmax(logits if config["has_ends"] else logits[:end]))
        if token == end:
            break
        text += tokenizer["symbols"][token]
        logits, state = step(spec, weights, token, state)
    print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
