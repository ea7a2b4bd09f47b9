"""The loss of the torch backend in chunks: what PyTorch's own cross-entropy gives, in a fraction of the memory."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from torch.nn import functional as F  # noqa: E402  torch may not be there
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from seqgen.backends.torch import loss  # noqa: E402
from seqgen.backends.torch.backend import TorchBackend  # noqa: E402
from seqgen.core.canonical import initial_weights  # noqa: E402
from seqgen.core.spec import ModelSpec, OptimizerSpec  # noqa: E402
from seqgen.core.types import Batch  # noqa: E402

V, H = 1024, 6
LARGE = loss.LARGE


@pytest.fixture(autouse=True, scope="module")
def _of_512_targets_is_a_chunk():
    """As with the eightfold of symbols, in an eighth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loss, "LARGE", 512 * V)
        yield


def example(count, *, weighted=False, spread=1.0, random_seed=0):
    """Outputs, weight, bias, targets and the targets' weights or None."""
    generator = torch.Generator().manual_seed(random_seed)
    outputs = torch.randn(count, H, generator=generator)
    weight, bias = spread * torch.randn(V, H, generator=generator), torch.randn(V, generator=generator)
    targets = torch.randint(V, (count,), generator=generator)
    return outputs, weight, bias, targets, torch.rand(count, generator=generator) if weighted else None


def plain(outputs, weight, bias, targets, target_weights):
    nats = F.cross_entropy(F.linear(outputs, weight, bias), targets, reduction="none")
    return (nats if target_weights is None else nats * target_weights).sum()


def with_gradients(function, outputs, weight, bias, *rest, dtype=torch.float32):
    """The value of a mean, and the gradients of outputs, weight and bias, as float64."""
    leaves = [part.to(dtype).requires_grad_() for part in (outputs, weight, bias)]
    value = function(*leaves, *rest) / 7
    return [part.detach().double() for part in (value, *torch.autograd.grad(value, leaves))]


class Sizes(TorchDispatchMode):
    """How many values the largest floating-point tensor has that an operation gives."""

    largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        results = function(*args, **(kwargs or {}))
        for result in results if isinstance(results, (tuple, list)) else [results]:
            if isinstance(result, torch.Tensor) and result.is_floating_point():
                self.largest = max(self.largest, result.numel())
        return results


@settings(max_examples=6, deadline=None)
@given(
    count=st.sampled_from([512, 513, 1000, 1024, 1025, 1537]),
    weighted=st.booleans(),
    spread=st.sampled_from([0.01, 1.0, 30.0]),
    random_seed=st.integers(0, 99),
)
def test_chunks_give_the_nats_and_gradients_of_cross_entropy_to_the_rounding_of_float32(
    count, weighted, spread, random_seed
):
    inputs = example(count, weighted=weighted, spread=spread, random_seed=random_seed)
    assert count * V >= loss.LARGE
    exact = with_gradients(plain, *inputs, dtype=torch.float64)
    theirs, ours = with_gradients(plain, *inputs), with_gradients(loss.summed_nats, *inputs)
    for reference, their, our in zip(exact, theirs, ours, strict=True):
        # Of the root of the mean square: the largest of thousands of rounding errors is a matter of luck.
        assert (our - reference).norm() <= max(2 * (their - reference).norm(), 2e-6 * reference.norm())


@pytest.mark.parametrize("count", [511, 1300], ids=["at once", "in chunks"])
def test_products_are_in_the_precision_of_the_outputs_and_all_else_in_float32(count):
    outputs, *rest = example(count, weighted=True)
    outputs = outputs.bfloat16()
    exact = with_gradients(plain, outputs.float(), *rest)
    leaves = [part.clone().requires_grad_() for part in (outputs, *rest[:2])]
    value = loss.summed_nats(*leaves, *rest[2:]) / 7
    gradients = torch.autograd.grad(value, leaves)
    assert [value.dtype, *(each.dtype for each in gradients)] == [torch.float32, torch.bfloat16, *[torch.float32] * 2]
    for reference, found in zip(exact, (value.detach(), *gradients), strict=True):
        # bfloat16 has eight bits, so that one rounding is wrong by a part in 512 at most.
        assert 0 < (found - reference).norm() <= 4 / 512 * reference.norm()


def test_few_logits_are_computed_at_once_with_the_gradients_of_cross_entropy_bit_for_bit():
    for weighted in (False, True):
        inputs = example(511, weighted=weighted)
        (value, *ours), (expected, *theirs) = (with_gradients(each, *inputs) for each in (loss.summed_nats, plain))
        for our, their in zip(ours, theirs, strict=True):
            assert torch.equal(our, their)
        # The sum alone may be added up in another order: without AVX-512 it is, and rounds otherwise in its last bit.
        torch.testing.assert_close(value, expected, rtol=2**-23, atol=0)


