r"""How fast text is written, beside bare loops: sampling and decoding included, on equal numbers of threads.

    python benchmarks/generation.py --threads 1 --repeats 7
    python benchmarks/generation.py --keras --stream-tokens 10000000

The models are fresh (their text is noise, as quick to write as any), LSTM 1 x 256 and 2 x 512 with 65 characters.  One
text and 256 texts go through the public API with the default samplers; bare loops draw with temperature alone, as one text
does once more.  The numba backend, whose weights are rounded to 8 bits, is measured where Numba is installed.  With n-grams are models as training gives them: mixed with the n-grams of up to seven characters of *Ice*, so that their text looks like it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
_PARSER.add_argument("--threads", type=int, default=1)
_PARSER.add_argument("--repeats", type=int, default=7)
_PARSER.add_argument("--length", type=int, default=400, help="characters of each text")
_PARSER.add_argument("--samples", type=int, default=256, help="texts side by side")
_PARSER.add_argument("--prompt", type=int, default=10_000, help="characters of the long prompt")
_PARSER.add_argument("--stream-tokens", type=int, default=300_000, help="length of the stream whose memory is measured")
_PARSER.add_argument("--keras", action="store_true", help="also the keras backend and the classic loop over predict")
ARGUMENTS = _PARSER.parse_args()
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
    os.environ[_name] = str(ARGUMENTS.threads)  # before any of them is imported

import numpy as np  # noqa: E402
import torch  # noqa: E402
from side_by_side import interleave, report, write_results  # noqa: E402

from seqgen.core.catalog import load_catalog  # noqa: E402
from seqgen.core.sampler import Sampler  # noqa: E402
from seqgen.core.spec import ModelSpec  # noqa: E402
from seqgen.corpora import locate  # noqa: E402
from seqgen.generation.generate import generate, stream  # noqa: E402
from seqgen.generation.selection import with_defaults  # noqa: E402
from seqgen.ngrams.counting import count_ngrams  # noqa: E402
from seqgen.ngrams.mixture import Mixture, weights_shape  # noqa: E402
from seqgen.samplers.temperature import Temperature  # noqa: E402
from seqgen.tokenizers.char import CharTokenizer  # noqa: E402

VOCAB = 65
ICE = Path(locate("ice")).read_text(encoding="utf-8")
PROMPT = ICE[:7]
UNUSED = "".join(chr(0x100 + number) for number in range(VOCAB - len(set(ICE))))
TOKENIZER = CharTokenizer().fit([ICE, UNUSED])
LETTERS = [TOKENIZER.decode(np.array([number])) for number in range(VOCAB)]
ORDER = 7
"""The longest n-grams that training counts by itself."""
SIZES = ((256, 1), (512, 2))
CATALOG = load_catalog()
HEAT = Temperature(temperature=0.8)
CLASSIC_LENGTH, CLASSIC_WINDOW = 10, 100
PIECES = 64
"""Into so many a prompt is cut to see what reading it would take if no step needed the one before it, which is the bound."""


def main() -> None:
    """Measure and report."""
    torch.set_num_threads(ARGUMENTS.threads)
    for hidden_size, num_layers in SIZES:
        spec = ModelSpec(vocab_size=VOCAB, hidden_size=hidden_size, num_layers=num_layers)
        measure(spec, f"{num_layers}x{hidden_size}")
    agreement(ModelSpec(vocab_size=VOCAB, hidden_size=64))
    memory(ModelSpec(vocab_size=VOCAB, hidden_size=32))


def measure(spec: ModelSpec, size: str) -> None:
    """All tables of one size of model."""
    numba = ("numba",) if importlib.util.find_spec("numba") else ()
    backends = ("numpy", *numba, "torch", *(("keras",) if ARGUMENTS.keras else ()))
    models = {name: CATALOG.make("backend", name).build(spec, random_seed=0, device="cpu") for name in backends}
    table = count_ngrams(TOKENIZER.encode(ICE), VOCAB, ORDER)
    models["numpy, with n-grams"] = Mixture(models["numpy"], table, np.ones(weights_shape(ORDER), np.float32))
    if numba:
        models["numba, with n-grams"] = Mixture(models["numba"], table, np.ones(weights_shape(ORDER), np.float32))
    samplers = with_defaults((), CATALOG)
    prompt = TOKENIZER.encode(PROMPT)
    length, samples, repeats = ARGUMENTS.length, ARGUMENTS.samples, ARGUMENTS.repeats
    about = {"threads": ARGUMENTS.threads, "size": size, "torch": torch.__version__, "numpy": np.__version__}

    def one(model: Any, samplers: Sequence[Sampler] = samplers) -> Callable[[], object]:
        return lambda: "".join(stream(model, TOKENIZER, prompt, length=length, samplers=samplers))

    def many(model: Any) -> Callable[[], object]:
        options = {"length": length // 4, "num_samples": samples, "batch_size": samples}
        return lambda: generate(model, TOKENIZER, prompt, samplers=samplers, **options)

    single = {f"seqgen, {name}": one(model) for name, model in models.items()}
    single |= {f"seqgen, {name}, temperature alone": one(models[name], [HEAT]) for name in backends}
    if ARGUMENTS.keras:
        from seqgen.backends.keras.generator import EngineGenerator

        weights = models["keras"].weights()
        single["seqgen, keras' own steps, as on a GPU"] = one(EngineGenerator(spec, weights, "cpu"))
        single["bare Keras LSTMCell in a tf.function"] = bare_keras(spec, length)
    single |= {
        "bare torch LSTMCell and multinomial": bare_torch(spec, 1, length),
        "bare torch, one product a layer": bare_torch_products(spec, 1, length),
        "bare NumPy step, nothing drawn": bare_numpy(spec, length),
        "seqgen's NumPy step, nothing drawn": own_step(models["numpy"], length),
    }
    seconds = interleave(single, repeats=repeats)
    report(f"generation one {size}", seconds, work=length, unit="characters", **about)
    read = models["numpy"].weights()  # but for the first layer's input product, of which a step reads one row
    weights = sum(
        value.nbytes for name, value in read.items() if name not in ("embedding.weight", "layers.0.input_weight")
    )
    bandwidth = memory_bandwidth(weights)
    shares = []
    for name, values in seconds.items():
        bound = weights / bandwidth * length  # seconds, if nothing but reading the weights took time
        shares.append({"name": name, "share": bound / float(np.median(values))})
        print(f"{name}: {shares[-1]['share']:.0%} of the bound by memory")
    write_results(f"generation bound {size}", shares, weight_bytes=weights, bytes_per_second=bandwidth, **about)

    if ARGUMENTS.keras:
        classic = {"classic loop over predict": classic_keras(spec)}
        report(f"generation classic {size}", interleave(classic, repeats=3), work=CLASSIC_LENGTH, unit="characters")

    batch = {f"seqgen, {name}": many(model) for name, model in models.items()}
    batch["bare torch LSTMCell and multinomial"] = bare_torch(spec, samples, length // 4)
    batch["bare torch, one product a layer"] = bare_torch_products(spec, samples, length // 4)
    seconds = interleave(batch, repeats=max(3, repeats // 2))
    report(f"generation {samples} {size}", seconds, work=samples * (length // 4), unit="characters", **about)

    ids = TOKENIZER.encode(ICE[: ARGUMENTS.prompt])[None]
    for name, model in models.items():
        runs = {
            "read at once": reading(model, ids),
            "stepped": stepping(model, ids),
            f"{PIECES} pieces side by side": reading(
                model, ids[:, : ids.shape[1] // PIECES * PIECES].reshape(PIECES, -1)
            ),
        }
        title = f"generation prompt {name} {size}"
        report(title, interleave(runs, repeats=3), work=ARGUMENTS.prompt, unit="characters", **about)


def reading(model: Any, ids: Any) -> Callable[[], object]:
    """Prompts (B, T) as the model reads them."""
    return lambda: np.asarray(model.prefill(ids, model.initial_state(len(ids)))[0])


def stepping(model: Any, ids: Any) -> Callable[[], object]:
    """The same, a character at a time."""

    def run() -> object:
        state = model.initial_state(1)
        for step in range(ids.shape[1]):
            logits, state = model.next_logits(ids[:, step], state)
        return np.asarray(logits)

    return run


def bare_torch(spec: ModelSpec, rows: int, length: int) -> Callable[[], object]:
    """What a person writes: an embedding, cells, a linear layer, ``multinomial``, and a look-up of the letters."""
    embedding = torch.nn.Embedding(VOCAB, spec.embedding_size)
    widths = (spec.embedding_size, *[spec.hidden_size] * (spec.num_layers - 1))
    cells = [torch.nn.LSTMCell(width, spec.hidden_size) for width in widths]
    output = torch.nn.Linear(spec.hidden_size, VOCAB)

    @torch.inference_mode()
    def run() -> object:
        states = [(torch.zeros(rows, spec.hidden_size), torch.zeros(rows, spec.hidden_size)) for _ in cells]
        ids = torch.zeros(rows, dtype=torch.long)
        texts: list[list[str]] = [[] for _ in range(rows)]
        for _ in range(length):
            inputs = embedding(ids)
            for layer, cell in enumerate(cells):
                states[layer] = cell(inputs, states[layer])
                inputs = states[layer][0]
            ids = torch.multinomial(torch.softmax(output(inputs) / 0.8, dim=-1), 1)[:, 0]
            for text, number in zip(texts, ids.tolist(), strict=True):
                text.append(LETTERS[number])
        return ["".join(text) for text in texts]

    return run


def bare_torch_products(spec: ModelSpec, rows: int, length: int) -> Callable[[], object]:
    """The best that was found in torch: the first layer's input product from a table, all gates in one product."""
    hidden_size = spec.hidden_size
    table = torch.randn(VOCAB, 4 * hidden_size)
    layers = [
        (torch.randn(hidden_size, 4 * hidden_size) * 0.05, torch.randn(hidden_size, 4 * hidden_size) * 0.05)
        for _ in range(spec.num_layers)
    ]
    output, zero = torch.randn(hidden_size, VOCAB) * 0.05, torch.zeros(4 * hidden_size)

    @torch.inference_mode()
    def run() -> object:
        states = [(torch.zeros(rows, hidden_size), torch.zeros(rows, hidden_size)) for _ in layers]
        ids = torch.zeros(rows, dtype=torch.long)
        texts: list[list[str]] = [[] for _ in range(rows)]
        for _ in range(length):
            inputs = table[ids]
            for number, (input_weight, recurrent_weight) in enumerate(layers):
                hidden, cell = states[number]
                if number:
                    inputs = torch.addmm(zero, states[number - 1][0], input_weight)
                i, f, g, o = torch.addmm(inputs, hidden, recurrent_weight).chunk(4, dim=1)
                cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
                states[number] = (o.sigmoid() * cell.tanh(), cell)
            ids = torch.multinomial(torch.softmax((states[-1][0] @ output) / 0.8, dim=-1), 1)[:, 0]
            for text, number in zip(texts, ids.tolist(), strict=True):
                text.append(LETTERS[number])
        return ["".join(text) for text in texts]

    return run


