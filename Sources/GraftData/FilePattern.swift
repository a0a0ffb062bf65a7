import Foundation
import GraftTensors
import Glibc

/// Files that are named by a pattern, as a shell has it: `part-*.csv`.
public enum FilePattern {
  /// The files that a path means: itself, or, where there is no such file and it is a pattern, those that match it, by
  /// their names.
  ///
  /// - Throws: `GraftError` when no file matches.
  public static func files(_ url: URL) throws -> [URL] {
    guard url.path.contains(where: { "*?[".contains($0) }), access(url.path, F_OK) != 0 else { return [url] }
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(url.path, 0, nil, &found) == 0 else {
      throw GraftError(.missing, "no file matches the pattern", file: url.path)
    }
    return (0..<Int(found.gl_pathc)).compactMap { index in
      found.gl_pathv[index].map { URL(fileURLWithPath: String(cString: $0)) }
    }
  }

  /// What there is to say of files that are given more than once, in sentences without a full stop.
  package static func remarks(on files: [URL]) -> [String] {
    var seen: [String: Int] = [:]
    for file in files { seen[file.resolvingSymlinksInPath().path, default: 0] += 1 }
    return seen.filter { $0.value > 1 }.keys.sorted().map { path in
      "\(URL(fileURLWithPath: path).lastPathComponent) is given more than once, and its rows count as often"
    }
  }

  /// Whether there is such a file, or one that matches the path as a pattern.
  public static func hasFiles(_ url: URL) -> Bool {
    // The one error is that no file matches.
    ((try? files(url)) ?? []).contains { access($0.path, F_OK) == 0 }
  }

  /// The files that several paths mean, in their order.
  ///
  /// - Throws: as ``files(_:)-(URL)``.
  public static func files(_ urls: [URL]) throws -> [URL] { try urls.flatMap(files) }
}
