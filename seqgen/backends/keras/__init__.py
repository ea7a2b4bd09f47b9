"""The Keras 3 backend: trains and generates, on TensorFlow or another engine that ``KERAS_BACKEND`` names."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator

from seqgen.core.errors import MissingDependencyError


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what is written to stderr, even by C++, and show it only if an exception ends this.

    TensorFlow greets on import with lines about oneDNN that come before its log level counts.
    """
    if sys.stderr is None:  # a program of windows, or it was closed: there is nothing to hold back from anybody
        yield
        return
    sys.stderr.flush()
    try:
        stderr = os.dup(2)
    except OSError:  # it is a stream of the program's own, and the descriptor was closed
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


_ENGINES = ("tensorflow", "jax", "torch")

if "KERAS_BACKEND" not in os.environ:
    there = [engine for engine in _ENGINES if importlib.util.find_spec(engine)]
    if not there:
        raise MissingDependencyError(
            'Backend "keras" needs an engine, and neither tensorflow, jax nor torch is installed.  pip install "seqgen[keras]"'
        )
    os.environ["KERAS_BACKEND"] = there[0]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Otherwise the first model takes nearly all memory of a GPU, however small it is.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
with _quiet():
    import keras  # the first import, in which engines greet

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # The build for GPUs reports as an error that there is none, when it first looks.
        tf.config.list_physical_devices()
