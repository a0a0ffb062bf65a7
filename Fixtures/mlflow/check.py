"""Checks that MLflow reads what `--report-to mlflow` wrote of a training run: its settings, its scores, each as often as
trainer_state.json has it, and its end.

    python check.py DIR            # mlflow-skinny 3.17.2
"""

import json
import math
import os
import sys
from pathlib import Path

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow.tracking import MlflowClient

directory = Path(sys.argv[1]).resolve()
client = MlflowClient((directory / "runs/mlruns").as_uri())
[run] = client.search_runs(["0"])
assert run.info.run_name == directory.name, run.info.run_name
assert run.info.status == ("FINISHED" if (directory / "all_results.json").exists() else "KILLED"), run.info.status
for name, value in json.loads((directory / "training_args.json").read_text()).items():
    if name not in ("model", "data", "eval-data") and not isinstance(value, (dict, list)) and value is not None:
        assert run.data.params[name] == (value if isinstance(value, str) else json.dumps(value)), (name, value)
count = 0
expected = {}
for entry in json.loads((directory / "trainer_state.json").read_text())["log_history"]:
    for key, value in entry.items():
        if key != "step" and "train_runtime" not in entry:
            name = key.replace("eval_", "eval/", 1) if key.startswith("eval_") else f"train/{key}"
            expected.setdefault(name, []).append((entry["step"], value))
assert sorted(run.data.metrics) == sorted(expected), (sorted(run.data.metrics), sorted(expected))
for name, values in expected.items():
    history = client.get_metric_history(run.info.run_id, name)
    assert [metric.step for metric in history] == [step for step, _ in values], name
    if not any(word in name for word in ("runtime", "per_second")):
        assert all(math.isclose(metric.value, value, rel_tol=1e-12) for metric, (_, value) in zip(history, values)), name
    count += len(values)
print(f"ok: {len(run.data.params)} settings, {len(expected)} scores, {count} values, {run.info.status}")
