"""What the makers of the tiny families share: a family's checkpoints, and their golden outputs.

torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0. Use it through a folder's `make.py`.
"""

import inspect
import json
import shutil
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()

WORD_TABLE = ("word_embeddings.weight", "tok_embeddings.weight")
MOODS = ["joy", "anger", "fear", "surprise", "calm"]
# More than ten: sorted as strings, "10" would come before "2".
TOPICS = "politics sports money science weather travel food music law health games art".split()
ENTITIES = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
# Not what transformers expects of a file: these are buffers that it once saved and now ignores or reports.
BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")


LINES = """The president of the company said that it will play the second game of the season in Iraq.
Oil prices rose 3.5% on Tuesday; Wall St. didn't notice, and they've said they'll wait until 2025.
We're told he's sure I'd go; it isn't "news", it's the market's way: sell, then buy, then sell again!
A naïve café in Zürich — the señor's résumé, the façade, the crème brûlée and the jalapeños.
Η γρήγορη καφέ αλεπού πηδά πάνω από το σκυλί. Съешь же ещё этих мягких французских булок.
中文和日本語のテキスト、한국어 문장도 있습니다. مرحبا بالعالم. שלום עולם
for (int i = 0; i < count; i++) { total += values[i] * 0x1F; }    // four spaces	and a tab
He said the team won the cup, the coach of the team said the same, and the other teams said nothing 😀🎉👩‍🚀
Scientists and researchers are searching for water there; the searching has taken them eleven years, or longer.
http://www.example.com/index.html?page=10&sort=name is an address, and user@example.com another one.""".split("\n")


def pieces(size, lowercase=False):
    """The first pieces of a Unigram model with their scores, trained on `LINES` and bert-tiny's words; none is unknown."""
    words = (Path(__file__).parent / "bert-tiny/base/vocab.txt").read_text(encoding="utf-8").splitlines()
    texts = LINES + [f"{word} {word} {word}" for word in words if word.isalpha()]
    trained = Tokenizer(models.Unigram())
    trained.normalizer = normalizers.Lowercase() if lowercase else None
    trained.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    trainer = trainers.UnigramTrainer(vocab_size=400, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False)
    trained.train_from_iterator(texts, trainer)
    vocabulary = json.loads(trained.to_str())["model"]["vocab"]
    # Equal scores come in any order.
    found = sorted((-round(score, 5), piece) for piece, score in vocabulary if piece != "<unk>")[:size]
    assert len(found) == size, len(found)
    return [(piece, -score) for score, piece in found]


def labels(names):
    return dict(id2label=dict(enumerate(names)), label2id={name: id for id, name in enumerate(names)})


def named_parameters(model):
    """A model's parameters, each once. A tied decoder is the word table, whichever of them the model has first."""
    table = next(name for name, _ in model.named_parameters(remove_duplicate=False) if name.endswith(WORD_TABLE))
    for name, parameter in model.named_parameters():
        yield table if parameter is model.get_parameter(table) else name, parameter


