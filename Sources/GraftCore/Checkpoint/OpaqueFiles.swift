import Foundation
import GraftTensors

/// The files of a component that no plugin here knows, held open so that they can be written again wherever the
/// checkpoint goes.
public struct OpaqueFiles: Sendable {
  private let files: [(path: String, file: RandomAccessFile)]

  /// Opens every file below a directory.
  ///
  /// - Parameters:
  ///   - directory: The directory.
  ///   - others: Files that belong to something else, by their paths in the directory.
  /// - Throws: `GraftError` when a directory or a file cannot be read.
  init(_ directory: URL, without others: [String] = []) throws {
    files = try filePaths(below: directory).filter { !others.contains($0) }.map { path in
      (path, try RandomAccessFile(directory.appending(path: path)))
    }
  }

  /// The size of all files in bytes.
  public var byteCount: Int { files.reduce(0) { $0 + $1.file.size } }

  /// Copies the files into a directory that exists.
  ///
  /// - Throws: `GraftError` when one cannot be read or written.
  func write(into directory: URL) throws {
    for (path, file) in files {
      let url = directory.appending(path: path)
      try DirectoryWriter.makeDirectory(url.deletingLastPathComponent())
      try FileWriter.write(url) { writer in
        try writer.append(LazyTensor(TensorSpec(.uint8, [file.size]), in: file, at: 0))
      }
    }
  }
}
