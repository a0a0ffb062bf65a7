"""Checks the checkpoints of TensorFlow's model garden. `run.sh` calls it when there is PEERS/tf-models.

    python check_model_garden.py --graft GRAFT     # tf-models-official 2.16.0, tensorflow-cpu 2.16.2, tf-keras 2.16.0

What its converters, its exporter for TensorFlow Hub and its training make of a checkpoint of Google's has to come out with the
tensors of that checkpoint, bit for bit, and with its own outputs within 1e-5 of the largest value. Its encoders have to load
every variable of what Graft writes for them, with the same outputs.
"""

import json
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from report import AGREES, FIXTURES, INPUTS, LOADS, READS, compare, run

sys.path.insert(0, str(FIXTURES / "tensorflow"))
import make_model_garden as garden  # noqa: E402, sets what TensorFlow has to find set
import numpy as np  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402

FRAMEWORK, DIALECT = f"tf-models-official {version('tf-models-official')}", "model-garden"
GOOGLE = FIXTURES / "tensorflow/google/pretraining"
# What is made, and what has the same tensors and more: Google's checkpoint, of which heads are left, or a fixture.
FILES = {
    "encoder": GOOGLE, "masked-lm": GOOGLE, "saved-model": GOOGLE, "classifier": FIXTURES / "tensorflow/model-garden/classifier",
    "span-labeler": FIXTURES / "tensorflow/model-garden/span-labeler",
}


def named(folder, name):
    """The folder with the class in its configuration, without which two outputs have two meanings."""
    file = folder / "bert_config.json"
    file.write_text(json.dumps({"architectures": [name], **json.loads(file.read_text())}))
    return folder


def reads(graft, report, work, only):
    garden.GARDEN = work / "made"
    garden.main()
    checks = report.of("tensorflow", FRAMEWORK, DIALECT, "bert")
    for name, same in FILES.items():
        source, imported = garden.GARDEN / name, work / "imported" / name
        if name == "span-labeler":
            source, same = (
                named(folder, "BertForQuestionAnswering")
                for folder in (source, shutil.copytree(same, work / "same"))
            )

        def imports():
            graft("import", source, "--strict", "--output", imported)
            return graft.identical(imported, same, more_in_second=True)

        if only in f"model-garden/{name}" and checks.check("Graft reads what is made", name, imports, READS):
            checks.check("outputs of the model garden", name, lambda: graft.verify(imported, source / "golden.safetensors"), AGREES)


def loads(graft, report, work):
    """By the names of variables, as the converter loads what it has renamed."""
    written = work / "written"

    def encoder():
        source = FIXTURES / "tensorflow/model-garden/masked-lm"
        graft("export", source, "--format", "tensorflow", "--dialect", DIALECT, "--output", written)
        model = garden.converter._create_bert_model(garden.configuration())
        model.load_weights(str(written / "bert_model.ckpt")).assert_existing_objects_matched()
        hidden, pooled = model(list(garden.OWN.values()))
        golden = load_file(FIXTURES / "tensorflow/model-garden/encoder/golden.safetensors")
        mask = golden["attention_mask"].astype(bool)
        expected = {key: value for key, value in golden.items() if key not in INPUTS}
        return compare(dict(last_hidden_state=np.asarray(hidden), pooler_output=np.asarray(pooled)), expected, mask)

    def configured():
        ours, theirs = (json.loads((folder / "bert_config.json").read_text()) for folder in (written, GOOGLE))
        assert ours == theirs, ours
        return "the same bert_config.json"

    checks = report.of("tensorflow", FRAMEWORK, DIALECT, "bert")
    if checks.check("its encoder loads bert_model.ckpt", "masked-lm", encoder, LOADS, AGREES):
        checks.check("its configuration", "masked-lm", configured)


def check_all(graft, report, arguments):
    with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
        reads(graft, report, Path(work), arguments.only)
        if arguments.only in "model-garden/written":
            loads(graft, report, Path(work))


if __name__ == "__main__":
    run(__doc__, check_all)
