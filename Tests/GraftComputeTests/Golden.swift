import Foundation
import GraftCompute
import TestSupport
import Testing

/// The tensors of one file under `Fixtures/gradients`, written by PyTorch.
struct Golden {
  private struct Entry: Decodable {
    let dtype: String
    let shape: [Int]
    let data_offsets: [Int]
  }
  private let entries: [String: Entry]
  private let data: Data

  init(_ name: String) throws {
    let file = try Data(contentsOf: fixtures.appending(path: "gradients/\(name).safetensors"))
    let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    entries = try JSONDecoder().decode([String: Entry].self, from: file[8..<8 + length])
    data = file.dropFirst(8 + length)
  }

  private func numbers<Number>(_ name: String, _ dtype: String, _: Number.Type) throws -> ([Number], [Int]) {
    let entry = try #require(entries[name], "no \(name)")
    #expect(entry.dtype == dtype)
    let bytes = data.dropFirst(entry.data_offsets[0]).prefix(entry.data_offsets[1] - entry.data_offsets[0])
    return (
      bytes.withUnsafeBytes { raw in
        (0..<raw.count / MemoryLayout<Number>.size).map {
          raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.size, as: Number.self)
        }
      }, entry.shape
    )
  }

  func tensor(_ name: String) throws -> Tensor {
    let (values, shape) = try numbers(name, "F32", Float.self)
    return Tensor(values, shape: shape)
  }

  func variable(_ name: String) throws -> Variable { Variable(try tensor(name), needsGradient: true) }

  func integers(_ name: String) throws -> [Int32] { try numbers(name, "I32", Int32.self).0 }
}

/// The largest difference, as a share of the largest value.
func relativeError(_ found: Tensor, _ expected: Tensor) -> Double {
  precondition(found.count == expected.count)
  var (error, largest) = (0.0, 0.0)
  for (a, b) in zip(found.values, expected.values) {
    error = max(error, abs(Double(a) - Double(b)))
    largest = max(largest, abs(Double(b)))
    if a.isNaN || b.isNaN { return .infinity }
  }
  return error / max(largest, .leastNormalMagnitude)
}
