r"""Other ways to compute one step for one stream, beside the step of the NumPy backend: what each would be worth.

    python benchmarks/step_kernels.py --threads 1
    python benchmarks/step_kernels.py --threads 2 --repeats 60

LSTM 1 × 256 and 2 × 512 with 65 characters, nothing drawn.  Each way is measured if its package is installed (numba,
onnxruntime with onnx, torch).  The minimum of many short repeats is compared, which
other processes disturb least.  Beside the time stands how far the logits lie from those of NumPy after 100 steps.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

_PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
_PARSER.add_argument("--threads", type=int, default=1)
_PARSER.add_argument("--repeats", type=int, default=40)
ARGUMENTS = _PARSER.parse_args()
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = str(ARGUMENTS.threads)  # before any of them is imported

import numpy as np  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from side_by_side import write_results  # noqa: E402

from seqgen.core.catalog import load_catalog  # noqa: E402
from seqgen.core.spec import ModelSpec  # noqa: E402
from seqgen.tokenizers.char import CharTokenizer  # noqa: E402

VOCAB = 65
SIZES = {(256, 1): 200, (512, 2): 40}
"""Hidden size and layers, and how many steps a repeat has."""

CATALOG = load_catalog()
Step: TypeAlias = Callable[[int], Any]
"""From a token to the logits (V,); the state is its own, and starts at zeros."""


def main() -> None:
    """Measure and report."""
    for (hidden_size, num_layers), steps in SIZES.items():
        spec = ModelSpec(vocab_size=VOCAB, hidden_size=hidden_size, num_layers=num_layers)
        generator = np.random.default_rng(0)
        model = CATALOG.make("backend", "numpy").build(spec, random_seed=0)
        # Four times as large as fresh ones, so that gates leave the middle of their range as trained ones do.
        weights = {name: value * 4 for name, value in model.weights().items()}
        makers = [("NumPy, seqgen's own", lambda spec, weights: of_backend("numpy", spec, weights)), *ways()]
        made: dict[str, Step] = {}
        began: dict[str, float] = {}
        for name, make in makers:
            start = time.perf_counter()
            try:
                made[name] = make(spec, weights)
            except ImportError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
                continue
            made[name](0)
            began[name] = time.perf_counter() - start
        measure(made, began, generator.integers(0, VOCAB, 100).tolist(), steps, f"{num_layers}x{hidden_size}")


def measure(made: dict[str, Step], began: dict[str, float], tokens: list[int], steps: int, size: str) -> None:
    """Time all, in turns, and print them beside the first."""
    logits = {name: [np.asarray(step(token)) for token in tokens][-1].copy() for name, step in made.items()}
    exact = next(iter(logits.values()))
    seconds: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(ARGUMENTS.repeats):
        for name, step in made.items():
            start = time.perf_counter()
            for token in range(steps):
                step(token % VOCAB)
            seconds[name].append((time.perf_counter() - start) / steps)
    first = min(next(iter(seconds.values())))
    title = f"step kernels {size} threads {ARGUMENTS.threads}"
    table = Table("", "us a step", "times as fast", "logits differ by", "s to the first step", title=title)
    rows = []
    for name, values in seconds.items():
        differ = float(np.abs(logits[name] - exact).max())
        row = {"name": name, "microseconds": min(values) * 1e6, "speed": first / min(values), "differ": differ}
        rows.append({**row, "first_step_seconds": began[name], "seconds": values})
        cells = f"{row['microseconds']:.1f}", f"{row['speed']:.2f}", f"{differ:.1e}", f"{began[name]:.2f}"
        table.add_row(name, *cells)
    Console().print(table)
    write_results(title, rows, python=sys.version, threads=ARGUMENTS.threads)


def ways() -> Iterator[tuple[str, Callable[[ModelSpec, Any], Step]]]:
    """Each other way: its name, and what makes the step.  ImportError: its package is not installed."""
    yield "numba, seqgen's own", lambda spec, weights: of_backend("numba", spec, weights)
    yield "torch, seqgen's own", lambda spec, weights: of_backend("torch", spec, weights)
    yield "torch, bfloat16 weights", of_torch_bfloat16
    yield "torch, int8 weights (quantize_dynamic)", of_torch_int8
    yield "onnxruntime", lambda spec, weights: of_onnxruntime(spec, weights, quantised=False)
    yield "onnxruntime, int8 weights", lambda spec, weights: of_onnxruntime(spec, weights, quantised=True)
    for kind in ("float32", "bfloat16"):
        yield f"Numba, {kind} weights", lambda spec, weights, kind=kind: of_numba(spec, weights, kind)


def of_backend(name: str, spec: ModelSpec, weights: Any) -> Step:
    """A bundled backend's."""
    if name == "torch":
        import torch

        torch.set_num_threads(ARGUMENTS.threads)
    model = CATALOG.make("backend", name).build(spec, device="cpu", weights=weights)
    state = model.initial_state(1)

    def step(token: int) -> Any:
        nonlocal state
        logits, state = model.next_logits(np.array([token]), state)
        return logits[0]

    return step


def prepared(spec: ModelSpec, weights: Any) -> Any:
    """The weights as the NumPy backend lays them out: gates i f o g, sigmoids halved, the first product as a table."""
    from seqgen.backends.numpy.weights import prepare

    return prepare(weights, spec)


