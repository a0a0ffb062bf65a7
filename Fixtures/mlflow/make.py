"""Writes golden.json: what MLflow's own file store writes of a run, each file's text by its path. The run's name is RUN.

    python make.py            # mlflow-skinny 3.17.2
"""

import json
import os
import re
import tempfile
from pathlib import Path

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow.tracking import MlflowClient

root = Path(tempfile.mkdtemp()) / "mlruns"
client = MlflowClient(root.as_uri())
tags = {"mlflow.source.name": "graft", "mlflow.source.type": "LOCAL", "mlflow.user": "me"}
run = client.create_run("0", run_name="news", start_time=1764000000250, tags=tags).info.run_id
for name, value in {"learning-rate": 5e-05, "batch-size": 8, "lr-scheduler": "linear", "data": "Züge.csv"}.items():
    client.log_param(run, name, value)
for step, values in [
    (5, {"train/loss": 0.6931471805599453, "train/grad_norm": float("inf")}),
    (10, {"train/loss": float("nan"), "eval/accuracy": 0.25}),
]:
    for name, value in values.items():
        client.log_metric(run, name, value, timestamp=1764000001500, step=step)
client.set_terminated(run, "FINISHED", 1764000009000)
files = {
    str(path.relative_to(root)).replace(run, "RUN"): path.read_text().replace(run, "RUN").replace(root.as_uri(), "ROOT")
    for path in sorted(root.rglob("*")) if path.is_file()
}
# The experiment is of the moment.
files["0/meta.yaml"] = re.sub(r"(_time): \d+", r"\1: 0", files["0/meta.yaml"])
Path(__file__).with_name("golden.json").write_text(json.dumps(files, indent=1, ensure_ascii=False) + "\n")
