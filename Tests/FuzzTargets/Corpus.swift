import Foundation

/// What stands in `Fixtures/fuzzing/<target>`.
public struct Corpus: Sendable {
  /// The root of the repository.
  public static let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  public let directory: URL

  init(_ target: String) { directory = Self.repository.appending(path: "Fixtures/fuzzing/\(target)") }

  /// The files that everything begins with: whole, and from the real tools.
  public var seeds: URL { directory.appending(path: "seeds") }

  /// Inputs that were faults once.
  public var found: URL { directory.appending(path: "found") }

  /// The contents of a folder's files, sorted by name; none of a folder that is not there.
  public static func files(in folder: URL) throws -> [(name: String, bytes: [UInt8])] {
    guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
      ($0, Array(try Data(contentsOf: folder.appending(path: $0))))
    }
  }

  /// The entries of the dictionary, in libFuzzer's spelling: `"text\x00"`, a line each.
  public func dictionary() throws -> [[UInt8]] {
    let url = directory.appending(path: "dictionary")
    guard FileManager.default.fileExists(atPath: url.path) else { return [] }
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("\"") }
      .map { Self.unescaped($0.dropFirst().dropLast()) }
  }

  private static func unescaped(_ text: Substring) -> [UInt8] {
    var (bytes, rest) = ([UInt8](), text.utf8[...])
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let next = rest.popFirst() else {
        bytes.append(byte)
        continue
      }
      guard next == UInt8(ascii: "x") else {
        bytes.append(next)
        continue
      }
      bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
      rest = rest.dropFirst(2)
    }
    return bytes
  }
}

extension FuzzTarget {
  public var corpus: Corpus { Corpus(name) }
}
