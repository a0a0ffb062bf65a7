import Foundation
import Glibc

/// What something is called while it is written or removed: `.model.partial-17` by process 17, beside `model`.
///
/// A process that is killed leaves it. Who writes holds a lock on it, which ends with the process: what nobody holds is left
/// over, and goes when something is written to the same place again.
package enum TemporaryName {
  enum Kind: String {
    /// It is written, and then takes the target's place.
    case partial
    /// It was the target, and is removed.
    case retired
    /// It was the target, and makes room for what takes its place.
    case replaced
  }

  /// How often something is created that others take for left over: on file systems whose numbers of files change,
  /// everything looks so.
  static let tries = 100

  static func path(_ target: URL, _ kind: Kind = .partial) -> String {
    target.deletingLastPathComponent()
      .appendingPathComponent(".\(target.lastPathComponent).\(kind.rawValue)-\(getpid())").path
  }

  /// What a name belongs to: `model` of `.model.partial-17`; `nil` of any other name.
  package static func target(of name: String) -> String? { parts(name)?.target }

  private static func parts(_ name: String) -> (target: String, kind: Kind)? {
    guard let parts = name.wholeMatch(of: /\.(.+)\.(partial|retired|replaced)-[0-9]+/),
      let kind = Kind(rawValue: String(parts.2))
    else { return nil }
    return (String(parts.1), kind)
  }

  /// Takes the lock on what was just created.
  ///
  /// - Returns: Whether it is still there: another process may have taken it for something left over.
  static func hold(_ descriptor: Int32, _ path: String) -> Bool {
    // File systems without locks have nothing removed.
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK { return false }
    return isNamed(descriptor, path)
  }

  /// Whether a descriptor is of what has a path.
  package static func isNamed(_ descriptor: Int32, _ path: String) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0
      && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }

  /// Removes what processes that were killed left beside a target. What was to be replaced is put back where nothing has
  /// taken its place.
  ///
  /// - Parameter isAlone: Whether a lock of another kind says that nobody else is at work.
  /// - Returns: Whether another process is writing to the target.
  @discardableResult
  package static func clear(_ target: URL, isAlone: Bool = false) -> Bool {
    let (directory, name) = (target.deletingLastPathComponent(), target.lastPathComponent)
    guard let names = try? directoryContents(directory) else { return false }
    var isBusy = false
    // What was to be replaced comes last: it is nobody's only where nobody is at work.
    let found = names.filter { $0.hasPrefix(".\(name).") }.compactMap { other in
      parts(other).map { (other, $0) }
    }
    .sorted { $0.1.kind != .replaced && $1.1.kind == .replaced }
    for (other, parts) in found where parts.target == name && !(parts.kind == .replaced && isBusy) {
      let path = directory.appendingPathComponent(other).path
      var descriptor = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      if descriptor < 0, errno == EISDIR {
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      }
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      let failure = flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno
      if failure == EWOULDBLOCK, parts.kind == .partial { isBusy = true }
      // Where there are no locks, what has this process's number is of one that had it before.
      let isFree = failure == 0 || failure != EWOULDBLOCK && path == Self.path(target, parts.kind)
      guard isFree || isAlone, isNamed(descriptor, path) else { continue }
      if parts.kind == .replaced, access(target.path, F_OK) != 0 {
        rename(path, target.path)
      } else {
        try? FileManager.default.removeItem(atPath: path)
      }
    }
    return isBusy
  }
}
