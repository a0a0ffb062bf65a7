"""Writes the tiny XLM-RoBERTa checkpoints of this folder with transformers, and each one's golden outputs: `unigram_roberta.py`.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from unigram_roberta import write  # noqa: E402

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]

if __name__ == "__main__":
    write(HERE, "XLMRoberta", SPECIAL, first=0, last=2)
