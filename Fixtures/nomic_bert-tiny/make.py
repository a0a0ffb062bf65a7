"""Writes the tiny NomicBERT checkpoints of this folder with transformers, and each one's golden outputs.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0

The sizes are odd on purpose: three heads of four numbers, a word table of more rows than the tokenizer has tokens, a
base of the rotation that is not the usual one, a dropout for each place. All directories share one encoder and, head by
head, one set of weights: a parameter's values depend on its name and shape only, and no two parameters are alike.

`modules` has the names of transformers' modules, as its `state_dict()` has them; every other directory those of the
model's own code, which transformers writes. Those in `remote-code/` have a config.json in the words of that code and its
prefix; in `masked-lm` the decoder has no biases, for the code has none there when the feed-forward layers have none. No
class of transformers reads these: their golden files are those of the same weights.

`without-architectures/` has each class again with a config.json that does not name it; the other files there are links,
as are the golden files of checkpoints that differ in spelling only. `base` has a second golden file, whose texts have
padding before them.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertTokenizerFast,
    NomicBertConfig,
    NomicBertForMaskedLM,
    NomicBertForSequenceClassification,
    NomicBertForTokenClassification,
    NomicBertModel,
)

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from tiny import ENTITIES, MOODS, TOPICS, Family, labels  # noqa: E402

PREFIX = "nomic_bert."
POSITIONS = 42
BASE = 70.0


def config(**changes):
    settings = dict(
        vocab_size=269,  # nine more than the tokenizer has
        hidden_size=12,
        num_hidden_layers=3,
        num_attention_heads=3,
        intermediate_size=23,
        max_position_embeddings=POSITIONS,
        rope_parameters=dict(rope_type="default", rope_theta=BASE),
        hidden_dropout_prob=0.11,
        attention_probs_dropout_prob=0.12,
        initializer_range=0.3,
    )
    return NomicBertConfig(**(settings | changes), attn_implementation="eager")


def write_tokenizer(directory, fast_file=True):
    """The WordPiece of bert-tiny."""
    shutil.copy(HERE.parent / "bert-tiny/base/vocab.txt", directory)
    tokenizer = BertTokenizerFast(vocab=str(directory / "vocab.txt"), model_max_length=POSITIONS)
    tokenizer.save_pretrained(directory)
    if not fast_file:
        (directory / "tokenizer.json").unlink()


def with_decoder(tensors, copy):
    """As `state_dict()` has it: with the decoder, which is the word table and the head's bias, or copies of them."""
    pairs = {
        "cls.predictions.decoder.weight": tensors[PREFIX + "embeddings.word_embeddings.weight"],
        "cls.predictions.decoder.bias": tensors["cls.predictions.bias"],
    }
    return tensors | {name: tensor.clone() if copy else tensor for name, tensor in pairs.items()}


def as_modules(tensors):
    renamed = {}
    for name, tensor in tensors.items():
        for old, new in (
            ("encoder.layers", "layers"), ("emb_ln", "embeddings.LayerNorm"), ("attn.out_proj", "self_attn.o_proj"),
            ("fc11", "up_proj"), ("fc12", "gate_proj"), ("fc2", "down_proj"), ("norm1", "post_attention_layernorm"),
            ("norm2", "post_mlp_layernorm"),
        ):
            name = name.replace(old, new)
        if "attn.Wqkv" in name:
            for part, rows in zip("qkv", tensor.chunk(3)):
                renamed[name.replace("attn.Wqkv", f"self_attn.{part}_proj")] = rows.clone()
        else:
            renamed[name] = tensor
    return renamed


def remote_config():
    """The keys of https://huggingface.co/nomic-ai/nomic-embed-text-v1.5/blob/main/config.json."""
    own = config()
    return dict(
        activation_function="swiglu", attn_pdrop=own.attention_probs_dropout_prob, causal=False,
        embd_pdrop=own.hidden_dropout_prob, initializer_range=own.initializer_range, layer_norm_epsilon=1e-12,
        max_trained_positions=20, mlp_fc1_bias=False, mlp_fc2_bias=False, model_type="nomic_bert",
        n_embd=own.hidden_size, n_head=own.num_attention_heads, n_inner=own.intermediate_size,
        n_layer=own.num_hidden_layers, n_positions=POSITIONS, parallel_block=False, prenorm=False, qkv_proj_bias=False,
        resid_pdrop=own.hidden_dropout_prob, rotary_emb_base=BASE, rotary_emb_fraction=1.0,
        rotary_emb_interleaved=False, rotary_emb_scale_base=None, rotary_scaling_factor=None, type_vocab_size=2,
        use_rms_norm=False, vocab_size=own.vocab_size,
    )


