"""Writes events as TensorBoard's own writer frames and encodes them: events.out.tfevents.golden has scalars, run.golden the
settings of a run as texts and as hyperparameters, and its end.

    python make.py            # tensorboard 2.21.0, protobuf 7.36.2
"""

import io
import json
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter

EVENTS = [
    (0, {"eval/loss": 1.3486067056655884, "eval/accuracy": 0.25, "train/epoch": 0.0}),
    (50, {"train/loss": 0.6931471805599453, "train/learning_rate": 5e-05}),
    (300, {"train/loss": float("inf")}),
    (2**40, {"train/grad_norm": 1e-30, "train/loss": -2.5}),
]


def record(event):
    buffer = io.BytesIO()
    RecordWriter(buffer).write(event.SerializeToString())
    return buffer.getvalue()


data = record(Event(wall_time=1764000000.25, file_version="brain.Event:2"))
for index, (step, values) in enumerate(EVENTS):
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=values[tag]) for tag in sorted(values)])
    data += record(Event(wall_time=1764000001.5 + index, step=step, summary=summary))
Path(__file__).with_name("events.out.tfevents.golden").write_bytes(data)

SETTINGS = {
    "model": "bert-base-uncased", "learning-rate": 5e-05, "batch-size": 8, "freeze-backbone": False, "warmup-ratio": 0.0,
    "report-to": ["tensorboard", "mlflow"], "data": "Züge.csv",
}
CONFIGURATION = {"id2label": {"0": "World", "1": "Sports"}, "model_type": "bert"}


def block(document):
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return "\n".join("    " + line for line in text.splitlines())


def hyperparameters(tag, data):
    plugin = SummaryMetadata.PluginData(
        plugin_name=metadata.PLUGIN_NAME, content=data.SerializeToString(deterministic=True))
    return Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin), tensor=metadata.NULL_TENSOR)


start = plugin_data_pb2.HParamsPluginData(version=metadata.PLUGIN_DATA_VERSION)
start.session_start_info.start_time_secs = 1764000000.5
for name, value in SETTINGS.items():
    entry = start.session_start_info.hparams[name]
    if isinstance(value, bool):
        entry.bool_value = value
    elif isinstance(value, (int, float)):
        entry.number_value = value
    else:
        entry.string_value = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
summary = Summary()
for tag, document in [("args/text_summary", SETTINGS), ("model_config/text_summary", CONFIGURATION)]:
    summary.MergeFrom(text_pb(tag, [block(document)]))
summary.value.append(hyperparameters(metadata.SESSION_START_INFO_TAG, start))
data = record(Event(wall_time=1764000000.5, step=0, summary=summary))
for status in [api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE]:
    end = plugin_data_pb2.HParamsPluginData(version=metadata.PLUGIN_DATA_VERSION)
    end.session_end_info.status = status
    end.session_end_info.end_time_secs = 1764000009.25
    value = hyperparameters(metadata.SESSION_END_INFO_TAG, end)
    data += record(Event(wall_time=1764000009.25, step=301, summary=Summary(value=[value])))
Path(__file__).with_name("run.golden").write_bytes(data)
