"""Writes the tiny CamemBERT checkpoints of this folder with transformers, and each one's golden outputs: `unigram_roberta.py`.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from unigram_roberta import write  # noqa: E402

# With the ids that CamemBERT leaves unused.
SPECIAL = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"]

if __name__ == "__main__":
    write(HERE, "Camembert", SPECIAL, first=5, last=6)
