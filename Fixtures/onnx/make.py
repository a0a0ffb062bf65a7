"""Writes the ONNX files of this folder with PyTorch's two exporters and the onnx package.

    python make.py      # torch 2.15.0, transformers 5.23.0, onnx 1.23.2, onnxscript 0.7.2, ml_dtypes 0.6.0

The models are those of bert-tiny, whose safetensors and goldens say what is right; one of albert-tiny, whose layers are
used again and again, which an exporter stores each time; and three new ones: `new`, of which many tensors are equal: an
exporter keeps one of them, and no bias of zeros; `no-biases`, a ModernBERT, whose LayerNorms get biases from one exporter,
and its products from our reader for the other; `unused`, an ALBERT with a group of layers too many, which is left out. Of
it `unused` holds what is computed with. `script` is
torch.onnx.export(dynamo=False), `dynamo` is dynamo=True, its default; from what the latter notes of each node, stack
traces and source texts are left out, for they name this machine's folders and are most of the file. `types` has every
element type in every way a tensor can be stored.
"""

import shutil
from pathlib import Path

import ml_dtypes
import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    AlbertModel,
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BertForSequenceClassification,
    BertModel,
    ModernBertConfig,
    ModernBertForMaskedLM,
)

HERE = Path(__file__).parent
TINY = HERE.parent / "bert-tiny"
ALBERT = HERE.parent / "albert-tiny"
MODELS = [
    ("script", "sequence-classification", BertForSequenceClassification),
    ("script", "untied-decoder", BertForMaskedLM),
    ("dynamo", "base", BertModel),
    ("dynamo", "pretraining", BertForPreTraining),
    ("script", "new", BertForMaskedLM),
    ("dynamo", "new", BertForMaskedLM),
    ("script", "albert", AlbertForSequenceClassification),
    ("script", "no-biases", ModernBertForMaskedLM),
    ("dynamo", "no-biases", ModernBertForMaskedLM),
    ("dynamo", "unused", AlbertModel),
]
SIZES = dict(vocab_size=40, hidden_size=8, num_attention_heads=2, intermediate_size=16, max_position_embeddings=64)
NEW = {
    "new": (BertForMaskedLM, BertConfig(num_hidden_layers=2, **SIZES)),
    "no-biases": (ModernBertForMaskedLM, ModernBertConfig(
        num_hidden_layers=1, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2, **SIZES)),
    "unused": (AlbertModel, AlbertConfig(num_hidden_layers=1, num_hidden_groups=2, embedding_size=8, **SIZES)),
}
NOTES_LEFT_OUT = ("pkg.torch.onnx.stack_trace", "pkg.torch.onnx.fx_node", "pkg.torch.onnx.class_hierarchy", "namespace")


def export(model, file, dynamo, **options):
    """As a user would, with batch and length left open."""
    ids = torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]])
    inputs = dict(input_ids=ids, attention_mask=(ids != 0).long())
    if hasattr(model.config, "type_vocab_size"):
        inputs["token_type_ids"] = torch.zeros_like(ids)
    if dynamo:
        axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence", max=64)}
        torch.onnx.export(
            model, (), file, kwargs=inputs, dynamo=True, dynamic_shapes={name: axes for name in inputs},
            verbose=False, **options,
        )
    else:
        axes = {0: "batch", 1: "sequence"}
        torch.onnx.export(
            model, (), file, kwargs=inputs, input_names=list(inputs), dynamo=False,
            dynamic_axes={name: axes for name in inputs}, **options,
        )


def strip(file):
    model = onnx.load(file, load_external_data=False)
    for value in [model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer]:
        kept = [entry for entry in value.metadata_props if entry.key not in NOTES_LEFT_OUT]
        del value.metadata_props[:]
        value.metadata_props.extend(kept)
    del model.graph.value_info[:]
    onnx.save(model, file)


def types():
    """Each type's numbers raw, in the list that the type has, and in another file."""
    directory = HERE / "types"
    directory.mkdir()
    generator = numpy.random.default_rng(5)
    kinds = {
        "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "float16": TensorProto.FLOAT16,
        "bfloat16": TensorProto.BFLOAT16, "int8": TensorProto.INT8, "int16": TensorProto.INT16,
        "int32": TensorProto.INT32, "int64": TensorProto.INT64, "uint8": TensorProto.UINT8,
        "uint16": TensorProto.UINT16, "uint32": TensorProto.UINT32, "uint64": TensorProto.UINT64,
        "bool": TensorProto.BOOL,
    }
    tensors, expected, data = [], {}, b""
    for name, kind in kinds.items():
        dtype = ml_dtypes.bfloat16 if name == "bfloat16" else numpy.dtype(name)
        if name == "bool":
            array = generator.integers(0, 2, (2, 3)).astype(bool)
        elif "int" in name:
            limits = numpy.iinfo(dtype)
            array = generator.integers(limits.min, limits.max, (2, 3), dtype=dtype, endpoint=True)
        else:
            array = generator.normal(size=(2, 3)).astype(dtype)
        raw = numpy_helper.from_array(array, f"{name} raw")
        listed = helper.make_tensor(f"{name} listed", kind, array.shape, array.flatten().tolist())
        assert raw.HasField("raw_data") and not listed.HasField("raw_data"), name
        assert numpy.array_equal(numpy_helper.to_array(listed).view(numpy.uint8), array.view(numpy.uint8)), name
        external = TensorProto(name=f"{name} external", data_type=kind, dims=array.shape)
        external.data_location = TensorProto.EXTERNAL
        for key, value in {"location": "types.bin", "offset": len(data), "length": array.nbytes}.items():
            external.external_data.add(key=key, value=str(value))
        data += array.tobytes() + b"between"
        tensors += [raw, listed, external]
        bits = torch.frombuffer(bytearray(array.tobytes()), dtype=getattr(torch, name)).reshape(array.shape)
        expected |= {f"{name} {place}": bits.clone() for place in ("raw", "listed", "external")}
    scalar, empty = numpy.float32(7), numpy.zeros((0, 3), numpy.float32)
    tensors += [numpy_helper.from_array(scalar, "scalar"), numpy_helper.from_array(empty, "empty")]
    expected |= {"scalar": torch.tensor(7.0), "empty": torch.zeros(0, 3)}
    graph = helper.make_graph([], "types", [], [], tensors)
    (directory / "types.bin").write_bytes(data)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), directory / "types.onnx")
    onnx.load(directory / "types.onnx")  # reads the other file as well
    save_file(expected, directory / "types.safetensors")


def main():
    for kind in ("script", "dynamo", "types", *NEW):
        shutil.rmtree(HERE / kind, ignore_errors=True)
    torch.manual_seed(11)
    for name, (architecture, config) in NEW.items():
        architecture(config).save_pretrained(HERE / name)
    for kind, name, architecture in MODELS:
        source = HERE / name if name in NEW else ALBERT / "sequence-classification" if name == "albert" else TINY / name
        directory = HERE / kind / name
        directory.mkdir(parents=True)
        shutil.copy(source / "config.json", directory)
        model = architecture.from_pretrained(source).eval()
        file = directory / "model.onnx"
        # The first of the new exporter's keeps its weights in another file, as it does unless told otherwise.
        export(model, file, kind == "dynamo", **({"external_data": name == "base"} if kind == "dynamo" else {}))
        if kind == "dynamo":
            strip(file)
        onnx.checker.check_model(file)
    used = HERE / "unused/model.safetensors"
    tensors = {name: tensor for name, tensor in load_file(used).items() if "layer_groups.1." not in name}
    save_file(tensors, used, metadata={"format": "pt"})
    types()


if __name__ == "__main__":
    main()
