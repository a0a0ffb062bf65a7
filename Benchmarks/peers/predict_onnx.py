"""Texts a second that a classifier labels with ONNX Runtime, or the delay of each. Prints one JSON line.

    python predict_onnx.py DIR --folder FOLDER --precision int8 --input texts.txt --batch-size 16 --warm-up 16
    # onnxruntime 1.32.0, transformers 5.23.0

FOLDER is export_encoder.py's. All graph optimizations are on, and there is a thread for each core.
"""

from pathlib import Path

import labelling
import numpy
import onnxruntime


def session(file):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = labelling.CORES
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def main():
    parser = labelling.parser(__doc__, ["float32", "int8"])
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    model = session(arguments.folder / f"{arguments.precision}.onnx")
    names = [value.name for value in model.get_inputs()]

    def label(batches):
        labels = []
        for batch in batches:
            feed = {name: batch[name].astype(numpy.int64) for name in names}
            labels += model.run(None, feed)[0].argmax(-1).tolist()
        return labels

    labelling.measure(arguments, lambda size, seconds: label)


if __name__ == "__main__":
    main()
