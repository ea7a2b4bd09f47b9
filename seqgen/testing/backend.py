"""What every backend and its models must keep."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from seqgen.core.canonical import initial_weights
from seqgen.core.errors import OptionError
from seqgen.core.spec import OptimizerSpec
from seqgen.testing.backend_averaging import AveragingLaws
from seqgen.testing.backend_evaluation import EvaluationLaws
from seqgen.testing.backend_generation import GenerationLaws
from seqgen.testing.backend_models import batch_of, copied, require_close, require_same, require_same_names, stepped
from seqgen.testing.backend_resuming import ResumingLaws
from seqgen.testing.backend_training import TrainingLaws
from seqgen.testing.backend_updates import UpdateLaws
from seqgen.testing.laws import law, require


class BackendContract(GenerationLaws, EvaluationLaws, UpdateLaws, TrainingLaws, ResumingLaws, AveragingLaws):
    """The laws of backends and their models.  Subclass it in your tests, one class for each architecture.

        class TestBigram(BackendContract):
            def make(self):
                return CountingBackend()

    The laws of training apply where ``can_train`` is true, those of the canonical form where the architecture is one of
    ``seqgen.core.canonical``.  Models are small, and most laws share one.
    """

    # What there is

    @law
    def test_auto_takes_the_first_device(self) -> None:
        """Device auto is the first of devices(), and a family (cuda) its first.

        Most people name none; a model must run where it is fastest, and anywhere.
        """
        backend = self.make()
        devices = list(backend.devices())
        named = bool(devices) and all(isinstance(each, str) and each for each in devices)
        require(named and len(set(devices)) == len(devices), f"devices() gives {devices}.  Name each device once.")
        families: dict[str, str] = {}
        for each in devices:
            families.setdefault(each.partition(":")[0], each)
        for wanted, expected in {"auto": devices[0], **families}.items():
            found = backend.build(self.spec(), device=wanted).device
            require(found == expected, f"Built for device {wanted}, a model is on {found!r} instead of {expected!r}.")

    @law
    def test_an_unknown_device_is_refused_with_those_there_are(self) -> None:
        """A device that is not here raises an OptionError that names those that are.

        A model that quietly runs elsewhere takes a hundred times as long, and nobody knows why.
        """
        self._refused("device", "abacus", self.make().devices(), device="abacus")

    @law
    def test_an_unknown_precision_is_refused_with_those_there_are(self) -> None:
        """A precision that the device does not compute in raises an OptionError that names float32 and the others.

        It comes from a command line; a person must see what can be written there.
        """
        self._refused("precision", "float3", ["float32"], precision=cast("Any", "float3"))

    @law
    def test_an_unknown_architecture_is_refused_with_those_there_are(self) -> None:
        """An architecture that the backend does not build raises an OptionError that names those that it does.

        A model folder may hold another backend's architecture.
        """
        spec = self.spec(architecture="telegraph")
        self._refused("architecture", "telegraph", self.make().architectures(), spec=spec)

    def _refused(self, what: str, value: str, known: Any, spec: Any = None, **how: Any) -> None:
        advice = f"Raise OptionError naming {', '.join(known)}."
        try:
            self.make().build(spec or self.spec(), **how)
        except OptionError as error:
            missing = [each for each in known if each not in str(error)]
            require(
                not missing, f"{what} {value} is refused with {str(error)!r}, without {', '.join(missing)}.  {advice}"
            )
        except Exception as error:  # noqa: BLE001  a part may raise anything
            require(condition=False, message=f"{what} {value} raises {type(error).__name__}: {error}.  {advice}")
        else:
            require(condition=False, message=f"{what} {value} is accepted.  {advice}")

    @law
    def test_a_model_says_what_it_is(self) -> None:
        """A model has the spec that it was built from, one of devices() as device, and float32 or bfloat16 as precision.

        Records of runs and doctor show them.
        """
        backend, spec = self.make(), self.spec()
        model = backend.build(spec)
        require(model.spec == spec, f"spec is {model.spec}, but the model was built from {spec}.")
        require(model.device in backend.devices(), f"device is {model.device!r}, not one of {list(backend.devices())}.")
        known = model.precision in ("float32", "bfloat16")
        require(known, f"precision is {model.precision!r}, but must say what auto was: float32 or bfloat16.")

    @law
    def test_training_where_there_is_none_is_refused(self) -> None:
        """Where can_train is false, a model for training is refused with a sentence.

        Nothing is worse than an hour of training that trains nothing.
        """
        if self.make().can_train:
            pytest.skip("can_train is true")
        try:
            loss = self.build(optimizer=OptimizerSpec()).train_step(batch_of(), 0.1)
        except (OptionError, TypeError) as error:
            require(len(str(error).split()) > 3, f"Training is refused with {str(error)!r}.  Say what trains instead.")
        else:
            message = f"can_train is false, but train_step gives {loss}.  Raise OptionError in build, or set can_train."
            require(condition=False, message=message)

    # Weights

    @law
    def test_weights_are_those_that_weight_shapes_states(self) -> None:
        """weights() has the names and shapes of weight_shapes, in that order, and all are float32.

        A checkpoint is checked against them before its numbers are looked at.
        """
        for architecture in self._architectures:
            spec = self.spec(architecture=architecture)
            stated = {name: tuple(shape) for name, shape in self.make().weight_shapes(spec).items()}
            weights = (self.model if spec == self.spec() else self.build(spec)).weights()
            found = {name: np.shape(value) for name, value in weights.items()}
            if found == stated:
                message = f"weights() of {architecture} gives the names in another order than weight_shapes."
                require_same_names(found, stated, message)
            require(found == stated, f"weights() of {architecture} has {found}, but weight_shapes states {stated}.")
            for name, value in weights.items():
                plain = isinstance(value, np.ndarray) and value.dtype == np.float32
                kind = getattr(value, "dtype", type(value).__name__)
                require(plain, f'"{name}" of {architecture} is {kind}.  Give float32 NumPy arrays.')

    @law
    def test_weights_are_copies(self) -> None:
        """Neither the weights handed in nor those given are the model's own arrays.

        The best weights are kept while training goes on; they must not train along.
        """
        given = copied(self.weights)
        model = self.build(weights=given)
        before = copied(model.weights())
        taken = model.weights()
        for value in [*given.values(), *taken.values()]:
            if value.flags.writeable:
                np.add(value, 1, out=value)
        require_same(model.weights(), before, "The weights changed with arrays outside the model.  Copy both ways.")

    @law
    def test_weights_taken_over_give_the_same_logits(self) -> None:
        """Weights come back bit for bit from a model that took them over, and give the same logits, by build or load_weights.

        This is how a model is saved, loaded, and set back to its best.
        """
        ids = batch_of(2, 6).inputs
        expected, _ = stepped(self.model, ids)
        read_only = copied(self.weights)
        for value in read_only.values():
            value.setflags(write=False)
        fresh = self.build(random_seed=1)
        stepped(fresh, ids)  # so that something is prepared for the weights of before
        fresh.load_weights(read_only)
        for how, model in {"load_weights": fresh, "build(weights=...)": self.build(weights=read_only)}.items():
            require_same(model.weights(), self.weights, f"weights() differs from what {how} was handed.")
            require_close(stepped(model, ids)[0], expected, f"After {how} the logits are others.")

    @law
    def test_the_same_random_seed_builds_the_same_weights(self) -> None:
        """Fresh weights depend on random_seed alone; for a canonical architecture they are initial_weights.

        Every backend starts from the same numbers, so that their runs can be compared.
        """
        for random_seed in (0, 1):
            first, second = (self.build(random_seed=random_seed).weights() for _ in range(2))
            require_same(second, first, f"Two models of random_seed {random_seed} have other weights.")
            if self.canonical:
                message = "Fresh weights are not those of seqgen.core.canonical.initial_weights."
                require_same(first, initial_weights(self.spec(), random_seed), message)
