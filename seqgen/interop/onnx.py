"""A trained model as ONNX: one or several steps, with the state as inputs and outputs.

| input | type | |
| --- | --- | --- |
| `token_ids` | int64 (B, T) | T tokens of B sequences; one step is T = 1 |
| `state.layers.N.hidden` | float32 (B, H) | zeros before the first token |
| `state.layers.N.cell` | float32 (B, H) | lstm only; the same |

| output | type | |
| --- | --- | --- |
| `logits` | float32 (B, T, V) | for the token after each |
| `next_state.layers.N.hidden`, `.cell` | float32 (B, H) | the inputs of the same name for what follows |

The recurrent layers are the operators LSTM, GRU and RNN (https://onnx.ai/onnx/operators), whose gates are stored in
another order than the canonical form's: i o f c, where c is g, and z r h, where h is n.  GRU has ``linear_before_reset``,
which is the reset-after form.  Its two biases are kept apart, as in Keras: the second is zero but for the candidate's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seqgen import files
from seqgen.checkpoint import SavedModel
from seqgen.core.catalog import Catalog
from seqgen.core.errors import MissingDependencyError, UsageError
from seqgen.core.tokenizer import Tokenizer
from seqgen.interop.exported_model import ExportedModel

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

OPSET, IR_VERSION = 17, 8
"""Of the year 2022: old enough for the runtimes of phones and browsers; newer operators would add nothing."""

LARGEST = 2**31 - 2**20
"""Bytes of weights that fit: a file of protocol buffers has at most 2 GiB, with all that is said beside them."""

_ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
"""Which canonical gate stands at each place of the operator."""


def export_onnx(saved: SavedModel, target: Path, catalog: Catalog) -> None:
    """Write a trained model, checked by ONNX's own checker, vocabulary and metadata included.

    Raises:
        MissingDependencyError: onnx is not installed.
        UsageError: the model has no canonical form, or its weights are larger than an ONNX file can be.
        OutputError: the file cannot be written.
    """
    try:
        import onnx
    except ImportError as error:
        msg = 'Writing ONNX needs onnx, which is not installed.  pip install "seqgen[onnx]"'
        raise MissingDependencyError(msg) from error
    source = ExportedModel.of(saved, catalog)
    if (size := sum(tensor.nbytes for tensor in source.weights.values())) > LARGEST:
        msg = f"{source.name} has {size:,} bytes of weights, but an ONNX file holds at most {LARGEST:,}.  Use --format safetensors"
        raise UsageError(msg)
    model = to_onnx(source)
    onnx.checker.check_model(model, full_check=True)
    files.write_bytes(target, model.SerializeToString(deterministic=True))


def to_onnx(source: ExportedModel) -> ModelProto:
    """The model as a protocol buffer."""
    from onnx import TensorProto, helper

    spec, graph = source.spec, _Graph()
    states = {
        f"layers.{number}.{part}": ("B", spec.hidden_size)
        for number in range(spec.num_layers)
        for part in (("hidden", "cell") if spec.architecture == "lstm" else ("hidden",))
    }
    _input(source, graph)
    for number in range(spec.num_layers):
        _layer(source, graph, number)
    _output(source, graph)

    def floats(name: str, shape: Sequence[str | int]) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    model: ModelProto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "step",
            inputs=[
                helper.make_tensor_value_info("token_ids", TensorProto.INT64, ("B", "T")),
                *(floats(f"state.{name}", shape) for name, shape in states.items()),
            ],
            outputs=[
                floats("logits", ("B", "T", spec.vocab_size)),
                *(floats(f"next_state.{name}", shape) for name, shape in states.items()),
            ],
            initializer=graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="seqgen",
        producer_version=source.about["exported_by"].removeprefix("seqgen "),
        doc_string=_DESCRIPTION,
    )
    helper.set_model_props(model, metadata(source))
    return model


def metadata(source: ExportedModel) -> dict[str, str]:
    """What stands beside the network, each value as text; the lists and objects are JSON."""
    values: dict[str, Any] = {
        "name": source.name,
        "architecture": source.spec.architecture,
        "tokenizer": source.state(),
        "has_ends": source.has_ends,
        "end_id": source.tokenizer.end_id,
        **source.about,
    }
    if source.ngrams:
        values["left_out"] = "n-grams that the network was mixed with"
    pieces = vocabulary(source.tokenizer)
    if pieces is not None:
        values["vocabulary"] = pieces
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in values.items()
    }


def vocabulary(tokenizer: Tokenizer) -> list[str | list[int]] | None:
    """What each id stands for, (V,): a text, or the bytes of a piece that is no whole text; None if that depends."""
    pieces = tokenizer.pieces()
    if pieces is None:
        return None
    texts: list[str | list[int]] = []
    for piece in pieces:
        try:
            texts.append(piece.decode())
        except UnicodeDecodeError:
            texts.append(list(piece))
    return texts


_DESCRIPTION = """A recurrent language model, written by seqgen.