def write_remote(family, name, of, architecture, drop=()):
    directory = family.fresh(name)
    document = remote_config() | dict(architectures=[architecture])
    (directory / "config.json").write_text(json.dumps(document, indent=2) + "\n")
    tensors = load_file(HERE / of / "model.safetensors")
    renamed = {key.replace(PREFIX, "bert."): tensor for key, tensor in tensors.items() if key not in drop}
    save_file(renamed, directory / "model.safetensors", {"format": "pt"})
    write_tokenizer(directory)
    for file in directory.iterdir():
        file.chmod(0o644)
    (directory / "golden.safetensors").symlink_to(Path("../..") / of / "golden.safetensors")


class NomicBert(Family):
    def randomise(self, model):
        """Untied, transformers has two biases and reads the decoder's alone: they are kept equal."""
        super().randomise(model)
        if hasattr(model, "cls"):
            with torch.no_grad():
                model.cls.predictions.decoder.bias.copy_(model.cls.predictions.bias)

    def inputs(self, length):
        """With token types, which the second half of a row has."""
        batch = super().inputs(length)
        batch["token_type_ids"][:, length // 2 :] = 1
        return batch


BIASES = ("cls.predictions.transform.dense.bias", "cls.predictions.bias")


def main():
    family = NomicBert(
        folder=HERE, prefix=PREFIX, config=config, write_tokenizer=write_tokenizer,
        pad=0, first=2, last=3, mask=4, words=(5, 260),
    )
    family.write("base", NomicBertModel, length=POSITIONS)
    family.write("with-pooler/base", NomicBertModel, arguments=dict(add_pooling_layer=True))
    family.write("masked-lm", NomicBertForMaskedLM)
    family.write(
        "sequence-classification", NomicBertForSequenceClassification, dict(classifier_dropout=0.23, **labels(MOODS))
    )
    family.write("two-labels", NomicBertForSequenceClassification)  # its config.json names no labels
    family.write(
        "multi-label", NomicBertForSequenceClassification,
        dict(problem_type="multi_label_classification", **labels(TOPICS)),
    )
    family.write("token-classification", NomicBertForTokenClassification, labels(ENTITIES))
    # The gate of the feed-forward layers and the head's transform. The epsilon is large enough to be seen everywhere.
    family.write("gelu", NomicBertForMaskedLM, dict(hidden_act="gelu", layer_norm_eps=2e-3))
    family.write("untied-decoder", NomicBertForMaskedLM, dict(tie_word_embeddings=False))

    old = lambda directory: write_tokenizer(directory, fast_file=False)
    family.rewrite("pytorch-copies", "masked-lm", lambda t: with_decoder(t, copy=True), old, "pytorch_model.bin")
    family.rewrite("modules", "masked-lm", as_modules, old, "pytorch_model.bin")
    family.rewrite("prefixed-base", "base", lambda t: {PREFIX + name: tensor for name, tensor in t.items()})
    family.rewrite(
        "unprefixed-masked-lm", "masked-lm", lambda t: {name.removeprefix(PREFIX): tensor for name, tensor in t.items()}
    )
    family.without_architectures(
        "base", "masked-lm", "sequence-classification", "two-labels", "multi-label",
        "token-classification",
    )

    write_remote(family, "remote-code/base", "base", "NomicBertModel")
    # Without the biases the outputs are others: those of the class with biases of 0.
    model = NomicBertForMaskedLM(config())
    family.randomise(model)
    with torch.no_grad():
        model.cls.predictions.transform.dense.bias.zero_()
        model.cls.predictions.bias.zero_()
        model.cls.predictions.decoder.bias.zero_()
    write_remote(family, "remote-code/masked-lm", "masked-lm", "NomicBertForPreTraining", drop=BIASES)
    golden = HERE / "remote-code/masked-lm/golden.safetensors"
    golden.unlink()
    batch = family.inputs(6)
    save_file(batch | family.outputs(model.eval(), batch), golden)
    golden.chmod(0o644)


if __name__ == "__main__":
    main()
