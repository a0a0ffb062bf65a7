"""Writes runs.json: what transformers' Trainer does with the options of `graft train`, on the tiny models.

    python make.py            # torch 2.15.0, transformers 5.23.0, accelerate 1.15.0, scikit-learn 1.9.1

Five epochs of ten batches (of four rows) in the data's order, without dropout, in float64. Of each run: the loss and the
learning rate of every step, and what was evaluated. Where Trainer has no such option, the run is Trainer's with what
PyTorch has for it: a loss, parameter groups, requires_grad, torch.optim.swa_utils.

`options` are Graft's, by name. The loss is computed over all 13 rows of the evaluation data at once.
"""

import json
import random
import shutil
import tempfile
from pathlib import Path

import numpy
import torch
from sklearn.metrics import accuracy_score, f1_score
from sklearn.utils.class_weight import compute_class_weight
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import SequentialSampler
from transformers import (
    AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer, DataCollatorForTokenClassification,
    DataCollatorWithPadding, EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments, logging,
)

HERE = Path(__file__).parent
MODELS = HERE.parent / "bert-tiny"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LAYERS = 2
random.seed(7)
logging.disable_progress_bar()


def texts(count):
    """Texts of a few letters; the label goes by the letters' part of the alphabet, mostly. Half the rows are of label 0."""
    result = []
    for index in range(count):
        label = random.choice([0, 0, 0, 1, 1, 2, 3])
        words = [random.choice(LETTERS[6 * label : 6 * label + 8]) for _ in range(random.randrange(3, 12))]
        result.append((" ".join(words), label if index % 5 else (label + 1) % 4))
    return result


def sentences(count, labels):
    """Words of a letter, each with a label of its own, mostly the first."""
    result = []
    for _ in range(count):
        words = [random.choice(LETTERS) for _ in range(random.randrange(3, 12))]
        result.append((words, [(ord(word) - 97) % labels if ord(word) % 2 else 0 for word in words]))
    return result


class Recorder(Trainer):
    """In the data's order, with the loss of every step."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.losses, self.rates = [], []

    def _get_train_sampler(self, dataset=None):
        return SequentialSampler(self.train_dataset)

    def training_step(self, *arguments, **options):
        loss = super().training_step(*arguments, **options)
        self.losses.append(loss.item())
        self.rates.append(self._get_learning_rate())
        return loss


class Rescheduling(TrainerCallback):
    """Gives the first step after a resumption the rate of its schedule: Trainer's is still that of the run before."""

    def __init__(self, trainer):
        self.trainer = trainer

    def on_train_begin(self, args, state, control, **rest):
        scheduler = self.trainer.lr_scheduler
        scheduler._last_lr = [
            base * factor(scheduler.last_epoch) for base, factor in zip(scheduler.base_lrs, scheduler.lr_lambdas)
        ]
        for group, rate in zip(self.trainer.optimizer.param_groups, scheduler._last_lr):
            group["lr"] = rate


class Grouped(Recorder):
    """With a learning rate for each parameter: `rate(name)` of the highest."""

    def __init__(self, *arguments, rate, **options):
        self.rate = rate
        super().__init__(*arguments, **options)

    def create_optimizer(self, model=None):
        decaying = set(self.get_decay_parameter_names(self.model))
        self.optimizer = torch.optim.AdamW(
            [
                {
                    "params": [parameter], "lr": self.args.learning_rate * self.rate(name),
                    "weight_decay": self.args.weight_decay if name in decaying else 0.0,
                }
                for name, parameter in self.model.named_parameters()
            ],
            lr=self.args.learning_rate, betas=(0.9, 0.999), eps=1e-8,
        )
        return self.optimizer

    def training_step(self, *arguments, **options):
        loss = super().training_step(*arguments, **options)
        first = next(name for name, _ in self.model.named_parameters())
        self.rates[-1] = self.lr_scheduler.get_last_lr()[0] / self.rate(first)
        return loss


