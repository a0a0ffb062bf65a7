"""Writes runs.json: what PyTorch does when two heads of the tiny BERT are trained in turn on one backbone.

    python make.py            # torch 2.15.0, transformers 5.23.0

One transformers BertModel with two linear layers: a classifier on the pooled state and one on every token. One
torch.optim.AdamW over all of it, gradients set to None before every step, so that it leaves the head of the other task
alone. 24 steps, without dropout, in float64. Each task goes through its own batches (of three rows) in the data's order,
again and again. Whose turn it is: the task that is farthest behind its share of the steps, the first of equals.

`turns` are the tasks of the steps, `losses` the losses, `evaluations` the losses and accuracies in the end.
"""

import json
import random
from fractions import Fraction
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, BertConfig, BertModel
from transformers.optimization import get_linear_schedule_with_warmup

HERE = Path(__file__).parent
MODELS = HERE.parent / "bert-tiny"
TOPICS, TAGS = "sequence-classification", "token-classification"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
STEPS, SIZE, RATE = 24, 3, 1e-3
random.seed(3)
tokenizer = AutoTokenizer.from_pretrained(MODELS / TOPICS)
labels = {task: json.loads((MODELS / task / "config.json").read_text())["id2label"] for task in (TOPICS, TAGS)}


def texts(count):
    """Texts of a few letters; the label goes by the letters' part of the alphabet."""
    result = []
    for _ in range(count):
        label = random.randrange(4)
        result.append((" ".join(random.choice(LETTERS[6 * label : 6 * label + 8]) for _ in range(random.randrange(3, 9))),
                       labels[TOPICS][str(label)]))
    return result


def sentences(count):
    """Words of a letter, every other one of which has a tag that is not the first."""
    result = []
    for _ in range(count):
        words = [random.choice(LETTERS) for _ in range(random.randrange(3, 9))]
        count_of_tags = len(labels[TAGS])
        tags = [labels[TAGS][str((ord(word) - 97) % count_of_tags if ord(word) % 2 else 0)] for word in words]
        result.append((words, tags))
    return result


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        config = BertConfig.from_pretrained(
            MODELS / TOPICS, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager")
        self.bert = BertModel(config)
        self.heads = torch.nn.ModuleDict(
            {task: torch.nn.Linear(config.hidden_size, len(names)) for task, names in labels.items()})
        stored = load_file(MODELS / TOPICS / "model.safetensors")
        missing = self.bert.load_state_dict(
            {name.removeprefix("bert."): value for name, value in stored.items() if name.startswith("bert.")}, strict=False)
        assert not missing.missing_keys, missing
        for task, head in self.heads.items():
            own = load_file(MODELS / task / "model.safetensors")
            head.load_state_dict({name: own[f"classifier.{name}"] for name in ("weight", "bias")})
        self.double()

    def loss(self, task, rows):
        """The mean loss of rows, and how many of their predictions are right."""
        number = {name: int(index) for index, name in labels[task].items()}
        if task == TOPICS:
            inputs = tokenizer([text for text, _ in rows], return_tensors="pt", padding=True)
            targets = torch.tensor([number[label] for _, label in rows])
            scores = self.heads[task](self.bert(**inputs).pooler_output)
        else:
            inputs = tokenizer([words for words, _ in rows], is_split_into_words=True, return_tensors="pt", padding=True)
            targets = torch.full(inputs["input_ids"].shape, -100)
            for row, (_, tags) in enumerate(rows):
                seen = set()
                for place, word in enumerate(inputs.word_ids(row)):
                    if word is not None and word not in seen:
                        targets[row, place] = number[tags[word]]
                        seen.add(word)
            scores = self.heads[task](self.bert(**inputs).last_hidden_state)
        scores, targets = scores.reshape(-1, scores.shape[-1]), targets.reshape(-1)
        loss = torch.nn.functional.cross_entropy(scores, targets)
        counted = targets >= 0
        return loss, (scores.argmax(-1) == targets)[counted].double().mean().item()


def turns(shares):
    """The task of each step."""
    total, taken, result = sum(shares.values()), {task: 0 for task in shares}, []
    for step in range(1, STEPS + 1):
        place = (step - 1) % total
        if place == 0:
            taken = {task: 0 for task in shares}
        behind = {task: Fraction(place + 1) * share / total - taken[task] for task, share in shares.items()}
        task = max(behind, key=lambda task: (behind[task], -list(shares).index(task)))
        taken[task] += 1
        result.append(task)
    return result


def run(name, data, tests, shares, weights=None):
    torch.manual_seed(0)
    model = Model()
    decayed = [p for n, p in model.named_parameters() if not n.endswith("bias") and "LayerNorm" not in n]
    others = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=RATE)
    schedule = get_linear_schedule_with_warmup(optimizer, 2, STEPS)
    places, losses, order = {task: 0 for task in data}, [], turns(shares)
    for task in order:
        rows = data[task]
        batches = [rows[start : start + SIZE] for start in range(0, len(rows), SIZE)]
        loss, _ = model.loss(task, batches[places[task] % len(batches)])
        places[task] += 1
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    with torch.no_grad():
        results = {task: dict(zip(("loss", "accuracy"), (float(model.loss(task, rows)[0]), model.loss(task, rows)[1])))
                   for task, rows in tests.items()}
    return {"name": name, "weights": weights, "turns": order, "losses": losses, "evaluations": results}


data = {TOPICS: texts(13), TAGS: sentences(8)}
tests = {TOPICS: texts(9), TAGS: sentences(7)}
# Epochs of five and of three batches.
runs = [
    run("as many steps as the data has", data, tests, {TOPICS: 5, TAGS: 3}),
    run("by weights", data, tests, {TOPICS: 2, TAGS: 6}, {TOPICS: 1, TAGS: 3}),
]
(HERE / "runs.json").write_text(json.dumps({"train": data, "test": tests, "runs": runs}) + "\n")
