"""What the scripts of this folder share: a checkpoint directory loaded by the class its config.json names."""

import json
from pathlib import Path

import torch
import transformers

TEXTS = [
    "The president of the company said it will play in Iraq.",
    "Oil prices rose 3.5% on Tuesday; Wall St. didn't notice...",
    "A [MASK] in the café — naïve, 中文 & ÜBER straße!",
    "",
    "Short",
]


def architecture(directory) -> str:
    config = json.loads((Path(directory) / "config.json").read_text())
    names = config.get("architectures") or []
    if len(names) != 1:
        raise SystemExit(f"{directory}: config.json names {len(names)} architectures, expected one: {names}")
    return names[0]


def load(directory):
    """The model in float32, with eager attention and in evaluation mode, and what transformers says about the keys."""
    name = architecture(directory)
    kind = getattr(transformers, name, None)
    if kind is None:
        raise SystemExit(f"{directory}: transformers has no class {name}")
    arguments = dict(dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    model, info = kind.from_pretrained(directory, **arguments)
    # A backbone may come without pooler; then ask for one without.
    if name == "BertModel" and set(info["missing_keys"]) == {"pooler.dense.weight", "pooler.dense.bias"}:
        model, info = kind.from_pretrained(directory, add_pooling_layer=False, **arguments)
    return model.eval(), info


def encode(directory, texts, length=64):
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    batch = tokenizer(list(texts), padding=True, truncation=True, max_length=length, return_tensors="pt")
    return {key: batch[key] for key in ("input_ids", "attention_mask", "token_type_ids")}


@torch.no_grad()
def outputs(model, batch) -> dict[str, torch.Tensor]:
    """By the names that `graft verify` knows."""
    backbone = getattr(model, model.base_model_prefix, model)(**batch)
    found = {"last_hidden_state": backbone.last_hidden_state}
    if getattr(backbone, "pooler_output", None) is not None:
        found["pooler_output"] = backbone.pooler_output
    name = type(model).__name__
    result = model(**batch)
    if name.endswith("ForPreTraining"):
        found |= dict(prediction_logits=result.prediction_logits, seq_relationship_logits=result.seq_relationship_logits)
    elif name.endswith("ForMaskedLM"):
        found["prediction_logits"] = result.logits
    elif name.endswith("ForNextSentencePrediction"):
        found["seq_relationship_logits"] = result.logits
    elif hasattr(result, "logits"):
        found["logits"] = result.logits
    return {key: value.float().contiguous() for key, value in found.items()}