class Averaging(Recorder):
    """Evaluates the moving average of the weights."""

    def __init__(self, *arguments, decay, **options):
        super().__init__(*arguments, **options)
        self.average = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(decay))
        average = self.average

        class Update(TrainerCallback):
            def on_step_end(self, args, state, control, model=None, **rest):
                average.update_parameters(model)

        self.add_callback(Update())

    def evaluate(self, *arguments, **options):
        kept = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.model.load_state_dict(self.average.module.state_dict())
        results = super().evaluate(*arguments, **options)
        self.model.load_state_dict(kept)
        return results


class AveragingLast(Recorder):
    """Ends with the mean of the weights after the last epochs, which is evaluated."""

    def __init__(self, *arguments, last, **options):
        super().__init__(*arguments, **options)
        self.average = average = AveragedModel(self.model)

        class Update(TrainerCallback):
            def on_epoch_end(self, args, state, control, model=None, **rest):
                if state.epoch > args.num_train_epochs - last:
                    average.update_parameters(model)

        self.add_callback(Update())

    def train(self, *arguments, **options):
        result = super().train(*arguments, **options)
        self.model.load_state_dict(self.average.module.state_dict())
        self.evaluate()
        return result


def depth(name):
    """0 for embeddings, N + 1 for layer N, and one more than all layers for what is above them."""
    if ".embeddings." in name:
        return 0
    return int(name.split(".layer.")[1].split(".")[0]) + 1 if ".layer." in name else LAYERS + 1


class Unfreezing(TrainerCallback):
    def __init__(self, steps):
        self.steps = steps

    def on_step_begin(self, args, state, control, model=None, **rest):
        lowest = LAYERS + 1 - state.global_step // self.steps
        for name, parameter in model.named_parameters():
            parameter.requires_grad = depth(name) >= lowest


def class_loss(weights=None, smoothing=0.0, gamma=0.0):
    def loss(outputs, labels, num_items_in_batch=None):
        logits = outputs["logits"].reshape(-1, outputs["logits"].shape[-1])
        labels = labels.reshape(-1)
        logits, labels = logits[labels != -100], labels[labels != -100]
        weight = torch.ones(logits.shape[1]).double() if weights is None else torch.tensor(weights).double()
        if gamma == 0:
            return torch.nn.functional.cross_entropy(logits, labels, weight=weight, label_smoothing=smoothing)
        log_p = torch.log_softmax(logits, -1)
        target = torch.nn.functional.one_hot(labels, logits.shape[1]) * (1 - smoothing) + smoothing / logits.shape[1]
        total = (target * weight * (1 - log_p.exp()) ** gamma * -log_p).sum()
        return total / weight[labels].sum()

    return loss


def scores(prediction):
    labels, predictions = prediction.label_ids.reshape(-1), numpy.argmax(prediction.predictions, -1).reshape(-1)
    labels, predictions = labels[labels != -100], predictions[labels != -100]
    return {"accuracy": accuracy_score(labels, predictions), "f1_macro": f1_score(labels, predictions, average="macro")}


tokenizer = AutoTokenizer.from_pretrained(MODELS / "sequence-classification")
TEXTS = {"train": texts(40), "test": texts(13), "other": texts(13)}
TAGGED = AutoModelForTokenClassification.from_pretrained(MODELS / "token-classification").config
SENTENCES = {"train": sentences(40, TAGGED.num_labels), "test": sentences(13, TAGGED.num_labels)}


def encoded(head, part):
    if head == "sequence-classification":
        return [{**tokenizer(text), "label": label} for text, label in TEXTS[part]]
    return [
        {**tokenizer(words, is_split_into_words=True), "labels": [-100, *labels, -100]}
        for words, labels in SENTENCES[part]
    ]


