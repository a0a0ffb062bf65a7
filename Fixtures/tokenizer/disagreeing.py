"""Writes disagreeing.json.gz: what transformers (5.23) makes of checkpoints whose tokenizer files say different things, and of
vocabularies with repeated lines, holes and white space.

    python disagreeing.py

Each case is a change to the files of a fixture: `files` has the new text of a file, or null where it is taken away. `ids` are
those of `text`, cut to `maximum`; null where transformers has another tokenizer, which Graft refuses to imitate.
"""

import gzip
import json
import os
import tempfile

import transformers
from transformers import AutoTokenizer

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt", "config.json")
TEXTS = {
    "bert-tiny/masked-lm": "The World café 中文 [MASK] newtok the team won <extra> NEWTOK",
    "roberta-tiny/masked-lm": "He can <mask> newtok he <extra>  do it NEWTOK newtoks",
}
cases = []


def token(content, **flags):
    plain = dict(content=content, lstrip=False, rstrip=False, normalized=False, single_word=False, special=True)
    return dict(plain, **flags, __type="AddedToken")


class Files:
    """The files of a checkpoint while a case changes them."""

    def __init__(self, base):
        self.texts = {}
        for name in FILES:
            path = os.path.join(FIXTURES, base, name)
            self.texts[name] = open(path, encoding="utf-8").read() if os.path.exists(path) else None
        self.before = dict(self.texts)

    def json(self, name):
        return json.loads(self.texts[name] or "{}")

    def write(self, name, value):
        self.texts[name] = json.dumps(value, ensure_ascii=False)

    def config(self, **settings):
        value = self.json("tokenizer_config.json")
        for key, setting in settings.items():
            if setting is ...:
                value.pop(key, None)
            else:
                value[key] = setting
        self.write("tokenizer_config.json", value)

    def document(self, change):
        value = self.json("tokenizer.json")
        change(value)
        self.write("tokenizer.json", value)

    def vocabulary_alone(self):
        vocabulary = self.json("tokenizer.json")["model"]["vocab"]
        self.texts["vocab.txt"] = "".join(line + "\n" for line in sorted(vocabulary, key=vocabulary.get))
        self.texts["tokenizer.json"] = None

    def lines(self, change):
        lines = self.texts["vocab.txt"].split("\n")[:-1]
        change(lines)
        self.texts["vocab.txt"] = "\n".join(lines) + "\n"


def case(name, base, change, text=None, refused=False, maximum=None):
    files = Files(base)
    change(files)
    text = text or TEXTS[base]
    ids = None
    if not refused:
        with tempfile.TemporaryDirectory() as directory:
            for file, content in files.texts.items():
                if content is not None:
                    with open(os.path.join(directory, file), "w", encoding="utf-8", newline="") as output:
                        output.write(content)
            tokenizer = AutoTokenizer.from_pretrained(directory)
            ids = tokenizer(text, truncation=maximum is not None, max_length=maximum)["input_ids"]
    changed = {n: t for n, t in files.texts.items() if t != files.before[n]}
    cases.append(dict(name=name, base=base, files=changed, text=text, ids=ids, maximum=maximum))


def hole(document):
    vocabulary = document["model"]["vocab"]
    document["model"]["vocab"] = {t: i if i < 50 else i + 1 for t, i in vocabulary.items()}
    for entry in document["added_tokens"]:
        entry["id"] += entry["id"] >= 50


