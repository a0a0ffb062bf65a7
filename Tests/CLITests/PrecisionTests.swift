import Foundation
import GraftTensors
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

  /// The numbers differ from float32's, so that the precision was used, and only a little.
  @Test(
    "int8 is another result, near float32's",
    arguments: [
      ["predict", "{sequence-classification}", "he can do it so"],
      ["predict", "{sequence-classification}", "he can do it so", "--heads", "sequence-classification"],
      [
        "tag", "{token-classification}", "he can do it so", "--ignore-labels", "none", "--aggregation",
        "none",
      ],
      ["answer", "{question-answering}", "--question", "who", "--context", "he can do it so"],
      ["fill-mask", "{masked-lm}", "he [MASK] do it so", "--top-k", "1"],
      ["rerank", "{regression}", "--query", "who", "he can do it so"],
    ])
  func differs(_ arguments: [String]) throws {
    try Sandbox.with { sandbox in
      func scores(_ precision: String) throws -> [Double] {
        let outcome = try sandbox.graft(arguments + ["--precision", precision, "--json"])
        #expect(outcome.code == 0, "\(outcome.stderr)")
        return numbers(try JSON(parsing: Array(outcome.stdout.utf8)))
      }
      let (exact, found) = (try scores("float32"), try scores("int8"))
      #expect(!exact.isEmpty && exact.count == found.count && exact != found)
      #expect(zip(exact, found).allSatisfy { abs($0 - $1) < 0.05 }, "\(exact) \(found)")
    }
  }

  @Test("an index in int8 is asked in int8") func index() throws {
    try Sandbox.with { sandbox in
      let texts = ["he can do it so", "it is the one", "so as it can be"]
      func run(_ arguments: [String]) throws -> String {
        let outcome = try sandbox.graft(arguments)
        #expect(outcome.code == 0, "\(outcome.stderr)")
        return outcome.stdout
      }
      for precision in ["float32", "int8"] {
        _ = try run(["embed", "{base}", "--output", "\(precision).npy", "--precision", precision] + texts)
      }
      let vectors = try ["float32", "int8"].map { try Data(contentsOf: sandbox.url("\($0).npy")) }
      #expect(vectors[0] != vectors[1])
      func best(_ index: String) throws -> Double? {
        let found = try run(["search", "\(index).npy", texts[0], "--top-k", "1", "--json"])
        return found.firstMatch(of: /"similarity": *([0-9.]+)/).flatMap { Double($0.1) }
      }
      for index in ["float32", "int8"] { #expect(try abs((best(index) ?? 0) - 1) < 1e-6) }
      // Made in another precision, the same text is not quite the same.
      try sandbox.replace("\"int8\"", with: "\"float32\"", in: "int8.npy.json")
      #expect(try best("int8") ?? 1 < 0.999_999)
    }
  }

  /// The numbers that are called a score, or stand in an object of scores.
  private func numbers(_ json: JSON, isScore: Bool = false) -> [Double] {
    if let number = json.double { return isScore ? [number] : [] }
    if let array = json.array { return array.flatMap { numbers($0, isScore: isScore) } }
    return (json.object ?? [:]).flatMap { numbers($1, isScore: isScore || $0.contains("score")) }
  }

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
