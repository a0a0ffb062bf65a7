import Foundation
import TestSupport
import Testing

/// `graft` with vectors of few weights.
@Suite("Sparse vectors on the command line")
struct SparseVectorTests {
  private static let model = repository.appending(path: "Fixtures/sparse/current").path

  static let rows: [Row] = [
    Row("embed \(model) oil --output v.jsonl", stdout: ["wrote v.jsonl (1 text, "]),
    Row("embed \(model) oil game --top-k 3 --output v.jsonl", stdout: ["wrote v.jsonl (2 texts, 6 weights)"]),
    Row(
      "embed \(model) oil --output v.jsonl --json", stdout: ["\"pooling\": \"SPLADE max\"", "\"weights\": "]),
    Row("embed {masked-lm} oil --sparse --top-k 2 --output v.jsonl", stdout: ["(1 text, 2 weights)"]),
    Row(
      "embed \(model) oil --normalize --output v.jsonl", code: 1,
      stderr: ["--normalize: the checkpoint makes sparse vectors. Leave out this option."]),
    Row(
      "embed \(model) oil --output v.npy", code: 1,
      stderr: [
        "--output: sparse vectors have another file; expected a name that ends with .jsonl, found .npy"
      ]),
    Row(
      "embed {masked-lm} oil --output v.jsonl", code: 1,
      stderr: ["--output: dense vectors have another file; expected a name that ends with .npy, found .jsonl"]
    ),
    Row(
      "embed {masked-lm} oil --output v.npz", code: 1,
      stderr: ["expected a name that ends with .npy, found .npz"]),
    Row("embed {masked-lm} oil --output V.NPY", stdout: ["wrote V.NPY (float32 [1, 32])"]),
    Row(
      "embed {masked-lm} oil --sparse --pooling cls --output v.jsonl", code: 64,
      stderr: ["--pooling has no meaning with --sparse."]),
    Row(
      "embed {masked-lm} oil --top-k 3 --output v.npy", code: 1,
      stderr: ["--top-k: the checkpoint makes dense vectors. Leave it out, or pass --sparse."]),
    Row(
      "evaluate \(model) --task sentence-embedding --data a.csv", code: 1,
      stderr: [
        "sparse vectors are neither learnt nor scored", "Texts can be found with them: 'graft search'.",
      ],
      prepare: { try $0.write("a.csv", "anchor,positive\na,b\n") }),
    Row("embed {base} oil --sparse --output v.jsonl", code: 1, stderr: ["the checkpoint has no head"]),
    Row("inspect \(model)", stdout: ["SPLADE max: 260 numbers"]),
    Row(
      "search v.jsonl oil --checkpoint \(model)", code: 1,
      stderr: [
        "v.jsonl: line 1: a token that the model does not have; expected tokens of its vocabulary, found 'zzz'"
      ],
      prepare: { try $0.write("v.jsonl", #"{"zzz": 1.5}"# + "\n") }),
    Row(
      "search v.jsonl oil --checkpoint \(model)", code: 1,
      stderr: ["v.jsonl: line 2: wrong weight of 'oil'; expected a positive number, found -1"],
      prepare: { try $0.write("v.jsonl", #"{"oil": 1.5}"# + "\n" + #"{"oil": -1}"# + "\n") }),
    Row(
      "search v.jsonl oil --checkpoint \(model)", code: 1,
      stderr: ["v.jsonl: line 2: wrong weight of 'oil'; expected a positive number, found 1e300"],
      prepare: { try $0.write("v.jsonl", #"{"oil": 1.5}"# + "\n" + #"{"oil": 1e300}"# + "\n") }),
    Row(
      "search v.jsonl oil --checkpoint \(model)", code: 1, stderr: ["v.jsonl: line 2", "invalid JSON"],
      prepare: { try $0.write("v.jsonl", #"{"oil": 1.5}"# + "\n{bad}\n") }),
    Row(
      "search v.jsonl oil --checkpoint \(model)", code: 1, stderr: ["v.jsonl: line 1", "invalid JSON"],
      prepare: { try $0.write("v.jsonl", #"{"oil": 1, "oil": 2}"# + "\n") }),
    Row(
      "search v.jsonl oil --checkpoint \(model)", code: 1, stderr: ["v.jsonl: line 2"],
      prepare: { try $0.write("v.jsonl", #"{"oil": 1.5}"# + "\n\n" + #"{"oil": 1}"# + "\n") }),
    Row(
      "search v.jsonl --input long.txt --checkpoint \(model)",
      stderr: ["1 text is longer than 32 tokens and is cut"],
      prepare: {
        try $0.write("v.jsonl", #"{"oil": 1.5}"# + "\n")
        try $0.write("long.txt", String(repeating: "oil ", count: 160) + "\n")
      }),
    Row(
      "search v.jsonl oil --checkpoint \(model) --similarity cosine", code: 1,
      stderr: ["sparse vectors are compared by the dot product alone"],
      prepare: { try $0.write("v.jsonl", #"{"oil": 1.5}"# + "\n") }),
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test("a parked head makes an index and its queries, without the index's record too")
  func parkedHead() throws {
    try Sandbox.with { sandbox in
      func graft(_ arguments: String) throws -> Sandbox.Outcome {
        try sandbox.graft(arguments.split(separator: " ").map(String.init))
      }
      for command in [
        "head swap {masked-lm} --to sequence-classification --num-labels 2 --output parked",
        "embed parked oil game --sparse --task masked-lm --output v.jsonl",
      ] {
        let outcome = try graft(command)
        #expect(outcome.code == 0, "\(outcome.stderr)")
      }
      let search = try graft("search v.jsonl oil --similarity dot --top-k 1")
      #expect(search.code == 0 && !search.stdout.isEmpty, "\(search.stdout)\(search.stderr)")
      let other = try graft("search v.jsonl oil --similarity dot --checkpoint {sequence-classification}")
      #expect(
        other.code == 64
          && other.stderr.hasSuffix(
            "v.jsonl.json names it as the head that made these vectors. Name another with --task.\n"),
        "\(other.stderr)")
      try FileManager.default.removeItem(at: sandbox.url("v.jsonl.json"))
      let none = try graft("search v.jsonl oil --similarity dot --checkpoint parked")
      #expect(
        none.code == 1 && none.stderr.contains("Take the parked head 'masked-lm': --task masked-lm."),
        "\(none.stderr)")
      let named = try graft(
        "search v.jsonl oil --similarity dot --checkpoint parked --task masked-lm --top-k 1")
      #expect(named.code == 0 && !named.stdout.isEmpty, "\(named.stdout)\(named.stderr)")
    }
  }

  @Test("the session of the page about sparse vectors runs as written")
  func page() throws {
    let session = try ReadmeTests.session(of: "Sources/GraftKit/GraftKit.docc/SparseVectors.md")
    #expect(session.first?.output.hasPrefix("wrote ") == true)
    #expect(session.last?.output.isEmpty == false)
  }
}
