"""Checks that TensorBoard reads a training run's events, and that they are those of trainer_state.json, each once.

    python check.py DIR            # tensorboard 2.21.0
"""

import json
import math
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = Path(sys.argv[1])
accumulator = EventAccumulator(str(run / "runs"), size_guidance={"scalars": 0})
accumulator.Reload()
expected = {}
for entry in json.loads((run / "trainer_state.json").read_text())["log_history"]:
    if "train_runtime" in entry:
        continue
    for key, value in entry.items():
        if key != "step":
            tag = key.replace("eval_", "eval/", 1) if key.startswith("eval_") else f"train/{key}"
            expected.setdefault(tag, []).append((entry["step"], value))
found = {tag: [(event.step, event.value) for event in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]}
assert sorted(found) == sorted(expected), (sorted(found), sorted(expected))
for tag, events in expected.items():
    assert [step for step, _ in found[tag]] == [step for step, _ in events], (tag, found[tag], events)
    # A run that was killed and resumed measures other times.
    if not any(word in tag for word in ("runtime", "per_second")):
        assert all(math.isclose(one, other, rel_tol=1e-6) for (_, one), (_, other) in zip(found[tag], events)), tag
print(f"ok: {len(found)} tags, {sum(map(len, found.values()))} scalars")
