import Foundation
import GraftTensors
import Testing

/// Checkpoints and outputs that are wrong: one sentence that names what, exit code 1, nothing left behind.
@Suite struct BadInputTests {
  static let names: [Row] = [
    Row(
      "import {base} --output out --format ggml", code: 64,
      stderr: ["unknown weight format 'ggml'. Known: safetensors"]),
    Row(
      "export {base} --output out --format safetensors --dialect jax", code: 64,
      stderr: ["unknown dialect 'jax'. Known: transformers"]),
    Row(
      "head swap {base} --to ner --output out", code: 64,
      stderr: [
        "unknown head 'ner'. Known: masked-lm, multiple-choice, next-sentence, pretraining, question-answering, sequence-class"
      ]),
    Row(
      "head swap {../distilbert-tiny/masked-lm} --to next-sentence --output out", code: 1,
      stderr: [
        "the family 'distilbert' has no head for 'next-sentence'. It has: masked-lm, multiple-choice, question-answering, sequence-classification, token-classification."
      ]),
    Row(
      "import {base} --output out --dtype int8", code: 64,
      stderr: ["'int8' is invalid for '--dtype", "float16"]),
    Row(
      "import {base} --output out --max-shard-size 0", code: 64,
      stderr: ["'0' is invalid for '--max-shard-size"]),
    Row(
      "head swap {base} --to sequence-classification --labels A,B --num-labels 2 --output out", code: 64,
      stderr: ["Give one of --labels, --labels-from and --num-labels"]),
    Row(
      "head swap {base} --to sequence-classification --num-labels 0 --output out", code: 64,
      stderr: ["--num-labels must be between"]),
    Row(
      "head swap {base} --to sequence-classification --labels A,,B --output out", code: 64,
      stderr: ["--labels has an empty name"]),
    Row(
      "head swap {base} --to sequence-classification --labels A,B,A --output out", code: 64,
      stderr: ["--labels names 'A' twice"]),
    Row(
      "head swap {base} --to masked-lm --labels A,B --output out", code: 1,
      stderr: ["the head 'masked-lm' has no labels of its own"]),
    Row("verify {base} --golden {base}/golden.safetensors --tolerance -1", code: 64, stderr: ["--tolerance"]),
  ]