Feed token_ids (B, T) with the states, which are zeros at first, and the next_state outputs with what follows.  logits are
for the token after each.  The metadata has the vocabulary: a JSON list of what each id stands for.  Where has_ends is
true, a text begins after end_id and ends at it; where it is false, end_id was never seen and must not be drawn.
Where the metadata has left_out, seqgen's own model has that beside the network, and its probabilities differ.
"""


class _Graph:
    """Nodes and constants as they are added; every value has the name of what it is."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, outputs, name=outputs[0] or outputs[1], **attributes))


def _input(source: ExportedModel, graph: _Graph) -> None:
    """``token_ids`` (B, T) to ``layers.0.input`` (T, B, in)."""
    spec = source.spec
    graph.node("Transpose", ["token_ids"], ["token_ids.by_step"], perm=[1, 0])
    match spec.input_encoding:
        case "embedding":
            table = graph.constant("embedding.weight", source.weights["embedding.weight"])
            graph.node("Gather", [table, "token_ids.by_step"], ["layers.0.input"], axis=0)
        case "one-hot":
            depth = graph.constant("vocab_size", np.array(spec.vocab_size, np.int64))
            values = graph.constant("off_on", np.array([0, 1], np.float32))
            graph.node("OneHot", ["token_ids.by_step", depth, values], ["layers.0.input"], axis=-1)
        case "scalar":
            size = graph.constant("vocab_size", np.array(spec.vocab_size, np.float32))
            last = graph.constant("last_axis", np.array([-1], np.int64))
            graph.node("Cast", ["token_ids.by_step"], ["token_ids.as_float"], to=1)  # TensorProto.FLOAT
            graph.node("Div", ["token_ids.as_float", size], ["token_ids.scaled"])
            graph.node("Unsqueeze", ["token_ids.scaled", last], ["layers.0.input"])
    graph.constant("first_axis", np.array([0], np.int64))
    graph.constant("second_axis", np.array([1], np.int64))


def _layer(source: ExportedModel, graph: _Graph, number: int) -> None:
    """``layers.N.input`` (T, B, in) to that of the next layer (T, B, H), and its states."""
    spec, prefix = source.spec, f"layers.{number}"
    order = _ORDER[spec.architecture]

    def gates(name: str) -> npt.NDArray[np.float32]:
        """The tensor's rows in the operator's order, below an axis of one direction."""
        value = source.weights[f"{prefix}.{name}"]
        return value.reshape(len(order), spec.hidden_size, -1)[list(order)].reshape(1, *value.shape)

    second_bias = np.zeros((1, len(order) * spec.hidden_size), np.float32)
    if spec.architecture == "gru":
        second_bias[0, 2 * spec.hidden_size :] = source.weights[f"{prefix}.recurrent_candidate_bias"]
    inputs = [
        f"{prefix}.input",
        graph.constant(f"{prefix}.input_weight", gates("input_weight")),  # (1, G*H, in)
        graph.constant(f"{prefix}.recurrent_weight", gates("recurrent_weight")),  # (1, G*H, H)
        graph.constant(f"{prefix}.bias", np.concatenate([gates("bias"), second_bias], axis=1)),  # (1, 2*G*H)
        "",  # all sequences have T steps
    ]
    parts = ("hidden", "cell") if spec.architecture == "lstm" else ("hidden",)
    for part in parts:
        graph.node("Unsqueeze", [f"state.{prefix}.{part}", "first_axis"], [f"{prefix}.{part}.before"])  # (1, B, H)
    options = {"linear_before_reset": 1} if spec.architecture == "gru" else {}
    graph.node(
        spec.architecture.upper(),
        [*inputs, *(f"{prefix}.{part}.before" for part in parts)],
        [f"{prefix}.outputs", *(f"{prefix}.{part}.after" for part in parts)],  # (T, 1, B, H), (1, B, H)
        hidden_size=spec.hidden_size,
        **options,
    )
    for part in parts:
        graph.node("Squeeze", [f"{prefix}.{part}.after", "first_axis"], [f"next_state.{prefix}.{part}"])
    graph.node("Squeeze", [f"{prefix}.outputs", "second_axis"], [f"layers.{number + 1}.input"])


def _output(source: ExportedModel, graph: _Graph) -> None:
    """The last layer's outputs (T, B, H) to ``logits`` (B, T, V)."""
    if source.spec.tie_embeddings:
        graph.node("Transpose", ["embedding.weight"], ["output.weight"], perm=[1, 0])
    else:
        graph.constant("output.weight", source.weights["output.weight"].T)  # (H, V)
    graph.constant("output.bias", source.weights["output.bias"])
    graph.node("Transpose", [f"layers.{source.spec.num_layers}.input"], ["hidden"], perm=[1, 0, 2])  # (B, T, H)
    graph.node("MatMul", ["hidden", "output.weight"], ["logits.without_bias"])
    graph.node("Add", ["logits.without_bias", "output.bias"], ["logits"])
