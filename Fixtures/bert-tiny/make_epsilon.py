"""Writes `epsilon.safetensors`: what transformers computes with the weights of `masked-lm` and another epsilon.

    python make_epsilon.py    # torch 2.15.0, transformers 5.23.0, safetensors 0.8.0

The epsilon of every other checkpoint of this folder is BERT's usual one, which a head that ignores the configuration has
too. This one is large enough to be seen in every LayerNorm.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM

HERE = Path(__file__).resolve().parent
EPSILON = 2e-3


def main():
    folder = HERE / "masked-lm"
    config = BertConfig.from_pretrained(folder, layer_norm_eps=EPSILON)
    model = BertForMaskedLM.from_pretrained(folder, config=config, attn_implementation="eager").eval()
    assert model.cls.predictions.transform.LayerNorm.eps == EPSILON
    inputs = {k: v for k, v in load_file(folder / "golden.safetensors").items() if v.dtype == torch.int64}
    with torch.no_grad():
        outputs = {"prediction_logits": model(**inputs).logits}
    save_file(inputs | outputs, HERE / "epsilon.safetensors")
    (HERE / "epsilon.safetensors").chmod(0o644)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
