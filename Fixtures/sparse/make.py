"""Writes folders of sentence-transformers' SparseEncoder, and the vectors that it makes with them.

    python make.py      # sentence-transformers 6.2.0, torch 2.15.0, transformers 5.23.0

The models are tiny and random. `current` is a BERT, as this version writes it, with prompts and the maximum over tokens;
`older` is a DistilBERT as version 5 wrote such folders, with the sum, two logarithms and a length limit. In each,
golden.safetensors has the texts' vectors, with and without a prompt, and decoded.json the tokens with the largest weights.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules.transformer import Transformer
from sentence_transformers.sparse_encoder.modules import SpladePooling
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, DistilBertConfig, DistilBertForMaskedLM
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()

HERE = Path(__file__).resolve().parent
TINY = HERE.parent / "bert-tiny/base"
TEXTS = ["Oil prices rise", "the game", "", "he said it again and again, and the team plays it once more until there is no room for it"]


def encoder(model, directory):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.6 * torch.randn(parameter.shape))
    model.save_pretrained(directory)
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    tokenizer.model_max_length = 32
    tokenizer.save_pretrained(directory)


def golden(directory, **more):
    model = SparseEncoder(str(directory), device="cpu")
    encode = lambda **arguments: model.encode(TEXTS, convert_to_tensor=True, **arguments)
    vectors = {"plain": encode(), **{name: encode(**arguments) for name, arguments in more.items()}}
    cut = model.decode(encode(max_active_dims=5))
    (directory / "decoded.json").write_text(json.dumps(cut) + "\n", encoding="utf-8")
    save_file({name: found.to_dense().contiguous() for name, found in vectors.items()}, directory / "golden.safetensors")
    for name, found in vectors.items():
        print(directory.name, name, (found.to_dense() > 0).sum(1).tolist())


def main():
    torch.manual_seed(8)
    common = dict(vocab_size=260, max_position_embeddings=32)
    with tempfile.TemporaryDirectory() as work:
        encoder(BertForMaskedLM(BertConfig(
            **common, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12)), work)
        modules = [Transformer(work, transformer_task="fill-mask"), SpladePooling("max")]
        model = SparseEncoder(modules=modules, device="cpu", prompts={"query": "what of ", "document": ""})
        model.save_pretrained(HERE / "current", create_model_card=False)
    golden(HERE / "current", query=dict(prompt_name="query"))
    older = HERE / "older"
    encoder(DistilBertForMaskedLM(DistilBertConfig(**common, dim=8, n_layers=1, n_heads=2, hidden_dim=12)), older)
    base = "sentence_transformers.sparse_encoder.models"
    (older / "1_SpladePooling").mkdir(exist_ok=True)
    files = {
        "modules.json": [
            dict(idx=0, name="0", path="", type=f"{base}.MLMTransformer.MLMTransformer"),
            dict(idx=1, name="1", path="1_SpladePooling", type=f"{base}.SpladePooling.SpladePooling"),
        ],
        "config_sentence_transformers.json": {
            "model_type": "SparseEncoder", "__version__": {"sentence_transformers": "5.0.0"},
            "prompts": {"query": "", "document": ""}, "default_prompt_name": None, "similarity_fn_name": "dot",
        },
        "sentence_bert_config.json": dict(max_seq_length=12, do_lower_case=False),
        "1_SpladePooling/config.json": dict(
            pooling_strategy="sum", activation_function="log1p_relu", word_embedding_dimension=260),
    }
    for name, content in files.items():
        (older / name).write_text(json.dumps(content, indent=2) + "\n")
    golden(older)


main()
