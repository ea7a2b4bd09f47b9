"""The callback contract: follow a training run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar


class Callback:
    """Follows a training run, for logging and tracking.  Every method does nothing by default.

    A callback is a dataclass: its options are fields annotated with ``Doc``.  What it raises is reported once as a
    warning; training goes on without it.  The time that it takes is time of the training, of which ``max_time`` is the limit.
    """

    exceptions: ClassVar[Mapping[str, str]] = {}
    """Laws of ``seqgen.testing`` that this part cannot keep: the law's name and the reason, which is shown."""

    def on_start(self, config: Mapping[str, Any], folder: Path) -> None:
        """Training starts: the whole configuration, and a folder for files of this run.

        Where a run that was broken off is gone on with, a new callback is told this again, and the folder is the same, with
        what was put into it.  Certain are ``model``, the name, and every option of training by its name, as ``backend`` or
        ``max_time``, which may be None.
        """

    def on_metrics(self, metrics: Mapping[str, Any]) -> None:
        """A line of ``metrics.jsonl``.

        Steps may be told again, or lower ones after higher: where a run is gone on with, which is from its last checkpoint, and
        after a setback, which leads back there.  Certain are ``step``, ``epoch``, ``seconds``, ``tokens``, ``progress`` (0 to 1)
        and ``learning_rate``; and, None where there is none, ``train_loss`` and ``validation_loss``, nats per token,
        ``bits_per_character``, ``gradient_norm`` and ``largest_gradient_norm``.
        """

    def stop(self) -> str:
        """Why the run should end now, in a sentence for people; empty: it goes on.

        Asked after each ``on_metrics``.  The run then ends as if its budget were used up, and its model is published.
        """
        return ""

    def on_end(self, summary: Mapping[str, Any]) -> None:
        """Training has ended, also when interrupted: the record that ``train --json`` prints.

        Certain are ``model``, ``version``, ``path``, ``steps``, ``epochs``, ``seconds``, ``tokens``, ``tokens_per_second``,
        ``characters_per_second``, ``training_characters_per_token``, ``parameters``, ``backend``, ``device``, ``precision``,
        ``failed``, ``interrupted``, ``stopped_by_callback``, ``setbacks`` and ``training``, the options; and, None where there is
        none, ``train_loss``, ``validation_loss``, ``best_step`` and ``bits_per_character``.  Where n-grams are mixed in, there are
        ``network_loss`` and ``ngram_order`` too.
        """

    def on_failure(self, reason: str) -> None:
        """Training has ended without a model, so that ``on_end`` does not come: for what was opened in ``on_start``.

        It diverged or memory ran out before the first evaluation, a part failed, the model could not be published, or a person left
        at once, perhaps before ``on_start`` came to its end.  The run may be gone on with all the same, and the folder may be gone.

        Args:
            reason: in a sentence for people.
        """
