"""Backends, each broken in one thing, and the law that must reject it."""

from __future__ import annotations

from mutants.backends import evaluation, generation, offering, training, training_state

from seqgen.testing.backend import BackendContract

CONTRACT = BackendContract
MUTANTS = [
    *offering.MUTANTS,
    *generation.MUTANTS,
    *evaluation.MUTANTS,
    *training.MUTANTS,
    *training_state.MUTANTS,
]
