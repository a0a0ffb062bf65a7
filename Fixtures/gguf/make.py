"""Writes GGUF files of the tiny checkpoints with llama.cpp's own converter, and blocks by its quantizer.

    python make.py LLAMA_CPP      # llama.cpp 0c1e570 of llama-cpp-python 0.3.36, torch 2.15.0, transformers 5.23.0

LLAMA_CPP is llama.cpp's source, which the source distribution of llama-cpp-python has in vendor/llama.cpp. The
converter knows vocabularies by their hash; that of the tiny checkpoints is passed off as one it knows.
"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
TINY = HERE.parent / "bert-tiny"
source = Path(sys.argv[1])
sys.path[:0] = [str(source), str(source / "gguf-py")]

import gguf  # noqa: E402
from conversion import bert  # noqa: E402

TYPES = {"f32": gguf.LlamaFileType.ALL_F32, "f16": gguf.LlamaFileType.MOSTLY_F16, "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}


def convert(name, kind, source=TINY, converter=bert.BertModel, splitting="default"):
    converter.get_vocab_base_pre = lambda self, tokenizer: splitting
    path = HERE / f"{name}-{kind}.gguf"
    converter(source / name.removeprefix(source.name.removesuffix("tiny")), TYPES[kind], path).write()
    return path


def describe(path):
    """Every attribute, and every tensor's type and shape, innermost extent first."""
    reader = gguf.GGUFReader(path)
    attributes = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    tensors = {tensor.name: [tensor.tensor_type.name, *map(int, tensor.shape)] for tensor in reader.tensors}
    return {"attributes": attributes, "tensors": tensors}


def blocks():
    """Rows of numbers of every size, ties between integers among them."""
    generator = np.random.default_rng(7)
    rows = [generator.standard_normal(64) * 10.0**exponent for exponent in range(-8, 5)]
    rows += [np.zeros(64), np.arange(-32, 32) / 2, (np.arange(64) - 31.5) * 4, np.full(64, -1.0), np.eye(64)[5] * 1e-7]
    rows += [np.concatenate([[127.0], np.arange(-31, 32) + 0.5])]
    values = np.stack(rows).astype(np.float32)
    with np.errstate(invalid="ignore"):
        stored = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
    read = gguf.quants.dequantize(stored, gguf.GGMLQuantizationType.Q8_0)
    save_file({"values": values, "blocks": stored, "read": read}, HERE / "q8_0.safetensors")


def main():
    golden = {}
    for name, kind in [("base", "f16"), ("base", "q8_0"), ("base", "f32"), ("cased", "f32"), ("padded-vocab", "q8_0"), ("pretraining", "f16")]:
        path = convert(name, kind)
        golden[path.stem] = describe(path)
        if name != "base" or kind == "f32":
            path.unlink()
    (HERE / "converter.json").write_text(json.dumps(golden, ensure_ascii=False, sort_keys=True) + "\n")
    blocks()
    families()


def families():
    """The files and what they say, of the families that llama.cpp runs as BERT."""
    golden = {}
    for family, converter, splitting in [
        ("distilbert", bert.DistilBertModel, "default"), ("roberta", bert.RobertaModel, "roberta-bpe"),
    ]:
        for name in ("base", "sequence-classification"):
            path = convert(f"{family}-{name}", "f16", HERE.parent / f"{family}-tiny", converter, splitting)
            golden[path.stem] = describe(path)
            if name == "base":
                path.unlink()
    (HERE / "families.json").write_text(json.dumps(golden, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
