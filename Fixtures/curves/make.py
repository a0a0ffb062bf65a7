"""Writes two training runs of 50 steps on the tiny BERT checkpoints: batches, losses and the final weights.

    python make.py            # torch 2.15.0, transformers 5.23.0, safetensors 0.8.0

A plain loop over torch.optim.AdamW, as transformers' Trainer does it: weight decay spares biases and LayerNorm, the
gradient's norm is clipped to 1, the learning rate warms up for 5 steps (the first step's is 0) and falls to 0.
Dropout is 0. The run is computed in float64 and stored as float32; the same run in float32 is compared with it, and what
it deviates by is printed: a float32 implementation cannot be expected to come closer.

Tensors: `input_ids` [50, 8, L] (0 beyond a row's length), `lengths` [50, 8], `labels` [50, 8] or [50, 8, L] with -100
where nothing is to be predicted (all int32); `loss`, `grad_norm` (before clipping), `learning_rate` (used in that step)
[50] float32; `final.<name>` the weights after the last step. No token types (all 0), no holes in the masks.
The key biases do not influence a loss, so their gradient is rounding noise which Adam blows up to the size of the
learning rate in float32: do not compare `final.*.key.bias` (here they stay as they were).
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BertForMaskedLM, BertForSequenceClassification, get_linear_schedule_with_warmup

HERE = Path(__file__).parent
MODELS = HERE.parent / "bert-tiny"
STEPS, BATCH, LONGEST = 50, 8, 16
generator = torch.Generator()


def randint(low, high, *shape):
    return torch.randint(low, high, shape, generator=generator)


def sequences(low, high):
    lengths = randint(4, LONGEST + 1, STEPS, BATCH)
    ids = randint(low, high, STEPS, BATCH, LONGEST)
    ids[:, :, 0] = 2
    ids.scatter_(2, (lengths - 1).unsqueeze(2), 3)
    return ids * (torch.arange(LONGEST) < lengths.unsqueeze(2)), lengths


def classification_batches():
    """Every text is made of the three words of its class, but for one word in five, which is any."""
    ids, lengths = sequences(20, 260)
    labels = randint(0, 4, STEPS, BATCH)
    topical = 100 + 3 * labels.unsqueeze(2) + randint(0, 3, STEPS, BATCH, LONGEST)
    chosen = (ids > 4) & (torch.rand(ids.shape, generator=generator) < 0.8)
    return torch.where(chosen, topical, ids), lengths, labels


def masked_batches():
    """Texts of twelve words; one word in five is hidden, and of those some stay and some become another word."""
    ids, lengths = sequences(200, 212)
    words = ids > 4
    hidden = words & (torch.rand(ids.shape, generator=generator) < 0.2)
    hidden[:, :, 1] = True  # every text has one
    labels = torch.where(hidden, ids, -100)
    choice = torch.rand(ids.shape, generator=generator)
    masked = torch.where(hidden & (choice < 0.8), 4, ids)
    masked = torch.where(hidden & (choice > 0.9), randint(5, 260, STEPS, BATCH, LONGEST), masked)
    return masked, lengths, labels


def train(architecture, directory, batches, dtype):
    model = architecture.from_pretrained(
        MODELS / directory, dtype=dtype, attn_implementation="eager",
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )
    model.train()
    exempt = lambda name: name.endswith("bias") or "LayerNorm" in name
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for n, p in model.named_parameters() if not exempt(n)], "weight_decay": 0.01},
            {"params": [p for n, p in model.named_parameters() if exempt(n)], "weight_decay": 0.0},
        ],
        lr=5e-4, betas=(0.9, 0.999), eps=1e-8,
    )
    scheduler = get_linear_schedule_with_warmup(optimizer, num_warmup_steps=5, num_training_steps=STEPS)
    history = {"loss": [], "grad_norm": [], "learning_rate": []}
    for ids, lengths, labels in zip(*batches):
        longest = int(lengths.max())
        mask = (torch.arange(longest) < lengths.unsqueeze(1)).long()
        labels = labels[:, :longest].contiguous() if labels.dim() == 2 else labels
        loss = model(input_ids=ids[:, :longest], attention_mask=mask, labels=labels).loss
        loss.backward()
        history["loss"].append(loss.item())
        history["grad_norm"].append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
        history["learning_rate"].append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    final = {f"final.{n}": p.detach() for n, p in model.named_parameters()}
    return {key: torch.tensor(values, dtype=torch.float64) for key, values in history.items()} | final


def write(name, architecture, directory, batches):
    truth = train(architecture, directory, batches, torch.float64)
    rounded = train(architecture, directory, batches, torch.float32)
    deviation = {"loss": 0.0, "grad_norm": 0.0, "weights": 0.0}
    for key, value in truth.items():
        error = float(((value - rounded[key]).abs() / (value.abs() if key in deviation else 1)).max())
        kind = key if key in deviation else "weights"
        if kind in deviation and not key.endswith("key.bias") and key != "learning_rate":
            deviation[kind] = max(deviation[kind], error)
    loss = truth["loss"]
    print(f"{name}: loss {loss[:5].mean():.3f} to {loss[-5:].mean():.3f}; float32 deviates by", deviation)
    ids, lengths, labels = batches
    tensors = {"input_ids": ids.int(), "lengths": lengths.int(), "labels": labels.int()}
    tensors |= {key: value.float().contiguous() for key, value in truth.items()}
    path = HERE / f"{name}.safetensors"
    save_file(tensors, path)
    path.chmod(0o644)


if __name__ == "__main__":
    generator.manual_seed(30)
    write("classification", BertForSequenceClassification, "sequence-classification", classification_batches())
    generator.manual_seed(31)
    write("masked_lm", BertForMaskedLM, "masked-lm", masked_batches())
