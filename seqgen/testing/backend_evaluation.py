"""What the models of every backend must keep while they evaluate."""

from __future__ import annotations

import dataclasses

import numpy as np

from seqgen.core.types import Batch
from seqgen.testing import reference
from seqgen.testing.backend_models import (
    ROWS,
    STEPS,
    ModelContract,
    batch_of,
    copied,
    located_in_corpora,
    require_close,
    require_same,
    stepped,
)
from seqgen.testing.laws import law, require, require_whole


class EvaluationLaws(ModelContract):
    """The laws of ``evaluate``."""

    @law
    def test_evaluation_sums_the_nats_of_stepping(self) -> None:
        """The nats are the sum of -log softmax of the logits that stepping gives, which float() can read, with their number, an int.

        Bits per character are computed from it, and the best weights chosen by it.
        """
        for rows, steps in ((ROWS, STEPS), (1, 1)):
            batch = batch_of(rows, steps)
            nats, scored = self._found(batch)
            require_whole(scored, "How many targets evaluate says were scored")
            require(scored == rows * steps, f"evaluate says that {scored} of {rows * steps} targets were scored.")
            expected = reference.nats(stepped(self.model, batch.inputs)[0], batch.targets).sum()
            message = "The nats are not those of stepping.  Give their sum, natural log, no dropout."
            require_close(nats, expected, message)

    @law
    def test_what_the_mask_leaves_out_does_not_count(self) -> None:
        """Targets of weight 0 add neither to the nats nor to the count.

        Documents of different lengths share a batch; what fills up the shorter ones is not theirs.
        """
        weights = (np.arange(ROWS * STEPS).reshape(ROWS, STEPS) % 3 == 0).astype(np.float32)
        batch = batch_of(weights=weights)
        expected = reference.nats(stepped(self.model, batch.inputs)[0], batch.targets)[weights > 0].sum()
        nats, scored = self._found(batch)
        require(scored == weights.sum(), f"{scored} targets were scored, but {int(weights.sum())} have weight 1.")
        message = "The nats are not those of the targets of weight 1.  Multiply each by its weight."
        require_close(nats, expected, message)

    @law
    def test_the_last_step_alone_is_scored_where_asked(self) -> None:
        """With last_step_only, only the targets at T - 1 are scored.

        Batching by windows scores each token once, with a whole window before it.
        """
        batch = batch_of(last_step_only=True)
        expected = reference.nats(stepped(self.model, batch.inputs)[0][:, -1], batch.targets[:, -1]).sum()
        nats, scored = self._found(batch)
        require(scored == ROWS, f"{scored} targets were scored instead of the last of each of {ROWS} rows.")
        require_close(nats, expected, "The nats are not those of the last targets.")

    @law
    def test_a_batch_with_nothing_to_score_counts_nothing(self) -> None:
        """A batch whose weights are all 0 gives 0 nats of 0 targets.

        The last batch of an epoch may be all filling; a mean over nothing would be NaN.
        """
        found = self._found(batch_of(weights=np.zeros((ROWS, STEPS), np.float32)))
        require(found == (0.0, 0), f"evaluate gives {found} for a batch with nothing to score, instead of (0.0, 0).")

    @law
    def test_a_batch_of_a_corpus_is_evaluated_as_its_ids_say(self) -> None:
        """A batch that says where it lies in a corpus is evaluated as one with the same ids that does not.

        A backend may read the ids from a copy of the corpus on its device, and then must read the right ones.
        """
        for device in self.places:
            model = self.build(weights=self.weights, device=device)
            for batch in located_in_corpora():
                expected, found = (float(model.evaluate(each)[0]) for each in (dataclasses.replace(batch), batch))
                require_close(
                    found, expected, f"With an origin, the nats are others on {device}.  Compare Batch.origin."
                )

    @law
    def test_a_carried_evaluation_reads_two_halves_as_one(self) -> None:
        """With carry, evaluation goes on from the state that the batch before left.

        A text is evaluated in pieces; the sum must not depend on where it was cut.
        """
        whole = batch_of()
        first, second = _halves(whole)
        self.model.evaluate(batch_of(random_seed=1))  # whose state must not matter
        nats = self._found(first)[0] + self._found(dataclasses.replace(second, carry=True))[0]
        expected = reference.nats(stepped(self.model, whole.inputs)[0], whole.targets).sum()
        require_close(nats, expected, "Two halves, the second carried, differ from the whole.  Keep the state between.")

    @law
    def test_evaluation_without_carry_starts_afresh(self) -> None:
        """Without carry, evaluation starts from the initial state.

        Otherwise a loss would depend on what was evaluated before.
        """
        batch = batch_of()
        first, again = self._found(batch), self._found(batch)
        require(first == again, f"The same batch gives {first}, then {again}.  Reset the state where carry is false.")

    @law
    def test_evaluation_changes_no_weights(self) -> None:
        """Evaluation leaves the weights, and the arrays of the batch, as they are.

        The validation part would otherwise be learnt, too.
        """
        weights = (np.arange(ROWS * STEPS).reshape(ROWS, STEPS) % 2).astype(np.float32)
        batch = batch_of(weights=weights.copy())
        before = copied(self.model.weights())
        self.model.evaluate(batch)
        require_same(self.model.weights(), before, "Evaluation changed the weights.")
        expected = dataclasses.asdict(batch_of(weights=weights))
        for name in ("inputs", "targets", "weights"):
            unchanged = np.array_equal(getattr(batch, name), expected[name])
            require(unchanged, f"Evaluation wrote to the batch's {name}.  Work on a copy.")

    @law
    def test_dropout_is_for_training_only(self) -> None:
        """A model with dropout generates and evaluates as the same weights do without.

        Noise in the logits would make text worse, and the same seed write another text.
        """
        dropping = self.build(self.spec(dropout=0.5), weights=self.weights)
        batch = batch_of()
        message = "With dropout 0.5 the same weights give something else.  Leave dropout out, except in train_step."
        require_close(stepped(dropping, batch.inputs)[0], stepped(self.model, batch.inputs)[0], message)
        require_close(float(dropping.evaluate(batch)[0]), self._found(batch)[0], message)

    def _found(self, batch: Batch) -> tuple[float, int]:
        nats, scored = self.model.evaluate(batch)
        return float(nats), scored


def _halves(batch: Batch) -> tuple[Batch, Batch]:
    middle = batch.inputs.shape[1] // 2
    return (
        Batch(batch.inputs[:, :middle], batch.targets[:, :middle]),
        Batch(batch.inputs[:, middle:], batch.targets[:, middle:]),
    )
