"""What the scripts of this folder share: the families, and a checkpoint loaded by the class its config.json names."""

import inspect
import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import transformers

TEXTS = [
    "The president of the company said it will play in Iraq.",
    "Oil prices rose 3.5% on Tuesday; Wall St. didn't notice...",
    "A [MASK] in the café — naïve, 中文 & ÜBER straße!",
    "",
    "Short",
]


@dataclass(frozen=True)
class Family:
    """One architecture.

    - name: As config.json's `model_type`, and that of its folder of fixtures.
    - heads: Graft's name for the head of each class.
    - ties: Names that a masked-LM class ties to others, as its `state_dict()` has them.
    - vocabulary: The file that its tokenizer cannot do without; others say the same.
    - mask: The token that hides a word.
    - mask_takes_space: Whether it takes the space before it, where a tokenizer's files do not say.
    - first_position: How many rows of the position table are never used.
    """

    name: str
    heads: dict[str, str]
    ties: dict[str, str]
    vocabulary: str = "vocab.txt"
    mask: str = "[MASK]"
    mask_takes_space: bool = False
    first_position: int = 0

    @property
    def folder(self):
        return f"{self.name}-tiny"

    def texts(self):
        return [text.replace("[MASK]", self.mask) for text in TEXTS]

    def longest(self, positions):
        """How many tokens a text may have, by the rows of the position table."""
        return positions - self.first_position

    def subject(self, source):
        """What a check calls a checkpoint."""
        name = source.parent.name if source.name == "model" else source.name
        return name if self.name == "bert" else f"{self.name} {name}"


