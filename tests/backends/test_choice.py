"""Devices, precisions and architectures: what is chosen, and the words for what is refused."""

from __future__ import annotations

import contextlib
import os

import pytest

from seqgen.backends.choice import choose_device
from seqgen.backends.processor import bfloat16_is_faster
from seqgen.core.errors import OptionError
from seqgen.core.spec import OptimizerSpec


def test_auto_takes_the_first_device_and_a_family_its_first():
    devices = ("cuda:0", "cuda:1", "mps", "cpu")
    assert choose_device("torch", "auto", devices) == "cuda:0"
    assert choose_device("torch", "cuda", devices) == "cuda:0"
    assert choose_device("torch", "cuda:1", devices) == "cuda:1"
    assert choose_device("torch", "mps", devices) == "mps"
    with pytest.raises(OptionError, match=r'no device "cuda:2" here\.  It has: cuda:0, cuda:1, mps, cpu'):
        choose_device("torch", "cuda:2", devices)


def test_the_cpu_is_a_device_of_every_backend(backend, small_spec):
    assert backend.devices()[-1] == "cpu"
    assert backend.build(small_spec(), device="cpu").device == "cpu"
    assert backend.build(small_spec()).device == backend.devices()[0]


def test_a_device_that_is_not_there_is_refused_with_those_that_are(backend, small_spec):
    with pytest.raises(OptionError, match=r'finds no device "tpu" here\.  It has: .*cpu'):
        backend.build(small_spec(), device="tpu")


def test_a_precision_that_does_not_exist_is_refused_with_those_that_do(backend, small_spec):
    with pytest.raises(OptionError, match=r'does not compute in precision "float8" on .*\.  It has: float32'):
        backend.build(small_spec(), device="cpu", precision="float8")


def test_numpy_computes_in_float32_only(backends, small_spec):
    with pytest.raises(
        OptionError, match=r'"numpy" does not compute in precision "bfloat16" on cpu\.  It has: float32$'
    ):
        backends["numpy"].build(small_spec(), precision="bfloat16")


def test_an_architecture_that_a_backend_lacks_is_refused_with_those_that_it_has(backend, small_spec):
    with pytest.raises(OptionError, match=r'has no architecture "transformer"\.  It has: lstm, gru, rnn'):
        backend.build(small_spec("transformer"))


def test_numpy_says_who_trains(backends, small_spec):
    assert not backends["numpy"].can_train
    with pytest.raises(OptionError, match="--backend torch or --backend keras"):
        backends["numpy"].build(small_spec(), optimizer=OptimizerSpec())


@pytest.mark.parametrize(
    ("vendor", "flags", "faster"),
    [
        ("AuthenticAMD", "fpu avx512f avx512_bf16", True),
        ("GenuineIntel", "fpu avx512f avx512_bf16", False),
        ("GenuineIntel", "fpu avx512f avx512_bf16 amx_bf16 amx_tile", True),
        ("AuthenticAMD", "fpu avx2", False),
    ],
)
def test_bfloat16_is_taken_where_the_processor_is_faster_in_it(tmp_path, vendor, flags, faster):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor : 0\nvendor_id : {vendor}\nflags : {flags}\n\nprocessor : 1\n")
    assert bfloat16_is_faster(cpuinfo) is faster


def test_an_unknown_processor_computes_in_float32(tmp_path):
    assert not bfloat16_is_faster(tmp_path / "missing")


def test_numpy_generates_without_importing_a_framework(run_python):
    result = run_python(
        "import sys, numpy as np\n"
        "from seqgen.backends.numpy.backend import NumpyBackend\n"
        "from seqgen.core.spec import ModelSpec\n"
        "model = NumpyBackend().build(ModelSpec(vocab_size=5, hidden_size=4))\n"
        "print(model.next_logits(np.array([1]), model.initial_state(1))[0].shape)\n"
        "print({'torch', 'keras', 'tensorflow', 'jax'} & set(sys.modules))\n"
    )
    assert result.stdout == "(1, 5)\nset()\n"


KERAS = (
    "import numpy as np\n"
    "from seqgen.backends.keras.backend import KerasBackend\n"
    "from seqgen.core.spec import ModelSpec, OptimizerSpec\n"
    "from seqgen.core.types import Batch\n"
    "import keras\n"
    "print(keras.backend.backend())\n"
    "spec = ModelSpec(vocab_size=5, hidden_size=4, embedding_size=3, architecture='gru', dropout=0.2)\n"
    "model = KerasBackend().build(spec, optimizer=OptimizerSpec(), precision='float32')\n"
    "ids = np.arange(16).reshape(2, 8) % 5\n"
    "losses = [float(model.train_step(Batch(ids, (ids + 1) % 5), 0.05)) for _ in range(30)]\n"
    "print(losses[-1] < losses[0] / 2)\n"
)

ON_GPUS = (
    "import os\n"
    "import tensorflow as tf\n"
    "print('TF32', tf.config.experimental.tensor_float_32_execution_enabled())\n"
    "print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'], os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])\n"
)


