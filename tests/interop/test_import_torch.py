"""State dicts of ``torch.nn`` modules become models that give the same logits; what does not fit is refused by name."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from seqgen.core.errors import DamagedModelError, ModelError

torch = pytest.importorskip("torch")

from safetensors.torch import save_file, save_model  # noqa: E402
from torch import nn  # noqa: E402

from seqgen.core.canonical import GATES  # noqa: E402
from seqgen.training.chosen import resolve_options  # noqa: E402
from seqgen.training.preparation import prepare  # noqa: E402

SYMBOLS = [*"the quickbrownfxjmpsvlazydg\n"]

V = len(SYMBOLS)
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class Net(nn.Module):
    """What people write: an embedding, recurrent layers, a linear layer."""

    def __init__(
        self, architecture="lstm", *, encoding="embedding", layers=1, hidden=12, width=9, bias=True, tied=False
    ):
        super().__init__()
        torch.manual_seed(7)
        self.encoding = encoding
        if encoding == "embedding":
            self.embedding = nn.Embedding(V, hidden if tied else width)
        size = {"embedding": hidden if tied else width, "one-hot": V, "scalar": 1}[encoding]
        self.rnn = CELLS[architecture](size, hidden, layers, batch_first=True, bias=bias)
        self.decoder = nn.Linear(hidden, V, bias=bias)
        if tied:
            self.decoder.weight = self.embedding.weight

    @torch.no_grad()
    def forward(self, ids):
        match self.encoding:
            case "embedding":
                x = self.embedding(ids)
            case "one-hot":
                x = nn.functional.one_hot(ids, V).float()
            case "scalar":
                x = (ids / V).unsqueeze(-1)
        return self.decoder(self.rnn(x)[0])


def rows(seed=0):
    return np.random.default_rng(seed).integers(0, V, (2, 50))


def assert_same(adopted, net, vocabulary=SYMBOLS):
    np.testing.assert_allclose(adopted.logits(rows(), vocabulary), net(torch.from_numpy(rows())).numpy(), atol=1e-5)


@pytest.mark.parametrize(("architecture", "layers", "bias"), [*product(CELLS, (1, 3), (True, False))])
def test_logits_are_those_of_torch(adopted, tmp_path, architecture, layers, bias):
    net = Net(architecture, layers=layers, bias=bias)
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    read = adopted(tmp_path / "net.safetensors")
    assert (read.source.spec.architecture, read.source.spec.num_layers) == (architecture, layers)
    assert_same(read, net)


def test_embeddings_that_are_tied_are_found_tied(adopted, tmp_path):
    net = Net("lstm", tied=True)
    save_model(net, tmp_path / "net.safetensors")  # which keeps one of the two tensors
    read = adopted(tmp_path / "net.safetensors")
    assert read.source.spec.tie_embeddings
    assert_same(read, net)


def test_an_embedding_as_wide_as_the_layers_is_told_by_the_bias_beside_the_other(adopted, tmp_path):
    net = Net("gru", width=12)
    save_file(
        {name.replace("embedding", "table"): value for name, value in net.state_dict().items()},
        tmp_path / "n.safetensors",
    )
    assert_same(adopted(tmp_path / "n.safetensors"), net)


def test_tokens_that_enter_one_hot(adopted, tmp_path):
    net = Net("gru", encoding="one-hot", layers=2)
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    read = adopted(tmp_path / "net.safetensors")
    assert read.source.spec.input_encoding == "one-hot"
    assert_same(read, net)


def test_tokens_that_enter_as_numbers_need_the_order_of_code_points(adopted, tmp_path):
    net = Net("lstm", encoding="scalar")
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    read = adopted(tmp_path / "net.safetensors", sorted(SYMBOLS))
    assert read.source.spec.input_encoding == "scalar"
    assert_same(read, net, sorted(SYMBOLS))
    with pytest.raises(ModelError, match=r"tokens enter as id / 28, so that their order counts"):
        adopted(tmp_path / "net.safetensors")


def test_layers_in_modules_of_their_own_are_stacked_by_their_numbers(adopted, tmp_path):
    net = Net("lstm", layers=3)
    state = {}
    for name, value in net.state_dict().items():
        module, _, last = name.partition(".")
        number = last[-1] if module == "rnn" else ""
        state[f"lstm{number}.{last[:-1]}0" if number else name] = value
    assert "lstm2.weight_ih_l0" in state
    save_file(state, tmp_path / "net.safetensors")
    assert_same(adopted(tmp_path / "net.safetensors"), net)


def test_a_number_of_very_many_digits_in_a_name_is_no_mistake(adopted, tmp_path):
    net = Net("lstm")
    long = "rnn" + "9" * 5000
    save_file(
        {name.replace("rnn", long): value for name, value in net.state_dict().items()}, tmp_path / "n.safetensors"
    )
    assert_same(adopted(tmp_path / "n.safetensors"), net)


@pytest.mark.parametrize("kind", [torch.float16, torch.float64])
def test_half_and_double_precision_are_read_too(adopted, tmp_path, kind):
    net = Net("lstm").to(kind)
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    assert_same(adopted(tmp_path / "net.safetensors"), net.float())


def test_where_it_is_trained_further_ends_and_new_symbols_begin_as_unlikely_as_the_most_unlikely_known_one(
    adopted, tmp_path, catalog, seqgen_home
):
    net = Net()
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    (tmp_path / "new.txt").write_text("the quick fox 1\njumps 23\n" * 60)
    given = {"dataset": "lines", "unseen": "extend", "backend": "torch", "batch_size": 4, "max_steps": 2}
    chosen = resolve_options(given, preset=None, config=None)
    ready = prepare(catalog, [str(tmp_path / "new.txt")], chosen, parent=adopted(tmp_path / "net.safetensors").saved)
    bias, known = ready.model.weights()["output.bias"], ready.tokenizer.encode("".join(sorted(SYMBOLS)))
    assert set(np.delete(bias, known)) == {bias[known].min()}  # of 1, 2, 3 and the end
    assert bias[known].min() == net.decoder.bias.detach().numpy().min()


def test_the_end_token_takes_no_probability(adopted, tmp_path):
    net = Net("lstm")
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    read = adopted(tmp_path / "net.safetensors")
    state = read.model.initial_state(1)
    for token in range(V):
        logits, state = read.model.next_logits(np.array([token]), state)
        assert np.exp(logits[0, V] - logits[0, :V].max()) < 1e-12


def refused(adopted, tmp_path, state):
    save_file(state, tmp_path / "net.safetensors")
    with pytest.raises((ModelError, DamagedModelError)) as error:
        adopted(tmp_path / "net.safetensors")
    return str(error.value)


def changed(**tensors):
    """The state dict of a small network with some tensors replaced, or left out (None); dots are two underscores."""
    state = Net(layers=2).state_dict() | {name.replace("__", "."): value for name, value in tensors.items()}
    return {name: value for name, value in state.items() if value is not None}


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (changed(rnn__weight_ih_l1=torch.zeros(48, 13)), 'tensor "rnn.weight_ih_l1" has shape (48, 13), but must have (48, 12): it takes what the layer below gives.'),
        (changed(rnn__weight_hh_l0=torch.zeros(50, 12)), 'tensor "rnn.weight_hh_l0" has shape (50, 12), but must be G·H by H with G 4 (lstm), 3 (gru) or 1 (rnn).'),
        (changed(rnn__weight_hh_l1=torch.zeros(36, 12)), 'tensor "rnn.weight_hh_l1" has shape (36, 12), but must have (48, 12): all layers must be lstm of 12 units.'),
        (changed(rnn__bias_hh_l1=torch.zeros(47)), 'tensor "rnn.bias_hh_l1" has shape (47,), but must have (48,): one number a row.'),
        (changed(rnn__weight_hh_l1=None), 'beside tensor "rnn.weight_ih_l1" there is no weight_hh.'),
        (changed(rnn__bias_ih_l1=None), 'beside tensor "rnn.weight_ih_l1" there is no bias_ih.'),
        ({name.replace("l1", "l2"): value for name, value in changed().items()}, 'below tensor "rnn.weight_ih_l2" there is none of layer 1.'),
        (changed(embedding__weight=torch.zeros(V, 10)), f'tensor "embedding.weight" has shape ({V}, 10), but must have ({V}, 9): the first layer takes it, for as many tokens as the last gives.'),
        (changed(decoder__bias=torch.zeros(3)), f'tensor "decoder.bias" has shape (3,), but must have ({V},): one number a token.'),
        (changed(embedding__weight=None), f"the first layer takes 9 numbers a token, but there is no embedding (V, 9), and 9 is neither the {V} of one-hot tokens nor 1."),
        (changed(norm__weight=torch.zeros(12)), 'tensor "norm.weight" of shape (12,) has no place between an embedding, recurrent layers and one linear layer.'),
        (changed(middle__weight=torch.zeros(12, 12)), f"beside the recurrent layers there must be an embedding (V, 9) and one linear layer (V, 12), or the latter alone; there are: decoder.weight ({V}, 12), embedding.weight ({V}, 9), middle.weight (12, 12)"),
        (changed(rnn__weight_ih_l0_reverse=torch.zeros(48, 9)), 'tensor "rnn.weight_ih_l0_reverse" is of a bidirectional layer, which reads what is yet to be written.'),
        (changed(rnn__weight_hr_l0=torch.zeros(5, 12)), 'tensor "rnn.weight_hr_l0" is of an LSTM with proj_size, which has no canonical form.'),
        (changed(decoder__weight=torch.zeros(V, 12, dtype=torch.bfloat16)), 'tensor "decoder.weight" is BF16, but must be one of F16, F32, F64.'),
        (changed(other__weight_ih_l0=torch.zeros(48, 9), other__weight_hh_l0=torch.zeros(48, 12)), "recurrent layers other, rnn: their names do not tell which comes first.  Name them by number."),
        ({"fc.weight": torch.zeros(3, 3)}, "has no recurrent layer: none of its tensors is called weight_ih_l0"),
        (changed(decoder__bias=torch.full((V,), float("nan"))), 'what becomes tensor "output.bias" has values that are not finite numbers.'),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_the_tensor_its_shape_and_what_it_must_be(adopted, tmp_path, state, sentence):
    found = refused(adopted, tmp_path, state)
    assert found.startswith("net.safetensors: ")
    assert sentence in found


@pytest.mark.parametrize("embedding", ["Embedding.weight", "word_emb.weight"])
@pytest.mark.parametrize("output", ["a.weight", "z.weight"])  # whichever comes first in the file
def test_two_tables_of_one_width_without_a_bias_are_told_apart_by_name(adopted, tmp_path, output, embedding):
    net = Net(width=12, bias=False)
    renamed = {"decoder.weight": output, "embedding.weight": embedding}
    state = {renamed.get(name, name): value for name, value in net.state_dict().items()}
    save_file(state, tmp_path / "net.safetensors")
    assert_same(adopted(tmp_path / "net.safetensors"), net)


def test_two_tables_that_nothing_tells_apart_are_refused(adopted, tmp_path):
    state = Net(width=12, bias=False).state_dict()
    state["table.weight"] = state.pop("embedding.weight")
    assert "Rename it" in refused(adopted, tmp_path, state)


def test_a_header_that_claims_more_than_the_file_has_is_refused_before_memory_is_taken(adopted, tmp_path):
    header = b'{"rnn.weight_hh_l0":{"dtype":"F32","shape":[4000000,1000000],"data_offsets":[0,16000000000000]}}'
    (tmp_path / "net.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
    with pytest.raises(DamagedModelError, match=r"claims 4,000,000,000,000 numbers in a file of 168 bytes; not loaded"):
        adopted(tmp_path / "net.safetensors")


def test_the_gates_of_each_architecture_are_counted_as_the_canonical_form_counts_them():
    assert {name: cell(2, 3).weight_hh_l0.shape[0] // 3 for name, cell in CELLS.items()} == GATES
