import Foundation
import GraftTensors

/// The files of a component that no plugin here knows, held open so that they can be written again wherever the
/// checkpoint goes.
public struct OpaqueFiles: Sendable {
  private let files: [(name: String, file: RandomAccessFile)]

  /// Opens every file of a directory.
  ///
  /// - Throws: `GraftError` when the directory or a file cannot be read.
  init(_ directory: URL) throws {
    files = try directoryContents(directory).filter { !$0.hasPrefix(".") }.map { name in
      (name, try RandomAccessFile(directory.appendingPathComponent(name)))
    }
  }

  /// The size of all files in bytes.
  public var byteCount: Int { files.reduce(0) { $0 + $1.file.size } }

  /// Copies the files into a directory that exists.
  ///
  /// - Throws: `GraftError` when one cannot be read or written.
  func write(into directory: URL) throws {
    for (name, file) in files {
      try FileWriter.write(directory.appendingPathComponent(name)) { writer in
        try writer.append(LazyTensor(TensorSpec(.uint8, [file.size]), in: file, at: 0))
      }
    }
  }
}