BERT = Family(
    "bert",
    {
        "BertForMaskedLM": "masked-lm",
        "BertForNextSentencePrediction": "next-sentence",
        "BertForPreTraining": "pretraining",
        "BertForSequenceClassification": "sequence-classification",
        "BertForTokenClassification": "token-classification",
        "BertForQuestionAnswering": "question-answering",
        "BertForMultipleChoice": "multiple-choice",
    },
    {
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
)
DISTILBERT = Family(
    "distilbert",
    {
        "DistilBertForMaskedLM": "masked-lm",
        "DistilBertForSequenceClassification": "sequence-classification",
        "DistilBertForTokenClassification": "token-classification",
        "DistilBertForQuestionAnswering": "question-answering",
        "DistilBertForMultipleChoice": "multiple-choice",
    },
    {"vocab_projector.weight": "distilbert.embeddings.word_embeddings.weight"},
)
ROBERTA = Family(
    "roberta",
    {
        "RobertaForMaskedLM": "masked-lm",
        "RobertaForSequenceClassification": "sequence-classification",
        "RobertaForTokenClassification": "token-classification",
        "RobertaForQuestionAnswering": "question-answering",
        "RobertaForMultipleChoice": "multiple-choice",
    },
    {
        "lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight",
        "lm_head.decoder.bias": "lm_head.bias",
    },
    vocabulary="tokenizer.json",
    mask="<mask>",
    mask_takes_space=True,  # as transformers 4 has it for vocab.json and merges.txt alone; 5 does not
    first_position=2,
)
ELECTRA = Family(
    "electra",
    {
        "ElectraForMaskedLM": "masked-lm",
        "ElectraForPreTraining": "replaced-token-detection",
        "ElectraForSequenceClassification": "sequence-classification",
        "ElectraForTokenClassification": "token-classification",
        "ElectraForQuestionAnswering": "question-answering",
        "ElectraForMultipleChoice": "multiple-choice",
    },
    {"generator_lm_head.weight": "electra.embeddings.word_embeddings.weight"},
)
MPNET = Family(
    "mpnet",
    {
        "MPNetForMaskedLM": "masked-lm",
        "MPNetForSequenceClassification": "sequence-classification",
        "MPNetForTokenClassification": "token-classification",
        "MPNetForQuestionAnswering": "question-answering",
        "MPNetForMultipleChoice": "multiple-choice",
    },
    {"lm_head.decoder.weight": "mpnet.embeddings.word_embeddings.weight", "lm_head.decoder.bias": "lm_head.bias"},
    vocabulary="tokenizer.json",
    mask="<mask>",
    mask_takes_space=True,
    first_position=2,
)
ALBERT = Family(
    "albert",
    {
        "AlbertForMaskedLM": "masked-lm",
        "AlbertForPreTraining": "pretraining",
        "AlbertForSequenceClassification": "sequence-classification",
        "AlbertForTokenClassification": "token-classification",
        "AlbertForQuestionAnswering": "question-answering",
        "AlbertForMultipleChoice": "multiple-choice",
    },
    {
        "predictions.decoder.weight": "albert.embeddings.word_embeddings.weight",
        "predictions.decoder.bias": "predictions.bias",
    },
    vocabulary="tokenizer.json",
)
XLM_ROBERTA = replace(
    ROBERTA,
    name="xlm-roberta",
    heads={
        "XLMRobertaForMaskedLM": "masked-lm",
        "XLMRobertaForSequenceClassification": "sequence-classification",
        "XLMRobertaForTokenClassification": "token-classification",
        "XLMRobertaForQuestionAnswering": "question-answering",
        "XLMRobertaForMultipleChoice": "multiple-choice",
    },
)
CAMEMBERT = replace(
    ROBERTA,
    name="camembert",
    heads={
        "CamembertForMaskedLM": "masked-lm",
        "CamembertForSequenceClassification": "sequence-classification",
        "CamembertForTokenClassification": "token-classification",
        "CamembertForQuestionAnswering": "question-answering",
        "CamembertForMultipleChoice": "multiple-choice",
    },
)
NOMIC_BERT = Family(
    "nomic_bert",
    {
        "NomicBertForMaskedLM": "masked-lm",
        "NomicBertForSequenceClassification": "sequence-classification",
        "NomicBertForTokenClassification": "token-classification",
    },
    {
        "cls.predictions.decoder.weight": "nomic_bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
)
MODERNBERT = Family(
    "modernbert",
    {
        "ModernBertForMaskedLM": "masked-lm",
        "ModernBertForSequenceClassification": "sequence-classification",
        "ModernBertForTokenClassification": "token-classification",
        "ModernBertForQuestionAnswering": "question-answering",
        "ModernBertForMultipleChoice": "multiple-choice",
    },
    {"decoder.weight": "model.embeddings.tok_embeddings.weight"},
    vocabulary="tokenizer.json",
)
DEBERTA_V2 = Family(
    "deberta-v2",
    {
        "DebertaV2ForMaskedLM": "masked-lm",
        "DebertaV2ForSequenceClassification": "sequence-classification",
        "DebertaV2ForTokenClassification": "token-classification",
        "DebertaV2ForQuestionAnswering": "question-answering",
        "DebertaV2ForMultipleChoice": "multiple-choice",
    },
    {
        "cls.predictions.decoder.weight": "deberta.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
    vocabulary="tokenizer.json",
)
FAMILIES = {
    family.name: family for family in (
        BERT, DISTILBERT, ROBERTA, XLM_ROBERTA, CAMEMBERT, ELECTRA, MPNET, ALBERT, NOMIC_BERT, MODERNBERT, DEBERTA_V2
    )
}


def read_config(directory):
    return json.loads((Path(directory) / "config.json").read_text())


def family(directory) -> Family:
    return FAMILIES[read_config(directory)["model_type"]]


def architecture(directory) -> str:
    names = read_config(directory).get("architectures") or []
    if len(names) != 1:
        raise SystemExit(f"{directory}: config.json names {len(names)} architectures, expected one: {names}")
    return names[0]


def sources(fixtures):
    """The tiny checkpoints of every family, whose class Graft knows, with their golden files."""
    for one in FAMILIES.values():
        for golden in sorted(fixtures.glob(f"{one.folder}/*/golden.safetensors")):
            kind = architecture(golden.parent)
            # Version 4 wrote null for no activation, and version 5 does not load it; the golden file checks such a one.
            if read_config(golden.parent).get("summary_activation", "") is None:
                continue
            if kind.endswith("Model") or kind in one.heads:
                yield golden.parent, golden


def load(directory):
    """The model in float32, with eager attention and in evaluation mode, and what transformers says about the keys."""
    name = architecture(directory)
    kind = getattr(transformers, name, None)
    if kind is None:
        raise SystemExit(f"{directory}: transformers has no class {name}")
    arguments = dict(dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    model, info = kind.from_pretrained(directory, **arguments)
    # A backbone may come without pooler; then ask for one without.
    poolers = {"pooler.dense.weight", "pooler.dense.bias"}, {"pooler.weight", "pooler.bias"}
    if name.endswith("Model") and set(info["missing_keys"]) in poolers:
        model, info = kind.from_pretrained(directory, add_pooling_layer=False, **arguments)
    return model.eval(), info


def encode(directory, texts, length=64):
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    length = min(length, family(directory).longest(read_config(directory)["max_position_embeddings"]))
    batch = tokenizer(list(texts), padding=True, truncation=True, max_length=length, return_tensors="pt")
    types = batch.get("token_type_ids", torch.zeros_like(batch["input_ids"]))
    return {key: batch.get(key, types) for key in ("input_ids", "attention_mask", "token_type_ids")}


@torch.no_grad()
def outputs(model, batch) -> dict[str, torch.Tensor]:
    """By the names that `graft verify` knows."""
    known = inspect.signature(model.forward).parameters
    batch = {key: value for key, value in batch.items() if key in known}
    backbone = getattr(model, model.base_model_prefix, model)(**batch)
    found = {"last_hidden_state": backbone.last_hidden_state}
    if getattr(backbone, "pooler_output", None) is not None:
        found["pooler_output"] = backbone.pooler_output
    name = type(model).__name__
    if name.endswith("ForMultipleChoice"):  # the rows are the choices of one question
        batch = {key: value.unsqueeze(0) for key, value in batch.items()}
    result = model(**batch)
    if name == "ElectraForPreTraining":
        found["logits"] = result.logits
    elif name.endswith("ForPreTraining"):
        pairs = "sop_logits" if "sop_logits" in result else "seq_relationship_logits"
        found |= {"prediction_logits": result.prediction_logits, pairs: result[pairs]}
    elif name.endswith("ForMaskedLM"):
        found["prediction_logits"] = result.logits
    elif name.endswith("ForNextSentencePrediction"):
        found["seq_relationship_logits"] = result.logits
    elif name.endswith("ForQuestionAnswering"):
        found |= dict(start_logits=result.start_logits, end_logits=result.end_logits)
    elif name.endswith("ForMultipleChoice"):
        found["logits"] = result.logits.reshape(-1, 1)
    elif hasattr(result, "logits"):
        found["logits"] = result.logits
    return {key: value.float().contiguous() for key, value in found.items()}
