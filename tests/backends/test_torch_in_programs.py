"""The torch backend in a program that has changed PyTorch's settings: it computes what it computes elsewhere, and changes none of these."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from seqgen.backends.torch import loss  # noqa: E402  torch may not be there
from seqgen.backends.torch.backend import TorchBackend  # noqa: E402
from seqgen.backends.torch.deterministic import SWITCH, DeterministicModel  # noqa: E402
from seqgen.backends.torch.model import TorchModel  # noqa: E402
from seqgen.core.canonical import initial_weights  # noqa: E402
from seqgen.core.spec import OptimizerSpec  # noqa: E402
from seqgen.core.types import Batch  # noqa: E402


@contextlib.contextmanager
def double_precision():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def another_device():
    torch.set_default_device("meta")  # where tensors have no values
    try:
        yield
    finally:
        torch.set_default_device(None)


settings = pytest.mark.parametrize(
    "setting",
    [double_precision, another_device, torch.inference_mode, torch.no_grad],
    ids=["double precision", "another device", "inference mode", "no gradients"],
)


def build(spec, optimizer="adamw"):
    rule = OptimizerSpec(name=optimizer, weight_average=0.1)
    return TorchBackend().build(spec, device="cpu", precision="float32", optimizer=rule)


def train(model, batches):
    return [float(model.train_step(batch, 0.01)) for batch in batches]


def used(model):
    """What a model gives in all ways of using it, as one list of numbers."""
    batch = Batch(
        np.arange(6).reshape(2, 3), np.arange(1, 7).reshape(2, 3), np.array([[1, 0, 1], [1, 1, 0]], np.float32)
    )
    read, state = model.prefill(batch.inputs, model.initial_state(2))
    stepped, state = model.next_logits(np.array([1, 2]), state)
    forward, _ = model.forward(batch.inputs, state)
    assert {each.dtype for each in (read, stepped, forward)} == {np.dtype(np.float32)}
    numbers = [read, stepped, forward, *model.weights().values(), *model.averaged_weights().values()]
    numbers += [value for _, value in sorted(model.training_state().items())]
    return [np.asarray(float(model.evaluate(batch)[0])), *numbers]


def require_equal(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@settings
@pytest.mark.parametrize(
    "shape",
    [
        {"architecture": "lstm", "num_layers": 2},
        {"architecture": "gru", "tie_embeddings": True},
        {"architecture": "rnn", "input_encoding": "one-hot"},
        {"architecture": "lstm", "input_encoding": "scalar"},
    ],
    ids=lambda shape: "-".join(map(str, shape.values())),
)
def test_a_model_is_the_same_whatever_the_program_has_settled(small_spec, stream, setting, shape):
    spec = small_spec(dropout=0.15, **shape)  # 1 / (1 - 0.15) is rounded otherwise from double precision
    found = []
    for settled in (contextlib.nullcontext, setting):
        with settled():
            model = build(spec)
            losses = train(model, stream(3))
            again = build(spec)
            again.load_weights(model.weights())
            again.load_training_state(model.training_state())
            found.append([losses, train(again, stream(2, start=3)), *used(again)])
    require_equal(*found)


@settings
@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_so_is_one_that_learns_by_another_rule_and_whose_logits_come_in_chunks(
    small_spec, stream, monkeypatch, setting, optimizer
):
    monkeypatch.setattr(loss, "LARGE", 1)
    found = []
    for settled in (contextlib.nullcontext, setting):
        with settled():
            model = build(small_spec(), optimizer)
            found.append([train(model, stream(3)), *used(model)])
    require_equal(*found)


@settings
@pytest.mark.parametrize("within", ["built", "loaded", "trained", "evaluated"])
def test_what_was_made_before_a_setting_was_changed_goes_on_after(small_spec, stream, setting, within):
    found = []
    for settled in (contextlib.nullcontext, setting):
        changed = {within: settled}
        with changed.get("built", contextlib.nullcontext)():
            model = build(small_spec(dropout=0.2))
        with changed.get("trained", contextlib.nullcontext)():
            losses = train(model, stream(2))
        with changed.get("evaluated", contextlib.nullcontext)():
            nats = [float(model.evaluate(batch)[0]) for batch in stream(2)]
        with changed.get("loaded", contextlib.nullcontext)():
            model.load_weights(model.weights())
            model.load_training_state(model.training_state())
        found.append([losses, nats, train(model, stream(2, start=2)), *used(model)])
    require_equal(*found)


@pytest.mark.parametrize("architecture", ["lstm", "gru", "rnn"])
def test_the_program_s_random_numbers_and_settings_are_left_alone(small_spec, stream, architecture):
    def settled():
        return (
            torch.get_default_dtype(),
            torch.get_default_device(),
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.backends.cudnn.allow_tf32,
            determinism(),
        )

    state, before = torch.get_rng_state(), settled()
    model = build(small_spec(architecture, dropout=0.2))
    train(model, stream(2))
    used(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert settled() == before


def determinism():
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


@pytest.fixture(params=[(False, False), (True, True)], ids=["off before", "warning before"])
def before(request):
    """What the program has settled about operations that give the same bits each time: whether only these, and only warnings."""
    mode, warn_only = request.param
    torch.use_deterministic_algorithms(mode, warn_only=warn_only)
    yield request.param
    torch.use_deterministic_algorithms(mode=False)


def test_that_a_gpu_is_to_give_the_same_bits_holds_only_while_the_model_computes(
    small_spec, stream, monkeypatch, before
):
    spec, seen = small_spec(), {}

    def watch(name):
        method = getattr(TorchModel, name)

        def watched(*given):
            seen[name] = determinism()
            return method(*given)

        monkeypatch.setattr(TorchModel, name, watched)

    computing = ["next_logits", "prefill", "forward", "evaluate", "train_step"]
    for name in computing:
        watch(name)
    how = {"device": "cpu", "precision": "float32", "random_seed": 0, "optimizer": OptimizerSpec(weight_average=0.1)}
    model = DeterministicModel(spec, initial_weights(spec, 0), **how)
    train(model, stream(1))
    used(model)
    assert seen == dict.fromkeys(computing, (True, False))
    assert determinism() == before


def test_where_several_threads_need_that_the_last_puts_it_back(before):
    with contextlib.ExitStack() as first:
        first.enter_context(SWITCH.on())
        with SWITCH.on():
            first.close()
            assert determinism() == (True, False)
    assert determinism() == before


def test_a_step_that_fails_puts_it_back_too(before):
    with pytest.raises(MemoryError), SWITCH.on():
        raise MemoryError
    assert determinism() == before


def test_the_step_of_an_update_has_the_type_that_kernels_of_gpus_read_it_as(small_spec, stream, monkeypatch):
    update, types = torch._fused_adamw_, set()

    def watched(*tensors, **numbers):
        types.update(step.dtype for step in tensors[-1])
        update(*tensors, **numbers)

    monkeypatch.setattr(torch, "_fused_adamw_", watched)
    with double_precision():
        train(build(small_spec()), stream(1))
    assert types == {torch.float32}