def test_keras_runs_on_tensorflow_in_true_float32_and_memory_as_it_is_used_and_neither_greets(run_python, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    result = run_python(KERAS + ON_GPUS)  # in one process, for the import takes longer than all else
    assert result.stdout == "tensorflow\nTrue\nTF32 False\ntrue false\n"
    assert result.stderr == ""


@pytest.mark.slow
def test_keras_trains_on_the_engine_that_its_variable_names(run_python):
    assert run_python(KERAS, env={"KERAS_BACKEND": "torch"}).stdout == "torch\nTrue\n"


def test_torch_takes_cuda_before_mps_before_xpu_before_the_cpu(monkeypatch):
    torch = pytest.importorskip("torch")
    from seqgen.backends.torch.backend import TorchBackend

    def devices(*, cuda=0, mps=False, xpu=0):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.xpu, "is_available", lambda: xpu > 0)
        monkeypatch.setattr(torch.xpu, "device_count", lambda: xpu)
        return TorchBackend().devices()

    assert devices() == ("cpu",)
    assert devices(cuda=2, mps=True, xpu=1) == ("cuda:0", "cuda:1", "mps", "xpu:0", "cpu")
    assert devices(xpu=2) == ("xpu:0", "xpu:1", "cpu")
    assert choose_device("torch", "auto", devices(mps=True)) == "mps"


@pytest.fixture
def on_a_gpu(monkeypatch, small_spec):
    """``on_a_gpu(capability, **options)``: what the torch backend would build its model with on such a GPU."""
    torch = pytest.importorskip("torch")
    from seqgen.backends.torch import backend

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_80", "sm_90"])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (8, 0))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)  # from 7.5 on, if only by emulation
    monkeypatch.setattr(backend, "TorchModel", lambda *_, **how: how)

    def build(capability, **options):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
        return backend.TorchBackend().build(small_spec(), **options)

    return build


@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (9, 0)], ids=str)
def test_a_gpu_trains_in_float32_since_cudnn_is_given_float16_for_bfloat16(on_a_gpu, capability):
    for asked in ("auto", "float32"):
        built = on_a_gpu(capability, precision=asked)
        assert (built["device"], built["precision"]) == ("cuda:0", "float32")
    with pytest.raises(OptionError, match=r'precision "bfloat16" on cuda:0\.  It has: float32$'):
        on_a_gpu(capability, precision="bfloat16")


def test_a_gpu_takes_no_tf32_for_float32_and_elsewhere_the_program_s_choice_stays(monkeypatch, on_a_gpu):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    on_a_gpu((8, 0), device="cpu")
    assert torch.backends.cudnn.allow_tf32
    on_a_gpu((8, 0))
    assert not torch.backends.cudnn.allow_tf32


def test_other_accelerators_train_in_float32_by_themselves(monkeypatch, on_a_gpu, small_spec):
    torch = pytest.importorskip("torch")
    from seqgen.backends.torch.backend import TorchBackend

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 1)
    for device in ("mps", "xpu:0"):
        assert TorchBackend().build(small_spec(), device=device)["precision"] == "float32"
    with pytest.raises(OptionError, match=r'precision "bfloat16" on mps\.  It has: float32$'):
        TorchBackend().build(small_spec(), device="mps", precision="bfloat16")


def test_a_processor_that_is_faster_in_bfloat16_and_may_not_compute_in_it_trains_in_float32(monkeypatch, small_spec):
    torch = pytest.importorskip("torch")
    from seqgen.backends.torch import backend

    monkeypatch.setattr(backend.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr("seqgen.backends.choice.bfloat16_is_faster", lambda: True)
    for capability, precision in (("AVX2", "float32"), ("AVX512", "bfloat16")):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)  # noqa: B023  called at once
        monkeypatch.setattr(backend, "TorchModel", lambda *_, **how: how)
        assert backend.TorchBackend().build(small_spec(), device="cpu")["precision"] == precision


def test_deterministic_on_a_gpu_asks_for_what_cublas_needs_and_leaves_what_was_set(monkeypatch, on_a_gpu):
    torch = pytest.importorskip("torch")
    from seqgen.backends.torch import backend

    made = []
    monkeypatch.setattr(backend, "DeterministicModel", lambda *_, **how: made.append(how["device"]))
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # so that what is set here is taken back
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    on_a_gpu((8, 0))
    on_a_gpu((8, 0), device="cpu", deterministic=True)
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    on_a_gpu((8, 0), deterministic=True)
    assert (os.environ["CUBLAS_WORKSPACE_CONFIG"], made) == (":4096:8", ["cuda:0"])
    assert not torch.are_deterministic_algorithms_enabled()  # but while it computes
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    on_a_gpu((8, 0), deterministic=True)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def test_keras_generates_in_numpy_on_the_cpu_and_on_the_engine_elsewhere(monkeypatch, backends, small_spec):
    from seqgen.backends.keras import engine, model

    made = []
    monkeypatch.setattr(model, "NumpyModel", lambda *_: made.append("numpy"))
    monkeypatch.setattr(model, "EngineGenerator", lambda *arguments: made.append(arguments[-1]))
    monkeypatch.setattr(engine, "devices", lambda: ("cuda:0", "cpu"))
    monkeypatch.setattr(engine, "on", lambda _: contextlib.nullcontext())
    backends["keras"].build(small_spec(), device="cpu")
    backends["keras"].build(small_spec())
    assert made == ["numpy", "cuda:0"]
