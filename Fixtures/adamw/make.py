"""Writes steps.json: twelve steps of torch.optim.AdamW on three small parameters, gradients clipped as Trainer does.

    python make.py            # torch 2.15.0

`weight` decays, `bias` does not, `rare` (which decays) has a gradient in every third step only. Per step: the learning
rate, each parameter's gradient, the norm of all gradients before clipping to 1, the parameters afterwards. Computed in
float64 from float32 numbers. The conformance suite of optimizers reads such a file for each optimizer.
"""

import json
from pathlib import Path

import torch

torch.manual_seed(7)
SHAPES = {"weight": [3, 4], "bias": [3], "rare": [2, 2]}
parameters = {n: torch.nn.Parameter(torch.randn(s).double()) for n, s in SHAPES.items()}
optimizer = torch.optim.AdamW(
    [
        {"params": [parameters["weight"], parameters["rare"]], "weight_decay": 0.1},
        {"params": [parameters["bias"]], "weight_decay": 0.0},
    ],
    betas=(0.9, 0.999), eps=1e-8,
)


def flat(tensor):
    return [float(value) for value in tensor.detach().float().flatten()]


start = {name: flat(parameter) for name, parameter in parameters.items()}
steps = []
for index in range(12):
    rate = torch.tensor(0.01 * (index + 1) / 12).item()
    for group in optimizer.param_groups:
        group["lr"] = rate
    gradients = {}
    for name, parameter in parameters.items():
        if name == "rare" and index % 3 != 1:
            parameter.grad = None
            continue
        scale = 10.0 ** (-index % 5 - 2)  # some steps clip, some do not
        parameter.grad = (torch.randn(SHAPES[name]) * scale).double()
        gradients[name] = flat(parameter.grad)
    norm = torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0).item()
    optimizer.step()
    steps.append(
        {
            "learning_rate": rate, "gradients": gradients, "norm": norm,
            "parameters": {name: flat(parameter) for name, parameter in parameters.items()},
        }
    )

OPTIONS = {"weight_decay": 0.1, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
golden = {"options": OPTIONS, "shapes": SHAPES, "start": start, "steps": steps}
Path(__file__).with_name("steps.json").write_text(json.dumps(golden, indent=1) + "\n")