def run(name, options, arguments, head="sequence-classification", trainer=Recorder, callbacks=(), loss=None, **extra):
    architecture = {
        "sequence-classification": AutoModelForSequenceClassification,
        "token-classification": AutoModelForTokenClassification,
    }[head]

    def make(output, **changed):
        model = architecture.from_pretrained(
            MODELS / head, dtype=torch.float64, attn_implementation="eager", hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        collator = DataCollatorWithPadding if head == "sequence-classification" else DataCollatorForTokenClassification
        sets = extra.get("sets")
        return trainer(
            model=model, train_dataset=encoded(head, "train"),
            eval_dataset={set: encoded(head, set) for set in sets} if sets else encoded(head, "test"),
            compute_metrics=scores, data_collator=collator(tokenizer), compute_loss_func=loss, callbacks=list(callbacks),
            args=TrainingArguments(
                output, **{
                    "num_train_epochs": 5, "per_device_train_batch_size": 4, "per_device_eval_batch_size": 13,
                    "learning_rate": 5e-4, "weight_decay": 0.01, "eval_strategy": "epoch", "save_strategy": "no",
                    "logging_strategy": "no", "report_to": [], "disable_tqdm": True, "use_cpu": True, "optim": "adamw_torch",
                } | arguments | changed,
            ),
            **{key: value for key, value in extra.items() if key in ("rate", "decay", "last")},
        )

    with tempfile.TemporaryDirectory() as output:
        made = make(output)
        made.train()
        golden = {"name": name, "head": head, "options": options}
        if "extended" in extra:
            # The same run, resumed with more epochs.
            shutil.rmtree(Path(output, "runs"), ignore_errors=True)
            made = make(output, num_train_epochs=extra["extended"])
            made.add_callback(Rescheduling(made))
            made.train(resume_from_checkpoint=True)
            golden["extended"] = extra["extended"]
        golden |= {
            "losses": made.losses, "rates": made.rates, "global_step": made.state.global_step,
            "evaluations": [
                {key: value for key, value in entry.items() if not key.endswith(("_second", "_runtime"))}
                for entry in made.state.log_history if any(key.startswith("eval_") for key in entry)
            ],
        }
        if arguments.get("load_best_model_at_end"):
            golden |= {"best_global_step": made.state.best_global_step, "best_metric": made.state.best_metric}
            golden["final_loss"] = made.evaluate()["eval_loss"]
        print(f"{name}: loss {golden['losses'][0]:.3f} to {golden['losses'][-1]:.3f}, {golden['global_step']} steps")
        return golden


labels = [label for _, label in TEXTS["train"]]
balanced = compute_class_weight("balanced", classes=numpy.unique(labels), y=labels).tolist()
tags = [label for _, own in SENTENCES["train"] for label in own]
weighted = compute_class_weight("balanced", classes=numpy.unique(tags), y=tags).tolist()
assert len(balanced) == 4 and len(weighted) == TAGGED.num_labels
NAMES = list(AutoModelForSequenceClassification.from_pretrained(MODELS / "sequence-classification").config.id2label.values())

runs = [
    run("polynomial after a share of warm-up",
        {"lr-scheduler": "polynomial", "lr-scheduler-kwargs": "power=2,lr_end=1e-5", "warmup-ratio": "0.11"},
        {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"power": 2.0, "lr_end": 1e-5}, "warmup_steps": 0.11}),
    run("cosine with restarts",
        {"lr-scheduler": "cosine_with_restarts", "lr-scheduler-kwargs": "num_cycles=3", "warmup-steps": "5"},
        {"lr_scheduler_type": "cosine_with_restarts", "lr_scheduler_kwargs": {"num_cycles": 3}, "warmup_steps": 5}),
    run("constant with warm-up", {"lr-scheduler": "constant_with_warmup", "warmup-ratio": "0.2"},
        {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 0.2}),
    run("inverse square root", {"lr-scheduler": "inverse_sqrt", "warmup-steps": "5"},
        {"lr_scheduler_type": "inverse_sqrt", "warmup_steps": 5}),
    run("label smoothing", {"label-smoothing-factor": "0.1"}, {"label_smoothing_factor": 0.1}),
    run("balanced classes", {"class-weights": "balanced"}, {}, loss=class_loss(balanced)),
    run("weights of labels", {"class-weights": f"{NAMES[1]}=2.5,{NAMES[3]}=0.5"}, {}, loss=class_loss([1, 2.5, 1, 0.5])),
    run("focal loss", {"focal-gamma": "2"}, {}, loss=class_loss(gamma=2.0)),
    run("weights and smoothing", {"class-weights": "balanced", "label-smoothing-factor": "0.2"}, {},
        loss=class_loss(balanced, 0.2)),
    run("weights, smoothing and focal loss",
        {"class-weights": "balanced", "label-smoothing-factor": "0.1", "focal-gamma": "0.5"}, {},
        loss=class_loss(balanced, 0.1, 0.5)),
    run("label smoothing of words", {"label-smoothing-factor": "0.1"}, {"label_smoothing_factor": 0.1},
        head="token-classification"),
    run("balanced words", {"class-weights": "balanced"}, {}, head="token-classification", loss=class_loss(weighted)),
    run("best by accuracy",
        {"load-best-model-at-end": "true", "metric-for-best-model": "accuracy", "save-strategy": "epoch",
         "learning-rate": "3e-3"},
        {"load_best_model_at_end": True, "metric_for_best_model": "accuracy", "save_strategy": "epoch",
         "learning_rate": 3e-3}),
    run("stops early by the loss",
        {"load-best-model-at-end": "true", "metric-for-best-model": "loss", "early-stopping-patience": "2",
         "save-strategy": "epoch", "epochs": "12", "learning-rate": "3e-3"},
        {"load_best_model_at_end": True, "metric_for_best_model": "loss", "save_strategy": "epoch",
         "num_train_epochs": 12, "learning_rate": 3e-3},
        callbacks=[EarlyStoppingCallback(2)]),
    run("stops early for want of progress",
        {"load-best-model-at-end": "true", "metric-for-best-model": "f1_macro", "early-stopping-patience": "2",
         "early-stopping-threshold": "0.1", "save-strategy": "epoch", "epochs": "12"},
        {"load_best_model_at_end": True, "metric_for_best_model": "f1_macro", "save_strategy": "epoch",
         "num_train_epochs": 12},
        callbacks=[EarlyStoppingCallback(2, 0.1)]),
    run("a rate of the head", {"head-learning-rate": "5e-3", "warmup-steps": "5"}, {"warmup_steps": 5}, trainer=Grouped,
        rate=lambda name: 10 if depth(name) > LAYERS else 1),
    run("rates by layer", {"layer-decay": "0.6"}, {}, trainer=Grouped, rate=lambda name: 0.6 ** (LAYERS + 1 - depth(name))),
    run("layers thaw", {"unfreeze-every-n-steps": "12"}, {}, callbacks=[Unfreezing(12)]),
    run("moving average", {"ema-decay": "0.9"}, {}, trainer=Averaging, decay=0.9),
    run("mean of the last checkpoints", {"average-last": "3", "save-strategy": "epoch"}, {}, trainer=AveragingLast, last=3),
    run("two sets", {}, {}, sets=["test", "other"]),
    run("three epochs, then five", {"epochs": "3", "save-strategy": "epoch"},
        {"num_train_epochs": 3, "save_strategy": "epoch"}, extended=5),
]
document = {"texts": TEXTS, "sentences": SENTENCES, "runs": runs}
text = json.dumps(document, separators=(",", ":"))
for mark in ('{"name"', '"losses"', '"rates"', '"evaluations"', '"sentences"', '"runs"'):
    text = text.replace(mark, f"\n{mark}")
(HERE / "runs.json").write_text(text + "\n")
