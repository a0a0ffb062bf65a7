"""Prints what llama.cpp makes of texts, as JSON: token ids, and the vector of each text.

    python llama_outputs.py MODEL.gguf ids|mean|cls|rank COUNT < TEXTS.json      # llama-cpp-python 0.3.36

COUNT is the number of a vector's elements: the model's width, or the labels of a classifier. For ids there is none.
"""

import json
import sys

import llama_cpp

POOLING = {
    "mean": llama_cpp.LLAMA_POOLING_TYPE_MEAN,
    "cls": llama_cpp.LLAMA_POOLING_TYPE_CLS,
    "rank": llama_cpp.LLAMA_POOLING_TYPE_RANK,
}


def main():
    path, what, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    pooling = POOLING.get(what, llama_cpp.LLAMA_POOLING_TYPE_NONE)
    model = llama_cpp.Llama(path, embedding=True, pooling_type=pooling, n_ctx=0, verbose=False)
    rows = []
    for text in json.load(sys.stdin):
        ids = model.tokenize(text.encode())
        if what == "ids":
            rows.append({"ids": ids})
            continue
        model._batch.reset()
        model._batch.add_sequence(ids, 0, True)
        model._ctx.kv_cache_clear()
        model._ctx.decode(model._batch)
        vector = llama_cpp.llama_get_embeddings_seq(model._ctx.ctx, 0)[:count]
        rows.append({"ids": ids, "vector": vector})
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