@dataclass
class Family:
    """One architecture.

    - folder: Where its checkpoints go.
    - prefix: Of the encoder's tensors in a file with a head, with its dot.
    - config: Makes a configuration from the keys that are to change.
    - write_tokenizer: Writes a tokenizer's files into a directory.
    - pad, first, last, mask: Ids of the special tokens.
    - words: The ids that stand for words, as a range.
    - pairs: Whether there are tokens of the second type.
    """

    folder: Path
    prefix: str
    config: Callable
    write_tokenizer: Callable
    pad: int
    first: int
    last: int
    mask: int
    words: tuple[int, int]
    pairs: bool = False
    written: dict = field(default_factory=dict)  # each checkpoint's class, and the length of its golden texts

    def randomise(self, model):
        """Gives every parameter values that follow from its name and shape, LayerNorms and biases too."""
        prefix = "" if hasattr(model, self.prefix[:-1]) else self.prefix
        norms = {id(p) for m in model.modules() if isinstance(m, torch.nn.LayerNorm) for p in m.parameters()}
        with torch.no_grad():
            for name, parameter in named_parameters(model):
                generator = torch.Generator().manual_seed(zlib.crc32((prefix + name).encode()))
                values = torch.randn(parameter.shape, generator=generator)
                if name.endswith("bias"):
                    parameter.copy_(0.1 * values)
                elif id(parameter) in norms:
                    parameter.copy_(1 + 0.2 * values)
                else:
                    parameter.copy_(0.3 * values)
            head = getattr(model, "lm_head", None)
            head = head or getattr(model, "predictions", None)
            if head is not None:  # untied, transformers has two biases and reads the decoder's alone: keep them equal
                head.decoder.bias.copy_(head.bias)

    def inputs(self, length):
        """Three rows: a full one, one of half the length, and one of which a token in the middle is masked out.

        The masked token is a word, so that positions count it, however they are counted.
        """
        generator = torch.Generator().manual_seed(42)
        ids = torch.randint(*self.words, (3, length), generator=generator)
        mask = torch.ones(3, length, dtype=torch.int64)
        ids[:, 0], ids[:, 3] = self.first, self.mask
        for row, size in enumerate((length, length // 2 + 1, length - 1)):
            ids[row, size - 1] = self.last
            ids[row, size:], mask[row, size:] = self.pad, 0
        mask[2, 2] = 0
        types = torch.zeros_like(ids)
        if self.pairs:
            types[:, 4:] = mask[:, 4:]
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}

    def left_padded(self, length):
        """Three rows with padding before the text, and for one of them within it too."""
        batch = self.inputs(length)
        ids, mask = batch["input_ids"], batch["attention_mask"]
        for row, size in ((1, 4), (2, 1)):
            ids[row], mask[row] = ids[row].roll(size), mask[row].roll(size)
            ids[row, :size], mask[row, :size] = self.pad, 0
        ids[0, 5], mask[0, 5] = self.pad, 0
        return batch

    def outputs(self, model, batch):
        """By the names that Graft's verification knows."""
        known = inspect.signature(model.forward).parameters  # some have no token types
        arguments = {key: value for key, value in batch.items() if key in known}
        with torch.no_grad():
            backbone = getattr(model, self.prefix[:-1], model)(**arguments)
            outputs = {"last_hidden_state": backbone.last_hidden_state}
            if getattr(backbone, "pooler_output", None) is not None:
                outputs["pooler_output"] = backbone.pooler_output
            name = type(model).__name__
            if name.endswith("ForMultipleChoice"):  # the rows are the choices of one question
                arguments = {key: value.unsqueeze(0) for key, value in arguments.items()}
            result = model(**arguments)
        if name.endswith("ForPreTraining") and "prediction_logits" in result:
            outputs |= {key: result[key] for key in ("prediction_logits", "sop_logits")}
        elif name.endswith("ForMaskedLM"):
            outputs["prediction_logits"] = result.logits
        elif name.endswith("ForQuestionAnswering"):
            outputs |= dict(start_logits=result.start_logits, end_logits=result.end_logits)
        elif name.endswith("ForMultipleChoice"):
            outputs["logits"] = result.logits.reshape(-1, 1)
        elif hasattr(result, "logits"):
            outputs["logits"] = result.logits
        return {key: value.float().contiguous() for key, value in outputs.items()}

    def golden(self, name, architecture, arguments, length):
        """Loads what was written and keeps what it computes."""
        directory = self.folder / name
        for file in directory.iterdir():
            file.chmod(0o644)
        model, info = architecture.from_pretrained(
            directory, dtype=torch.float32, attn_implementation="eager", output_loading_info=True, **arguments
        )
        for kind in ("missing_keys", "mismatched_keys", "error_msgs"):
            assert not info[kind], (directory, kind, info[kind])
        assert {key.removeprefix(self.prefix) for key in info["unexpected_keys"]} <= set(BUFFERS), info
        model.eval()
        files = {"golden.safetensors": self.inputs(length)}
        if name == "base":
            files["golden-left-padding.safetensors"] = self.left_padded(9)
        for file, batch in files.items():
            save_file(batch | self.outputs(model, batch), directory / file)
            (directory / file).chmod(0o644)

    def fresh(self, name):
        directory = self.folder / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        return directory

    def write(self, name, architecture, settings=None, arguments=None, length=6, tokenizer=None):
        """A checkpoint as transformers saves it."""
        directory, arguments = self.fresh(name), arguments or {}
        model = architecture(self.config(**(settings or {})), **arguments)
        self.randomise(model)
        model.save_pretrained(directory)
        (tokenizer or self.write_tokenizer)(directory)
        self.golden(name, architecture, arguments, length)
        self.written[name] = (architecture, length)

    def rewrite(self, name, of, rework, tokenizer=None, file="model.safetensors"):
        """The tensors of another checkpoint renamed, copied or put into a .bin by hand; its golden file is the other's."""
        directory, (architecture, length) = self.fresh(name), self.written[of]
        shutil.copy(self.folder / of / "config.json", directory)
        tensors = rework(load_file(self.folder / of / "model.safetensors"))
        if file.endswith(".bin"):
            torch.save(tensors, directory / file)
        else:
            save_file({key: value.contiguous() for key, value in tensors.items()}, directory / file, {"format": "pt"})
        (tokenizer or self.write_tokenizer)(directory)
        self.golden(name, architecture, {}, length)
        own, other = (self.folder / place / "golden.safetensors" for place in (name, of))
        found, expected = load_file(own), load_file(other)
        assert found.keys() == expected.keys() and all(torch.equal(found[key], expected[key]) for key in found), name
        own.unlink()
        own.symlink_to(Path("..") / of / other.name)

    def write_usual(self, name, longest, positions, decoder, classifier=None, old=None, bare=None):
        """The checkpoints that every family has, in every spelling.

        - name: What its classes begin with.
        - longest: The most tokens in a text.
        - positions: The rows of the position table.
        - decoder: What older files call the copies of a masked-language model, and whose copies they are.
        - classifier: Settings of the classifier.
        - old: Writes the tokenizer's files as they were before tokenizer.json.
        - bare: Writes the vocabulary alone.
        """
        kind = lambda suffix: getattr(transformers, name + suffix)
        self.write("base", kind("Model"), length=longest)
        self.write("masked-lm", kind("ForMaskedLM"))
        self.write("sequence-classification", kind("ForSequenceClassification"), labels(MOODS) | (classifier or {}))
        self.write("two-labels", kind("ForSequenceClassification"))  # its config.json names no labels
        self.write(
            "multi-label", kind("ForSequenceClassification"),
            dict(problem_type="multi_label_classification", **labels(TOPICS)),
        )
        self.write("token-classification", kind("ForTokenClassification"), labels(ENTITIES))
        self.write("question-answering", kind("ForQuestionAnswering"))
        self.write("multiple-choice", kind("ForMultipleChoice"))
        # The encoder's activation, and an epsilon that is large enough to be seen everywhere.
        self.write("relu", kind("ForMaskedLM"), dict(hidden_act="relu", layer_norm_eps=2e-3))
        self.write("untied-decoder", kind("ForMaskedLM"), dict(tie_word_embeddings=False))

        def with_decoder(tensors, copy):
            """As `state_dict()` has it."""
            return tensors | {
                name: tensors[target].clone() if copy else tensors[target] for name, target in decoder.items()
            }

        def legacy(tensors):
            """As files of 2019 are: with the decoder, the buffers, and a LayerNorm's first names."""
            places = torch.arange(positions).unsqueeze(0)
            spelled = lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            )
            renamed = {spelled(name): tensor for name, tensor in with_decoder(tensors, copy=True).items()}
            return renamed | {self.prefix + BUFFERS[0]: places, self.prefix + BUFFERS[1]: torch.zeros_like(places)}

        prefixed = lambda tensors: {self.prefix + name: tensor for name, tensor in tensors.items()}
        unprefixed = lambda tensors: {name.removeprefix(self.prefix): tensor for name, tensor in tensors.items()}
        self.rewrite("pytorch-copies", "masked-lm", lambda t: with_decoder(t, copy=True), old, "pytorch_model.bin")
        self.rewrite("pytorch-shared", "masked-lm", lambda t: with_decoder(t, copy=False), bare, "pytorch_model.bin")
        self.rewrite("legacy", "masked-lm", legacy, old)
        self.rewrite("prefixed-base", "base", prefixed)
        self.rewrite("unprefixed-masked-lm", "masked-lm", unprefixed)
        self.without_architectures(
            "base", "masked-lm", "sequence-classification", "two-labels", "multi-label", "token-classification",
            "question-answering", "multiple-choice",
        )

    def without_architectures(self, *names):
        """Each checkpoint again with a config.json that does not say whose it is; all else is a link to the original."""
        for name in names:
            directory = self.fresh(f"without-architectures/{name}")
            document = json.loads((self.folder / name / "config.json").read_text())
            del document["architectures"]
            (directory / "config.json").write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
            for file in sorted((self.folder / name).iterdir()):
                if file.name != "config.json":
                    (directory / file.name).symlink_to(Path("../..") / name / file.name)
