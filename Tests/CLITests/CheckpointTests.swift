import Foundation
import GraftTensors
import Testing

/// Commands on whole and sound checkpoints.
@Suite struct CheckpointTests {
  static let rows: [Row] = [
    Row(
      "inspect {pretraining}",
      stdout: [
        "architecture  BertForPreTraining", "2 layers, hidden 32, vocabulary 260, up to 64 tokens",
        "parameters    30,086", "masked-lm      active       1,380", "backbone: 39 loaded",
      ]),
    Row("inspect {base}/model.safetensors", stdout: ["architecture  BertModel", "none: the bare encoder"]),
    Row("inspect {sharded}", stdout: ["BertForPreTraining"]),
    Row("inspect {base} --tensors", stdout: ["embeddings.word_embeddings.weight", "float32  [260, 32]"]),
    Row(
      "inspect {legacy-gamma-beta}",
      stdout: ["renamed ('bert.embeddings.LayerNorm.gamma' → 'bert.embeddings.LayerNorm.weight')"]),
    Row(
      "inspect {sequence-classification} --json",
      stdout: ["\"architecture\": \"BertForSequenceClassification\"", "\"hidden_size\": 32", "\"Sci/Tech\""]),
    Row(
      "import {pretraining} --output out", stdout: ["wrote out (7 files"],
      stderr: ["/pretraining (backbone: 39 loaded, masked-lm: 5 loaded, next-sentence: 2 loaded)\n"]),
    Row("import {data-parallel} --output out --strict", stdout: ["wrote out"], stderr: ["renamed"]),
    Row(
      "import {base} --output out --dtype bfloat16 --json",
      stdout: ["\"output\": \"out\"", "\"model.safetensors\""]),
    Row("export {masked-lm} --format safetensors --output out", stdout: ["wrote out ("]),
    Row(
      "export {masked-lm} --format safetensors --output m.safetensors",
      stdout: ["wrote m.safetensors (1 file"]),
    Row(
      "export {base} --format safetensors --output out --max-shard-size 50KB --json",
      stdout: ["model-00001-of-00003.safetensors", "model.safetensors.index.json"]),
    Row(
      "inspect model",
      stdout: ["note: model.safetensors was read, pytorch_model.bin, model.npz beside it were not"],
      prepare: { sandbox in
        try sandbox.copy("base")
        for name in ["pytorch_model.bin", "model.npz"] { try sandbox.write("model/\(name)", "another") }
      }),
    Row(
      "head swap {base} --to sequence-classification --output out",
      stdout: ["active:   sequence-classification"],
      stderr: [
        "warning: no labels were given, so the head has 2 outputs: LABEL_0, LABEL_1. Name them with --labels A,B,C\n"
      ]),
    Row("export {masked-lm} --format pytorch --output m.pt", stdout: ["wrote m.pt (1 file"]),
    Row(
      "export {base} --format pytorch --output out --max-shard-size 50KB --json",
      stdout: ["pytorch_model-00001-of-00003.bin", "pytorch_model.bin.index.json"]),
    Row(
      "diff shards {base}", whole: "39 equal, 0 changed, 0 only in A, 0 only in B\n",
      prepare: {
        let export = "export {base} --format pytorch --output shards --max-shard-size 50KB"
        try #require(try $0.graft(export.split(separator: " ").map(String.init)).code == 0)
      }),
    Row("export {masked-lm} --format npz --output m.npz", stdout: ["wrote m.npz (1 file"]),
    Row(
      "export {masked-lm} --format npz --dtype bfloat16 --output m.npz", code: 1,
      stderr: [
        "the format 'npz' does not store weights as bfloat16. It takes float32, float16."
      ]),
    Row(
      "export {pretraining} --format gguf --dtype q8_0 --output m.gguf", stdout: ["wrote m.gguf (1 file"],
      stderr: [
        "note: the head 'next-sentence' is left out: the dialect 'gguf' has no names for it",
        "note: left out: the pooler",
      ]),
    Row("export {base} --format gguf --output out", stdout: ["wrote out (9 files"]),
    Row(
      "export {base} --format gguf --output out --max-shard-size 50KB", code: 1,
      stderr: ["the format 'gguf' keeps all tensors in one file; expected at most 50000 bytes, found 110336."]
    ),
    Row(
      "import {base} --dtype q8_0 --output out", code: 1,
      stderr: [
        "the format 'safetensors' does not store weights as q8_0. It takes float32, float16, bfloat16."
      ]),
    Row(
      "inspect {../gguf/base-q8_0.gguf}",
      stdout: [
        "format        gguf", "tokenizer     wordpiece",
        "types         float32 (24 tensors), q8_0 (13 tensors)",
      ]),
    Row("import {../gguf/base-q8_0.gguf} --output out", stdout: ["wrote out (7 files"]),
    Row("export {sequence-classification} --format onnx --output m.onnx", stdout: ["wrote m.onnx (1 file"]),
    Row(
      "export {pretraining} --format onnx --output out --max-shard-size 60KB --json",
      stdout: ["\"model.onnx\"", "\"model.onnx.data-00001-of-00003\""]),
    Row(
      "inspect {../onnx/dynamo/base/model.onnx}", stdout: ["format        onnx", "backbone: 39 loaded"]),
    Row(
      "inspect {../pytorch/bert-tiny}",
      stdout: [
        "format        pytorch", "tied copies   cls.predictions.decoder.weight, cls.predictions.decoder.bias",
      ]),
    Row("diff {../pytorch/bert-tiny} {float16}", whole: "46 equal, 0 changed, 0 only in A, 0 only in B\n"),
    Row(
      "init config --head masked-lm --output out", stdout: ["wrote out"],
      prepare: { try $0.copy("base", to: "config") }),
    Row(
      "head list {pretraining}",
      stdout: [
        "head           state   parameters", "next-sentence  active          66          imported from",
      ]),
    Row("head list {base}", whole: "none: the bare encoder\n"),
    Row("head list {multi-label} --json", stdout: ["\"state\": \"active\"", "\"trained\": true"]),
    Row(
      "head swap {pretraining} --to sequence-classification --labels A,B,C --output out",
      stdout: ["parked:   masked-lm, next-sentence\n", "active:   sequence-classification\n"],
      stderr: ["sequence-classification: 0 loaded, 2 newly initialised", "train it before predicting"]),
    Row(
      "head swap swapped --to pretraining --output out --json",
      stdout: ["\"restored\": [\n    \"masked-lm\""],
      prepare: swapped),
    Row(
      "head list swapped",
      stdout: ["sequence-classification  active", "not trained", "masked-lm                parked"],
      prepare: swapped),
    Row(
      "head detach {sequence-classification} --output out",
      stdout: ["detached: sequence-classification\n", "wrote out (3 files"]),
    Row(
      "head list head",
      stdout: ["sequence-classification  detached         132  World, Sports, Business, Sci/Tech"],
      prepare: detached),
    Row(
      "head attach {base} --head head --output out", stdout: ["active:   sequence-classification\n"],
      stderr: ["a head answers as it did only on the backbone that it was trained with"], prepare: detached),
    Row(
      "head attach {masked-lm} --head head --output out",
      stderr: ["warning: the pooler that sequence-classification reads starts with random weights"],
      prepare: detached),
    Row(
      "head attach {sequence-classification} --head head --output out",
      stdout: ["parked:   sequence-classification.2\n", "active:   sequence-classification\n"],
      prepare: detached),
    Row(
      "head swap {sequence-classification} --to sequence-classification --labels X,Y --output out",
      stdout: ["parked:   sequence-classification.2\n"], prepare: detached),
    Row(
      "head swap {masked-lm} --to sequence-classification --labels X --output out",
      stderr: ["a head with one label gives a number: training takes it for a regression\n"]),
    Row(
      "head swap {masked-lm} --to sequence-classification --output out --labels", [#"["a, b", "c"]"#],
      stdout: ["active:   sequence-classification\n"]),
    Row("diff {base} {base}", whole: "39 equal, 0 changed, 0 only in A, 0 only in B\n"),
    Row(
      "diff {base} {masked-lm}", code: 1, stdout: ["only in A  pooler.weight", "only in B  masked_lm.bias"]),
    Row("diff {base} {pretraining} --json", code: 1, stdout: ["\"identical\": false", "\"only_in_b\": ["]),
    Row("diff {pretraining} {float16}", code: 1, stdout: ["changed", "max abs diff"]),
    Row(
      "verify {base} --golden {base}/golden.safetensors",
      stdout: ["ok  last_hidden_state  max abs diff ", "relative"]),
    Row(
      "verify {pretraining} --golden {pretraining}/golden.safetensors --backend reference --threads 1",
      stdout: ["ok  prediction_logits", "ok  seq_relationship_logits"]),
    Row(
      "verify {base} --golden {masked-lm}/golden.safetensors",
      stdout: ["ok  last_hidden_state", "–   prediction_logits  not computed by this checkpoint"]),
    Row("inspect {base} --check", stdout: ["39 tensors read whole, all values are finite"]),
    Row(
      "verify {base} --golden {base}/golden.safetensors --tolerance 1e-12 --json", code: 1,
      stdout: ["\"passes\": false", "\"max_abs_diff\": "]),
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  /// A tiny checkpoint with a head that was never trained.
  @Sendable static func swapped(_ sandbox: Sandbox) throws { try swappedFiles.write(into: sandbox) }

  /// A head of width 32 alone.
  @Sendable static func detached(_ sandbox: Sandbox) throws { try detachedFiles.write(into: sandbox) }

  private static let swappedFiles = Prepared(
    "head swap {pretraining} --to sequence-classification --labels A,B,C --output swapped")
  private static let detachedFiles = Prepared("head detach {sequence-classification} --output head")

  /// Import → swap → swap back leaves every tensor of the source bit-identical.
  @Test func swappingBackRestores() throws {
    try Sandbox.with { sandbox in
      try Self.swapped(sandbox)
      let back = try sandbox.graft(["head", "swap", "swapped", "--to", "pretraining", "--output", "back"])
      #expect(back.code == 0)
      let difference = try sandbox.graft(["diff", "{pretraining}", "back", "--json"])
      let json = try JSON(parsing: Array(difference.stdout.utf8))
      #expect(json["equal"]?.array?.count == 46)
      #expect(json["changed"]?.array?.isEmpty == true)
      #expect(json["only_in_a"]?.array?.isEmpty == true)
    }
  }
}
