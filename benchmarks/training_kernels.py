"""Would another kernel train faster on this processor?  Bare PyTorch loops of one model, side by side.

    python benchmarks/training_kernels.py --setting default --repeats 5
    python benchmarks/training_kernels.py --setting b --steps 3 --precision bfloat16 --without "without oneDNN"

Settings a and b are those of ``training_speed.py``; ``default`` is what the defaults train, LSTM 1 x 512 on batches of 16 x 64.
The first row is what seqgen's backend does: ``nn.LSTM`` time first, fused AdamW, clipping, the state carried.  Every other
one changes one thing; the recurrence by hand is always in float32.  The last row is no training: it makes the matrix products that a
step cannot do without, and nothing else, which is how fast any kernel could be that makes them one by one.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable
from typing import Any

import torch
from side_by_side import report
from torch import Tensor, nn
from torch.nn import functional
from training_speed import LEARNING_RATE, SETTINGS, SYMBOLS

Step = Callable[[], None]

SHAPES = {**SETTINGS, "default": {"num_layers": 1, "hidden_size": 512, "batch_size": 16, "seq_len": 64}}
EMBEDDING_SIZE = 64


class Recurrence(torch.autograd.Function):
    """An LSTM layer's recurrence by hand, after the input's products of all time steps were made in one.

    No tensor is made in the loop, and the gradient of the recurrent weights is one product over all time steps.
    """

    @staticmethod
    def forward(ctx: Any, entering: Tensor, weight: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, ...]:
        """Entering (T, B, 4H), gates in PyTorch's order i f g o; weight (4H, H); state (B, H)."""
        steps, rows, size = entering.shape[0], entering.shape[1], weight.shape[1]
        gates, across = entering.clone(), weight.t()
        hiddens, cells = torch.empty(steps + 1, rows, size), torch.empty(steps + 1, rows, size)
        bent = torch.empty(steps, rows, size)  # tanh of the cells
        hiddens[0], cells[0] = hidden, cell
        for step in range(steps):
            now = gates[step].addmm_(hiddens[step], across)
            now[:, : 2 * size].sigmoid_()
            now[:, 2 * size : 3 * size].tanh_()
            now[:, 3 * size :].sigmoid_()
            enter, keep, new, leave = now.split(size, dim=1)
            torch.mul(keep, cells[step], out=cells[step + 1]).addcmul_(enter, new)
            torch.tanh(cells[step + 1], out=bent[step])
            torch.mul(leave, bent[step], out=hiddens[step + 1])
        ctx.save_for_backward(gates, hiddens, cells, bent, weight)
        return hiddens[1:], hiddens[-1], cells[-1]

    @staticmethod
    def backward(ctx: Any, from_outputs: Tensor, _hidden: Tensor, _cell: Tensor) -> tuple[Tensor | None, ...]:
        """The last state's gradients are none: it is carried, and detached."""
        gates, hiddens, cells, bent, weight = ctx.saved_tensors
        steps, rows, size = bent.shape
        enter, keep, new, leave = gates.split(size, dim=2)
        # What does not depend on later steps, for all steps at once.
        through_cell = leave * (1 - bent * bent)
        slopes = torch.cat(
            (
                new * enter * (1 - enter),
                cells[:-1] * keep * (1 - keep),
                enter * (1 - new * new),
                bent * leave * (1 - leave),
            ),
            dim=2,
        ).view(steps, rows, 4, size)
        by_hidden, by_cell = torch.zeros(rows, size), torch.zeros(rows, size)
        entering = torch.empty_like(gates)
        for step in range(steps - 1, -1, -1):
            by_hidden += from_outputs[step]
            by_cell.addcmul_(by_hidden, through_cell[step])
            part = entering[step].view(rows, 4, size)
            torch.mul(slopes[step, :, :3], by_cell[:, None], out=part[:, :3])
            torch.mul(slopes[step, :, 3], by_hidden, out=part[:, 3])
            torch.mm(entering[step], weight, out=by_hidden)
            by_cell *= keep[step]
        recurrent = entering.flatten(0, 1).t() @ hiddens[:-1].flatten(0, 1)
        return entering, recurrent, None, None


class ByHand(nn.Module):
    """Layers as ``nn.LSTM`` has them, with ``Recurrence``; the first one's input product is looked up in a table."""

    def __init__(self, sizes: list[int], hidden_size: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.LSTM(size, hidden_size) for size in sizes)

    def forward(self, table: Tensor, ids: Tensor, state: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, list[Any]]:
        """Ids (T, B) and the embedding (V, E) -> outputs (T, B, H)."""
        after, outputs = [], None
        for layer, (hidden, cell) in zip(self.layers, state, strict=True):
            bias = layer.bias_ih_l0 + layer.bias_hh_l0
            if outputs is None:
                entering = functional.embedding(ids, functional.linear(table, layer.weight_ih_l0, bias))
            else:
                entering = functional.linear(outputs, layer.weight_ih_l0, bias)
            outputs, *left = Recurrence.apply(entering, layer.weight_hh_l0, hidden, cell)
            after.append([part.detach() for part in left])
        return outputs, after


