"""The callback ``mlflow``: options and figures of each run in MLflow, in a folder or on a server."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_doc import Doc

from seqgen.callbacks.runs import remembered
from seqgen.core.callback import Callback

NAMED = ("databricks", "databricks-uc")
"""What MLflow takes for an address though it looks like the name of a folder."""

LONGEST = 6000
"""Characters of a parameter that MLflow takes."""


@dataclass(kw_only=True)
class MlflowLog(Callback):
    """A run in MLflow, with the options as parameters and the figures as metrics, by step.

    A run that is resumed goes on in the same one.  A server's credentials stand in the environment, as MLflow reads them.
    """

    uri: Annotated[
        str, Doc("a folder, or the URL of a server or database; empty: MLFLOW_TRACKING_URI, or else mlruns")
    ] = ""
    experiment: Annotated[str, Doc("under which runs are kept together")] = "seqgen"

    _client: Any = field(default=None, init=False, repr=False)
    _run: str = field(default="", init=False, repr=False)

    def on_start(self, config: Mapping[str, Any], folder: Path) -> None:
        """Make the run, or find it, and write its options."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing is sent anywhere unasked
        # MLflow asks that a folder be chosen on purpose, since it will add nothing to that store any more.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        # It would ask a server that does not answer for four minutes, without a word.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        # Standard output is for results, which may be JSON.
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        where = address(self.uri or os.environ.get("MLFLOW_TRACKING_URI") or "mlruns")
        client = MlflowClient(where)

        def made() -> str:
            known = client.get_experiment_by_name(self.experiment)
            experiment = known.experiment_id if known else client.create_experiment(self.experiment)
            return str(client.create_run(experiment, run_name=config["model"]).info.run_id)

        self._client, self._run = client, remembered(folder, "mlflow", made, where=f"{where} {self.experiment}")
        client.update_run(self._run, "RUNNING")
        if not client.get_run(self._run).data.params:  # which never change
            options = [Param(key, str(value)[:LONGEST]) for key, value in config.items() if value is not None]
            client.log_batch(self._run, params=options)

    def on_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write the figures."""
        from mlflow.entities import Metric

        if self._client is not None:
            now = int(time.time() * 1000)
            figures = [
                Metric(name, value, now, metrics["step"])
                for name, value in metrics.items()
                if name != "step" and isinstance(value, int | float)
            ]
            self._client.log_batch(self._run, metrics=figures)

    def on_end(self, summary: Mapping[str, Any]) -> None:
        """Say which model it gave, and whether the run failed or was ended early."""
        if self._client is not None:
            self._client.set_tag(self._run, "seqgen.model", f"{summary['model']}:{summary['version']}")
            ended = "FAILED" if summary.get("failed") else "KILLED" if summary.get("interrupted") else "FINISHED"
            self._client.set_terminated(self._run, ended)

    def on_failure(self, reason: str) -> None:
        """End the run as one that failed."""
        if self._client is not None:
            self._client.set_terminated(self._run, "FAILED")


def address(uri: str) -> str:
    """An address as MLflow takes it: ``sqlite:///a.db``, ``file:/a``, ``databricks``; of a folder the URL."""
    # At least two letters before the colon, for a single one is a drive of Windows.
    if uri in NAMED or re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", uri):
        return uri
    return Path(uri).absolute().as_uri()
