import Foundation
import GraftTensors

/// The files of a component that no plugin here knows, held open so that they can be written again wherever the
/// checkpoint goes.
public struct OpaqueFiles: Sendable {
  private let files: [(path: String, file: RandomAccessFile)]

  /// Opens every file below a directory.
  ///
  /// - Parameter directory: The directory.
  /// - Throws: `GraftError` when a directory or a file cannot be read.
  init(_ directory: URL) throws {
    files = try filePaths(below: directory).map { path in
      (path, try RandomAccessFile(directory.appending(path: path)))
    }
  }

  /// Opens those of a directory's own files that have one of some names.
  ///
  /// - Parameters:
  ///   - directory: The directory.
  ///   - names: Without parts.
  /// - Throws: `GraftError` when a file cannot be read.
  init(_ directory: URL, names: [String]) throws {
    files = try names.filter { FileManager.default.fileExists(atPath: directory.appending(path: $0).path) }
      .map { ($0, try RandomAccessFile(directory.appending(path: $0))) }
  }

  /// Opens some files of a directory, as far as they are regular files.
  ///
  /// - Parameters:
  ///   - directory: The directory.
  ///   - paths: Of files, from the directory.
  /// - Throws: `GraftError` when a file cannot be read.
  init(_ directory: URL, only paths: [String]) throws {
    files = try paths.compactMap { path in
      let url = directory.appending(path: path)
      var status = stat()
      // A link may lead out of the directory.
      guard lstat(url.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
      return (path, try RandomAccessFile(url))
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