def make_step(
    shape: dict[str, int],
    precision: torch.dtype,
    *,
    kernel: str = "nn.LSTM",
    compiled: bool = False,
    fused: bool = True,
    clip: bool = True,
) -> Step:
    """One step of training on random rows, the state carried."""
    rows, size, layers = shape["batch_size"], shape["hidden_size"], shape["num_layers"]
    torch.manual_seed(0)
    embedding, output = nn.Embedding(SYMBOLS, EMBEDDING_SIZE), nn.Linear(size, SYMBOLS)
    by_hand = kernel == "by hand"
    recurrent: Any = (
        ByHand([EMBEDDING_SIZE, *[size] * (layers - 1)], size) if by_hand else nn.LSTM(EMBEDDING_SIZE, size, layers)
    )
    parameters = [*embedding.parameters(), *recurrent.parameters(), *output.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, fused=fused, foreach=False if not fused else None)
    ids = torch.randint(SYMBOLS, (shape["seq_len"] + 1, rows))
    zeros = torch.zeros(layers, rows, size)
    state: list[Any] = [[(part, part) for part in zeros] if by_hand else (zeros, zeros)]

    def loss_of(entering: Any) -> tuple[Tensor, Any]:
        if by_hand:
            hidden, after = recurrent(embedding.weight, ids[:-1], entering)
        else:
            hidden, (left, cell) = recurrent(embedding(ids[:-1]), entering)
            after = left.detach(), cell.detach()
        return functional.cross_entropy(output(hidden).flatten(0, 1), ids[1:].flatten()), after

    loss = torch.compile(loss_of) if compiled else loss_of

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision != torch.float32 and not by_hand):
            nats, state[0] = loss(state[0])
        nats.backward()
        if clip:
            nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def products_alone(shape: dict[str, int], precision: torch.dtype) -> Step:
    """The matrix products of a step, forwards and backwards: of each time step those of the recurrence, all others at once."""
    rows, size, steps = shape["batch_size"], shape["hidden_size"], shape["seq_len"]
    gates, hidden = torch.randn(rows, 4 * size).to(precision), torch.randn(rows, size).to(precision)
    across = torch.randn(size, 4 * size).to(precision)
    all_gates, all_hidden = (torch.randn(steps * rows, width).to(precision) for width in (4 * size, size))
    output = torch.randn(size, SYMBOLS).to(precision)
    all_logits = torch.randn(steps * rows, SYMBOLS).to(precision)

    def run() -> None:
        for layer in range(shape["num_layers"]):
            for _ in range(steps):
                hidden @ across
                gates @ across.t()
            all_hidden.t() @ all_gates
            if layer:  # the first layer's input product is a table
                all_hidden @ across
                all_gates @ across.t()
                all_hidden.t() @ all_gates
        all_hidden @ output
        all_logits @ output.t()
        all_hidden.t() @ all_logits

    return run


def threads(number: int, step: Step) -> Step:
    """The step with so many threads."""

    def run() -> None:
        before = torch.get_num_threads()
        torch.set_num_threads(number)
        try:
            step()
        finally:
            torch.set_num_threads(before)

    return run


def without_onednn(step: Step) -> Step:
    """The step with PyTorch's own kernels."""

    def run() -> None:
        with torch.backends.mkldnn.flags(enabled=False):
            step()

    return run


def contenders(shape: dict[str, int], precision: torch.dtype) -> dict[str, Step]:
    """What is compared, seqgen's way first; each step trains on as many tokens."""
    make = functools.partial(make_step, precision=precision)
    longer = {**shape, "seq_len": 4 * shape["seq_len"], "batch_size": shape["batch_size"] // 4}
    shorter = {**shape, "seq_len": shape["seq_len"] // 4, "batch_size": 4 * shape["batch_size"]}
    return {
        "nn.LSTM, fused AdamW, clipping": make(shape),
        "without oneDNN": without_onednn(make(shape)),
        "torch.compile": make(shape, compiled=True),
        "recurrence by hand, input products in a table or one product": make(shape, kernel="by hand"),
        "AdamW tensor by tensor": make(shape, fused=False),
        "no clipping": make(shape, clip=False),
        "one thread": threads(1, make(shape)),
        "4 T, B / 4": make(longer),
        "T / 4, 4 B": make(shorter),
        "its matrix products alone": products_alone(shape, precision),
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=SHAPES, default="default")
    parser.add_argument("--steps", type=int, default=10, help="in each repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--without", nargs="+", default=[], help="contenders that are left out")
    arguments = parser.parse_args()
    shape = SHAPES[arguments.setting]

    steps = contenders(shape, getattr(torch, arguments.precision))
    for name in arguments.without:
        del steps[name]
    for step in steps.values():
        step()  # compiles
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(arguments.repeats):
        for name, step in steps.items():
            step()  # into the caches
            start = time.perf_counter()
            for _ in range(arguments.steps):
                step()
            seconds[name].append(time.perf_counter() - start)
    tokens = arguments.steps * shape["batch_size"] * shape["seq_len"]
    report(f"training_kernels-{arguments.setting}-{arguments.precision}", seconds, work=tokens, unit="tokens", **shape)


if __name__ == "__main__":
    main()
