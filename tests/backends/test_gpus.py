"""Which GPUs are counted as devices."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from seqgen.backends.gpus import usable_gpus

WHEEL = ("sm_75", "sm_80", "sm_86", "sm_90a", "compute_90")


def gpus(*capabilities, built=WHEEL, available=True):
    return SimpleNamespace(
        is_available=lambda: available,
        device_count=lambda: len(capabilities),
        get_arch_list=lambda: list(built),
        get_device_capability=lambda number: capabilities[number],
    )


def test_gpus_with_a_driver_that_is_too_old_are_none():
    assert list(usable_gpus(gpus((8, 0), available=False), rocm=False)) == []


@pytest.mark.parametrize(
    ("capability", "runs"),
    [((6, 1), False), ((7, 0), False), ((7, 5), True), ((8, 0), True), ((8, 9), True), ((9, 0), True), ((12, 0), True)],
    ids=str,
)
def test_a_gpu_is_counted_if_something_was_built_that_runs_on_it(capability, runs):
    assert list(usable_gpus(gpus((8, 0), capability), rocm=False)) == ([0, 1] if runs else [0])


def test_without_a_program_to_translate_later_ones_are_not():
    assert list(usable_gpus(gpus((12, 0), (8, 6), built=("sm_80", "sm_90")), rocm=False)) == [1]


def test_where_nothing_tells_all_are_counted():
    assert list(usable_gpus(gpus((3, 5), (8, 0), built=()), rocm=False)) == [0, 1]
    assert list(usable_gpus(gpus((9, 4), (11, 0), built=("gfx942",)), rocm=True)) == [0, 1]


@pytest.mark.parametrize("engine", ["torch", "keras on torch"])
def test_both_backends_that_use_pytorch_count_them_so(monkeypatch, engine):
    torch = pytest.importorskip("torch")
    for name, function in vars(gpus((6, 1), (8, 0))).items():
        monkeypatch.setattr(torch.cuda, name, function)
    if engine == "torch":
        from seqgen.backends.torch.backend import TorchBackend

        devices = TorchBackend().devices()
    else:
        from seqgen.backends.keras import engine as keras_engine

        monkeypatch.setattr(keras_engine, "name", lambda: "torch")
        devices = keras_engine.devices()
    assert [device for device in devices if device.startswith("cuda")] == ["cuda:1"]
