import Foundation
import TestSupport
import Testing

/// The pages about pretraining.
@Suite("Pretraining")
struct PretrainingTests {
  @Test("the session of the page about the order of sentences runs as written")
  func order() throws {
    let session = try ReadmeTests.session(of: "Sources/GraftKit/GraftKit.docc/OrderingSentences.md")
    #expect(session.last?.output.contains("eval_accuracy") == true)
  }
}
