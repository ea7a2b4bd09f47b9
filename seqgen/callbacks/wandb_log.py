"""The callback ``wandb``: options and figures of each run on Weights & Biases, or offline in a folder."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_doc import Doc

from seqgen.callbacks.runs import remembered
from seqgen.core.callback import Callback


@dataclass(kw_only=True)
class WandbLog(Callback):
    """A run on Weights & Biases, with the options as its configuration and the figures by step.

    A run that is resumed goes on in the same one.  Who you are is what `wandb login` or WANDB_API_KEY says.  Neither the command, nor
    code, nor what is printed is sent.
    """

    project: Annotated[str, Doc("under which runs are kept together")] = "seqgen"
    mode: Annotated[
        Literal["online", "offline"], Doc("offline: into the folder wandb, which `wandb sync` sends later")
    ] = "online"

    _run: Any = field(default=None, init=False, repr=False)

    def on_start(self, config: Mapping[str, Any], folder: Path) -> None:
        """Begin the run, or go on with it."""
        os.environ.setdefault("WANDB_INIT_TIMEOUT", "20")  # else a server that does not answer is waited for for 90 s
        import wandb

        self._run = wandb.init(
            project=self.project,
            name=config["model"],
            id=remembered(folder, "wandb", lambda: uuid.uuid4().hex[:8]),
            resume="allow",
            config=dict(config),
            mode=self.mode,
            settings=wandb.Settings(
                console="off",
                disable_git=True,
                save_code=False,
                silent=True,
                x_disable_meta=True,  # the command line among it, and in that the URL of the corpus
                x_disable_stats=True,
            ),
        )

    def on_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write the figures."""
        if self._run is not None:
            figures = {name: value for name, value in metrics.items() if name != "step" and value is not None}
            self._run.log(figures, step=metrics["step"])

    def on_end(self, summary: Mapping[str, Any]) -> None:
        """Say which model it gave, and end the run."""
        if self._run is not None:
            self._run.summary["model"] = f"{summary['model']}:{summary['version']}"
            self._run.finish(exit_code=int(bool(summary.get("failed") or summary.get("interrupted"))))

    def on_failure(self, reason: str) -> None:
        """End the run as one that failed."""
        if self._run is not None:
            self._run.finish(exit_code=1)
