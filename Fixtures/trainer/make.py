"""Writes run.json: what transformers' Trainer logs and keeps when it fine-tunes the tiny classifier.

    python make.py            # torch 2.15.0, transformers 5.23.0, accelerate 1.15.0, scikit-learn 1.9.1

Four epochs of three batches (4, 4 and 2 texts) in the data's order, without dropout, evaluated at the start, evaluated
and saved after each epoch, two checkpoints kept; the loss is logged every two steps. Times and paths are of no interest.
"""

import json
import random
import tempfile
from pathlib import Path

import numpy
import torch
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from torch.utils.data import SequentialSampler
from transformers import AutoTokenizer, BertForSequenceClassification, DataCollatorWithPadding, Trainer, TrainingArguments

HERE = Path(__file__).parent
MODEL = HERE.parent / "bert-tiny" / "sequence-classification"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
random.seed(5)


def rows(count):
    """Texts of a few letters; the label goes by the letters' part of the alphabet, mostly."""
    result = []
    for index in range(count):
        label = random.randrange(4)
        words = [random.choice(LETTERS[6 * label : 6 * label + 8]) for _ in range(random.randrange(3, 12))]
        result.append((" ".join(words), label if index % 5 else (label + 1) % 4))
    return result


class InOrder(Trainer):
    def _get_train_sampler(self, dataset=None):
        return SequentialSampler(self.train_dataset)


def scores(prediction):
    labels, predictions = prediction.label_ids, numpy.argmax(prediction.predictions, -1)
    precision, recall, f1, _ = precision_recall_fscore_support(labels, predictions, average="macro", zero_division=0)
    return {
        "accuracy": accuracy_score(labels, predictions), "precision_macro": precision, "recall_macro": recall,
        "f1_macro": f1,
    }


tokenizer = AutoTokenizer.from_pretrained(MODEL)
model = BertForSequenceClassification.from_pretrained(
    MODEL, attn_implementation="eager", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
)
train, test = rows(10), rows(13)
encode = lambda data: [{**tokenizer(text), "label": label} for text, label in data]
with tempfile.TemporaryDirectory() as output:
    trainer = InOrder(
        model=model, train_dataset=encode(train), eval_dataset=encode(test), compute_metrics=scores,
        data_collator=DataCollatorWithPadding(tokenizer),
        args=TrainingArguments(
            output, num_train_epochs=4, per_device_train_batch_size=4, learning_rate=2e-3, warmup_steps=3, weight_decay=0.1,
            max_grad_norm=1.0, logging_steps=2, eval_strategy="epoch", eval_on_start=True, save_strategy="epoch", save_total_limit=2,
            metric_for_best_model="accuracy", optim="adamw_torch", report_to=[], disable_tqdm=True, use_cpu=True,
        ),
    )
    result = trainer.train()
    trainer.save_state()
    state = json.loads(Path(output, "trainer_state.json").read_text())
    checkpoints = sorted(path.name for path in Path(output).glob("checkpoint-*"))
state["best_model_checkpoint"] = Path(state["best_model_checkpoint"]).name
golden = {"train": train, "test": test, "state": state, "checkpoints": checkpoints, "metrics": result.metrics}
(HERE / "run.json").write_text(json.dumps(golden, indent=1) + "\n")
