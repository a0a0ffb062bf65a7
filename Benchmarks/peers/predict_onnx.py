"""Texts a second that a classifier labels with ONNX Runtime. Prints one JSON line.

    python predict_onnx.py DIR --work FOLDER --precision int8 --input texts.txt --batch-size 16 --warm-up 16
    # onnxruntime 1.32.0, torch 2.15.0, transformers 5.23.0

Set up as ONNX Runtime's documentation says: PyTorch exports the model, ONNX Runtime's transformer optimizer fuses
attention, LayerNorm and GELU, `quantize_dynamic` makes int8, all graph optimizations are on, and there is a thread for
each core. Texts are sorted by length; tokenizing is included. The models stay in FOLDER for the next call.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from transformers import AutoTokenizer


def exported(directory, file):
    """The model as PyTorch exports it."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(
        directory, attn_implementation="eager", dtype=torch.float32
    ).eval()
    ids = torch.ones(2, 8, dtype=torch.int64)
    inputs = {"input_ids": ids, "attention_mask": ids, "token_type_ids": ids * 0}
    axes = {name: {0: "batch", 1: "sequence"} for name in inputs} | {"logits": {0: "batch"}}
    torch.onnx.export(
        model, tuple(inputs.values()), str(file), input_names=list(inputs), output_names=["logits"],
        dynamic_axes=axes, dynamo=False, opset_version=17,
    )


def prepared(directory, work, precision):
    """The model's file for a precision, made once."""
    fused, whole = work / "float32.onnx", work / "int8.onnx"
    if not fused.exists():
        work.mkdir(parents=True, exist_ok=True)
        exported(directory, work / "exported.onnx")
        configuration = json.loads((Path(directory) / "config.json").read_text())
        model = optimizer.optimize_model(
            str(work / "exported.onnx"), "bert", num_heads=configuration["num_attention_heads"],
            hidden_size=configuration["hidden_size"],
        )
        model.save_model_to_file(str(fused))
    if precision == "int8" and not whole.exists():
        # What the optimizer fused has types that shape inference does not find.
        options = {"DefaultTensorType": onnx.TensorProto.FLOAT}
        quantize_dynamic(fused, whole, per_channel=True, weight_type=QuantType.QInt8, extra_options=options)
    return whole if precision == "int8" else fused


def session(file):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def predict(model, tokenizer, texts, size, max_length):
    """Labels all texts; the seconds it takes."""
    started = time.perf_counter()
    names = {value.name for value in model.get_inputs()}
    encoded = tokenizer(texts, truncation=True, max_length=max_length)
    order = sorted(range(len(texts)), key=lambda index: -len(encoded["input_ids"][index]))
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        batch = tokenizer.pad({key: [encoded[key][index] for index in chosen] for key in encoded}, return_tensors="np")
        feed = {name: batch[name].astype(numpy.int64) for name in names}
        model.run(None, feed)[0].argmax(-1)
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--precision", choices=["float32", "int8"], default="float32")
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--warm-up", type=int, default=16)
    arguments = parser.parse_args()
    texts = arguments.input.read_text(encoding="utf-8").splitlines()
    first, rest = texts[: arguments.warm_up], texts[arguments.warm_up :]
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = session(prepared(arguments.model, arguments.work, arguments.precision))
    predict(model, tokenizer, first, arguments.batch_size, arguments.max_length)
    seconds = predict(model, tokenizer, rest, arguments.batch_size, arguments.max_length)
    print(json.dumps(dict(texts_per_second=len(rest) / seconds, onnxruntime=onnxruntime.__version__)))


if __name__ == "__main__":
    main()
