"""Writes schedules.json: the learning rates that transformers' schedulers give in each step of short runs.

    python make.py            # torch 2.15.0, transformers 5.23.0
"""

import json
from pathlib import Path

import torch
from transformers import get_scheduler

NAMES = {"linear": "linear", "constant": "constant_with_warmup", "cosine": "cosine"}
goldens = []
for name, scheduler_name in NAMES.items():
    for warmup, total in [(0, 7), (3, 10), (10, 10), (12, 10), (0, 1)]:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler = get_scheduler(scheduler_name, optimizer, warmup, total)
        rates = []
        for _ in range(total):
            rates.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        goldens.append({"schedule": name, "warmup_steps": warmup, "total_steps": total, "factors": rates})

lines = ",\n".join(json.dumps(golden) for golden in goldens)
Path(__file__).with_name("schedules.json").write_text(f"[\n{lines}\n]\n")
