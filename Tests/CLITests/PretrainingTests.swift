import Foundation
import TestSupport
import Testing

/// The pages about pretraining.
@Suite("Pretraining")
struct PretrainingTests {
  private static let electra = repository.appending(path: "Fixtures/electra-tiny").path
  private static let data = repository.appending(path: "Fixtures/packages/test.csv").path

  static let rows: [Row] = [
    Row(
      "evaluate \(electra)/replaced-token-detection --data \(data) --take 8 --generator \(electra)/masked-lm",
      stdout: ["eval_accuracy", "eval_loss", "replaced"]),
    // Before any data are read.
    Row(
      "evaluate \(electra)/replaced-token-detection --data nowhere.csv", code: 1,
      stderr: [
        "--generator: the head 'replaced-token-detection' learns from tokens that a generator fills. "
          + "Name a checkpoint whose head predicts tokens."
      ]),
    Row(
      "evaluate {masked-lm} --data \(data) --take 8 --generator \(electra)/masked-lm", code: 1,
      stderr: ["--generator: the head 'masked-lm' does without a generator. Leave the option out."]),
    Row(
      "train \(electra)/replaced-token-detection --data \(data) --take 8 --output out --max-steps 2", code: 1,
      stderr: ["the head 'replaced-token-detection' learns from tokens that a generator fills"]),
    Row(
      "train \(electra)/replaced-token-detection --data \(data) --take 8 --output out --max-steps 2 --generator "
        + "\(electra)/base", code: 1,
      stderr: [
        "--generator: the generator has no active head. Name a checkpoint whose head predicts tokens."
      ]),
    Row(
      "evaluate \(electra)/replaced-token-detection --data \(data) --take 8 --generator nowhere", code: 1,
      stderr: ["nowhere: --generator: no such file or directory"]),
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test("the session of the page about replaced tokens runs as written")
  func replaced() throws {
    let session = try ReadmeTests.session(of: "Sources/GraftKit/GraftKit.docc/DetectingReplacedTokens.md")
    #expect(session.contains { $0.output.contains("eval_accuracy") })
    #expect(session.last?.output.contains("masked-lm  active      17,768          trained on 1,673") == true)
  }

  @Test("the session of the page about the order of sentences runs as written")
  func order() throws {
    let session = try ReadmeTests.session(of: "Sources/GraftKit/GraftKit.docc/OrderingSentences.md")
    #expect(session.contains { $0.output.contains("eval_accuracy") })
    #expect(session.last?.output.hasSuffix("\tUtility for sorting\tlarge files of text.\n") == true)
  }
}
