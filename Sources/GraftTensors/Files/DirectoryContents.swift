import Foundation
import Glibc

/// The names of what a directory holds, sorted; none where nothing of that name exists.
///
/// - Throws: ``GraftError`` of kind `system` when it exists and cannot be read, or is no directory.
public func directoryContents(_ url: URL) throws -> [String] {
  do {
    return try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
  } catch {
    var status = stat()
    let isThere = stat(url.path, &status) == 0
    if !isThere, [ENOENT, ENOTDIR].contains(errno) { return [] }
    if isThere, status.st_mode & S_IFMT != S_IFDIR {
      throw GraftError(
        .mismatch, "a file stands where a directory is expected", file: url.path,
        advice: "Name another one.")
    }
    throw GraftError(
      .system, "the directory cannot be read", file: url.path, advice: "Check who may read it.")
  }
}

/// The paths of all files below a directory, relative to it and sorted. Symbolic links are listed and not followed.
///
/// - Throws: ``GraftError`` of kind `system` when a directory cannot be read.
package func filePaths(below directory: URL) throws -> [String] {
  func paths(below directory: URL, prefix: String) throws -> [String] {
    try directoryContents(directory).flatMap { name -> [String] in
      let url = directory.appending(path: name)
      var status = stat()
      // What was removed in the meantime is not there.
      guard lstat(url.path, &status) == 0 else { return [] }
      guard status.st_mode & S_IFMT == S_IFDIR else { return [prefix + name] }
      return try paths(below: url, prefix: "\(prefix)\(name)/")
    }
  }
  return try paths(below: directory, prefix: "").sorted()
}
