"""Writes settings.jsonl: which tokens transformers takes from the files beside a vocab.txt.

    python settings.py

Versions: transformers 5.23.0, tokenizers 0.23.3. Each line has the files, and what `BertTokenizer.from_pretrained` makes of
them: the padding token's id, the ids of the added tokens that are special, that are not, and that take the space before
them, and the ids of a text; or that it raises an error.
"""
import json
import pathlib
import tempfile

import transformers

transformers.logging.set_verbosity_error()
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "<p>", "<q>", "x"]
TEXT = "a<p> <q> <new>"
LISTED = {str(i): {"content": token, "special": True} for i, token in enumerate(VOCABULARY[:5])}
EXTRA, ADDITIONAL = "extra_special_tokens", "additional_special_tokens"
STRIPPING = {"content": "[MASK]", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}
CASES = [
    # tokenizer_config.json, special_tokens_map.json, added_tokens.json
    ({"pad_token": "<p>"}, {"pad_token": "<q>"}, {}),
    ({"pad_token": "<p>", "added_tokens_decoder": LISTED}, {"pad_token": "<q>"}, {}),
    ({"pad_token": None}, {"pad_token": "<q>"}, {}),
    ({"mask_token": "[MASK]"}, {"mask_token": STRIPPING}, {}),
    ({EXTRA: ["<p>"]}, {EXTRA: ["<q>"]}, {}),
    ({EXTRA: ["<p>"]}, {EXTRA: ["<p>", "<q>"]}, {}),
    ({ADDITIONAL: ["<p>"]}, {ADDITIONAL: ["<q>"]}, {}),
    ({ADDITIONAL: ["<p>"]}, {EXTRA: ["<q>"]}, {}),
    ({EXTRA: ["<p>"]}, {ADDITIONAL: ["<q>"]}, {}),
    ({}, {ADDITIONAL: ["<q>"]}, {}),
    ({}, {EXTRA: ["<q>"], ADDITIONAL: ["<p>"]}, {}),
    ({ADDITIONAL: None}, {ADDITIONAL: ["<q>"]}, {}),
    ({ADDITIONAL: []}, {ADDITIONAL: ["<q>"]}, {}),
    ({EXTRA: None}, {ADDITIONAL: ["<q>"]}, {}),
    ({EXTRA: {}}, {ADDITIONAL: ["<q>"]}, {}),
    ({EXTRA: None}, {EXTRA: ["<q>"]}, {}),
    ({EXTRA: [], ADDITIONAL: ["<p>"]}, {}, {}),
    ({EXTRA: ["<q>"], ADDITIONAL: ["<p>"]}, {}, {}),
    ({EXTRA: {}, ADDITIONAL: ["<p>"]}, {}, {}),
    ({EXTRA: {"image_token": "<p>", "other_token": "<new>"}}, {}, {}),
    ({EXTRA: {"image_token": {"__type": "AddedToken", "content": "<p>", "lstrip": True, "rstrip": False,
                              "normalized": False, "single_word": False}}}, {}, {}),
    ({}, {EXTRA: {"image_token": "<p>"}}, {}),
    ({"image_token": "<p>"}, {}, {}),
    ({}, {"image_token": "<p>"}, {}),
    ({}, {}, {"<new>": 10}),
    ({}, {"pad_token": "<new>"}, {"<new>": 10}),
    ({ADDITIONAL: ["<new>"]}, {}, {"<new>": 10}),
    ({"added_tokens_decoder": LISTED}, {ADDITIONAL: ["<q>"]}, {"<new>": 10}),
    ({"added_tokens_decoder": LISTED | {"7": {"content": "<p>"}, "10": {"content": "<new>", "special": True}}}, {}, {}),
    ({EXTRA: "<p>"}, {}, {}),
    ({ADDITIONAL: "<p>"}, {}, {}),
    ({EXTRA: 5}, {}, {}),
    ({EXTRA: [5]}, {}, {}),
    ({EXTRA: {"image_token": 5}}, {}, {}),
    ({"pad_token": 5}, {}, {}),
    ({"pad_token": ["[PAD]"]}, {}, {}),
    ({"pad_token": {}}, {}, {}),
    ({"pad_token": True}, {}, {}),
    ({}, {"pad_token": 5}, {}),
    ({}, {"pad_token": []}, {}),
]
NAMES = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]


def outcome(files):
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        (directory / "vocab.txt").write_text("".join(token + "\n" for token in VOCABULARY))
        for name, content in files.items():
            (directory / name).write_text(json.dumps(content))
        try:
            tokenizer = transformers.BertTokenizer.from_pretrained(directory)
        except TypeError:
            return {"error": True}
        added = tokenizer.added_tokens_decoder
        return {
            "padding": tokenizer.pad_token_id,
            "special": sorted(id for id, token in added.items() if token.special),
            "plain": sorted(id for id, token in added.items() if not token.special),
            "stripping": sorted(id for id, token in added.items() if token.lstrip),
            "ids": tokenizer(TEXT)["input_ids"],
        }


with open(pathlib.Path(__file__).parent / "settings.jsonl", "w") as out:
    for case in CASES:
        files = {name: content for name, content in zip(NAMES, case) if content}
        print(json.dumps({"files": files, "text": TEXT} | outcome(files)), file=out)
