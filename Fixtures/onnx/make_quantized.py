"""Writes the quantized ONNX files of this folder with ONNX Runtime's quantization tools.

    python make_quantized.py GRAFT      # torch 2.15.0, transformers 5.23.0, onnx 1.23.2, onnxruntime 1.32.0

One small classifier, exported by torch.onnx.export(dynamo=False) and quantized in three ways: `dynamic` by
quantize_dynamic with uint8 weights and one scale for each; `per-channel` by it with int8 weights and a scale for each
output; `qdq` by quantize_static with DequantizeLinear before everything. `graft-…` are what the program at GRAFT exported
of three small models. `constants`, `transposed` and `transposed-qdq` are `dynamic`, `per-channel` and `qdq` as other tools
write them, with the same answers: numbers, scales and zero points are Constant nodes; a matrix is turned by a Transpose node
before its product. Of Graft's there are: language models with a tied decoder and without biases, quantized by quantize_dynamic without
options, the latter also with its embeddings alone (`graft-gather`), and a classifier (`graft-qdq`) by quantize_static.
`expected.safetensors` of each has what ONNX
Runtime's DequantizeLinear makes of the whole numbers, under the names of the parameters: those of the model that are
nearest to it, which have to be within a step of it.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from safetensors.numpy import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification

from make import export

HERE = Path(__file__).parent / "quantized"
CONFIG = BertConfig(
    vocab_size=40, hidden_size=8, num_attention_heads=2, num_hidden_layers=1, intermediate_size=16,
    max_position_embeddings=64, num_labels=3, initializer_range=0.2)


class Texts(CalibrationDataReader):
    def __init__(self):
        ids = numpy.array([[2, 5, 6, 3], [2, 7, 3, 0]], numpy.int64)
        self.rows = [dict(
            input_ids=ids, attention_mask=(ids != 0).astype(numpy.int64), token_type_ids=numpy.zeros_like(ids))]

    def get_next(self):
        return self.rows.pop() if self.rows else None


def dequantized(numbers, scale, zero, axis):
    """By ONNX Runtime."""
    node = helper.make_node("DequantizeLinear", ["x", "s", "z"], ["y"], axis=axis)
    values = [numpy_helper.from_array(value, name) for value, name in zip((numbers, scale, zero), "xsz")]
    graph = helper.make_graph(
        [node], "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, numbers.shape)], values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {})[0]


def expected(file, parameters):
    model = onnx.load(file)
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    found = {name: values[name] for name in parameters if name in values}
    for name, numbers in values.items():
        if not name.endswith("_quantized"):
            continue
        stem = name if f"{name}_scale" in values else name.removesuffix("_quantized")
        scale, zero = values[f"{stem}_scale"], values[f"{stem}_zero_point"]
        axis = 0 if scale.size == 1 else [a for a in (1, 0) if a < numbers.ndim and numbers.shape[a] == scale.size][0]
        for node in model.graph.node:
            if node.op_type == "DequantizeLinear" and node.input[0] == name:
                axis = next((a.i for a in node.attribute if a.name == "axis"), axis)
        value = dequantized(numbers, scale, zero, axis)
        step = float(scale.max()) + 1e-7
        for parameter, original in parameters.items():
            for candidate in (value, value.T):
                if candidate.shape == original.shape and abs(candidate - original).max() <= step and parameter not in found:
                    found[parameter] = numpy.ascontiguousarray(candidate)
    for name, value in values.items():
        if name.endswith("_Transposed"):
            found.setdefault(name.removesuffix("_Transposed"), numpy.ascontiguousarray(value.T))
    missing = set(parameters) - set(found)
    assert not missing, missing
    return found


def as_constants(model):
    """Makes numbers, scales and zero points Constant nodes."""
    graph = model.graph
    ends = ("_quantized", "_scale", "_zero_point")
    constants = [tensor for tensor in graph.initializer if tensor.name.endswith(ends)]
    nodes = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in constants] + list(graph.node)
    kept = [tensor for tensor in graph.initializer if not tensor.name.endswith(ends)]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def transpose(model):
    """Stores the whole numbers of matrices turned, with a Transpose node before what reads them."""
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    gathered = {node.input[0] for node in graph.node if node.op_type == "Gather"}
    nodes, turned = [], set()
    for node in graph.node:
        place = {"MatMulInteger": 1, "DequantizeLinear": 0}.get(node.op_type)
        name = node.input[place] if place is not None else ""
        is_table = node.op_type == "DequantizeLinear" and node.output[0] in gathered
        if name in tensors and len(tensors[name].dims) == 2 and name not in turned and not is_table:
            turned.add(name)
            numbers = numpy.ascontiguousarray(numpy_helper.to_array(tensors[name]).T)
            tensors[name].CopyFrom(numpy_helper.from_array(numbers, f"turned_{len(turned)}"))
            nodes.append(helper.make_node("Transpose", [f"turned_{len(turned)}"], [name], perm=[1, 0]))
        nodes.append(node)
    nodes = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(nodes)


def answers(file):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return session.run(None, Texts().get_next())[0]


def write_variants():
    for name, source, change in (
        ("constants", "dynamic", as_constants), ("transposed", "per-channel", transpose),
        ("transposed-qdq", "qdq", transpose),
    ):
        directory = HERE / name
        directory.mkdir(exist_ok=True)
        for file in ("config.json", "expected.safetensors"):
            shutil.copy(HERE / source / file, directory)
        model = onnx.load(HERE / source / "model.onnx")
        change(model)
        onnx.save(model, directory / "model.onnx")
        assert (answers(directory / "model.onnx") == answers(HERE / source / "model.onnx")).all(), name


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    torch.manual_seed(17)
    model = BertForSequenceClassification(CONFIG).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape)  # no zeros and no ones
    parameters = {name: value.numpy() for name, value in model.state_dict().items()}
    file = HERE / "model.onnx"
    export(model, file, False)
    for name in ("dynamic", "per-channel", "qdq"):
        directory = HERE / name
        directory.mkdir()
        model.config.save_pretrained(directory)
        output = directory / "model.onnx"
        if name == "qdq":
            quantize_static(
                file, output, Texts(), quant_format=QuantFormat.QDQ, per_channel=True, weight_type=QuantType.QInt8)
        else:
            quantize_dynamic(
                file, output, per_channel=name == "per-channel",
                weight_type=QuantType.QInt8 if name == "per-channel" else QuantType.QUInt8)
        save_file(expected(output, parameters), directory / "expected.safetensors")
    file.unlink()
    write_variants()
    for name, source in (
        ("graft-tied", "bert-tiny/masked-lm"), ("graft-no-biases", "onnx/no-biases"),
        ("graft-gather", "onnx/no-biases"),
        ("graft-qdq", "bert-tiny/sequence-classification"),
    ):
        write_of_graft(sys.argv[1], HERE / name, HERE.parent.parent / source)


def write_of_graft(graft, directory, source):
    directory.mkdir()
    shutil.copy(source / "config.json", directory)
    output = directory / "model.onnx"
    with tempfile.TemporaryDirectory() as temporary:
        exported = Path(temporary) / "exported"
        subprocess.run([graft, "export", source, "--format", "onnx", "--output", exported, "--quiet"], check=True)
        if directory.name == "graft-qdq":
            quantize_static(exported / "model.onnx", output, Texts(), weight_type=QuantType.QInt8)
        else:
            operators = ["Gather"] if directory.name == "graft-gather" else None
            quantize_dynamic(exported / "model.onnx", output, op_types_to_quantize=operators)
    save_file(expected(output, load_file(source / "model.safetensors")), directory / "expected.safetensors")


if __name__ == "__main__":
    main()
