"""Reads a safetensors file and writes it again, as conversion scripts do.

    python convert_safetensors.py IN OUT     # safetensors 0.8.0, torch 2.15.0
"""

import sys

from safetensors.torch import load_file, save_file

save_file(load_file(sys.argv[1]), sys.argv[2], metadata={"format": "pt"})