  static let files: [Row] = [
    Row(
      "inspect nowhere", code: 1,
      stderr: [
        "graft: error: nowhere: no such file or directory, and no model of that name in the cache. "
          + "Fetch it with 'graft pull nowhere', without --offline and HF_HUB_OFFLINE.\n"
      ]),
    Row("inspect ./nowhere", code: 1, stderr: ["graft: error: nowhere: no such file or directory.\n"]),
    Row(
      "import nowhere.safetensors --output out", code: 1,
      stderr: ["graft: error: nowhere.safetensors: no such file or directory.\n"]),
    Row("pull ../nowhere", code: 64, stderr: ["'../nowhere' is no model's name"]),
    Row(
      "inspect empty", code: 1,
      stderr: ["empty: no weights in this directory; expected one of model.safetensors"],
      prepare: { try $0.write("empty/readme.txt", "") }),
    Row(
      "inspect run", code: 1,
      stderr: [
        "run: no weights in this directory: it holds a training run that has not finished. "
          + "Go on with the run with --resume, or name its newest checkpoint, checkpoint-20.\n"
      ],
      prepare: {
        try $0.write("run/training_args.json", "{}")
        try $0.write("run/checkpoint-9/config.json", "{}")
        try $0.write("run/checkpoint-20/config.json", "{}")
      }),
    Row(
      "inspect run", code: 1,
      stderr: [
        "run: no weights in this directory: it holds checkpoints of a training run. "
          + "Name one of them; the newest is checkpoint-500.\n"
      ],
      prepare: {
        for name in ["checkpoint-500", "checkpoint-90", "checkpoint--3", "checkpoint-+900", "checkpoint-"] {
          try $0.write("run/\(name)/config.json", "{}")
        }
      }),
    Row(
      "inspect run", code: 1,
      stderr: ["it holds a training run that has not saved a model yet. Go on with the run with --resume.\n"],
      prepare: { try $0.write("run/training_args.json", "{}") }),
    Row(
      "inspect model", code: 1,
      stderr: [
        "model/config.json: no such file: model.safetensors holds weights alone, its configuration belongs here. "
          + "Copy or download the model's config.json to this place."
      ],
      prepare: {
        try $0.copy("base"); try FileManager.default.removeItem(at: $0.url("model/config.json"))
      }),
    Row(
      "inspect model", code: 1, stderr: ["model/config.json: "],
      prepare: {
        try $0.copy("base"); try $0.write("model/config.json", "model_type: bert")
      }),
    Row(
      "inspect model", code: 1, stderr: ["model/config.json: ", "expected a JSON object"],
      prepare: {
        try $0.copy("base"); try $0.write("model/config.json", "[]")
      }),
    Row(
      "inspect model", code: 1,
      stderr: ["model.safetensors: tensor '", "wrong shape; expected [", "as config.json has it"],
      prepare: {
        try $0.copy("base");
        try $0.replace("\"hidden_size\": 32", with: "\"hidden_size\": 64", in: "model/config.json")
      }),
    Row(
      "inspect model", code: 1, stderr: ["key 'hidden_size': wrong value; expected a positive integer"],
      prepare: {
        try $0.copy("base");
        try $0.replace("\"hidden_size\": 32", with: "\"hidden_size\": \"wide\"", in: "model/config.json")
      }),
    Row(
      "inspect model", code: 1, stderr: ["wrong shape"],
      prepare: {
        try $0.copy("base");
        try $0.replace(
          "\"intermediate_size\": 64", with: "\"intermediate_size\": 65", in: "model/config.json")
      }),
    Row(
      "inspect model", code: 1,
      stderr: ["key 'model_type' of config.json: unknown family 'gpt2'. Known: bert"],
      prepare: {
        try $0.copy("base");
        try $0.replace("\"model_type\": \"bert\"", with: "\"model_type\": \"gpt2\"", in: "model/config.json")
      }),
    Row(
      "import model --output out", code: 1, stderr: ["model/model.safetensors", "truncated"],
      prepare: { sandbox in
        let bytes = try Data(contentsOf: URL(filePath: sandbox.resolve("{base}/model.safetensors")))
        try sandbox.copy("base", weights: Array(bytes.prefix(bytes.count / 2)))
      }),
    Row(
      "import model --output out", code: 1, stderr: ["model/model.safetensors"],
      prepare: { try $0.copy("base", weights: [UInt8](repeating: 0xFF, count: 8) + [0x7B]) }),
    Row(
      "import model --output out", code: 1, stderr: ["model/model.safetensors"],
      prepare: {
        try $0.copy(
          "base",
          header:
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#
        )
      }),
    Row(
      "import model --output out", code: 1, stderr: ["model/model.safetensors", "'a'"],
      prepare: { try $0.copy("base", header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}"#) }),
    Row(
      "import model --output out", code: 1, stderr: ["model/model.safetensors", "'a'"],
      prepare: {
        try $0.copy(
          "base",
          header:
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#
        )
      }),
    Row(
      "import model --output out", code: 1, stderr: ["model/model.safetensors", "'a'"],
      prepare: {
        try $0.copy(
          "base",
          header: #"{"a":{"dtype":"F32","shape":["# + String(repeating: "1,", count: 100_000)
            + #"1],"data_offsets":[0,4]}}"#)
      }),
    Row(
      "import model --output out", code: 1, stderr: ["model/model.safetensors", "'a'"],
      prepare: {
        try $0.copy(
          "base", header: #"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,4]}}"#)
      }),
    Row(
      "import model --output out", code: 1,
      stderr: ["model/model.safetensors", "Git LFS pointer", "git lfs pull"],
      prepare: {
        try $0.copy(
          "base",
          weights: Array("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 440449768\n".utf8)
        )
      }),
    Row(
      "import model --output out", code: 1, stderr: ["model/model.safetensors", "HTML"],
      prepare: { try $0.copy("base", weights: Array("<!DOCTYPE html><html><body>404</body></html>".utf8)) }),
    Row(
      "import model --output out", code: 1, stderr: ["model/model.safetensors"],
      prepare: { try $0.copy("base", weights: []) }),
    Row(
      "import model --output out", code: 1,
      stderr: [
        "model.safetensors: the pickle asks for 'os.system', which is no part of weights. "
          + "Graft runs no code of a file."
      ],
      prepare: {
        // The beginning of a PyTorch file, and in the place of its table a call.
        let head: [UInt8] = [
          0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
          0x80, 2, 0x4D, 0xE9, 3, 0x2E, 0x80, 2, 0x7D, 0x2E,
        ]
        try $0.copy("base", weights: head + Array("cos\nsystem\n(S'touch here'\ntR.".utf8))
      }),
    Row(
      "import model --output out", code: 1, stderr: ["safetensors: a text, not weights. Name the"],
      prepare: { try $0.copy("base", weights: [UInt8](repeating: 0x42, count: 100)) }),
    Row(
      "import model --output out", code: 1,
      stderr: ["model-00002-of-00003.safetensors: this shard is missing"],
      prepare: {
        try $0.copy("sharded");
        try FileManager.default.removeItem(at: $0.url("model/model-00002-of-00003.safetensors"))
      }),
    Row(
      "inspect model --check", code: 1, stderr: ["model/tokenizer.json: "],
      prepare: {
        try $0.copy("base")
        let file = $0.url("model/tokenizer.json")
        try Data(contentsOf: file).prefix(3000).write(to: file)
      }),
    Row(
      "import model --output out", code: 1, stderr: ["model/tokenizer.json"],
      prepare: {
        try $0.copy("base"); try $0.write("model/tokenizer.json", "{")
      }),
    Row(
      "import model --output out --strict", code: 1,
      stderr: ["tensors belong to nothing known, and none may be left out"],
      prepare: {
        try $0.copy("masked-lm");
        try $0.replace("BertForMaskedLM", with: "BertForTokenTyping", in: "model/config.json")
      }),
    Row(
      "verify {base} --golden {base}/model.safetensors", code: 1,
      stderr: ["model.safetensors: the golden file has no 'input_ids'"]),
    Row("verify {base} --golden none.safetensors", code: 1, stderr: ["none.safetensors: no such file"]),
    Row("head attach {base} --head {masked-lm} --output out", code: 1, stderr: ["not a detached head"]),
    Row(
      "inspect head", code: 1,
      stderr: ["head: a head alone, without a backbone. 'graft head list' describes it"],
      prepare: CheckpointTests.detached),
    Row(
      "inspect head", code: 1, stderr: ["head: a head alone, without a backbone."],
      prepare: brokenHead),
    Row(
      "head list head", code: 1, stderr: ["head/model.safetensors: "], prepare: brokenHead),
    Row(
      "head list head", code: 1, stderr: ["head/graft.json: "],
      prepare: {
        try CheckpointTests.detached($0)
        try $0.write("head/graft.json", "{")
      }),
    Row(
      "head swap {base} --to token-classification --labels O,B-PER --problem-type multi-label --output out",
      code: 1,
      stderr: [
        "--problem-type: the labels of the head 'token-classification' mean one thing alone. Leave it out."
      ]),
    Row("head detach {base} --output out", code: 1, stderr: ["the checkpoint has no head to detach"]),
    Row(
      "head detach {masked-lm} --name ner --output out", code: 64,
      stderr: ["the checkpoint has no head 'ner'. It has: masked-lm."]),
    Row(
      "head attach narrow --head head --output out", code: 1,
      stderr: [
        "the head was made for another width; expected hidden_size 16, found 32. Attach it to a backbone of width 32."
      ],
      prepare: { sandbox in
        try CheckpointTests.detached(sandbox)
        try sandbox.copy("base", to: "config")
        try sandbox.replace("\"hidden_size\": 32", with: "\"hidden_size\": 16", in: "config/config.json")
        try #require(try sandbox.graft(["init", "config", "--output", "narrow"]).code == 0)
      }),
  ]

  /// A head alone, whose weights are damaged.
  @Sendable private static func brokenHead(_ sandbox: Sandbox) throws {
    try CheckpointTests.detached(sandbox)
    try sandbox.write("head/model.safetensors", "{")
  }

  static let outputs: [Row] = [
    Row(
      "import {base} --output out", code: 1,
      stderr: ["out: the output directory exists and is not empty. Choose another name or remove it first."],
      prepare: { try $0.write("out/precious.txt", "keep") }),
    Row(
      "export {base} --format safetensors --output out.safetensors", code: 1,
      stderr: ["out.safetensors: a file of that name exists"],
      prepare: { try $0.write("out.safetensors", "keep") }),
    Row(
      "head swap {base} --to masked-lm --output out", code: 1, stderr: ["out: "],
      prepare: { try $0.write("out", "keep") }),
    Row(
      "import {base} --output file/out", code: 1, stderr: ["file/out: cannot be written"],
      prepare: { try $0.write("file", "keep") }),
    Row("import {base} --output /proc/graft", code: 1, stderr: ["/proc/graft: cannot be written"]),
    Row("head detach {masked-lm} --output /proc/graft", code: 1, stderr: ["/proc/graft: cannot be written"]),
  ]

  @Test(arguments: names) func unknownNames(_ row: Row) throws { try row.check() }
  @Test(arguments: files) func brokenFiles(_ row: Row) throws { try row.check() }
  @Test(arguments: outputs) func unusableOutputs(_ row: Row) throws { try row.check() }

  /// Whether this process may mount a small file system, which filling up a disk needs.
  static let canMount: Bool = {
    let probe = try? Sandbox.with { sandbox in
      try sandbox.shell("mount -t tmpfs -o size=64k tmpfs . 2>/dev/null && umount -l .")
    }
    return probe?.code == 0
  }()

  @Test(.enabled(if: canMount, "mounting a small tmpfs is not allowed here"))
  func fullDisk() throws {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.shell(
        """
        mkdir disk && mount -t tmpfs -o size=64k tmpfs disk && trap 'umount disk' EXIT
        echo old > disk/old
        $GRAFT import \(sandbox.resolve("{base}")) --output disk/out; code=$?
        ls -A disk; cat disk/old
        exit $code
        """)
      #expect(outcome.code == 1)
      #expect(outcome.stdout == "old\nold\n")
      #expect(
        outcome.stderr.contains("disk/out/model.safetensors: cannot be written (No space left on device)"))
      #expect(outcome.stderr.contains("Free some space and run the command again"))
    }
  }

  /// The record of the texts is small, and there before the vectors.
  @Test(.enabled(if: canMount, "mounting a small tmpfs is not allowed here"))
  func fullDiskWhileEmbedding() throws {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.shell(
        """
        mkdir disk && mount -t tmpfs -o size=24k tmpfs disk && trap 'umount disk' EXIT
        yes a | head -200 > texts.txt
        for output in vectors.npy vectors.jsonl; do
          sparse=$([ $output = vectors.npy ] || echo --sparse)
          $GRAFT embed \(sandbox.resolve("{masked-lm}")) --input texts.txt $sparse --output disk/$output >/dev/null
          echo $? $(ls -A disk)
        done
        """)
      #expect(outcome.stdout == "1\n1\n")
      for output in ["vectors.npy", "vectors.jsonl"] {
        #expect(
          outcome.stderr.contains("disk/\(output): cannot be written (No space left on device)"),
          "\(outcome.stderr)")
      }
    }
  }

