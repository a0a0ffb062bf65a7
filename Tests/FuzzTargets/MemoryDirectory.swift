import Foundation
import GraftTensors
import Synchronization
import Zip

/// A directory in memory, for readers that look for files by their names. One at a time uses it.
final class MemoryDirectory: Sendable {
  let url: URL
  private let names = Mutex<[String]>([])

  init() throws {
    url = URL(filePath: "/dev/shm").appending(path: "graft-fuzz-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    Self.all.withLock { $0.append(url) }
    atexit { MemoryDirectory.removeAll() }
  }

  private static let all = Mutex<[URL]>([])

  private static func removeAll() {
    for url in all.withLock({ $0 }) { try? FileManager.default.removeItem(at: url) }
  }

  /// A directory with the files of another.
  convenience init(copying folder: URL) throws {
    try self.init()
    for (name, bytes) in try Corpus.files(in: folder) {
      try Data(bytes).write(to: url.appending(path: name))
    }
  }

  /// Calls `body` while the directory has the files that are packed in a zip archive, and nothing else.
  ///
  /// - Throws: `GraftError` when it is none, and what `body` throws.
  func with<Result>(filesOf archive: [UInt8], _ body: (URL) throws -> Result) throws -> Result {
    let archive = try ZipArchive(RandomAccessFile(archive, named: url))
    return try names.withLock { names in
      for name in names { unlink(url.path + "/" + name) }
      names = []
      for entry in archive.entries.values.prefix(16) where Self.isPlain(entry.name) {
        let path = url.path + "/" + entry.name
        let bytes = try archive.bytes(of: entry, limit: 1 << 20)
        if let slash = path.lastIndex(of: "/") { mkdir(String(path[..<slash]), 0o777) }
        guard let file = fopen(path, "wb") else { continue }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
        names.append(entry.name)
      }
      return try body(url)
    }
  }

  /// Whether a name is a file's, or one in a folder that cannot take a file's place afterwards.
  private static func isPlain(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count <= 2 && parts.allSatisfy { (1...64).contains($0.utf8.count) }
      && (parts.count == 1) == parts[0].contains(".")
  }
}
