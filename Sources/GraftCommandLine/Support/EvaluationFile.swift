import ArgumentParser
import Foundation
import OrderedCollections

/// A file to evaluate on: `FILE`, or `NAME=FILE` for one of several sets.
struct EvaluationFile: ExpressibleByArgument {
  /// The set that begins with it.
  let set: String?
  let path: Path

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let isNamed =
      parts.count == 2 && !parts[0].isEmpty && parts[0].allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
      && !FileManager.default.fileExists(atPath: argument)
    set = isNamed ? String(parts[0]) : nil
    guard let path = Path(argument: isNamed ? String(parts[1]) : argument) else { return nil }
    self.path = path
  }

  static var defaultCompletionKind: CompletionKind { .file() }

  /// The files of each set, in their order; those of no name are under an empty one. A file without a name belongs to the
  /// set before it.
  static func sets(_ files: [EvaluationFile]) -> OrderedDictionary<String, [Path]> {
    var (sets, current): (OrderedDictionary<String, [Path]>, String) = ([:], "")
    for file in files {
      current = file.set ?? current
      sets[current, default: []].append(file.path)
    }
    return sets
  }
}