def test_a_target_of_weight_zero_has_no_gradient_and_no_nats():
    outputs, weight, bias, targets, _ = example(1025)
    value, of_outputs, of_weight, of_bias = with_gradients(
        loss.summed_nats, outputs, weight, bias, targets, torch.arange(1025).eq(700).float()
    )
    only = with_gradients(loss.summed_nats, outputs[700:701], weight, bias, targets[700:701], None)
    assert of_outputs.count_nonzero() == H
    torch.testing.assert_close(of_outputs[700:701], only[1], rtol=1e-5, atol=1e-7)
    for ours, theirs in zip((value, of_weight, of_bias), (only[0], *only[2:]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


def test_the_value_is_the_same_without_gradients():
    for weighted in (False, True):
        inputs = example(1300, weighted=weighted)
        value = loss.summed_nats(*(part.requires_grad_() for part in inputs[:3]), *inputs[3:])
        with torch.no_grad():
            assert torch.equal(loss.summed_nats(*inputs), value)
        with torch.inference_mode():
            assert torch.equal(loss.summed_nats(*inputs), value)


def test_the_same_input_gives_the_same_bits_each_time():
    inputs = example(1300, weighted=True)
    first, second = (with_gradients(loss.summed_nats, *inputs) for _ in range(2))
    for ours, again in zip(first, second, strict=True):
        assert torch.equal(ours, again)


def test_a_second_backward_is_an_error_and_no_wrong_gradient():
    outputs, *rest = example(512)
    value = 3 * loss.summed_nats(outputs.requires_grad_(), *rest)
    torch.autograd.backward(value, retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.backward(value)


@pytest.mark.parametrize("gradients", [True, False], ids=["training", "evaluation"])
def test_no_more_than_one_chunk_of_logits_exists_at_a_time(gradients):
    inputs = example(8 * 512)
    with torch.set_grad_enabled(gradients), Sizes() as sizes:
        loss.summed_nats(*(part.requires_grad_() for part in inputs[:3]), *inputs[3:])
    assert sizes.largest == 512 * V


def test_with_a_vast_vocabulary_a_chunk_has_256_targets(monkeypatch):
    monkeypatch.setattr(loss, "LARGE", LARGE)
    outputs, _, _, targets, _ = example(600)
    with torch.no_grad(), Sizes() as sizes:
        loss.summed_nats(outputs, torch.ones(30_000, H), torch.zeros(30_000), targets, None)
    assert sizes.largest == 200 * 30_000  # three equal chunks


@pytest.mark.parametrize(("hidden_size", "at_once"), [(65, 2**20), (64, 2**19)])
def test_logits_that_are_fewer_than_the_outputs_are_computed_at_once(hidden_size, at_once):
    count, symbols = 2**20 // 64, 64
    outputs, weight, bias = torch.ones(count, hidden_size), torch.ones(symbols, hidden_size), torch.zeros(symbols)
    targets = torch.zeros(count, dtype=torch.long)
    with torch.no_grad(), Sizes() as sizes:
        loss.summed_nats(outputs, weight, bias, targets)
    assert sizes.largest == at_once


# The whole model


@pytest.fixture(scope="module")
def batch():
    ids = np.random.default_rng(0).integers(0, V, (2, 18, 32))
    return Batch(*ids)


def trained(shape, batch):
    """(the loss of a step of sgd, the weights after it, (nats, count) of the batch before it)."""
    spec = ModelSpec(vocab_size=V, embedding_size=H, hidden_size=H, **shape)
    optimizer = OptimizerSpec(name="sgd", grad_clip=1e9)
    model = TorchBackend().build(spec, device="cpu", precision="float32", optimizer=optimizer)
    nats, scored = model.evaluate(batch)
    return float(model.train_step(batch, 1.0)), model.weights(), (float(nats), scored)


MASK = (np.arange(18 * 32).reshape(18, 32) % 3 > 0).astype(np.float32)


@pytest.mark.parametrize("shape", [{}, {"tie_embeddings": True}], ids=["own weight", "tied"])
@pytest.mark.parametrize("fields", [{}, {"weights": MASK}], ids=["all scored", "masked"])
def test_a_model_trains_and_is_scored_alike_in_chunks_and_at_once(shape, fields, batch, monkeypatch):
    batch = dataclasses.replace(batch, **fields)
    found, weights, evaluated = trained(shape, batch)
    monkeypatch.setattr(loss, "LARGE", 10**9)
    expected, expected_weights, expected_evaluated = trained(shape, batch)
    assert found == pytest.approx(expected, rel=1e-6)
    assert evaluated == (pytest.approx(expected_evaluated[0], rel=1e-6), batch.scored)
    before = initial_weights(ModelSpec(vocab_size=V, embedding_size=H, hidden_size=H, **shape), 0)
    for name, value in expected_weights.items():
        assert not np.array_equal(value, before[name])
        np.testing.assert_allclose(weights[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_windows_of_which_the_last_step_is_scored_go_in_chunks_too(monkeypatch):
    ids = np.random.default_rng(0).integers(0, V, (2, 600, 2))
    batch = Batch(*ids, last_step_only=True)
    with Sizes() as sizes:
        found, weights, _ = trained({}, batch)
    assert sizes.largest == 300 * V
    monkeypatch.setattr(loss, "LARGE", 10**9)
    expected, expected_weights, _ = trained({}, batch)
    assert found == pytest.approx(expected, rel=1e-6)
    for name, value in expected_weights.items():
        np.testing.assert_allclose(weights[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
