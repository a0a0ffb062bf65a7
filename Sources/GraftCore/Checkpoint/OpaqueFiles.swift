import Foundation
import GraftTensors

/// The files of a component that no plugin here knows, held open so that they can be written again wherever the
/// checkpoint goes.
///
/// What a link leads to goes along where it is in the checkpoint, or among the files that a Hub's cache keeps of the model.
public struct OpaqueFiles: Sendable {
  private var files: [(path: String, file: RandomAccessFile)] = []
  /// Links that lead out of the checkpoint.
  private var strayLinks: [URL] = []

  /// Opens every file of a folder of a checkpoint.
  ///
  /// - Parameters:
  ///   - folder: The folder's path, from the checkpoint.
  ///   - checkpoint: The checkpoint's directory.
  /// - Throws: `GraftError` when a directory or a file cannot be read.
  init(_ folder: String, of checkpoint: URL) throws {
    let root = CheckpointFolder(checkpoint)
    for path in try root.filePaths(below: folder) {
      let place = "\(folder)/\(path)"
      if let real = root.file(place) {
        files.append((path, try RandomAccessFile(real)))
      } else {
        strayLinks.append(checkpoint.appending(path: place))
      }
    }
  }

  /// Opens some files of a checkpoint, as far as they are there and regular files.
  ///
  /// - Parameters:
  ///   - directory: The checkpoint's directory.
  ///   - paths: Of files, from the directory.
  ///   - withoutLinks: Whether links that lead out of the checkpoint are left out. Otherwise they are refused when the
  ///     files are written.
  /// - Throws: `GraftError` when a file cannot be read.
  init(_ directory: URL, only paths: [String], withoutLinks: Bool = false) throws {
    let root = CheckpointFolder(directory)
    for path in paths {
      if let url = root.file(path) {
        if isRegularFile(url) { files.append((path, try RandomAccessFile(url))) }
      } else if !withoutLinks, root.leadsOut(path) {
        strayLinks.append(directory.appending(path: path))
      }
    }
  }

  /// The size of all files in bytes.
  public var byteCount: Int { files.reduce(0) { $0 + $1.file.size } }

  /// Copies the files into a directory that exists.
  ///
  /// - Throws: `GraftError` when one is a link that leads out of the checkpoint, or cannot be read or written.
  func write(into directory: URL) throws {
    if let link = strayLinks.first {
      throw GraftError(
        .refused, "a link that leads out of the checkpoint does not go along", file: link.path,
        advice: "Replace it by a copy of what it leads to, or remove it.")
    }
    for (path, file) in files {
      let url = directory.appending(path: path)
      try DirectoryWriter.makeDirectory(url.deletingLastPathComponent())
      try FileWriter.write(url) { writer in
        try writer.append(LazyTensor(TensorSpec(.uint8, [file.size]), in: file, at: 0))
      }
    }
  }
}

private func isRegularFile(_ url: URL) -> Bool {
  var status = stat()
  return stat(url.path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
}
