import Foundation
import GraftTensors

/// A checkpoint's directory, and what is really in it: links may lead anywhere.
struct CheckpointFolder {
  private let url: URL
  /// Where the directory and what belongs to it are, each ending with a slash.
  private let places: [String]

  /// - Parameter url: The directory.
  init(_ url: URL) {
    self.url = url
    guard let root = Self.real(url) else {
      places = []
      return
    }
    places = [root + "/"] + (Self.cache(of: root).map { [$0] } ?? [])
  }

  /// The place of a file, without links in its path.
  ///
  /// - Parameter path: From the directory.
  /// - Returns: `nil` where a link on the way leads out of the directory, or to nothing.
  func file(_ path: String) -> URL? {
    guard let real = Self.real(url.appending(path: path)), places.contains(where: real.hasPrefix) else {
      return nil
    }
    return URL(fileURLWithPath: real)
  }

  /// Whether a link on the way to what stands at a path leads out of the directory, or to nothing.
  func leadsOut(_ path: String) -> Bool {
    var status = stat()
    return lstat(url.appending(path: path).path, &status) == 0 && file(path) == nil
  }

  /// The paths of all files of a folder, from the folder; the folder itself where a link to it leads out of the directory.
  ///
  /// - Throws: `GraftError` when a directory cannot be read.
  func filePaths(below folder: String) throws -> [String] {
    let place = url.appending(path: folder)
    if Self.real(place) != nil, file(folder) == nil { return [""] }
    return try GraftTensors.filePaths(below: place)
  }

  /// Where a Hub's cache keeps the files of the model that a directory is of: `models--…/blobs/` beside
  /// `models--…/snapshots/COMMIT`, whose files are links.
  private static func cache(of root: String) -> String? {
    let parts = root.split(separator: "/")
    guard let place = parts.lastIndex(of: "snapshots"), place > 0, parts[place - 1].hasPrefix("models--")
    else { return nil }
    return "/" + parts[..<place].joined(separator: "/") + "/blobs/"
  }

  private static func real(_ url: URL) -> String? {
    guard let path = realpath(url.path, nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }
}