def bare_keras(spec: ModelSpec, length: int) -> Callable[[], object]:
    """The same in Keras: a compiled function of one step, which draws, too."""
    import keras
    import tensorflow as tf

    embedding, output = keras.layers.Embedding(VOCAB, spec.embedding_size), keras.layers.Dense(VOCAB)
    cells = [keras.layers.LSTMCell(spec.hidden_size) for _ in range(spec.num_layers)]

    @tf.function  # type: ignore[untyped-decorator]
    def step(ids: Any, states: Any) -> Any:
        inputs, after = embedding(ids), []
        for cell, state in zip(cells, states, strict=True):
            inputs, new = cell(inputs, state)
            after.append(new)
        return tf.random.categorical(output(inputs) / 0.8, 1)[:, 0], after

    def run() -> object:
        states = [[tf.zeros((1, spec.hidden_size)) for _ in range(2)] for _ in cells]
        ids = tf.zeros(1, tf.int64)
        text = []
        for _ in range(length):
            ids, states = step(ids, states)
            text.append(LETTERS[int(ids[0])])
        return "".join(text)

    return run


def bare_numpy(spec: ModelSpec, length: int) -> Callable[[], object]:
    """A step written by hand, always with the same token: gates in one product, embedding times input weights as a table."""
    numbers = np.random.default_rng(0)
    size, layers = spec.hidden_size, range(spec.num_layers)

    def weight(rows: int, columns: int) -> Any:
        return (numbers.standard_normal((rows, columns)) / np.sqrt(size)).astype(np.float32)

    def sigmoid(values: Any) -> Any:
        return 1 / (1 + np.exp(-values))

    table = weight(spec.vocab_size, 4 * size)
    recurrent = [weight(size, 4 * size) for _ in layers]
    input_weights = [weight(size, 4 * size) for _ in layers[1:]]
    output_weight, output_bias = weight(size, spec.vocab_size), np.zeros(spec.vocab_size, np.float32)

    def run() -> object:
        hidden = [np.zeros(size, np.float32) for _ in layers]
        cells = [np.zeros(size, np.float32) for _ in layers]
        token = 0
        for _ in range(length):
            for layer in layers:
                inputs = hidden[layer - 1] @ input_weights[layer - 1] if layer else table[token]
                gates = hidden[layer] @ recurrent[layer] + inputs
                sigmoids = sigmoid(gates[: 3 * size])
                i, f, o = sigmoids[:size], sigmoids[size : 2 * size], sigmoids[2 * size :]
                cells[layer] = f * cells[layer] + i * np.tanh(gates[3 * size :])
                hidden[layer] = o * np.tanh(cells[layer])
            logits = hidden[-1] @ output_weight + output_bias
        return logits

    return run