def bert():
    base = "bert-tiny/masked-lm"
    vocabulary = Files(base).json("tokenizer.json")["model"]["vocab"]
    n = len(vocabulary)
    for form in ("tokenizer.json", "vocab.txt"):

        def add(name, change, text=None, refused=False, maximum=None):
            def whole(files):
                if form == "vocab.txt":
                    files.vocabulary_alone()
                change(files)

            case(f"BERT, {form}: {name}", base, whole, text, refused, maximum)

        def settings(name, **values):
            add(name, lambda f: f.config(**values))

        add("as it is", lambda f: None)
        add("no settings", lambda f: f.texts.update({"tokenizer_config.json": None, "special_tokens_map.json": None}))
        settings("cased", do_lower_case=False)
        settings("accents kept", strip_accents=False)
        settings("accents stripped, cased", strip_accents=True, do_lower_case=False)
        settings("Chinese not apart", tokenize_chinese_chars=False)
        settings("another class of BERT's", tokenizer_class="DistilBertTokenizer", do_lower_case=False)
        settings("another fast class of BERT's", tokenizer_class="ElectraTokenizerFast", do_lower_case=False)
        add("a class that splits characters", lambda f: f.config(tokenizer_class="BertJapaneseTokenizer"), refused=True)
        if form == "tokenizer.json":
            settings("the generic class", tokenizer_class="PreTrainedTokenizerFast", do_lower_case=False)
            settings("an unknown class", tokenizer_class="MyTokenizer", do_lower_case=False)
        else:
            add("the generic class", lambda f: f.config(tokenizer_class="PreTrainedTokenizerFast"), refused=True)
            add("an unknown class", lambda f: f.config(tokenizer_class="MyTokenizer"), refused=True)
        settings("added_tokens_decoder", added_tokens_decoder={str(n): token("newtok", special=False, normalized=True)})
        settings("added_tokens_decoder, upper case", added_tokens_decoder={str(n): token("NEWTOK", special=False, normalized=True)})
        settings("added_tokens_decoder with a gap", added_tokens_decoder={str(n + 3): token("newtok")})
        add("added_tokens.json", lambda f: f.write("added_tokens.json", {"newtok": n}))
        add("added_tokens.json with a gap", lambda f: f.write("added_tokens.json", {"newtok": n + 5}))

        def both(files):
            files.write("added_tokens.json", {"newtok": n})
            files.config(added_tokens_decoder={str(n): token("<extra>")})

        add("added_tokens.json and added_tokens_decoder", both)
        settings("additional_special_tokens", additional_special_tokens=["<extra>", "newtok"])
        settings("extra_special_tokens", extra_special_tokens=["<extra>", "newtok"])
        settings("extra_special_tokens by name", extra_special_tokens={"x_token": "<extra>"})
        settings("a token with a name", image_token="<extra>")
        add("special_tokens_map.json", lambda f: f.write("special_tokens_map.json", {"additional_special_tokens": ["<extra>"]}))
        settings("a mask of another name", mask_token=token("newtok"))
        settings("a mask of the vocabulary", mask_token="team")
        settings("another first token", cls_token="the")
        settings("another unknown token", unk_token="the")
        add("cut at the start", lambda f: f.config(truncation_side="left"), maximum=6)
        add("cut at the end", lambda f: f.config(truncation_side="right"), maximum=6)
        if form == "tokenizer.json":
            add("no added tokens", lambda f: f.document(lambda d: d.update(added_tokens=[])))

            def bare(files):
                files.document(lambda d: d.update(added_tokens=[]))
                files.config(tokenizer_class="PreTrainedTokenizerFast")

            add("no added tokens, the generic class", bare)
            add("control characters kept", lambda f: f.document(lambda d: d["normalizer"].update(clean_text=False)), "a\u0007b the\u200b")

            def silent(files):
                files.document(lambda d: d["normalizer"].update(lowercase=False))
                files.config(do_lower_case=...)

            add("cased, and the settings silent", silent)
            add("a hole", lambda f: f.document(hole))
            add("another prefix", lambda f: f.document(lambda d: d["model"].update(continuing_subword_prefix="@@")))
            add("short words", lambda f: f.document(lambda d: d["model"].update(max_input_chars_per_word=3)))
            add("another splitting", lambda f: f.document(lambda d: d.update(pre_tokenizer={"type": "WhitespaceSplit"})), "the-team won.")
            add("no special tokens around", lambda f: f.document(lambda d: d.update(post_processor=None)))

            def other(files):
                files.document(lambda d: d["added_tokens"].append(dict(token("<extra>", lstrip=True), id=n)))
                files.config(added_tokens_decoder={str(n): token("newtok")})

            add("another token of the same id", other)
        else:
            add("a line twice", lambda f: f.lines(lambda lines: lines.insert(50, "the")))
            add("empty lines", lambda f: f.lines(lambda lines: lines.__setitem__(slice(0, 0), ["", ""])))
            for name, space in (("a space", " "), ("an ideographic space", "\u3000"), ("a carriage return", "\r")):
                add(f"{name} behind", lambda f: f.lines(lambda lines: lines.__setitem__(slice(100, None), [x + space for x in lines[100:]])))
            add("a space before", lambda f: f.lines(lambda lines: lines.__setitem__(slice(100, None), [" " + x for x in lines[100:]])))
            add("U+2028", lambda f: f.lines(lambda lines: lines.__setitem__(120, "a\u2028b")))


