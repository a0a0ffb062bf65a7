import Foundation
import GraftCore
import GraftPlugins
import TestSupport

/// The built-in plugins and the tiny checkpoints.
enum Support {
  static func fixture(_ name: String) -> URL { fixtures.appending(path: "bert-tiny/\(name)") }

  static func registry() throws -> Registry { try Registry(builtInPlugins) }
}
