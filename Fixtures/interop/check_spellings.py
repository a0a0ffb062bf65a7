"""Checks that Graft reads what TensorFlow and Keras 2 save beside tf_model.h5. `run.sh` calls it when there is PEERS/tensorflow.

    python check_spellings.py --graft GRAFT     # as check_tensorflow.py

Each file is made here by the framework, of the weights of a fixture, and has to come out as these, bit for bit; trained
ones were trained with a rate of zero. transformers' TensorFlow classes have to load the `model.safetensors` that Graft
writes in their names without a missing, unexpected or mismatched weight, with outputs within 1e-5 of the largest value.
"""

import tempfile
from importlib.metadata import version
from pathlib import Path

import check_tensorflow  # sets what TensorFlow has to find set

import make_spellings as spellings
import tensorflow as tf
import transformers

from report import AGREES, FIXTURES, LOADS, READS, family_of, run

DIALECT, LAYERS = "transformers-tf-variables", "transformers-tf-layers"
KERAS, TRANSFORMERS = "tf-keras " + version("tf-keras"), f"transformers {transformers.__version__}"
TENSORFLOW = f"TensorFlow {tf.__version__}"
CLASSIFIER, ENCODER, GOOGLE = "tensorflow/h5/sequence-classification", "tensorflow/h5/base", "tensorflow/google/pretraining"
# What is written, by whom, in which format and dialect, and the fixture that has the same weights.
FILES = {
    "safetensors": ("safetensors", TRANSFORMERS, DIALECT, CLASSIFIER),
    "safetensors-shards": ("safetensors", TRANSFORMERS, DIALECT, CLASSIFIER),
    "shards": ("hdf5", TRANSFORMERS, DIALECT, CLASSIFIER),
    "objects": ("tensorflow", TENSORFLOW, DIALECT, CLASSIFIER),
    "objects-trained": ("tensorflow", TENSORFLOW, DIALECT, CLASSIFIER),
    "objects-legacy": ("tensorflow", TENSORFLOW, DIALECT, CLASSIFIER),
    "objects-scaled": ("tensorflow", TENSORFLOW, DIALECT, CLASSIFIER),
    "objects-scaled-legacy": ("tensorflow", TENSORFLOW, DIALECT, CLASSIFIER),
    "saved-model": ("tensorflow", TENSORFLOW, DIALECT, CLASSIFIER),
    "functional": ("hdf5", KERAS, DIALECT, ENCODER),
    "functional-trained": ("hdf5", KERAS, DIALECT, ENCODER),
    "functional-objects": ("tensorflow", TENSORFLOW, DIALECT, ENCODER),
    "subclass": ("hdf5", KERAS, DIALECT, ENCODER),
    "functional.keras": ("hdf5", KERAS, LAYERS, ENCODER),
    "classifier.keras": ("hdf5", KERAS, LAYERS, CLASSIFIER),
    "masked-lm.keras": ("hdf5", KERAS, LAYERS, "tensorflow/h5/masked-lm"),
    "partitioned": ("tensorflow", TENSORFLOW, "google", GOOGLE),
    "partitioned-columns": ("tensorflow", TENSORFLOW, "google", GOOGLE),
    "slots": ("tensorflow", TENSORFLOW, "google", GOOGLE),
    "named": ("tensorflow", TENSORFLOW, "google", GOOGLE),
}


def check_files(graft, report, only):
    with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
        spellings.SPELLINGS = Path(work)
        for write in (spellings.transformers_files, spellings.keras_files, spellings.archives, spellings.google_files):
            write()
        for name, (form, framework, dialect, same) in FILES.items():
            if only in f"spellings/{name}":
                imported = Path(work) / "imported" / name

                # Somebody's own model has layers that are no encoder's.
                strict = [] if name.startswith(("functional", "subclass")) else ["--strict"]

                def reads():
                    graft("import", Path(work) / name, *strict, "--output", imported)
                    return graft.identical(FIXTURES / same, imported)

                report.of(form, framework, dialect, "bert").check(
                    "Graft reads what is made", f"spellings/{name}", reads, READS)


def check_family(graft, report, golden, work):
    """`model.safetensors` in these names, written by either side and read by the other."""
    source, name = golden.parent, str(golden.parent.relative_to(FIXTURES))
    checks = report.of("safetensors", TRANSFORMERS, DIALECT, family_of(source))
    theirs, written = work / "theirs", work / "written"
    theirs.mkdir()

    def reads():
        cls, config, arguments = check_tensorflow.make(source, golden)
        cls.from_pretrained(source, config=config, **arguments).save_pretrained(theirs, safe_serialization=True)
        graft("import", theirs, "--strict", "--output", work / "imported")
        return graft.identical(source, work / "imported")

    def loads():
        graft("export", source, "--format", "safetensors", "--dialect", DIALECT, "--output", written)
        return check_tensorflow.loads_keras(written, golden)

    checks.check("Graft reads model.safetensors", name, reads, READS)
    checks.check("model.safetensors loads", name, loads, LOADS, AGREES)


def check_layers(graft, report, golden, work):
    """`model.weights.h5`, which Keras reads by itself."""
    source, name = golden.parent, str(golden.parent.relative_to(FIXTURES))

    def loads():
        written = work / "layers"
        graft("export", source, "--format", "hdf5", "--dialect", LAYERS, "--output", written)
        cls, config, arguments = check_tensorflow.make(written, golden)
        model = cls(config, **arguments)
        model.build_in_name_scope()
        model.load_weights(written / "model.weights.h5")
        return check_tensorflow.agrees(model, golden)

    report.of("hdf5", KERAS, LAYERS, family_of(source)).check("model.weights.h5 loads", name, loads, LOADS, AGREES)


def check_all(graft, report, arguments):
    check_files(graft, report, arguments.only)
    for golden in sorted(FIXTURES.glob("tensorflow/h5/*/golden.safetensors")):
        if arguments.only in str(golden):
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check_family(graft, report, golden, Path(work))
                if family_of(golden.parent) == "bert":
                    check_layers(graft, report, golden, Path(work))


if __name__ == "__main__":
    run(__doc__, check_all)
