"""What the models of every backend must keep while they generate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from seqgen.core.arrays import on_host
from seqgen.core.canonical import GATES
from seqgen.core.types import Ids
from seqgen.generation.batch import take
from seqgen.ngrams.counting import count_ngrams
from seqgen.ngrams.mixture import WEIGHTS, weights_shape
from seqgen.ngrams.table import NOTHING
from seqgen.testing import reference
from seqgen.testing.backend_models import (
    QUANTISED_TOLERANCE,
    ROWS,
    TOLERANCE,
    VOCAB_SIZE,
    ModelContract,
    batch_of,
    copied,
    filled_weights,
    joined,
    require_close,
    require_same,
    stepped,
)
from seqgen.testing.laws import law, require


class GenerationLaws(ModelContract):
    """The laws of ``initial_state``, ``next_logits``, ``prefill``, ``forward`` and ``mixer``."""

    @law
    def test_logits_are_finite_float32(self) -> None:
        """One step gives finite float32 logits (B, V), a NumPy array or a torch tensor.

        The chain and the draw of every backend are the same code, and take nothing else.
        """
        model = self.model
        for rows in (1, ROWS):
            state = model.initial_state(rows)
            for column in batch_of(rows, 4).inputs.T:
                logits, state = model.next_logits(column, state)
                found = on_host(logits)
                require(
                    isinstance(found, np.ndarray) and found.dtype == np.float32 and found.shape == (rows, VOCAB_SIZE),
                    f"next_logits of {rows} ids gives {found.dtype} {found.shape} ({type(logits).__name__}), "
                    f"but must give float32 {(rows, VOCAB_SIZE)}.",
                )
                require(np.isfinite(found).all(), f"next_logits gives logits that are not finite: {found}.")

    @law
    def test_a_row_alone_gives_what_it_gives_among_others(self) -> None:
        """A row's logits do not depend on the other rows.

        Sample 3 must be the same text alone and among 16.
        """
        ids = batch_of(ROWS, 20).inputs
        together, _ = stepped(self.model, ids)
        for row in range(ROWS):
            alone, _ = stepped(self.model, ids[row : row + 1])
            require_close(
                alone[0],
                together[row],
                f"Row {row} alone differs from row {row} among {ROWS}.  Mix no rows of a batch.",
            )

    @law
    def test_states_have_a_row_for_each_sequence(self) -> None:
        """A state is named arrays whose first axis is B, the same names and shapes after a step as before.

        So the core can drop the sequences that have ended, and start many from one prompt, without knowing the model.
        """
        for rows in (1, 3):
            before = self.model.initial_state(rows)
            _, after = self.model.next_logits(batch_of(rows, 1).inputs[:, 0], before)
            for state in (before, after):
                require(isinstance(state, Mapping), f"The state is a {type(state).__name__}, but must be named arrays.")
                for name, array in state.items():
                    shape = tuple(on_host(array).shape)
                    require(shape[:1] == (rows,), f'"{name}" of {rows} sequences has shape {shape}.  Put B first.')
            shapes = [{name: on_host(array).shape for name, array in state.items()} for state in (before, after)]
            require(shapes[0] == shapes[1], f"A step makes a state of shapes {shapes[0]} into one of {shapes[1]}.")

    @law
    def test_states_can_be_taken_and_joined(self) -> None:
        """Rows of a state go on as they would have, in any order, taken more than once, or joined with others.

        One prompt is read once for all samples, and those that end leave the batch.
        """
        message = "Taken or joined rows of a state go on otherwise.  Keep all that is remembered in it, B first."
        ids = batch_of(ROWS, 6).inputs
        _, state = stepped(self.model, ids[:, :5])
        expected, _ = self.model.next_logits(ids[:, 5], state)
        for rows in ([3, 1], [2, 2, 0]):
            logits, _ = self.model.next_logits(ids[rows, 5], take(state, np.array(rows)))
            require_close(on_host(logits), on_host(expected)[rows], message)
        halves = [stepped(self.model, ids[part, :5])[1] for part in (slice(0, 1), slice(1, ROWS))]
        logits, _ = self.model.next_logits(ids[:, 5], joined(halves))
        require_close(on_host(logits), on_host(expected), message)

    @law
    def test_stepping_modifies_nothing_handed_in(self) -> None:
        """Neither next_logits nor prefill writes to the ids or the state that it is handed.

        Several samples go on from one state.
        """
        ids = batch_of(2, 3).inputs
        _, state = stepped(self.model, ids)
        before, kept = copied(state), ids.copy()
        self.model.next_logits(ids[:, 0], state)
        self.model.prefill(ids, state)
        require_same(state, before, "The state handed in was written to.  Give new arrays.")
        require(np.array_equal(ids, kept), "The ids handed in were written to.  Work on a copy.")

    @law
    def test_what_was_given_stays_as_it_was(self) -> None:
        """Logits and states that were given stay as they were when the next step is made.

        They are still read afterwards; a buffer that is used again would change them.
        """
        ids = batch_of(2, 3).inputs
        logits, state = self.model.next_logits(ids[:, 0], self.model.initial_state(2))
        before = copied({"logits": logits, **state})
        after = state
        for column in ids[:, 1:].T:
            _, after = self.model.next_logits(column, after)
        self.model.prefill(ids, state)
        require_same({"logits": logits, **state}, before, "A later step wrote to it.  Give new arrays.")

    @law
    def test_reading_at_once_equals_stepping(self) -> None:
        """Reading T tokens by prefill or forward gives the logits and the state of stepping through them.

        A prompt is read at once; the text must not depend on how it was cut.
        """
        for steps in (1, 5, 257):  # one more than what may be read in blocks of 256, 128, ...
            ids = batch_of(2, steps).inputs
            expected, after = stepped(self.model, ids)
            logits, state = self.model.prefill(ids, self.model.initial_state(2))
            require_close(on_host(logits), expected[:, -1], f"prefill of {steps} tokens gives other logits.")
            require(list(state) == list(after), f"prefill gives a state of {list(state)}, stepping of {list(after)}.")
            for name, array in after.items():
                require_close(on_host(state[name]), on_host(array), f'prefill of {steps} tokens: other "{name}".')
            every, state = self.model.forward(ids, self.model.initial_state(2))
            require_close(on_host(every), expected, f"forward of {steps} tokens gives other logits.")
            for name, array in after.items():
                require_close(on_host(state[name]), on_host(array), f'forward of {steps} tokens: other "{name}".')
            # From a state that is not the initial one, too.
            further, _ = stepped(self.model, ids[:, :1], after)
            again, _ = self.model.prefill(ids[:, :1], after)
            require_close(on_host(again), further[:, -1], "prefill ignores its state.")
            every, _ = self.model.forward(ids[:, :1], after)
            require_close(on_host(every), further, "forward ignores its state.")

    @law
    def test_ids_of_any_integer_type_are_taken(self) -> None:
        """Ids of any integer type give the same, also from a read-only array.

        The token store keeps them in the smallest type that fits, in a file that is mapped into memory.
        """
        expected, _ = stepped(self.model, batch_of(2, 3).inputs.astype(np.int64))
        for dtype in (np.int32, np.uint16, np.uint8):
            ids: Ids = batch_of(2, 3).inputs.astype(dtype)
            ids.setflags(write=False)
            stepwise, _ = stepped(self.model, ids)
            at_once, _ = self.model.prefill(ids, self.model.initial_state(2))
            require_close(stepwise, expected, f"Ids of type {ids.dtype} give other logits than int64.")
            require_close(on_host(at_once), expected[:, -1], f"Ids of type {ids.dtype} give other logits in prefill.")

    @law
    def test_logits_are_those_of_the_canonical_formulas(self) -> None:
        """However tokens enter, logits equal the formulas of seqgen.core.canonical, computed in float64, to 1e-4.

        Where a model says that it is quantised, to 0.02.  What one framework trained, another goes on with; a swapped gate would show only as poor text.
        """
        canonical = [each for each in self._architectures if each in GATES]
        if not canonical:
            self.needs_canonical()
        tied = {"tie_embeddings": True, "embedding_size": self.spec().hidden_size}
        ids = batch_of(2, 50).inputs
        for architecture in canonical:
            for form in ({}, tied, {"input_encoding": "one-hot"}, {"input_encoding": "scalar"}):
                spec = self.spec(architecture=architecture, **form)
                weights = filled_weights(spec)
                model = self.model if spec == self.spec() else self.build(spec, weights=weights)
                message = (
                    f"The logits of architecture {architecture}, input_encoding {spec.input_encoding}, tie_embeddings "
                    f"{str(spec.tie_embeddings).lower()} are not those of the canonical weights.  Check gate order, biases and "
                    "transpositions."
                )
                tolerance = QUANTISED_TOLERANCE if model.quantised else TOLERANCE
                require_close(stepped(model, ids)[0], reference.logits(spec, weights, ids), message, tolerance)

    @law
    def test_a_mixer_mixes_n_grams_in_as_the_core_does(self) -> None:
        """What mixer gives, if it gives anything, gives the mixture of the core, and changes nothing that it is handed.

        A mixture's loss is measured by the core, and its text written by the mixer.
        """
        table = count_ngrams(batch_of(1, 300).inputs[0], VOCAB_SIZE, 4)
        weights = np.random.default_rng(0).uniform(0, 2, weights_shape(table.order)).astype(np.float32)
        mix = self.model.mixer({**table.tensors(), WEIGHTS: weights})
        if mix is None:
            pytest.skip("mixer leaves it to the core")
        contexts = batch_of(40, 3, random_seed=1).inputs.astype(np.int64)
        contexts[:4] = np.where(np.arange(3) < np.arange(4)[:, None], NOTHING, contexts[:4])
        logits = np.random.default_rng(1).normal(0, 5, (40, VOCAB_SIZE)).astype(np.float32)
        expected = table.after(contexts)
        of_network, of_ngrams = weights[expected.length, (expected.followers > 1).astype(np.int64)].T[..., None]
        mixed = (logits - logits.max(axis=1, keepdims=True)) * of_network + np.log(expected.probabilities) * of_ngrams
        before = copied({"logits": logits, "contexts": contexts})
        message = "A mixer gives other logits than the core.  See ngrams.safetensors in the form of checkpoints."
        require_close(mix(logits, contexts), mixed, message)
        alone = mix(logits[:1], contexts[:1])
        require_close(alone, mixed[:1], message)
        plain = isinstance(alone, np.ndarray) and alone.dtype == np.float32
        require(plain, f"A mixer gives {getattr(alone, 'dtype', type(alone).__name__)}.  Give float32 NumPy arrays.")
        mix(logits[1:2], contexts[1:2])
        require_close(alone, mixed[:1], "A mixer wrote to what it gave before.  Give new arrays.")
        require_same({"logits": logits, "contexts": contexts}, before, "A mixer wrote to what it was handed.")
