"""Writes an encoder as ONNX Runtime and OpenVINO want it, in float32 and in int8.

    python export_encoder.py DIR --task classification --output FOLDER --input texts.txt
    # onnx 1.23.2, onnxruntime 1.32.0, openvino 2026.4.1, nncf 3.4.0, torch 2.15.0, transformers 5.23.0

FOLDER gets, as the documentation of each says:

- float32.onnx: PyTorch's export, in which ONNX Runtime's transformer optimizer has fused attention, LayerNorm and GELU.
- int8.onnx: the same by ONNX Runtime's `quantize_dynamic`, with int8 weights by output channel.
- float32.xml: PyTorch's export as OpenVINO's own format; OpenVINO fuses when it compiles.
- int8.xml: the same by NNCF's post-training quantization of weights and activations for transformers, calibrated with the
  texts.
"""

import argparse
import inspect
import logging
from pathlib import Path

import nncf
import onnx
import openvino
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

KINDS = {"classification": (AutoModelForSequenceClassification, "logits"), "backbone": (AutoModel, "last_hidden_state")}


class OneOutput(torch.nn.Module):
    """The model with inputs in order and its first output alone, so that a pooler is left out."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs):
        return self.model(**dict(zip(self.names, inputs)))[0]


def export(model, output, file):
    """The model as PyTorch exports it; returns the names of its inputs."""
    known = inspect.signature(model.forward).parameters
    names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in known]
    ids = torch.ones(2, 8, dtype=torch.int64)
    inputs = tuple(ids * 0 if name == "token_type_ids" else ids for name in names)
    axes = {name: {0: "batch", 1: "sequence"} for name in names}
    axes[output] = {0: "batch"} if output == "logits" else {0: "batch", 1: "sequence"}
    torch.onnx.export(
        OneOutput(model, names), inputs, str(file), input_names=names, output_names=[output], dynamic_axes=axes,
        dynamo=False, opset_version=17,
    )
    return names


def write_onnx(config, exported, folder):
    fused = folder / "float32.onnx"
    model = optimizer.optimize_model(
        str(exported), "bert", num_heads=config.num_attention_heads, hidden_size=config.hidden_size
    )
    model.save_model_to_file(str(fused))
    # What the optimizer fused has types that shape inference does not find.
    options = {"DefaultTensorType": onnx.TensorProto.FLOAT}
    quantize_dynamic(
        fused, folder / "int8.onnx", per_channel=True, weight_type=QuantType.QInt8, extra_options=options
    )


def write_openvino(exported, folder, samples):
    """- samples: Inputs of one text each, by name."""
    model = openvino.convert_model(str(exported))
    openvino.save_model(model, folder / "float32.xml", compress_to_fp16=False)
    whole = nncf.quantize(
        model, nncf.Dataset(samples), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(samples)
    )
    openvino.save_model(whole, folder / "int8.xml")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--task", choices=KINDS, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--input", type=Path, required=True, help="texts to calibrate with, one a line")
    arguments = parser.parse_args()
    nncf.set_log_level(logging.ERROR)
    kind, output = KINDS[arguments.task]
    model = kind.from_pretrained(arguments.model, attn_implementation="eager", dtype=torch.float32).eval()
    arguments.output.mkdir(parents=True)
    exported = arguments.output / "exported.onnx"
    names = export(model, output, exported)
    write_onnx(model.config, exported, arguments.output)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    texts = arguments.input.read_text(encoding="utf-8").splitlines()
    encoded = [tokenizer([text], truncation=True, max_length=128, return_tensors="np") for text in texts]
    write_openvino(exported, arguments.output, [{name: each[name] for name in names} for each in encoded])
    exported.unlink()


if __name__ == "__main__":
    main()
