import Foundation
import GraftCore

import GraftPlugins

/// The built-in plugins, the tiny checkpoints, and directories that go away.
enum Support {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func fixture(_ name: String) -> URL { root.appending(path: "Fixtures/bert-tiny/\(name)") }

  static func registry() throws -> Registry { try Registry(builtInPlugins) }

  /// Runs `body` with a fresh directory.
  static func withTemporaryDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let directory = FileManager.default.temporaryDirectory.appending(path: "graft-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    return try body(directory)
  }
}
