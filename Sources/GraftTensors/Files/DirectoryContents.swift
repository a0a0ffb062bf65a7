import Foundation

/// The names of what a directory holds, in no order; none where there is no directory.
///
/// - Throws: ``GraftError`` when it is there, and cannot be read.
public func directoryContents(_ url: URL) throws -> [String] {
  let files = FileManager.default
  guard files.fileExists(atPath: url.path) else { return [] }
  do {
    return try files.contentsOfDirectory(atPath: url.path)
  } catch {
    throw GraftError(
      .system, "the directory cannot be read", file: url.path, advice: "Check who may read it.")
  }
}