def own_step(model: Any, length: int) -> Callable[[], object]:
    """The step that seqgen takes, always with the same token."""

    def run() -> object:
        state, ids = model.initial_state(1), np.zeros(1, np.int64)
        for _ in range(length):
            logits, state = model.next_logits(ids, state)
        return logits

    return run


def classic_keras(spec: ModelSpec) -> Callable[[], object]:
    """The tutorial's loop: ``predict`` on the last 100 characters, for each character anew."""
    import keras

    layers: list[Any] = [keras.Input((CLASSIC_WINDOW, 1))]
    layers += [
        keras.layers.LSTM(spec.hidden_size, return_sequences=number + 1 < spec.num_layers)
        for number in range(spec.num_layers)
    ]
    model = keras.Sequential([*layers, keras.layers.Dense(VOCAB, activation="softmax")])
    generator = np.random.default_rng(0)

    def run() -> object:
        window = [0] * CLASSIC_WINDOW
        for _ in range(CLASSIC_LENGTH):
            inputs = np.reshape(window, (1, CLASSIC_WINDOW, 1)) / VOCAB
            probabilities = model.predict(inputs, verbose=0)[0].astype(np.float64)
            window = [*window[1:], int(generator.choice(VOCAB, p=probabilities / probabilities.sum()))]
        return window

    return run


