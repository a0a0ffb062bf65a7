import Foundation
import TestSupport
import Testing

/// `--precision` of the commands that answer.
@Suite struct PrecisionTests {
  private static let commands: [(line: String, more: [String], shows: String)] = [
    ("predict {sequence-classification}", ["he can"], "he can"),
    ("tag {token-classification}", ["he can do it"], "score  label"),
    ("answer {question-answering} --question who --context", ["he can do it"], "score  offsets"),
    ("fill-mask {masked-lm}", ["he [MASK] do it"], "score  token"),
    ("rerank {regression} --query who", ["he can", "do it"], "do it"),
    ("embed {base} --output a.npy", ["he can"], "float32 [1, "),
    ("evaluate {sequence-classification} --data a.csv", [], "eval_accuracy"),
  ]

  static let rows: [Row] =
    commands.flatMap { command in
      ["float32", "int8"].map { precision in
        Row(
          "\(command.line)", command.more + ["--precision", precision], stdout: [command.shows],
          prepare: { try $0.write("a.csv", "text,label\nhe can,World\ndo it,Sports\n") })
      }
    } + [
      Row(
        "predict {sequence-classification} he --precision int4", code: 64,
        stderr: ["float32", "bfloat16", "int8"]),
      Row("predict {sequence-classification} he --precision int8 --backend reference", stdout: ["he"]),
    ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test("a text's scores are the same alone and among others") func alone() throws {
    try Sandbox.with { sandbox in
      let texts = ["he can", "do it and so can they", "is", "not so as it can be"]
      for precision in ["float32", "int8"] {
        func scores(_ texts: [String], _ more: [String]) throws -> [String] {
          let outcome = try sandbox.graft(
            ["predict", "{sequence-classification}", "--precision", precision] + more + texts)
          #expect(outcome.code == 0, "\(outcome.stderr)")
          return outcome.stdout.split(separator: "\n").map(String.init)
        }
        let together = try scores(texts, ["--batch-size", "4"])
        #expect(together.count == texts.count)
        #expect(try texts.map { try scores([$0], ["--threads", "1"])[0] } == together)
      }
    }
  }
}
