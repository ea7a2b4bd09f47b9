"""What the training state of every backend that trains must keep, by which a run goes on that was interrupted."""

from __future__ import annotations

import contextlib
import math
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import DamagedModelError
from seqgen.data.batching import Stream
from seqgen.data.store import Part
from seqgen.model_config import ModelConfig
from seqgen.testing.backend_course import BEFORE, SINCE, LearningContract, stored
from seqgen.testing.backend_models import ROWS, STEPS, batch_of, require_same, stream, train
from seqgen.testing.laws import LawBroken, law, require
from seqgen.training.run import About, Run
from seqgen.training.schedule import Budget, Schedule
from seqgen.training.trainer import Observer, Trainer


class ResumingLaws(LearningContract):
    """The laws of ``training_state``."""

    @law
    def test_the_training_state_comes_back_exactly(self) -> None:
        """The training state is named arrays that safetensors can hold, and loading it gives the same state.

        A checkpoint keeps it in a file in which nothing can be executed.
        """
        self.needs_training()
        state = self.course.training_state
        model = self.learner(random_seed=6)
        model.load_training_state(state)
        found = stored(model.training_state())
        require(sorted(found) == sorted(state), f"The state has {sorted(found)} afterwards, before {sorted(state)}.")
        require_same({name: found[name] for name in state}, state, "The state does not come back as it was.")

    @law
    def test_training_resumes_exactly(self) -> None:
        """A run that goes on from weights and training state equals one that never stopped, bit for bit.

        Training is interrupted; nothing may be lost, neither moments, nor the carried state, nor dropout's place.
        """
        self.needs_training()
        resumed = self.learner(random_seed=6, weights=self.course.checkpoint)
        resumed.load_training_state(self.course.training_state)
        losses = train(resumed, stream(SINCE, start=BEFORE), self.learning_rate)
        message = "A resumed run differs.  Is all that an update reads in training_state: moments, carry, random state?"
        require(
            losses == self.course.losses[BEFORE:], f"{message}\nlosses {losses}, before {self.course.losses[BEFORE:]}"
        )
        require_same(resumed.weights(), self.course.end, message)

    @law
    def test_a_run_goes_on_exactly_from_its_checkpoint(self) -> None:
        """A run of the core that goes on from its checkpoint on the disk equals one that never stopped, bit for bit.

        The core checks what it reads before a model gets it: the training state must be one that it takes.
        """
        self.needs_training()
        cycle = np.concatenate([batch.inputs[0] for batch in stream(ROWS * (BEFORE + SINCE))])
        part = Part(cycle, np.array([0, len(cycle)]), np.zeros(1, np.uint64), has_ends=False)

        def trainer(steps: int, random_seed: int) -> Trainer:
            return Trainer(
                model=self.learner(random_seed),
                training=Stream(part, seq_len=STEPS, batch_size=ROWS, random_seed=1),
                validation=None,
                budget=Budget(steps, None),
                schedule=Schedule("constant", self.learning_rate, warmup_steps=0),
                eval_every=SINCE,
                patience=None,
                checkpoint_every=math.inf,
                observer=Observer(),
            )

        whole, begun, resumed = trainer(BEFORE + SINCE, 5), trainer(BEFORE, 5), trainer(BEFORE + SINCE, 6)
        whole.run()
        begun.run()
        config = ModelConfig(begun.model.spec, parts={}, training={}, origins={}, has_ends=False)
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.closing(Run.create(Path(folder), "law", config, {}, About((), ""))) as run,
        ):
            run.save(begun)
            try:
                run.restore(resumed)
            except DamagedModelError as error:
                raise LawBroken(f"The core does not take the checkpoint of a run: {error}") from error
        resumed.run()
        message = "A run that goes on from its checkpoint differs.  Is all that an update reads in training_state?"
        require_same(resumed.model.weights(), whole.model.weights(), message)

    @law
    def test_a_training_state_of_another_backend_is_taken(self) -> None:
        """Names in a training state that the backend does not know are skipped, and missing ones start afresh.

        A run may go on in another framework, whose random state is nobody else's.
        """
        self.needs_training()
        strange: dict[str, npt.NDArray[np.generic]] = {
            "carry.elsewhere": np.zeros((ROWS, 3), np.float32),
            "random.elsewhere": np.zeros(3, np.uint8),
        }
        own = self.course.training_state
        shared = {name: value for name, value in own.items() if not name.startswith(("carry.", "random."))}
        model = self.learner()
        for state in ({**own, **strange}, {**shared, **strange}, {}):
            try:
                model.load_training_state(state)
            except (KeyError, ValueError) as error:
                message = f"load_training_state of {sorted(state)} raises {type(error).__name__}: {error}."
                require(condition=False, message=f"{message}  Skip names that are unknown, do without those that miss.")
        require(not strange.keys() & model.training_state().keys(), "Names of another backend are kept.  Skip them.")

    @law
    def test_a_run_that_goes_back_to_its_start_is_one_that_begins(self) -> None:
        """A model that takes over the weights and the training state from before its first update trains as a fresh one.

        A run that diverges before its first checkpoint goes back to its start; moments that are no numbers must not stay because
        that state lacks them.
        """
        self.needs_training()
        model = self.learner()
        weights, state = model.weights(), stored(model.training_state())
        model.train_step(batch_of(), self.learning_rate)
        model.load_weights(weights)
        model.load_training_state(state)
        losses = train(model, stream(BEFORE + SINCE), self.learning_rate)
        message = "A run that is back at its start differs.  What a training state lacks must be as in a fresh model."
        require(losses == self.course.losses, f"{message}\nlosses {losses}, before {self.course.losses}")
        require_same(model.weights(), self.course.end, message)

    @law
    def test_moments_have_the_names_and_shapes_of_the_weights(self) -> None:
        """The optimiser's moments are in the canonical form: first_moment.layers.0.bias is shaped as layers.0.bias.

        So another framework goes on with them, instead of starting afresh.
        """
        self.needs_training()
        self.needs_canonical()
        state = self.course.training_state
        require(int(state.get("step", -1)) == BEFORE, f'"step" is {state.get("step")} after {BEFORE} updates.')
        for name, value in self.course.end.items():
            for moment in ("first_moment", "second_moment"):
                found = state.get(f"{moment}.{name}")
                shape = None if found is None else found.shape
                require(shape == value.shape, f'"{moment}.{name}" has shape {shape}, but must have {value.shape}.')