def agreement(spec: ModelSpec) -> None:
    """In how many of 256 texts of 2,000 characters NumPy and torch, whose logits differ in their last digits, part ways."""
    prompt, samplers = TOKENIZER.encode(PROMPT), with_defaults((), CATALOG)
    fresh = CATALOG.make("backend", "numpy").build(spec, random_seed=0)
    weights = {name: value * 3 for name, value in fresh.weights().items()}  # as sure of itself as a trained one
    texts = []
    for name in ("numpy", "torch"):
        model = CATALOG.make("backend", name).build(spec, device="cpu", weights=weights)
        written = generate(model, TOKENIZER, prompt, length=2000, num_samples=256, samplers=samplers)
        texts.append([sample.text for sample in written])
    differing = sum(one != other for one, other in zip(*texts, strict=True))
    print(f"of {len(texts[0])} texts of 2,000 characters {differing} differ between NumPy and torch")
    write_results("generation agreement", [{"name": "numpy, torch", "texts": len(texts[0]), "differing": differing}])


def memory(spec: ModelSpec) -> None:
    """By how much the process grows over a long stream, after a warm-up of a hundredth."""
    model = CATALOG.make("backend", "numpy").build(spec, random_seed=0)
    tokens = ARGUMENTS.stream_tokens
    samplers = with_defaults((), CATALOG)
    pieces = stream(model, TOKENIZER, TOKENIZER.encode(PROMPT), length=tokens, samplers=samplers)
    for _ in range(tokens // 100):
        next(pieces)
    before = resident()
    for _ in pieces:
        pass
    grown = resident() - before
    print(f"a stream of {tokens:,} characters: memory grows by {grown / 2**20:.2f} MB")
    write_results("generation memory", [{"name": "one stream", "characters": tokens, "bytes": grown}])


def resident() -> int:
    """Bytes of this process that lie in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def memory_bandwidth(size: int) -> float:
    """Bytes a second at which so many bytes, read again and again, pass through a product with a vector."""
    import time

    matrix = np.ones((512, size // 2048), np.float32)
    vector = np.ones(512, np.float32)
    seconds = []
    for _ in range(25):
        start = time.perf_counter()
        np.dot(vector, matrix)
        seconds.append(time.perf_counter() - start)
    return matrix.nbytes / float(np.median(seconds))


if __name__ == "__main__":
    main()