def roberta():
    base = "roberta-tiny/masked-lm"
    vocabulary = Files(base).json("tokenizer.json")["model"]["vocab"]
    n = len(vocabulary)
    extra = dict(token("<extra>", lstrip=True), id=n)

    def add(name, change):
        case(f"RoBERTa: {name}", base, change)

    def prefixed(files, **settings):
        files.document(lambda d: d["pre_tokenizer"].update(add_prefix_space=True))
        files.config(**settings)

    case("RoBERTa: cut at the start", base, lambda f: f.config(truncation_side="left"), maximum=6)
    add("a space before, in the settings", lambda f: f.config(add_prefix_space=True))
    add("a space before, in the document", lambda f: prefixed(f, add_prefix_space=...))
    add("a space before, in the document of the generic class", lambda f: prefixed(f, tokenizer_class="PreTrainedTokenizerFast"))
    add("a space before, in the settings of the generic class", lambda f: f.config(add_prefix_space=True, tokenizer_class="PreTrainedTokenizerFast"))
    for name in ("RobertaTokenizer", "PreTrainedTokenizerFast"):

        def settings(what, document=None, files=None, **values):
            def change(all_files):
                all_files.config(tokenizer_class=name, **values)
                if document:
                    all_files.document(document)
                for file, value in (files or {}).items():
                    all_files.write(file, value)

            add(f"{name}, {what}", change)

        settings("added_tokens_decoder", added_tokens_decoder={str(n): token("newtok", special=False, normalized=True)})
        settings("added_tokens_decoder takes the space before", added_tokens_decoder={str(n): token("<extra>", lstrip=True)})
        settings("added_tokens_decoder, whole words", added_tokens_decoder={str(n): token("newtok", single_word=True)})
        settings("added_tokens_decoder for the mask", added_tokens_decoder={str(vocabulary["<mask>"]): token("<mask>", rstrip=True)})
        settings("added_tokens.json", files={"added_tokens.json": {"newtok": n}})
        settings("added_tokens.json with a gap", files={"added_tokens.json": {"newtok": n + 5}})
        settings("additional_special_tokens", additional_special_tokens=[token("<extra>", lstrip=True), "newtok"])
        settings("flags of the mask", mask_token=token("<mask>", rstrip=True))
        settings("a mask of another name", mask_token=token("newtok"))
        settings("special_tokens_map.json", files={"special_tokens_map.json": {"additional_special_tokens": ["<extra>"]}})
        settings("no added tokens", lambda d: d.update(added_tokens=[]))
        settings("other flags", lambda d: d["added_tokens"].append(extra), added_tokens_decoder={str(n): token("<extra>", rstrip=True)})
        settings("another token of the same id", lambda d: d["added_tokens"].append(extra), added_tokens_decoder={str(n): token("newtok")})
        settings("an added token behind a gap", lambda d: d["added_tokens"].append(dict(extra, id=n + 4)))
        settings("another first token", cls_token="he")
        settings("a hole", hole)
        settings("not split into words", lambda d: d["pre_tokenizer"].update(use_regex=False))


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    bert()
    roberta()
    output = os.path.join(os.path.dirname(os.path.abspath(__file__)), "disagreeing.json.gz")
    with gzip.GzipFile(output, "wb", mtime=0) as file:
        file.write(json.dumps(cases, ensure_ascii=False).encode())
    print(len(cases), "cases")
