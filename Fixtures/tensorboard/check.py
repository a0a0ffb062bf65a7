"""Checks that TensorBoard reads a training run's events, that they are those of trainer_state.json, each once, and that its
table HPARAMS has the run with its settings, its scores and its end.

    python check.py DIR            # tensorboard 2.21.0
"""

import json
import math
import sys
from pathlib import Path

from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

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

# The table as the page asks for it.
multiplexer = EventMultiplexer()
multiplexer.AddRunsFromDirectory(str(run))
multiplexer.Reload()
provider = MultiplexerDataProvider(multiplexer, str(run))
context, request = backend_context.Context(TBContext(data_provider=provider)), RequestContext()
hyperparameters = context.hparams_metadata(request, "")
experiment = context.experiment_from_metadata(
    request, "", True, hyperparameters, context.hparams_from_data_provider(request, "", 0))
metrics = {info.name.tag for info in experiment.metric_infos}
assert {tag for tag in expected} <= metrics, (sorted(expected), sorted(metrics))
groups = list_session_groups.Handler(
    request, context, "",
    api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=10, col_params=[api_pb2.ColParams(hparam=info.name) for info in experiment.hparam_infos],
        allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING, api_pb2.STATUS_UNKNOWN],
    )).run()
assert len(groups.session_groups) == 1, groups
[group] = groups.session_groups
settings = {}
for name, value in group.hparams.items():
    settings[name] = getattr(value, value.WhichOneof("kind"))
recorded = json.loads((run / "training_args.json").read_text())
for name, value in recorded.items():
    if name not in ("model", "data", "eval-data") and not isinstance(value, (dict, list)) and value is not None:
        assert settings[name] == value, (name, settings[name], value)
finished = (run / "all_results.json").exists()
[session] = group.sessions
assert (session.status == api_pb2.STATUS_SUCCESS) == finished, session.status
found_metrics = {value.name.tag: value.value for value in session.metric_values}
for tag, events in expected.items():
    assert math.isclose(found_metrics[tag], found[tag][-1][1], rel_tol=1e-6), tag
text = accumulator.Tensors("args/text_summary")[0].tensor_proto.string_val[0].decode()
assert json.loads(text)["learning-rate"] == recorded["learning-rate"]
assert "model_type" in json.loads(accumulator.Tensors("model_config/text_summary")[0].tensor_proto.string_val[0])

print(f"ok: {len(settings)} hyperparameters, {len(found)} tags, {sum(map(len, found.values()))} scalars")
