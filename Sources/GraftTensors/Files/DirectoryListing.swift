import Foundation

extension URL {
  /// The names in a directory, sorted, without those that begin with a dot; none where there is no such directory.
  ///
  /// - Throws: ``GraftError`` when there is one and it cannot be read.
  package func visibleNames() throws -> [String] {
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).filter { !$0.hasPrefix(".") }.sorted()
    } catch {
      throw GraftError(.system, "the directory cannot be read", file: path)
    }
  }
}
