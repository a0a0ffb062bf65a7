"""Writes what the fuzz targets begin with: Fixtures/fuzzing/<target>/seeds and the dictionaries, from the fixtures.

Run with h5py 3.16.0.
"""

import gzip
import io
import json
import pathlib
import pickletools
import shutil
import struct
import zipfile

import h5py
import numpy

here = pathlib.Path(__file__).parent
fixtures = here.parent


def fixture(path):
    content = (fixtures / path).read_bytes()
    return gzip.decompress(content) if path.endswith(".gz") and not path.endswith("csv.gz") else content


def write(target, seeds, dictionary=(), beside=()):
    """Seeds are names with their contents; a seed without contents is a fixture."""
    for folder, files in (("seeds", seeds), ("beside", beside)):
        place = here / target / folder
        shutil.rmtree(place, ignore_errors=True)
        if not files:
            continue
        place.mkdir(parents=True)
        for number, entry in enumerate(files):
            name, content = (pathlib.Path(entry).name, None) if isinstance(entry, str) else entry
            content = fixture(entry) if content is None else content
            # Two fixtures may have one name.
            prefix = f"{number:02}-" if folder == "seeds" else ""
            (place / f"{prefix}{name.removesuffix('.gz') if not name.endswith('csv.gz') else name}").write_bytes(
                content.encode() if isinstance(content, str) else content)
    if dictionary:
        lines = ['"' + "".join(escaped(byte) for byte in entry) + '"\n' for entry in map(as_bytes, dictionary)]
        (here / target / "dictionary").write_text("".join(lines))


def as_bytes(entry):
    return entry if isinstance(entry, bytes) else entry.encode()


def escaped(byte):
    character = chr(byte)
    return character if 0x20 <= byte < 0x7F and character not in '"\\' else f"\\x{byte:02x}"


def archive(**files):
    return archive_of(files)


