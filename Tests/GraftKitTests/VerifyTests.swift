import Foundation
import GraftCompute
import GraftKit
import GraftTensors
import Synchronization
import TestSupport
import Testing

/// Golden files that are broken or belong to another model: an error each, never a trap or a wild read.
@Suite struct VerifyTests {
  /// Runs the tiny checkpoint on a golden file of these tensors.
  private func verify(_ name: String, _ tensors: [String: LazyTensor]) throws -> Verification {
    try withTemporaryDirectory { directory in
      let golden = directory.appending(path: "golden.safetensors")
      let registry = try Support.registry()
      var weights = Weights()
      for (name, tensor) in tensors { weights[name] = tensor }
      try registry.formats.find("safetensors").init().write(weights, to: golden)
      return try GraftKit.verify(
        Support.fixture(name), golden: golden, backend: try ReferenceBackend(threads: 1), registry: registry)
    }
  }

  private func error(_ name: String, _ tensors: [String: LazyTensor]) throws -> GraftError {
    let error = try #require(throws: GraftError.self) { try verify(name, tensors) }
    #expect(error.file?.hasSuffix("golden.safetensors") == true)
    return error
  }

  /// Inputs of `rows` texts of `length` tokens, unmasked, and one output of zeros.
  private func tensors(rows: Int, length: Int, _ output: String, _ shape: [Int]) -> [String: LazyTensor] {
    let count = rows * length
    return [
      "input_ids": LazyTensor([Int64](repeating: 5, count: count), shape: [rows, length]),
      "attention_mask": LazyTensor([Int64](repeating: 1, count: count), shape: [rows, length]),
      output: LazyTensor([Float](repeating: 0, count: shape.reduce(1, *)), shape: shape),
    ]
  }

  @Test("inputs of the right shape are compared")
  func control() throws {
    let result = try verify("sequence-classification", tensors(rows: 2, length: 4, "logits", [2, 4]))
    #expect(result.outputs.map(\.name) == ["logits"])
    #expect(result.outputs.allSatisfy { $0.maximum > 0 && $0.maximum.isFinite })
  }

  /// The reference backend, counting its products.
  private struct CountingBackend: ComputeBackend {
    static let name = "counting"
    let reference: ReferenceBackend
    let count = Atomic()
    var threads: ThreadPool { reference.threads }

    final class Atomic: Sendable {
      private let value = Mutex(0)
      func add() { value.withLock { $0 += 1 } }
      var current: Int { value.withLock { $0 } }
    }

    init(threads: Int) throws { reference = try ReferenceBackend(threads: threads) }

    func gemm(
      _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
      to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
    ) {
      count.add()
      reference.gemm(product, a, lda: lda, b, ldb: ldb, to: c, ldc: ldc, accumulating: accumulating)
    }
  }

  @Test("parked heads are compared too, and the encoder runs once for all")
  func parkedHeads() throws {
    let registry = try Support.registry()
    let golden = Support.fixture("pretraining").appending(path: "golden.safetensors")
    try withTemporaryDirectory { directory in
      let swapped = directory.appending(path: "swapped")
      try swapHead(
        Support.fixture("pretraining"), to: "sequence-classification", labels: ["a", "b"], registry: registry
      ).checkpoint.write(to: swapped, registry: registry)
      func products(_ source: URL, _ outputs: Set<String>) throws -> Int {
        let backend = try CountingBackend(threads: 1)
        let result = try GraftKit.verify(source, golden: golden, backend: backend, registry: registry)
        #expect(Set(result.outputs.map(\.name)) == outputs)
        for output in result.outputs { #expect(output.maximum <= 1e-5 * output.scale, "\(output)") }
        return backend.count.current
      }
      let encoder = try products(Support.fixture("base"), ["last_hidden_state", "pooler_output"])
      let all = try products(
        swapped,
        ["last_hidden_state", "pooler_output", "prediction_logits", "seq_relationship_logits"])
      // Four products of heads: the new one, the relation, transform and decoder.
      #expect(all > encoder && all <= encoder + encoder / 2)
    }
  }

  @Test("a text's output in the shape of a token's, and the other way round")
  func wrongRank() throws {
    let perToken = try error(
      "sequence-classification", tensors(rows: 2, length: 4, "logits", [2, 4, 4]))
    #expect(perToken.kind == .mismatch)
    #expect(perToken.subject == "tensor 'logits'")
    #expect(perToken.expected == "[2, 4]")
    #expect(perToken.found == "float32 [2, 4, 4]")
    // As wide as the model, so that only the rank tells.
    let width = try inspect(Support.fixture("base"), registry: try Support.registry()).hiddenSize
    let perText = try error("base", tensors(rows: 2, length: 4, "last_hidden_state", [2, width]))
    #expect(perText.expected == "[2, 4, \(width)]")
    for shape in [[4], [], [2, 4, 1, 4]] {
      #expect(
        try error("sequence-classification", tensors(rows: 2, length: 4, "logits", shape)).kind == .mismatch)
    }
  }

  @Test("a row whose mask is all 0")
  func emptyRow() throws {
    var tensors = tensors(rows: 2, length: 3, "logits", [2, 4])
    tensors["attention_mask"] = LazyTensor([1, 1, 1, 0, 0, 0] as [Int64], shape: [2, 3])
    let error = try error("sequence-classification", tensors)
    #expect(error.kind == .malformed)
    #expect(error.subject == "row 2")
  }

  @Test("no rows, or rows of no length", arguments: [(0, 3), (2, 0)])
  func empty(_ rows: Int, _ length: Int) throws {
    let error = try error(
      "sequence-classification", tensors(rows: rows, length: length, "logits", [rows, 4]))
    #expect(error.kind == .malformed)
  }

  @Test("inputs of different shapes with equally many elements")
  func inputShapes() throws {
    var tensors = tensors(rows: 2, length: 3, "logits", [2, 4])
    tensors["attention_mask"] = LazyTensor([Int64](repeating: 1, count: 6), shape: [3, 2])
    #expect(try error("sequence-classification", tensors).kind == .mismatch)
  }

  @Test("a position beyond the table, in a text that is short enough")
  func position() throws {
    let limit = try inspect(Support.fixture("base"), registry: try Support.registry()).maximumLength
    var tensors = tensors(rows: 1, length: limit + 10, "logits", [1, 4])
    var mask = [Int64](repeating: 0, count: limit + 10)
    mask[limit + 5] = 1
    tensors["attention_mask"] = LazyTensor(mask, shape: [1, mask.count])
    let error = try error("sequence-classification", tensors)
    #expect(error.kind == .mismatch)
    #expect(error.expected == "0 ..< \(limit)")
    #expect(error.found == "\(limit + 5)")
  }
}
