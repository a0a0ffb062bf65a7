import Foundation
import GraftCore
import GraftKit
import Testing

@testable import ONNX
@testable import graft

/// The repository's `Fixtures`.
let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appending(path: "Fixtures")

/// Runs `body` with a directory of its own, removed afterwards.
func withTemporaryDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let url = FileManager.default.temporaryDirectory.appending(path: "graft-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: url) }
  return try body(url)
}

/// Demands the same names, types, shapes and bytes, in any order.
func expect(_ found: Weights, equals expected: Weights) throws {
  #expect(Set(found.tensors.keys) == Set(expected.tensors.keys))
  for (name, tensor) in expected.tensors {
    #expect(found[name]?.spec == tensor.spec, "\(name)")
    #expect(try found[name]?.bytes() == tensor.bytes(), "\(name)")
  }
}
