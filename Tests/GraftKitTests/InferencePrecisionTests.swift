import GraftCompute
import GraftCore
import TestSupport
import Testing

@testable import GraftKit

/// What a session multiplies in beside its linear layers.
@Suite struct InferencePrecisionTests {
  /// The hidden states of a text where linear layers keep their weights in float32, so that attention alone is rounded.
  private func states(_ precision: WeightPrecision, on backend: any ComputeBackend) throws -> [Float]? {
    let model = try Support.registry().open(Support.fixture("base")).checkpoint.makeModel()
    let session = InferenceSession(
      model, backend: backend, precision: precision, keeping: Set(model.parameters.names))
    guard session.precision == precision else { return nil }
    var batch = Batch()
    batch.append(
      ids: (5..<17).map { Int32($0) }, tokenTypes: Array(repeating: 0, count: 12), positions: Array(0..<12))
    return try session.run { try model.encode(batch, $0).hiddenStates.value.values }
  }

  @Test("attention is rounded in bfloat16, and not in int8")
  func attention() throws {
    let backend = try Support.registry().makeBackend(threads: 1)
    let exact = try #require(try states(.float32, on: backend))
    if let whole = try states(.int8, on: backend) { #expect(whole == exact) }
    let rounded = try #require(try states(.bfloat16, on: backend))
    let largest = zip(rounded, exact).map { abs($0 - $1) }.max() ?? 0
    // More than float32 in another order, less than another model.
    #expect(largest > 1e-4 && largest < 0.05)
  }
}
