"""Labels one text as soon as it can, and prints the label: what is measured is the time from the start of the process.

    python first_answer.py onnx DIR FOLDER/float32.onnx 'a text'      # onnxruntime 1.32.0, tokenizers 0.23.3
    python first_answer.py openvino DIR FOLDER/float32.xml 'a text'   # openvino 2026.4.1, tokenizers 0.23.3
    python first_answer.py transformers DIR float32 'a text'          # torch 2.15.0, transformers 5.23.0

Nothing is imported that is not needed. ONNX Runtime and OpenVINO open export_encoder.py's files, with `tokenizers` alone.
"""

import os
import sys


def tokens(directory, text):
    import numpy
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{directory}/tokenizer.json")
    tokenizer.enable_truncation(128)
    encoded = tokenizer.encode(text)
    columns = {"input_ids": encoded.ids, "attention_mask": encoded.attention_mask, "token_type_ids": encoded.type_ids}
    return {name: numpy.array([column], numpy.int64) for name, column in columns.items()}


def with_onnx(directory, file, text):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    columns = tokens(directory, text)
    return session.run(None, {value.name: columns[value.name] for value in session.get_inputs()})[0].argmax()


def with_openvino(directory, file, text):
    import openvino

    # What was compiled is kept beside the model, as OpenVINO's documentation says for a quick start.
    hints = {"PERFORMANCE_HINT": "LATENCY", "CACHE_DIR": f"{file}.cache"}
    if file.endswith("float32.xml"):
        hints["INFERENCE_PRECISION_HINT"] = "f32"
    model = openvino.Core().compile_model(file, "CPU", hints)
    columns = tokens(directory, text)
    return model({value.get_any_name(): columns[value.get_any_name()] for value in model.inputs})[0].argmax()


def with_transformers(directory, precision, text):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModelForSequenceClassification.from_pretrained(directory, dtype=getattr(torch, precision)).eval()
    columns = tokenizer([text], truncation=True, max_length=128, return_tensors="pt", return_token_type_ids=False)
    with torch.inference_mode():
        return model(**columns).logits.argmax()


way, *arguments = sys.argv[1:]
print(int({"onnx": with_onnx, "openvino": with_openvino, "transformers": with_transformers}[way](*arguments)))