def archive_of(files):
    """A zip archive without times."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as file:
        for name, content in files.items():
            file.writestr(zipfile.ZipInfo(name), content if isinstance(content, (bytes, str)) else fixture(content))
    return output.getvalue()


def folder(path, names, **others):
    """A zip archive of files of a fixture."""
    return archive_of({name: fixture(f"{path}/{name}") for name in names} | others)


def bundle(name):
    """A zip archive of a checkpoint of TensorFlow, under the name that the target looks for."""
    return archive_of({f"packed{end}": fixture(f"tensorflow/small/{name}{end}") for end in (".index", ".data-00000-of-00001")})


def without_sources(path):
    """A pickle of classes with their sources, without these."""
    content = fixture(path)
    starts, rest = [], content
    while rest:  # the stream has several pickles, and numbers behind the last
        try:
            starts += [(len(content) - len(rest) + place, text) for code, text, place in pickletools.genops(rest)
                       if code.name == "BINUNICODE" and len(text) > 200]
            rest = rest[pickle_end(rest):]
        except ValueError:
            break
    for place, text in reversed(starts):
        length = len(text.encode())
        assert content[place + 1:place + 5] == struct.pack("<I", length)
        content = content[:place + 1] + struct.pack("<I", 0) + content[place + 5 + length:]
    return content


def pickle_end(content):
    return max(place for _, _, place in pickletools.genops(content)) + 1


def hdf5(libver):
    """A few datasets in the structures of one version."""
    output = io.BytesIO()
    with h5py.File(output, "w", libver=libver) as file:
        group = file.create_group("layer/query")
        group.create_dataset("kernel:0", data=numpy.arange(12, dtype="<f4").reshape(3, 4))
        group.create_dataset("bias:0", data=numpy.arange(4, dtype=">f2"))
        file.create_dataset(
            "chunked", data=numpy.arange(60, dtype="<i4").reshape(10, 6), chunks=(4, 4), compression="gzip",
            shuffle=True, fletcher32=True)
        group.attrs["weight_names"] = numpy.array([b"kernel:0", b"bias:0"])
        file.attrs["backend"] = "tensorflow"
        file.attrs["texts"] = ["one", "three"]
    return output.getvalue()


JSON = [
    "{", "}", "[", "]", ",", ":", '"', "\\u", "\\ud800", "\\n", "-", "0", "1e9", "9223372036854775807",
    "18446744073709551616", "null", "true", "false", "NaN", '""', "[]", "{}", ".5", "\u0301", "\ufeff",
]
ARRAY = [
    "'descr'", "'fortran_order'", "'shape'", "'>f8'", "'<i2'", "'|O'", "True", "False", "(", ")", "L", "\\",
    "9223372036854775807", b"\x93NUMPY", b"\x01\x00v\x00",
]
ZIP = [b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\x01\x00\x10\x00", "../", b"\x7f\x7f\x7f\x7f"]
PICKLE = [
    "(", ")", ".", "0", "1", "2", "}", "]", "t", "R", "Q", "s", "u", "a", "e", "b", "N", b"\x80\x02", b"\x81", b"\x85",
    b"\x86", b"\x87", b"\x88", b"\x89", b"\x93", b"\x94", b"K\x00", b"K\xff", b"J\xff\xff\xff\xff", b"M\x00\x80",
    b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", b"h\x00", b"q\x00", b"X\x01\x00\x00\x000",
    "ccollections\nOrderedDict\n", "ctorch\nFloatStorage\n", "ctorch\nfloat64\n", "ctorch.storage\nUntypedStorage\n",
    "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch._tensor\n_rebuild_from_type_v2\n", b"U\x07storage", "I01\n", "L1L\n",
    b"\x95\x08\x00\x00\x00\x00\x00\x00\x00", b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
]
MODULES = [
    "_modules", "_parameters", "_buffers", "_non_persistent_buffers_set", b"X\x08\x00\x00\x00_modules",
    b"X\x0b\x00\x00\x00_parameters", b"X\x08\x00\x00\x00_buffers", b"X\x1b\x00\x00\x00_non_persistent_buffers_set",
    "ctorch.nn.modules.linear\nLinear\n", "c__main__\nBlock\n", b")\x81", b"}(", "sb", "ub", "cbuiltins\nset\n",
    b"X\x06\x00\x00\x00module", "net", "model", "state_dict",
]
OBJECTS = [
    "_CHECKPOINTABLE_OBJECT_GRAPH", "/.ATTRIBUTES/VARIABLE_VALUE", "/.OPTIMIZER_SLOT/", "_iterations", "iter",
    "learning_rate", "keras_api", b"\x00\x01", b"\x01\x02\x80", b"\x3a\x06\x0a\x04\x08\x00\x10\x01", b"\x3a\x00",
]
# Of no elements, and too large without that extent.
SHAPES = ["[0,1099511627776,1099511627776]", "[9223372036854775807,0]", "[0,36028797018963968]"]
NUMBERS = [
    b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\xff\xff\xff\xff", b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x00\x00\x00\x80",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x01\x00\x00\x00\x00\x00\x00\x00",
]

# Weights.
write("safetensors", [
    "pytorch/module.safetensors", "numpy/versions.safetensors", "hdf5/library/new-types.safetensors",
    "onnx/types/types.safetensors", "pytorch/empty.safetensors",
], JSON + ['"dtype":"F64"', '"F8_E4M3"', '"BOOL"', '"shape":[]', "[0,0]", '"data_offsets"', '"__metadata__":'] + SHAPES)
write("pytorch", [
    *(f"pytorch/{name}.pt" for name in (
        "module", "module-stream", "deflated", "big-endian", "protocol1", "protocol4", "stream-protocol4", "views",
        "views-stream", "types", "types-stream", "wrapped", "deepspeed", "training", "net", "whole", "whole-protocol4",
        "whole-under-key")),
    ("whole-stream.pt", without_sources("pytorch/whole-stream.pt")),
], PICKLE + MODULES + ZIP)
write("npz", ["numpy/versions.npz", "numpy/empty.npz", "numpy/types.npz", "numpy/deflated.npz"], ARRAY + ZIP)
write("hdf5", [
    ("earliest.h5", hdf5("earliest")), ("v108.h5", hdf5(("v108", "v108"))), "hdf5/keras.h5", "hdf5/refused/two-paths.h5",
    "hdf5/library/committed-type.h5", "hdf5/library/newest.keras", "hdf5/library/model.keras", "hdf5/library/user-block.h5",
], NUMBERS + ["OHDR", "OCHK", "TREE", "HEAP", "SNOD", "GCOL", "BTHD", "FRHP"])
write("tensorflow", [
    "tensorflow/types/types.ckpt.index", "tensorflow/google/sharded/bert_model.ckpt.index",
    ("objects.zip", bundle("objects")), ("slices.zip", bundle("slices")),
], NUMBERS + OBJECTS, [
    ("bert_model.ckpt.data-00000-of-00001", fixture("tensorflow/types/types.ckpt.data-00000-of-00001")),
    "tensorflow/google/sharded/bert_model.ckpt.data-00000-of-00002",
    "tensorflow/google/sharded/bert_model.ckpt.data-00001-of-00002",
])
write("onnx", ["onnx/types/types.onnx", "onnx/dynamo/no-biases/model.onnx", "onnx/quantized/graft-gather/model.onnx"],
      NUMBERS, ["onnx/types/types.bin"])
write("gguf", ["gguf/nomic_bert-base-f16.gguf", "gguf/xlm-roberta-sequence-classification-f16.gguf"], NUMBERS + [
    "general.architecture", "general.alignment", "tokenizer.ggml.model", "tokenizer.ggml.tokens",
    "tokenizer.ggml.scores", "tokenizer.ggml.merges", "tokenizer.ggml.precompiled_charsmap",
])

# Tokenizers, and texts.
bert = "bert-tiny/base"
write("tokenizer-wordpiece", [
    ("vocab.zip", folder(bert, ["vocab.txt", "tokenizer_config.json"])),
    ("document.zip", folder(bert, ["tokenizer.json", "tokenizer_config.json"])),
    ("mpnet.zip", folder("mpnet-tiny/base", ["tokenizer.json", "tokenizer_config.json"])),
], JSON + ZIP + ["strip_accents", "do_lower_case", "handle_chinese_chars", "added_tokens_decoder"])
document = json.loads(fixture("bpe/tokenizer.json.gz"))
write("tokenizer-byte-level-bpe", [
    ("files.zip", folder("roberta-tiny/legacy", ["vocab.json", "merges.txt", "tokenizer_config.json"])),
    ("document.zip", archive_of({"tokenizer.json": json.dumps(document, ensure_ascii=False)})),
], JSON + ZIP + ["add_prefix_space", "trim_offsets", "use_regex", "ignore_merges", "\u0120"])
write("tokenizer-pipeline", [
    ("albert.zip", folder("albert-tiny/base", ["tokenizer.json", "tokenizer_config.json"])),
    ("modernbert.zip", folder("modernbert-tiny/base", ["tokenizer.json", "tokenizer_config.json"])),
    ("deberta.zip", archive_of({
        "spm.model": fixture("pipeline/deberta/spm.model"),
        "tokenizer_config.json": json.dumps({"tokenizer_class": "DebertaV2Tokenizer", "do_lower_case": False}),
    })),
    ("xlm-roberta.zip", archive_of({
        "sentencepiece.bpe.model": fixture("pipeline/xlm.model.gz"),
        "tokenizer_config.json": json.dumps({"tokenizer_class": "XLMRobertaTokenizer"}),
    })),
], JSON + ZIP + [
    '"type":"Sequence"', '"type":"Unigram"', '"type":"BPE"', '"type":"WordLevel"', '"type":"Replace"',
    '"type":"Split"', '"Regex":', '"type":"Metaspace"', '"type":"Precompiled"', '"type":"TemplateProcessing"',
    '"type":"Strip"', '"type":"NFKC"', '"behavior":"Isolated"', '"byte_fallback":true', '"lstrip":true',
    "(?i:", "\\\\p{L}", "[^", "{2,}", "+?", "|", "(?=", "\u2581",
])
texts = [
    ("words", "The unaffable [MASK], Foo don't stop 中文 한국어!"), ("accents", "Ünïcödé e\u0301 \u00c5 ﬁ ① ｶﾞ 각 ㍿ 𝔄"),
    ("spaces", "  two\t\r\n \u3000 <mask> <s></s> \u200d👩‍👩‍👧"), ("code", "x = y**2  # 7\n\treturn 0.5e-3"),
]
for name in ("wordpiece", "byte-level-bpe", "pipeline"):
    write(f"text-{name}", texts, [
        "[MASK]", "<mask>", "[CLS]", "</s>", "\u0301", "\u200d", "\ufeff", "\u00a0", "\u2581", "\u0130", "\ufb01", "\u1112\u1161",
        "\U0001f469", "\u202e", b"\x00", b"\xff", "'s", "  ",
    ])

# Checkpoints, and configurations.
small = "sparse/current"
sentences = "sentences/older"
write("checkpoint", [
    ("model.zip", folder(small, ["config.json", "model.safetensors", "tokenizer.json"])),
    ("onnx.zip", folder("onnx/dynamo/no-biases", ["config.json", "model.onnx"])),
    ("gguf.zip", archive_of({"model.gguf": fixture("gguf/nomic_bert-base-f16.gguf")})),
    ("sentences.zip", archive_of(
        {name: fixture(f"{sentences}/{name}") for name in (
            "modules.json", "config_sentence_transformers.json", "1_Pooling/config.json")}
        | {f"0_Transformer/{name}": fixture(f"{sentences}/0_Transformer/{name}") for name in (
            "config.json", "model.safetensors", "sentence_bert_config.json", "tokenizer.json")})),
    ("sharded.zip", archive_of({
        "config.json": fixture(f"{small}/config.json"), "model-1.safetensors": fixture(f"{small}/model.safetensors"),
        "README.md": "---\ntags:\n- a\n---\n# A model\n",
        "model.safetensors.index.json": json.dumps({"weight_map": {
            name: "model-1.safetensors" for name in json.loads(
                fixture(f"{small}/model.safetensors")[8:].split(b"}}", 1)[0] + b"}}") if name != "__metadata__"}}),
    })),
], JSON + SHAPES + [
    '"model_type":', '"architectures":', '"tie_word_embeddings":', '"id2label":', '"problem_type":', '"idx":', '"path":',
])
write("configuration", [(family, fixture(f"{family}/base/config.json")) for family in
                        sorted(path.parent.parent.name for path in fixtures.glob("*-tiny/base/config.json"))],
      JSON + ["1e308", "2147483647", '"gelu"', '"swish"', '"rope_scaling":', '"layer_types":', '"rope_theta":'])

# Rows.
table = ["text", "label", ",", "\t", ";", "\n", "\r\n", '"', '""', "\ufeff", b"\xff\xfe", "labels", "sentence1", "sentence2"]
write("rows-csv", ["tables/utf-8.csv", "tables/semicolon.csv", ("quotes.csv", 'text,label\n"one, two",0\n"a ""quote""",1\n')], table)
write("rows-tsv", ["tables/all.tsv", "tables/plain.tsv", "tables/cr.tsv"], table)
write("rows-jsonl", ["tables/lines.jsonl"], JSON + table)
write("rows-json", ["tables/array.json", "tables/array-indented.json"], JSON + table)
write("rows-lines", ["tables/minimal.tsv"], table)
write("rows-conll", [("tags.conll", "-DOCSTART- -X- O\n\nEU NNP B-ORG\nrejects VBZ O\n\nPeter NNP B-PER\n")], ["\n\n", "-DOCSTART-", "B-", "I-"])
write("rows-squad", [("questions.json", json.dumps({"version": "v2.0", "data": [{"title": "t", "paragraphs": [{
    "context": "A dog barks.", "qas": [
        {"id": "1", "question": "Who?", "answers": [{"text": "A dog", "answer_start": 0}], "is_impossible": False},
        {"id": "2", "question": "Why?", "answers": [], "is_impossible": True}]}]}]}))], JSON)
