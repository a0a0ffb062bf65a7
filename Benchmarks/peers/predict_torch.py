"""Texts a second that a classifier labels with PyTorch and transformers, or the delay of each. Prints one JSON line.

    python predict_torch.py DIR --input texts.txt --batch-size 16 --warm-up 16     # torch 2.15.0, transformers 5.23.0

The faster of transformers' two kinds of attention; all cores; bfloat16 as the type of all weights.
"""

import labelling
import torch
from transformers import AutoModelForSequenceClassification


def main():
    parser = labelling.parser(__doc__, ["float32", "bfloat16"])
    parser.add_argument("--attention", nargs="+", default=["eager", "sdpa"], help="the kinds to choose from")
    arguments = parser.parse_args()
    torch.set_num_threads(labelling.CORES)
    models = [
        AutoModelForSequenceClassification.from_pretrained(
            arguments.model, dtype=getattr(torch, arguments.precision), attn_implementation=attention
        ).eval()
        for attention in arguments.attention
    ]

    @torch.inference_mode()
    def label(model, batches):
        labels = []
        for batch in batches:
            names = ("input_ids", "attention_mask")
            inputs = {name: torch.from_numpy(batch[name]) for name in names}
            labels += model(**inputs).logits.argmax(-1).tolist()
        return labels

    def opened(size, seconds):
        ways = [lambda batches, model=model: label(model, batches) for model in models]
        if len(ways) == 1:
            return ways[0]
        for way in ways:
            seconds(way)
        return min(ways, key=seconds)

    labelling.measure(arguments, opened)


if __name__ == "__main__":
    main()
