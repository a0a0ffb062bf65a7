"""Checks the files of KerasNLP under Keras 2. `run.sh` calls it when there is PEERS/keras-nlp.

    python check_keras_nlp.py --graft GRAFT     # keras-nlp 0.5.2, tensorflow-cpu 2.12.1

What KerasNLP saves has to come out with the tensors of the presets of KerasHub whose weights it has, bit for bit, and with
KerasNLP's outputs within 1e-5 of the largest value, and so what Keras saves as a whole model. KerasNLP has to load what
Graft writes for it, with the same outputs. What Keras 2.12 calls its new format has to be refused as what it is.
"""

import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from report import AGREES, FIXTURES, INPUTS, LOADS, READS, compare, family_of, run

sys.path.insert(0, str(FIXTURES / "keras-hub"))
import make_keras_nlp_h5 as keras_nlp  # noqa: E402, sets what TensorFlow has to find set
from keras.backend import clear_session  # noqa: E402
from keras.saving import saving_lib  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402

FRAMEWORK, DIALECT = f"KerasNLP {version('keras-nlp')}", "keras-nlp"


def check(graft, report, preset, work):
    source, same, imported, written = (
        keras_nlp.WRITTEN / preset, FIXTURES / "keras-hub" / preset, work / "imported", work / "written")
    checks = report.of("hdf5", FRAMEWORK, DIALECT, family_of(same))
    golden = load_file(source / "golden.safetensors")
    batch = {name: golden.pop(name) for name in INPUTS}
    prefix, task = keras_nlp.PRESETS[preset]
    work.mkdir()

    def reads(directory=source, output=imported):
        graft("import", directory, "--strict", "--output", output)
        return graft.identical(same, output)

    def saved(name, save):
        """A directory with config.json and the file that `save` writes of the model."""
        clear_session()  # Keras numbers the models of a process
        model, _ = keras_nlp.make(preset, prefix, task)
        model.load_weights(source / "model.h5")
        directory = Path(tempfile.mkdtemp(dir=work))
        save(model, directory / name)
        shutil.copy(source / "config.json", directory)
        return directory

    def refuses(name, save):
        return graft.fails("names of Keras 2.12 to 2.14", "import", saved(name, save), "--output", work / "refused")

    def loads():
        graft("export", same, "--format", "hdf5", "--dialect", DIALECT, "--output", written)
        model, backbone = keras_nlp.make(preset, prefix, task)
        model.load_weights(written / "model.h5")
        return compare(keras_nlp.outputs(model, backbone, task, batch), golden, batch["attention_mask"].astype(bool))

    if checks.check("Graft reads model.h5", preset, reads, READS):
        checks.check("outputs of KerasNLP", preset, lambda: graft.verify(imported, source / "golden.safetensors"), AGREES)
    checks.check(
        "Graft reads a saved model", preset,
        lambda: reads(saved("model.keras", lambda model, path: model.save(path)), work / "imported-model"), READS)
    checks.check("an archive .keras", f"{preset}: refused", lambda: refuses("model.keras", saving_lib.save_model))
    checks.check(
        "model.weights.h5", f"{preset}: refused", lambda: refuses("model.weights.h5", saving_lib.save_weights_only))
    checks.check("KerasNLP loads model.h5", preset, loads, LOADS, AGREES)


def check_all(graft, report, arguments):
    with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
        keras_nlp.WRITTEN = Path(work) / "made"
        keras_nlp.main()
        for preset in keras_nlp.PRESETS:
            if arguments.only in f"keras-nlp/{preset}":
                check(graft, report, preset, Path(work) / preset)


if __name__ == "__main__":
    run(__doc__, check_all)