write("rows-unknown", ["tables/compressed.csv.gz", "tables/utf-16-le.csv", "tables/utf-16-be.csv", "tables/lines.jsonl"], table + JSON)
rows = {
    "masked-lm": [{"text": "a b"}],
    "next-sentence": [{"text": "a b", "text_pair": "c", "label": 0}],
    "sentence-order": [{"text": "a b", "text_pair": "c", "label": 1}],
    "sequence-classification": [{"text": "a", "label": 0}, {"text": "b", "label": [0, 1]}, {"text": "c", "label": "0|1"}, {"text": "d", "label": 0.5}],
    "token-classification": [{"tokens": ["a", "b"], "tags": ["O", "B-X"]}, {"tokens": ["a"], "tags": [1]}],
    "question-answering": [{"question": "Who?", "context": "A dog barks.", "answers": {"text": ["A dog"], "answer_start": [0]}}],
    "sentence-embedding": [{"anchor": "a", "positive": "b", "negative": "c"}, {"sentence1": "a", "sentence2": "b", "score": 0.5}],
    "multiple-choice": [{"sent1": "a", "sent2": "b", "ending0": "c", "ending1": "d", "label": 1}, {"question": "a", "choices": {"text": ["b", "c"], "label": ["A", "B"]}, "answerKey": "B"}],
    "replaced-token-detection": [{"text": "a b"}],
}
for task, examples in rows.items():
    keys = {key for example in examples for key in example}
    write(f"task-{task}", [("rows.jsonl", "".join(json.dumps(example) + "\n" for example in examples))] + [
        (f"row-{number}.jsonl", json.dumps(example) + "\n") for number, example in enumerate(examples)],
        JSON + sorted(f'"{key}":' for key in keys))

