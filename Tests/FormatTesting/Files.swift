import Foundation
import GraftTensors

/// The repository's `Fixtures`.
public let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("Fixtures")

/// Runs `body` with a directory of its own, removed afterwards.
public func withTemporaryDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("graft-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: url) }
  return try body(url)
}

extension Weights {
  /// What is not as it should be: names, types and shapes, bytes; in any order.
  public func differences(from expected: Weights) throws -> [String] {
    let names = Set(tensors.keys).symmetricDifference(expected.tensors.keys).sorted()
    return try names
      + expected.tensors.filter { name, tensor in
        try self[name].map { try $0.spec != tensor.spec || $0.bytes() != tensor.bytes() } ?? false
      }.keys
  }
}
