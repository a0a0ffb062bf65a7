import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// The result of a command that writes a checkpoint.
enum OutputSummary {
  /// Prints where the output is.
  ///
  /// - Parameters:
  ///   - url: What was written.
  ///   - report: What became of every tensor of the source.
  ///   - facts: What else to say, for machines.
  static func show(
    _ url: URL, report: LoadReport? = nil, facts: [(String, JSON)] = [], _ flags: OutputFlags
  ) throws {
    let files = try OutputSummary.files(url)
    let size = files.reduce(0) { $0 + $1.size }
    guard flags.json else {
      try Output.print(
        "wrote \(url.displayPath) (\(Format.count(files.count, "file")), \(Format.bytes(size)))")
      return
    }
    var document: [(String, JSON)] = [("output", JSON(url))]
    document += facts
    document.append(("files", .list(files.map(\.name))))
    document.append(("bytes", JSON(size)))
    if let report { document.append(("report", report.json)) }
    try Output.print(.object(document))
  }

  /// The files below a directory by their paths in it, or the file itself.
  private static func files(_ url: URL) throws -> [(name: String, size: Int)] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory), isDirectory.boolValue
    else {
      return [(url.lastPathComponent, try RandomAccessFile(url).size)]
    }
    return try filePaths(below: url).map { ($0, try RandomAccessFile(url.appending(path: $0)).size) }
  }
}

extension StorageFlags {
  func options(format: String, dialect: String? = nil) -> OutputOptions {
    OutputOptions(
      format: format, dialect: dialect, dtype: dtype?.name,
      shardLimit: maxShardSize?.value)
  }
}