def of_torch_bfloat16(spec: ModelSpec, weights: Any) -> Step:
    """The products of the torch backend's step with weights and hidden state in bfloat16, the rest in float32."""
    import torch

    own, half = prepared(spec, weights), torch.bfloat16
    table = torch.from_numpy(own.table)
    layers = [
        (
            None if layer.input_weight is None else torch.from_numpy(layer.input_weight).to(half),
            torch.from_numpy(layer.bias),
            torch.from_numpy(layer.recurrent_weight).to(half),
        )
        for layer in own.layers
    ]
    output_weight, output_bias = torch.from_numpy(own.output_weight).to(half), torch.from_numpy(own.output_bias)
    size = spec.hidden_size
    states = [(torch.zeros(1, size, dtype=half), torch.zeros(1, size)) for _ in layers]

    @torch.inference_mode()
    def step(token: int) -> Any:
        for number, (input_weight, bias, recurrent_weight) in enumerate(layers):
            hidden, cell = states[number]
            gates = torch.mm(hidden, recurrent_weight).float()
            gates += table[token] if input_weight is None else torch.mm(states[number - 1][0], input_weight) + bias
            gates.tanh_()
            i, f, o = gates[:, : 3 * size].add_(1).mul_(0.5).chunk(3, dim=1)
            cell = f * cell + i * gates[:, 3 * size :]
            states[number] = ((o * cell.tanh()).to(half), cell)
        return (torch.mm(states[-1][0], output_weight).float() + output_bias)[0]

    return step


def of_torch_int8(spec: ModelSpec, weights: Any) -> Step:
    """``LSTMCell`` and ``Linear`` as torch quantises them dynamically."""
    import warnings

    import torch

    cells = torch.nn.ModuleList()
    for number in range(spec.num_layers):
        width = spec.embedding_size if number == 0 else spec.hidden_size
        cells.append(torch.nn.LSTMCell(width, spec.hidden_size))
    network = torch.nn.ModuleDict({"cells": cells, "output": torch.nn.Linear(spec.hidden_size, VOCAB)})
    with torch.no_grad():
        for number, cell in enumerate(cells):
            for own, name in (("weight_ih", "input_weight"), ("weight_hh", "recurrent_weight"), ("bias_ih", "bias")):
                getattr(cell, own).copy_(torch.from_numpy(weights[f"layers.{number}.{name}"]))
            cell.bias_hh.zero_()
        network["output"].weight.copy_(torch.from_numpy(weights["output.weight"]))
        network["output"].bias.copy_(torch.from_numpy(weights["output.bias"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated
        quantised: Any = torch.ao.quantization.quantize_dynamic(
            network, {torch.nn.LSTMCell, torch.nn.Linear}, dtype=torch.qint8
        )
    embedding = torch.from_numpy(weights["embedding.weight"])
    states = [(torch.zeros(1, spec.hidden_size), torch.zeros(1, spec.hidden_size)) for _ in cells]

    @torch.inference_mode()
    def step(token: int) -> Any:
        inputs = embedding[token : token + 1]
        for number, cell in enumerate(quantised["cells"]):
            states[number] = cell(inputs, states[number])
            inputs = states[number][0]
        return quantised["output"](inputs)[0]

    return step


def of_onnxruntime(spec: ModelSpec, weights: Any, *, quantised: bool) -> Step:
    """What ``seqgen models export --format onnx`` writes, run by onnxruntime; state and logits pass through NumPy."""
    import tempfile
    from pathlib import Path

    import onnxruntime

    from seqgen.interop.exported_model import ExportedModel
    from seqgen.interop.onnx import to_onnx

    tokenizer = CharTokenizer().fit(["".join(chr(33 + number) for number in range(VOCAB))])
    source = ExportedModel(
        "model", spec, weights, tokenizer, "char", "seqgen", has_ends=False, about={"exported_by": "seqgen"}
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(to_onnx(source).SerializeToString())
        if quantised:
            import logging

            from onnxruntime.quantization import QuantType, quantize_dynamic

            logging.disable(logging.WARNING)  # it advises to preprocess
            quantize_dynamic(path, path, weight_type=QuantType.QInt8)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = ARGUMENTS.threads, 1
        session = onnxruntime.InferenceSession(path.read_bytes(), options)
    parts = [each.name for each in session.get_inputs() if each.name != "token_ids"]
    names = [each.name for each in session.get_outputs()]
    state = {name: np.zeros((1, spec.hidden_size), np.float32) for name in parts}

    def step(token: int) -> Any:
        given = dict(zip(names, session.run(names, {"token_ids": np.array([[token]]), **state}), strict=True))
        for name in parts:
            state[name] = given[f"next_{name}"]
        return given["logits"][0, 0]

    return step


def of_numba(spec: ModelSpec, weights: Any, kind: str) -> Step:
    """All of a step in one compiled function: products, activations, output; weights in a precision, sums in float32."""
    from numba_step import compiled_step, packed

    own, size = prepared(spec, weights), spec.hidden_size
    recurrent = packed(np.stack([layer.recurrent_weight for layer in own.layers]), kind)
    above = [layer.input_weight for layer in own.layers[1:]] or [np.zeros((size, 4 * size), np.float32)]
    biases = np.stack([layer.bias[0] for layer in own.layers])
    inputs, output = packed(np.stack(above), kind), packed(own.output_weight[None], kind)
    hidden = np.zeros((spec.num_layers, size), np.float32)
    cell, gates, logits = np.zeros_like(hidden), np.zeros(4 * size, np.float32), np.zeros(VOCAB, np.float32)
    run = compiled_step(kind)

    def step(token: int) -> Any:
        run(token, own.table, biases, recurrent, inputs, output, own.output_bias[0], hidden, cell, gates, logits)
        return logits

    return step


if __name__ == "__main__":
    main()
