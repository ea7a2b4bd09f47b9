"""The shape of a model and how it is trained, as values; needs neither NumPy nor a framework."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from annotated_doc import Doc
from annotated_types import Ge, Le, Lt

from seqgen.core.errors import OptionError

MAX_SIZE = 2**16
"""The longest vector: an lstm of so many units has 69 GB of recurrent weights in each layer."""

MAX_LAYERS = 1000
"""More than anybody trains, so that a slip of the finger is told and fills no memory."""

Architecture: TypeAlias = Annotated[str, Doc("kind of network: lstm, gru, rnn, or a backend's own")]
InputEncoding: TypeAlias = Annotated[
    Literal["embedding", "one-hot", "scalar"], Doc("how a token enters: a learned vector, one-hot, or id / vocab_size")
]
EmbeddingSize: TypeAlias = Annotated[int, Ge(1), Le(MAX_SIZE), Doc("numbers in a token's learned vector")]
HiddenSize: TypeAlias = Annotated[int, Ge(1), Le(MAX_SIZE), Doc("units in each recurrent layer")]
NumLayers: TypeAlias = Annotated[int, Ge(1), Le(MAX_LAYERS), Doc("recurrent layers")]
Dropout: TypeAlias = Annotated[float, Ge(0), Lt(1), Doc("share of each layer's outputs zeroed while training")]
TieEmbeddings: TypeAlias = Annotated[
    bool, Doc("use the embedding as output weights too (embedding_size and hidden_size equal)")
]
Optimizer: TypeAlias = Annotated[Literal["adamw", "adam", "sgd", "rmsprop"], Doc("how weights are updated")]
Beta2: TypeAlias = Annotated[
    float, Ge(0), Lt(1), Doc("share of the mean of squared gradients kept in an update: adamw, adam, rmsprop")
]
WeightDecay: TypeAlias = Annotated[float, Ge(0), Doc("decoupled weight decay, for adamw")]
WeightAverage: TypeAlias = Annotated[
    float,
    Ge(0),
    Le(0.5),
    Doc("how far back the running average of the weights reaches, as a share of the run; 0 takes the last weights"),
]
Precision: TypeAlias = Annotated[
    Literal["auto", "float32", "bfloat16"], Doc("precision of the products while training; weights are always float32")
]


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """The shape of a model; with its canonical weights, all that any backend needs to run it.

    Dropout (Srivastava et al. 2014) zeroes outputs on their way to the layer above and from the top to the logits, never in
    the recurrence (Zaremba, Sutskever and Vinyals 2014), nor embeddings.  Embeddings are tied as by Press and Wolf 2017.

    Raises:
        OptionError: sizes that contradict each other.
    """

    vocab_size: Annotated[int, Ge(1), Doc("how many tokens there are")]
    architecture: Architecture = "lstm"
    input_encoding: InputEncoding = "embedding"
    embedding_size: EmbeddingSize = 64
    hidden_size: HiddenSize = 512
    num_layers: NumLayers = 1
    dropout: Dropout = 0.0
    tie_embeddings: TieEmbeddings = False

    def __post_init__(self) -> None:
        if self.tie_embeddings and self.input_encoding != "embedding":
            msg = f"tie_embeddings needs input_encoding embedding, not {self.input_encoding}."
            raise OptionError(msg)
        if self.tie_embeddings and self.embedding_size != self.hidden_size:
            msg = (
                f"tie_embeddings needs embedding_size ({self.embedding_size}) equal to hidden_size "
                f"({self.hidden_size}).  Set one to the other."
            )
            raise OptionError(msg)

    @property
    def input_size(self) -> int:
        """Width of the first layer's input: E, V or 1."""
        return {"embedding": self.embedding_size, "one-hot": self.vocab_size, "scalar": 1}[self.input_encoding]


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec:
    """How weights are updated; the learning rate comes with each step.

    Gradients are scaled down so that their global norm is at most ``grad_clip`` (Pascanu, Mikolov and Bengio 2013),
    and weight decay is decoupled and leaves biases alone (Loshchilov and Hutter 2019).  ``beta_2`` is not the 0.999 of Kingma
    and Ba 2015: runs are short, and 0.99, as in nanoGPT's recipe for characters, averages over some hundred updates.

    With ``weight_average`` a above 0, a running average of the weights is kept beside them (Polyak and Juditsky 1992), in
    which a weight's age is on average the share a of all updates so far: after update t, from 1,
    average <- b average + (1 - b) weights with b = (1 - 1/t)^(1/a - 1) (Karras et al. 2024, Analyzing and Improving the
    Training Dynamics of Diffusion Models, section 3.1, where the exponent is gamma + 1).  It needs no length of the run.
    """

    name: Optimizer = "adamw"
    beta_1: float = 0.9
    beta_2: Beta2 = 0.99
    epsilon: float = 1e-8
    weight_decay: WeightDecay = 0.01
    grad_clip: float = 1.0
    weight_average: WeightAverage = 0.0
