"""What transformers feeds a classifier for a pair, by the `model_input_names` of `tokenizer_config.json`.

Run with transformers 5.23.0 and PyTorch 2.15.0: python make_input_names.py
"""

import json
import pathlib
import shutil
import tempfile

import torch
import transformers

FIXTURES = pathlib.Path(__file__).resolve().parent.parent
PAIRS = [("he can", "do it"), ("they", "so it is"), ("the city of work", "he")]
NAMES = [["input_ids", "attention_mask"], ["input_ids", "token_type_ids", "attention_mask"]]
MODELS = ["albert-tiny", "bert-tiny", "electra-tiny"]


def case(model, names):
    with tempfile.TemporaryDirectory() as folder:
        source = FIXTURES / model / "sequence-classification"
        for file in source.iterdir():
            if file.is_file():
                shutil.copy(file, folder)
        path = pathlib.Path(folder) / "tokenizer_config.json"
        settings = json.loads(path.read_text()) | {"model_input_names": names}
        path.write_text(json.dumps(settings))
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        classifier = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
        logits = []
        for first, second in PAIRS:
            inputs = tokenizer(first, second, return_tensors="pt")
            assert ("token_type_ids" in inputs) == ("token_type_ids" in names)
            with torch.no_grad():
                logits.append(classifier(**inputs).logits[0].tolist())
    return {"model": model, "model_input_names": names, "logits": logits}


document = {
    "transformers": transformers.__version__,
    "pairs": PAIRS,
    "cases": [case(model, names) for model in MODELS for names in NAMES],
}
path = pathlib.Path(__file__).with_name("input_names.json")
path.write_text(json.dumps(document, indent=1) + "\n")
