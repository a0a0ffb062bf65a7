"""Writes events.out.tfevents.golden: events as TensorBoard's own writer frames and encodes them.

    python make.py            # tensorboard 2.21.0, protobuf 7.36.2
"""

import io
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
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