  /// The first of two files goes where there is no room for the second.
  @Test(.enabled(if: canMount, "mounting a small tmpfs is not allowed here"))
  func fullDiskWhileEvaluating() throws {
    try Sandbox.with { sandbox in
      try TrainingTests.classifier(sandbox)
      let outcome = try sandbox.shell(
        """
        mkdir disk && mount -t tmpfs -o size=4k tmpfs disk && trap 'umount disk' EXIT
        $GRAFT evaluate model --data data.csv --take 4 --output disk/scores --predictions disk/rows \
          --allow-untrained >/dev/null
        echo $? $(ls -A disk)
        """)
      #expect(outcome.stdout == "1\n", "\(outcome.stderr)")
      #expect(outcome.stderr.contains("disk/scores: cannot be written (No space left on device)"))
    }
  }

  /// A run whose disk fills up keeps its last checkpoint, and goes on when there is room again.
  @Test(.enabled(if: canMount, "mounting a small tmpfs is not allowed here"))
  func fullDiskWhileTraining() throws {
    try Sandbox.with { sandbox in
      try TrainingTests.classifier(sandbox)
      let outcome = try sandbox.shell(
        """
        mkdir disk && mount -t tmpfs -o size=600k tmpfs disk && trap 'umount disk' EXIT
        train="$GRAFT train model --data data.csv --max-steps 3 --save-steps 1 --output"
        $train disk/run >&2; echo "code $?"
        ls -A disk/run | grep -v json
        mount -o remount,size=8m disk
        $train disk/run --resume >&2; echo "code $?"
        $train whole >&2
        cmp disk/run/model.safetensors whole/model.safetensors && echo same
        """)
      #expect(outcome.stdout == "code 1\ncheckpoint-1\nruns\ncode 0\nsame\n", "\(outcome.stderr)")
      #expect(outcome.stderr.contains("No space left on device"))
    }
  }
}
