"""Writes GGUF files of the tiny checkpoints with llama.cpp's own converter, and blocks by its quantizer.

    python make.py LLAMA_CPP      # llama.cpp 0c1e570 of llama-cpp-python 0.3.36, torch 2.15.0, transformers 5.23.0, sentencepiece 0.2.3

LLAMA_CPP is llama.cpp's source, which the source distribution of llama-cpp-python has in vendor/llama.cpp. The
converter knows vocabularies by their hash; that of the tiny checkpoints is passed off as one it knows.
"""

import base64
import io
import json
import shutil
import sys
import tempfile
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


def charsmap():
    """A small normalizer, as SentencePiece compiles it; what the families are published with takes 300 KB."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as protocol

    rules = {"\t": " ", "\n": " ", "\u3000": " ", "ﬁ": "fi", "Ａ": "A", "e\u0301": "\u00e9", "①": "1", "…": "...", "\u200b": ""}
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        for text, replacement in rules.items():
            codes = [" ".join(f"{ord(letter):X}" for letter in part) for part in (text, replacement)]
            file.write("\t".join(codes) + "\n")
        file.flush()
        out = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d"] * 9), model_writer=out, vocab_size=9, minloglevel=2, model_type="unigram",
            hard_vocab_limit=False, normalization_rule_tsv=file.name)
    model = protocol.ModelProto()
    model.ParseFromString(out.getvalue())
    return model.normalizer_spec.precompiled_charsmap


def changed(directory, name, change):
    file = directory / name
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def like_published_xlm_roberta(directory):
    """The converter wants a charsmap, and takes the clean-up of decoded text for that of white space."""
    normalizer = dict(type="Precompiled", precompiled_charsmap=base64.b64encode(charsmap()).decode())
    changed(directory, "tokenizer.json", lambda document: document.update(normalizer=normalizer))
    changed(directory, "tokenizer_config.json", lambda document: document.update(clean_up_tokenization_spaces=True))


def like_published_modernbert(directory):
    """llama.cpp does not load a file without the key that the converter knows as `layer_norm_eps`."""
    changed(directory, "config.json", lambda config: config.update(layer_norm_eps=config["norm_eps"], global_attn_every_n_layers=3))


def like_published_nomic_bert(directory):
    """The converter wants the keys of the model's own code, and knows models by their lengths."""
    own = dict(
        n_positions=8192, max_trained_positions=2048, activation_function="swiglu", causal=False, qkv_proj_bias=False,
        mlp_fc1_bias=False, mlp_fc2_bias=False, prenorm=False, rotary_emb_fraction=1.0, rotary_emb_interleaved=False,
        rotary_emb_scale_base=None)
    changed(directory, "config.json", lambda config: config.update(own))


def families():
    """The files and what they say, of the families other than BERT that llama.cpp runs."""
    golden = {}
    heads = ("base", "sequence-classification")
    for family, names, converter, splitting, change in [
        ("distilbert", heads, bert.DistilBertModel, "default", None),
        ("roberta", heads, bert.RobertaModel, "roberta-bpe", None),
        ("xlm-roberta", heads, bert.XLMRobertaModel, None, like_published_xlm_roberta),
        ("modernbert", ("base", "sequence-classification", "mean"), bert.ModernBertModel, "modern-bert", like_published_modernbert),
        ("nomic_bert", ("base",), bert.NomicBertModel, "default", like_published_nomic_bert),
    ]:
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                source = Path(folder) / f"{family}-tiny"
                shutil.copytree(HERE.parent / source.name / name, source / name)
                if change:
                    change(source / name)
                path = convert(f"{family}-{name}", "f16", source, converter, splitting)
            golden[path.stem] = describe(path)
            if name in ("base", "mean") and family != "nomic_bert":
                path.unlink()
    (HERE / "families.json").write_text(json.dumps(golden, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
