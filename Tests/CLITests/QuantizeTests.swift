import Foundation
import TestSupport
import Testing

/// `graft quantize`.
@Suite struct QuantizeTests {
  static let rows: [Row] = [
    Row(
      "quantize {sequence-classification} --output out",
      stdout: ["int8:     12 linear layers, 16,384 weights\n", "wrote out (8 files"]),
    Row(
      "quantize {base} --output out --keep-float32 layer.0 output.dense --json",
      stdout: ["\"int8\"", "\"encoder.layer.1.intermediate.dense\"", "\"float32\""]),
    Row(
      "quantize {base} --output out --keep-float32 layer.0,output.dense --json",
      stdout: ["\"encoder.layer.1.intermediate.dense\"", "\"encoder.layer.1.output.dense\""]),
    Row(
      "quantize {sequence-classification} --output out --calibrate a.csv --max-length 4",
      stdout: ["on 1 text accuracy is"],
      stderr: [
        "warning: 1 of 2 rows have no label, and are not scored\n",
        "1 of 1 text is longer than 4 tokens",
      ], prepare: { try $0.write("a.csv", "text,label\nhe can do it,World\ndo it,\n") }),
    Row(
      "quantize {sequence-classification} --output out --calibrate a.csv --stride 2", code: 1,
      stderr: ["--stride: the head 'sequence-classification' does not read long texts in windows"],
      prepare: { try $0.write("a.csv", "text,label\nhe can do it,World\n") }),
    Row(
      "quantize {base} --output out --calibrate a.txt --stride 2", code: 1,
      stderr: ["--stride: without a head no long texts are read in windows. Leave it out."],
      prepare: { try $0.write("a.txt", "he can do it\n") }),
    Row(
      "quantize {base} --output out --stride 2", code: 64,
      stderr: ["--stride is about the data of --calibrate"]),
    Row(
      "quantize model --output out --calibrate a.csv --max-length 8 --stride 4",
      // 14 tokens in windows of 6 beside [CLS] and [SEP]: each 2 farther, and 4 of them shared.
      stderr: ["1 text in 5 windows of at most 8 tokens\n"]
    ) {
      try $0.write(
        "a.csv", "text,label\n\(Array(repeating: "the", count: 14).joined(separator: " ")),World\n")
      try $0.copy("sequence-classification")
      try $0.replace(
        "\"id2label\"", with: "\"long_texts\": \"windows\", \"id2label\"", in: "model/config.json")
    },
    Row(
      "quantize {base} --output out --keep-float32 layer.7", code: 64,
      stderr: ["layer 'layer.7': no linear layer of the encoder is called so"]),
    Row("quantize {base} --output there", code: 1, stderr: ["there"], prepare: { try $0.write("there", "") }),
    Row("quantize {base}", code: 64, stderr: ["--output"]),
    Row("quantize {base} --output out --keep-float32 ,", code: 64, stderr: ["--keep-float32 has no names."]),
    Row(
      "quantize {sequence-classification} --output out --calibrate a.csv",
      stdout: ["accuracy", "answers that are the same", "bert.encoder.layer.1", "on 2 texts accuracy is"],
      prepare: { try $0.write("a.csv", "text,label\nhe can,World\ndo it,Sports\n") }),
    Row(
      "quantize {base} --output out --calibrate a.txt --json",
      stdout: ["\"worst_cosine\"", "\"verdict\"", "\"quantization.html\""],
      prepare: { try $0.write("a.txt", "he can\ndo it\nit is so\n") }),
    Row(
      "quantize {base} --output out --calibrate missing.csv", code: 1, stderr: ["missing.csv"]),
    Row(
      "quantize {base} --output out --take 3", code: 64, stderr: ["--take is about the data of --calibrate"]),
    Row(
      "inspect out", stdout: ["int8 (12 tensors)", "note: 12 weights are whole numbers of eight bits"],
      prepare: quantize),
    Row(
      "export out --format onnx --output out.onnx", stdout: ["wrote out.onnx (1 file"], prepare: quantize),
    Row(
      "export out --format gguf --output out.gguf",
      stderr: ["weights of eight bits are written as what they stand for, in float32"],
      prepare: { try quantize($0, "base") }),
  ]

  private static func quantize(_ sandbox: Sandbox, _ name: String) throws {
    try #require(try sandbox.graft(["quantize", "{\(name)}", "--output", "out"]).code == 0)
  }

  private static func quantize(_ sandbox: Sandbox) throws { try quantize(sandbox, "sequence-classification") }

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test("the page's commands run") func page() throws {
    _ = try ReadmeTests.session(of: "Sources/GraftKit/GraftKit.docc/WeightsOfEightBits.md")
  }

  @Test("answers in int8 are those of the original in int8") func same() throws {
    try Sandbox.with { sandbox in
      try Self.quantize(sandbox)
      func answer(_ model: String, _ precision: String) throws -> String {
        let outcome = try sandbox.graft(
          ["predict", model, "he can do it so", "is it", "--json", "--precision", precision])
        #expect(outcome.code == 0, "\(outcome.stderr)")
        return outcome.stdout
      }
      let original = "{sequence-classification}"
      #expect(try answer("out", "int8") == answer(original, "int8"))
      #expect(try answer("out", "float32") != answer(original, "float32"))
    }
  }
}
