"""Texts a second that a classifier labels with OpenVINO, or the delay of each. Prints one JSON line.

    python predict_openvino.py DIR --folder FOLDER --precision bfloat16 --input texts.txt --batch-size 16 --warm-up 16
    # openvino 2026.4.1, transformers 5.23.0

FOLDER is export_encoder.py's. As OpenVINO's documentation says, the performance hint is LATENCY where texts go one by one,
and THROUGHPUT with a queue of requests where they go in batches. In float32 and bfloat16 the precision is a hint too; an
int8 model computes what is not quantized in the precision that OpenVINO takes by itself, which is bfloat16 where the CPU
has it.
"""

from pathlib import Path

import labelling
import openvino

HINTS = {"float32": {"INFERENCE_PRECISION_HINT": "f32"}, "bfloat16": {"INFERENCE_PRECISION_HINT": "bf16"}, "int8": {}}


def one_by_one(model, names, batches):
    request, labels = model.create_infer_request(), []
    for batch in batches:
        output = request.infer({name: batch[name] for name in names}, share_inputs=True)
        labels += output[0].argmax(-1).tolist()
    return labels


def queued(model, names, batches):
    queue, labels = openvino.AsyncInferQueue(model), {}
    queue.set_callback(lambda request, place: labels.update({place: request.get_output_tensor(0).data.argmax(-1)}))
    for place, batch in enumerate(batches):
        queue.start_async({name: batch[name] for name in names}, place, share_inputs=False)
    queue.wait_all()
    return [label for place in sorted(labels) for label in labels[place].tolist()]


def main():
    parser = labelling.parser(__doc__, list(HINTS))
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    core = openvino.Core()
    file = arguments.folder / ("int8.xml" if arguments.precision == "int8" else "float32.xml")

    def opened(size, seconds):
        hints = {"PERFORMANCE_HINT": "LATENCY" if size == 1 else "THROUGHPUT"} | HINTS[arguments.precision]
        model = core.compile_model(file, "CPU", hints)
        names = [value.get_any_name() for value in model.inputs]
        way = one_by_one if size == 1 else queued
        return lambda batches: way(model, names, batches)

    labelling.measure(arguments, opened)


if __name__ == "__main__":
    main()