# The rest.
write("json", [f"{bert}/config.json", f"{bert}/tokenizer_config.json"], JSON)
write("experiment", ["demo/experiment.yaml", "search/experiment.yaml"], [
    "&", "*", "- ", ": ", "|", ">", "{", "}", "~", "!!", "%", "\u2028", "base:", "data:", "stages:", "arms:", "seeds:", "search:",
    "train:", "evaluate:", "folds:", "test-size:", "learning-rate:", "1e400", "-1", "9223372036854775807"])
write("shard-index", [("index.json", json.dumps({"metadata": {"total_size": 8}, "weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}))], JSON + ["../", "/"])
with zipfile.ZipFile(fixtures / "numpy/versions.npz") as file:
    write("npy", [(name, file.read(name)) for name in file.namelist()], ARRAY)
write("model-card", [("README.md", "---\nlicense: mit\ntags:\n- a\n- fill-mask\nmodel-index:\n- name: x\n---\n# A model\n")], ["---", ":", "- ", "tags:", "pipeline_tag:", "\r\n", "<!--", "-->"])
write("http-head", [("range", "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-99/1234\r\nETag: W/\"a\"\r\n"), ("redirect", "HTTP/2 302\r\nLocation: https://a/b\r\nContent-Length: 3\r\n")], ["HTTP/", "content-range:", "bytes ", "/", "-", "*"])
write("model-name", [("name", "bert-base-uncased"), ("revision", "org/name@refs/pr/1")], ["..", "/", "@", "--", ".git"])
