import Foundation
import GraftTensors

/// A text file to which lines are appended as things happen. A run that is resumed goes on behind the last line of a step
/// that its checkpoint knows of.
final class LineLog {
  private let file: URL
  private let handle: FileHandle

  /// - Parameters:
  ///   - name: The file's.
  ///   - directory: Where it is; made when it is missing.
  ///   - step: How many steps the run has behind it; at 0 the file begins anew.
  ///   - header: The first line, if there is one.
  ///   - stepOfLine: The step of a line; `nil` for what is no line of this log, which goes, with all after it.
  /// - Throws: `GraftError` when the file cannot be read or written.
  init(
    _ name: String, in directory: URL, after step: Int, header: String? = nil,
    stepOfLine: (_ line: String) -> Int?
  ) throws {
    try DirectoryWriter.makeDirectory(directory)
    file = directory.appendingPathComponent(name)
    let files = FileManager.default
    guard files.fileExists(atPath: file.path) || files.createFile(atPath: file.path, contents: nil),
      let handle = FileHandle(forUpdatingAtPath: file.path)
    else {
      throw GraftError(
        .system, "cannot be written", file: file.path, advice: "Choose a place that you may write to.")
    }
    self.handle = handle
    let end = step > 0 ? try Self.end(of: file, after: step, header, stepOfLine) : 0
    do {
      try handle.truncate(atOffset: UInt64(end))
      try handle.seekToEnd()
    } catch {
      throw failure(error)
    }
    if end == 0, let header { try append(header) }
  }

  deinit {
    // All is written already.
    handle.closeFile()
  }

  /// Where the lines of steps up to one end, in bytes; a line that was not finished does not count.
  private static func end(
    of file: URL, after step: Int, _ header: String?, _ stepOfLine: (String) -> Int?
  ) throws -> Int {
    let bytes = try RandomAccessFile(file).bytesOfWholeFile(limit: 1 << 30)
    var (start, isFirst) = (0, true)
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = String(decoding: bytes[start..<end], as: UTF8.self)
      if isFirst, let header {
        guard line == header else { return 0 }
      } else {
        guard let own = stepOfLine(line), own <= step else { return start }
      }
      (start, isFirst) = (end + 1, false)
    }
    return start
  }

  /// Adds lines, which last.
  ///
  /// - Throws: `GraftError` when they cannot be written.
  func append(_ lines: String) throws {
    do {
      try handle.write(contentsOf: Data("\(lines)\n".utf8))
    } catch {
      throw failure(error)
    }
  }

  private func failure(_ error: any Error) -> GraftError {
    GraftError(.system, "cannot be written (\(error.localizedDescription))", file: file.path)
  }
}
