"""Writes training runs of 50 steps on the tiny checkpoints, three for each family: batches, losses and the final weights.

    python make.py            # torch 2.15.0, transformers 5.23.0, safetensors 0.8.0

A plain loop over torch.optim.AdamW, as transformers' Trainer does it: weight decay spares biases and LayerNorm, the
gradient's norm is clipped to 1, the learning rate warms up for 5 steps (the first step's is 0) and falls to 0.
Dropout is 0. The run is computed in float64 and stored as float32; the same run in float32 is compared with it, and what
it deviates by is printed: a float32 implementation cannot be expected to come closer.

Files are named by their family and task.

Tensors: `input_ids` [50, 8, L] (padding beyond a row's length), `lengths` [50, 8], `labels` [50, 8] or [50, 8, L] with -100
where nothing is to be predicted, or [50, 2] for questions with four choices each (all int32); `loss`, `grad_norm` (before clipping), `learning_rate` (used in that step)
[50] float32; `final.<name>` the weights after the last step. No token types (all 0), no holes in the masks.
The biases of keys, and of relative positions as keys, do not influence a loss, so their gradient is rounding noise which
Adam blows up to the size of the learning rate in float32: do not compare `final.*.key.bias`, `k_lin.bias`,
`attn.k.bias` and `pos_key_proj.bias` (they stay as they were here).
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    AlbertForMaskedLM,
    AlbertForSequenceClassification,
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForTokenClassification,
    BertForMaskedLM,
    BertForSequenceClassification,
    CamembertForMaskedLM,
    CamembertForSequenceClassification,
    DebertaV2ForMaskedLM,
    DebertaV2ForSequenceClassification,
    DistilBertForMaskedLM,
    DistilBertForSequenceClassification,
    ElectraForMaskedLM,
    ElectraForSequenceClassification,
    MPNetForMaskedLM,
    MPNetForSequenceClassification,
    ModernBertForMaskedLM,
    ModernBertForSequenceClassification,
    NomicBertForMaskedLM,
    NomicBertForSequenceClassification,
    RobertaForMaskedLM,
    RobertaForSequenceClassification,
    XLMRobertaForMaskedLM,
    XLMRobertaForSequenceClassification,
    get_linear_schedule_with_warmup,
)
from transformers.core_model_loading import revert_weight_conversion

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from exact import compute_exactly  # noqa: E402
from tiny import named_parameters  # noqa: E402

STEPS, BATCH, LONGEST = 50, 8, 16
CHOICES = 4
generator = torch.Generator()


@dataclass
class Family:
    """A folder of checkpoints: ids of its special tokens and the first of its words, and the keys of its dropouts."""

    folder: str
    classifier: type
    masked_lm: type
    dropouts: list[str]
    pad: int = 0
    first: int = 2
    last: int = 3
    mask: int = 4
    word: int = 5
    end: int = 260
    labels: int = 5


DROPOUTS = ["hidden_dropout_prob", "attention_probs_dropout_prob"]
BERT = Family("bert-tiny", BertForSequenceClassification, BertForMaskedLM, DROPOUTS, labels=4)
DISTILBERT = Family(
    "distilbert-tiny", DistilBertForSequenceClassification, DistilBertForMaskedLM,
    ["dropout", "attention_dropout", "seq_classif_dropout", "qa_dropout"],
)
ROBERTA = Family(
    "roberta-tiny", RobertaForSequenceClassification, RobertaForMaskedLM, [*DROPOUTS, "classifier_dropout"],
    pad=1, first=0, last=2, mask=392, word=4, end=392,
)
ELECTRA = Family(
    "electra-tiny", ElectraForSequenceClassification, ElectraForMaskedLM,
    [*DROPOUTS, "classifier_dropout", "summary_last_dropout"],
)
MPNET = Family(
    "mpnet-tiny", MPNetForSequenceClassification, MPNetForMaskedLM, DROPOUTS,
    pad=1, first=0, last=2, mask=264, word=9, end=264,
)
ALBERT = Family(
    "albert-tiny", AlbertForSequenceClassification, AlbertForMaskedLM, [*DROPOUTS, "classifier_dropout_prob"],
)
XLM_ROBERTA = Family(
    "xlm-roberta-tiny", XLMRobertaForSequenceClassification, XLMRobertaForMaskedLM, [*DROPOUTS, "classifier_dropout"],
    pad=1, first=0, last=2, mask=259, word=4, end=259,
)
CAMEMBERT = Family(
    "camembert-tiny", CamembertForSequenceClassification, CamembertForMaskedLM, [*DROPOUTS, "classifier_dropout"],
    pad=1, first=5, last=6, mask=259, word=7, end=259,
)
NOMIC_BERT = Family(
    "nomic_bert-tiny", NomicBertForSequenceClassification, NomicBertForMaskedLM, [*DROPOUTS, "classifier_dropout"]
)
MODERNBERT = Family(
    "modernbert-tiny", ModernBertForSequenceClassification, ModernBertForMaskedLM,
    ["attention_dropout", "embedding_dropout", "mlp_dropout", "classifier_dropout"],
    pad=391, first=389, last=390, mask=392, word=0, end=388,
)
DEBERTA_V2 = Family(
    "deberta-v2-tiny", DebertaV2ForSequenceClassification, DebertaV2ForMaskedLM,
    [*DROPOUTS, "pooler_dropout", "cls_dropout"],
)
# By the seed of its batches.
FAMILIES = {
    30: ("bert", BERT), 32: ("distilbert", DISTILBERT), 34: ("roberta", ROBERTA), 36: ("electra", ELECTRA),
    38: ("mpnet", MPNET), 40: ("albert", ALBERT), 44: ("camembert", CAMEMBERT), 46: ("xlm-roberta", XLM_ROBERTA),
    50: ("nomic_bert", NOMIC_BERT), 54: ("deberta-v2", DEBERTA_V2), 60: ("modernbert", MODERNBERT),
}
KEY_BIASES = ("key.bias", "k_lin.bias", "attn.k.bias", "pos_key_proj.bias")


def randint(low, high, *shape):
    return torch.randint(low, high, shape, generator=generator)


def sequences(family, low, high):
    lengths = randint(4, LONGEST + 1, STEPS, BATCH)
    ids = randint(low, high, STEPS, BATCH, LONGEST)
    ids[:, :, 0] = family.first
    ids.scatter_(2, (lengths - 1).unsqueeze(2), family.last)
    return torch.where(torch.arange(LONGEST) < lengths.unsqueeze(2), ids, family.pad), lengths


def is_word(family, ids):
    return (ids >= family.word) & (ids < family.end)


def classification_batches(family):
    """Every text is made of the three words of its class; one word in five is random."""
    ids, lengths = sequences(family, 20, family.end)
    labels = randint(0, family.labels, STEPS, BATCH)
    topical = 100 + 3 * labels.unsqueeze(2) + randint(0, 3, STEPS, BATCH, LONGEST)
    chosen = is_word(family, ids) & (torch.rand(ids.shape, generator=generator) < 0.8)
    return torch.where(chosen, topical, ids), lengths, labels


def masked_batches(family):
    """Texts of twelve words; one word in five is hidden, and of those some stay and some become another word."""
    ids, lengths = sequences(family, 200, 212)
    words = is_word(family, ids)
    hidden = words & (torch.rand(ids.shape, generator=generator) < 0.2)
    hidden[:, :, 1] = True  # every text has one
    labels = torch.where(hidden, ids, -100)
    choice = torch.rand(ids.shape, generator=generator)
    masked = torch.where(hidden & (choice < 0.8), family.mask, ids)
    masked = torch.where(hidden & (choice > 0.9), randint(family.word, family.end, STEPS, BATCH, LONGEST), masked)
    return masked, lengths, labels


def token_batches(family):
    """A token's class follows from its id; one word in four has none, as the second piece of a word."""
    ids, lengths = sequences(family, 20, family.end)
    counted = is_word(family, ids) & (torch.rand(ids.shape, generator=generator) < 0.75)
    counted[:, :, 1] = True  # every text has one
    return ids, lengths, torch.where(counted, ids // 3 % 7, -100)


def answer_batches(family):
    """An answer is the word with the smallest id and the one behind it; some texts have none, which the first token
    stands for. All texts are equally long, for transformers counts the scores of padding as others.
    """
    ids = randint(20, family.end, STEPS, BATCH, LONGEST)
    ids[:, :, 0], ids[:, :, -1] = family.first, family.last
    starts = ids[:, :, 1:-2].argmin(dim=2) + 1
    has_answer = torch.rand(starts.shape, generator=generator) < 0.75
    places = torch.stack([starts, starts + 1], dim=2) * has_answer.unsqueeze(2)
    return ids, torch.full((STEPS, BATCH), LONGEST), places


def choice_batches(family):
    """Two questions with four choices each, of which one has words that the others do not have."""
    ids, lengths = sequences(family, 20, 90)
    labels = randint(0, CHOICES, STEPS, BATCH // CHOICES)
    is_right = torch.nn.functional.one_hot(labels, CHOICES).reshape(STEPS, BATCH, 1) == 1
    chosen = is_right & is_word(family, ids) & (torch.rand(ids.shape, generator=generator) < 0.8)
    return torch.where(chosen, 100 + randint(0, 12, STEPS, BATCH, LONGEST), ids), lengths, labels


def max_gradient(model):
    return max(parameter.grad.abs().max() for parameter in model.parameters())


def train(family, directory, batches, dtype):
    architectures = {"masked-lm": family.masked_lm, "token-classification": AutoModelForTokenClassification,
                     "question-answering": AutoModelForQuestionAnswering, "multiple-choice": AutoModelForMultipleChoice}
    architecture = architectures.get(directory, family.classifier)
    model = architecture.from_pretrained(
        HERE.parent / family.folder / directory, dtype=dtype, attn_implementation="eager",
        **dict.fromkeys(family.dropouts, 0.0),
    )
    model.train()
    norms = {f"{n}.weight" for n, m in model.named_modules() if isinstance(m, torch.nn.LayerNorm)}
    exempt = lambda name: name.endswith("bias") or name in norms
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
        if directory == "question-answering":
            targets = {"start_positions": labels[:, 0], "end_positions": labels[:, 1]}
        else:
            targets = {"labels": labels[:, :longest].contiguous() if labels.dim() == 2 else labels}
        ids = ids[:, :longest]
        if directory == "multiple-choice":
            ids, mask = ids.unflatten(0, (-1, CHOICES)), mask.unflatten(0, (-1, CHOICES))
        loss = model(input_ids=ids, attention_mask=mask, **targets).loss
        loss.backward()
        if not history["loss"]:
            idle = {n for n, p in model.named_parameters() if p.grad.abs().max() < 1e-9 * max_gradient(model)}
        history["loss"].append(loss.item())
        history["grad_norm"].append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
        history["learning_rate"].append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    # As they are called in files, which is not always what modules are called.
    stored = revert_weight_conversion(model, {n: p.detach() for n, p in named_parameters(model)})
    final = {f"final.{n}": weight for n, weight in stored.items()}
    if directory in ("question-answering", "multiple-choice"):
        # A softmax over tokens or choices does not see what is added to all of them. Adam makes the rounding of such gradients as
        # large as any other.
        final = {n: weight for n, weight in final.items() if n.removeprefix("final.") not in idle}
    return {key: torch.tensor(values, dtype=torch.float64) for key, values in history.items()} | final


def write(name, family, directory, batches):
    truth = train(family, directory, batches, torch.float64)
    rounded = train(family, directory, batches, torch.float32)
    deviation = {"loss": 0.0, "grad_norm": 0.0, "weights": 0.0}
    for key, value in truth.items():
        error = float(((value - rounded[key]).abs() / (value.abs() if key in deviation else 1)).max())
        kind = key if key in deviation else "weights"
        if kind in deviation and not key.endswith(KEY_BIASES) and key != "learning_rate":
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
    compute_exactly()
    for seed, (prefix, family) in FAMILIES.items():
        generator.manual_seed(seed)
        write(f"{prefix}_sequence_classification", family, "sequence-classification", classification_batches(family))
        generator.manual_seed(seed + 1)
        write(f"{prefix}_masked_lm", family, "masked-lm", masked_batches(family))
        generator.manual_seed(100 + seed)
        write(f"{prefix}_token_classification", family, "token-classification", token_batches(family))
        if prefix != "nomic_bert":  # transformers has no such class of it
            generator.manual_seed(200 + seed)
            write(f"{prefix}_question_answering", family, "question-answering", answer_batches(family))
        if prefix in ("bert", "roberta", "electra", "modernbert"):  # a head of each kind
            generator.manual_seed(300 + seed)
            write(f"{prefix}_multiple_choice", family, "multiple-choice", choice_batches(family))
