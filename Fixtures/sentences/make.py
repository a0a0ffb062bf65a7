"""Writes folders of sentence-transformers, and the vectors that it makes with them.

    python make.py      # sentence-transformers 6.2.0, torch 2.15.0, transformers 5.23.0

The encoder is a BERT with random weights and the tokenizer of bert-tiny. `current` has every mode of pooling, a dense layer,
prompts that do not count, and is as this version writes it; `older` is as version 2 wrote such folders, with the encoder in a
folder of its own, lower-casing, and a length limit. golden.safetensors in each holds the texts' vectors, with and without a prompt.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
from transformers import AutoTokenizer, BertConfig, BertModel

HERE = Path(__file__).parent
TINY = HERE.parent / "bert-tiny/base"
TEXTS = ["He do it", "do", "", "he do it again and again, and he do it once more until there is no room for it", "DO IT"]
MODES = ["cls", "lasttoken", "max", "mean", "mean_sqrt_len_tokens", "weightedmean"]


def encoder(directory):
    torch.manual_seed(5)
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12,
        max_position_embeddings=32, initializer_range=0.3,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(directory)
    tokenizer.model_max_length = 32
    tokenizer.save_pretrained(directory)
    return Transformer(str(directory))


def golden(directory, **more):
    model = SentenceTransformer(str(directory), device="cpu")
    vectors = {"plain": model.encode(TEXTS, convert_to_tensor=True), **{
        name: model.encode(TEXTS, convert_to_tensor=True, **arguments) for name, arguments in more.items()}}
    save_file({name: tensor.clone().contiguous() for name, tensor in vectors.items()}, directory / "golden.safetensors")


def older(directory, work):
    """What version 2 wrote: other types, flags for modes, and the encoder in its own folder."""
    encoder(work / "older")
    shutil.copytree(work / "older", directory / "0_Transformer")
    types = ["Transformer", "Pooling", "Normalize"]
    modules = [dict(idx=i, name=str(i), path=f"{i}_{name}", type=f"sentence_transformers.models.{name}")
               for i, name in enumerate(types)]
    files = {
        "modules.json": modules,
        "config_sentence_transformers.json": {"__version__": {"sentence_transformers": "2.0.0"}},
        "0_Transformer/sentence_bert_config.json": dict(max_seq_length=9, do_lower_case=True),
        "1_Pooling/config.json": dict(
            word_embedding_dimension=8, pooling_mode_cls_token=True, pooling_mode_mean_tokens=True,
            pooling_mode_max_tokens=False, pooling_mode_mean_sqrt_len_tokens=False),
    }
    for name, content in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(json.dumps(content, indent=2))
    golden(directory)


def main():
    for name in ("current", "older"):
        shutil.rmtree(HERE / name, ignore_errors=True)
        (HERE / name).mkdir()
    work = HERE / "work"
    torch.manual_seed(7)
    modules = [
        encoder(work / "current"), Pooling(8, MODES, include_prompt=False), Dense(8 * len(MODES), 5), Normalize()]
    prompts = {"query": "he do ", "document": "it "}
    SentenceTransformer(modules=modules, prompts=prompts, similarity_fn_name="dot", device="cpu").save(
        str(HERE / "current"), create_model_card=False)
    golden(HERE / "current", query=dict(prompt_name="query"), shortened=dict(truncate_dim=3, normalize_embeddings=True))
    older(HERE / "older", work)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
