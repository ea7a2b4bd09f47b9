"""Goes on from a text with a model that seqgen exported, always with the likeliest token.

    python run_onnx.py novel.onnx "the ice" 200

It needs onnxruntime and NumPy, and reads vocabularies of characters or words.
"""

import json
import sys
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

session = onnxruntime.InferenceSession(sys.argv[1])
about = {
    name: json.loads(session.get_modelmeta().custom_metadata_map[name]) for name in ("vocabulary", "has_ends", "end_id")
}
states = [each for each in session.get_inputs() if each.name.startswith("state.")]
outputs = ["logits", *("next_" + each.name for each in states)]


def step(tokens: list[int], state: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """The logits (V,) after these tokens, and the state after them."""
    ids = np.array([tokens], np.int64)  # (1, T)
    logits, *after = session.run(outputs, {"token_ids": ids, **state})
    return logits[0, -1], {each.name: value for each, value in zip(states, after, strict=True)}


state = {each.name: np.zeros((1, each.shape[1]), np.float32) for each in states}
prompt, length = sys.argv[2], int(sys.argv[3])
text, end = prompt, about["end_id"]
tokens = [end] * about["has_ends"] + [about["vocabulary"].index(symbol) for symbol in prompt]
for _ in range(length):
    logits, state = step(tokens, state)
    if not about["has_ends"]:
        logits[end] = -np.inf  # it was never seen
    tokens = [int(logits.argmax())]
    if tokens == [end]:
        break
    text += about["vocabulary"][tokens[0]]
print(text)
