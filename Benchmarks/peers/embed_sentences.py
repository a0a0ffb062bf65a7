"""Texts a second that sentence-transformers makes vectors of, by the fastest of its backends. Prints one JSON line.

    python embed_sentences.py DIR --folder FOLDER --precision float32 --input texts.txt
    # sentence-transformers 6.2.0, torch 2.15.0, onnxruntime 1.32.0, openvino 2026.4.1, transformers 5.23.0

FOLDER is export_encoder.py's. The backends for ONNX Runtime and OpenVINO are those of Optimum, which does not install beside
transformers 5.23. What they put in PyTorch's place is made here: a module that hands the tokens to ONNX Runtime or OpenVINO.
All else is `SentenceTransformer.encode`: tokenizing, batches by length, the mean over tokens. Each backend and batch size is
tried on the first texts, and the fastest encodes all.
"""

import argparse
import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import onnxruntime
import openvino
import torch
from sentence_transformers import SentenceTransformer

CORES = len(os.sched_getaffinity(0))
SIZES = (32, 64, 128)
TRIED = 1024


class Encoder(torch.nn.Module):
    """What stands in for a transformers model.

    - run: Takes arrays by name, and returns hidden states.
    """

    def __init__(self, model, run):
        super().__init__()
        self.config, self.dtype, self.device = model.config, torch.float32, torch.device("cpu")
        self.run = run

    def forward(self, input_ids, attention_mask, token_type_ids=None, **_):
        columns = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        if token_type_ids is None:
            columns["token_type_ids"] = torch.zeros_like(input_ids)
        hidden = torch.from_numpy(self.run({name: column.numpy() for name, column in columns.items()}))
        return SimpleNamespace(last_hidden_state=hidden)


def with_onnx(folder, precision):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = CORES
    file = str(folder / f"{precision}.onnx")
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    return lambda columns: session.run(None, {name: columns[name] for name in names})[0]


def with_openvino(folder, precision):
    hints = {"PERFORMANCE_HINT": "LATENCY"} | ({"INFERENCE_PRECISION_HINT": "f32"} if precision == "float32" else {})
    request = openvino.Core().compile_model(folder / f"{precision}.xml", "CPU", hints).create_infer_request()
    names = [value.get_any_name() for value in request.model_inputs]
    return lambda columns: request.infer({name: columns[name] for name in names}, share_inputs=True)[0]


def sentences(directory, run=None):
    model = SentenceTransformer(str(directory), device="cpu")
    if run:
        model[0].model = Encoder(model[0].model, run)
    return model


def seconds(model, texts, size):
    started = time.perf_counter()
    vectors = model.encode(texts, batch_size=size, show_progress_bar=False)
    assert len(vectors) == len(texts)
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--precision", choices=["float32", "int8"], default="float32")
    parser.add_argument("--input", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(CORES)
    texts = arguments.input.read_text(encoding="utf-8").splitlines()
    backends = {
        "onnx": sentences(arguments.model, with_onnx(arguments.folder, arguments.precision)),
        "openvino": sentences(arguments.model, with_openvino(arguments.folder, arguments.precision)),
    }
    if arguments.precision == "float32":
        backends["torch"] = sentences(arguments.model)
    tried = {}
    for backend, model in backends.items():
        for size in SIZES:
            seconds(model, texts[:TRIED], size)
            tried[backend, size] = seconds(model, texts[:TRIED], size)
    backend, size = min(tried, key=tried.get)
    rates = {f"{backend} {size}": len(texts[:TRIED]) / each for (backend, size), each in tried.items()}
    rate = len(texts) / seconds(backends[backend], texts, size)
    print(json.dumps({"texts_per_second": rate, "backend": backend, "batch_size": size, "tried": rates}))


if __name__ == "__main__":
    main()
