"""The torch backend makes every tensor of a training step on the model's device, held where there is only a CPU.

On PyTorch's ``meta`` device tensors have shapes and no values, and an operation that mixes them with tensors of the CPU
is an error, as it is on a GPU.
"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from seqgen.backends.torch.loss import summed_nats  # noqa: E402  torch may not be there
from seqgen.backends.torch.network import PARTS, Network  # noqa: E402
from seqgen.backends.torch.optimizer import Updater  # noqa: E402
from seqgen.backends.torch.stepper import Stepper  # noqa: E402
from seqgen.backends.torch.weights import slots  # noqa: E402
from seqgen.core.spec import ModelSpec, OptimizerSpec  # noqa: E402

ROWS, STEPS, LAYERS = 4, 5, 2


@pytest.fixture(params=PARTS)
def network(request):
    spec = ModelSpec(
        vocab_size=10, hidden_size=16, embedding_size=8, num_layers=LAYERS, architecture=request.param, dropout=0.0
    )
    return Network(spec).to("meta")


@pytest.fixture
def state(network):
    zeros = torch.zeros((ROWS, 16), device="meta")
    return tuple(tuple(zeros for _ in PARTS[network.spec.architecture]) for _ in range(LAYERS))


def on_meta(*tensors):
    return {tensor.device.type for tensor in tensors} == {"meta"}


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("padded", [False, True], ids=["all scored", "padded"])
def test_an_update(network, state, optimizer, padded):
    updater = Updater(OptimizerSpec(name=optimizer, weight_average=0.1), slots(network))
    ids = torch.zeros((STEPS, ROWS), dtype=torch.int64, device="meta")
    weights = torch.ones(STEPS * ROWS, device="meta") if padded else None
    outputs, after = network(ids, state)
    output = network.output
    nats = summed_nats(outputs.flatten(0, 1), output.weight, output.bias, ids.flatten(), weights)
    torch.autograd.backward(nats)
    assert on_meta(nats, updater.update(1e-3), *(part for parts in after for part in parts))


def test_a_step_of_generation(network, state):
    ids = torch.zeros(ROWS, dtype=torch.int64, device="meta")
    logits, after = Stepper(network).next(ids, state)
    assert on_meta(logits, *(part for parts in after for part in parts))


def test_a_state_of_another_device_among_them_is_an_error(network, state):
    elsewhere = tuple(tuple(torch.zeros((ROWS, 16)) for _ in parts) for parts in state)
    with pytest.raises(RuntimeError, match="meta"):
        Stepper(network).next(torch.zeros(ROWS, dtype=torch.int64, device="meta"), elsewhere)
