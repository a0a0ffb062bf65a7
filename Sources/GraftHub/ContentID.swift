import Crypto
import Foundation
import GraftTensors

/// What a file has to be: the name of its blob in the cache, and its `ETag` at the Hub.
enum ContentID: Hashable, Sendable {
  /// Of a large file, 64 hexadecimal digits.
  case sha256(String)
  /// Git's id of a blob, of a small file, 40 hexadecimal digits.
  case gitBlob(String)

  /// - Parameter etag: The header's value: in quotes, perhaps marked as weak.
  init?(etag: String) {
    var text = etag[...]
    if text.hasPrefix("W/") { text = text.dropFirst(2) }
    let name = text.trimmingCharacters(in: ["\""])
    if ModelName.isHex(name, count: 64) {
      self = .sha256(name)
    } else if ModelName.isHex(name, count: 40) {
      self = .gitBlob(name)
    } else {
      return nil
    }
  }

  var name: String {
    switch self {
    case .sha256(let name), .gitBlob(let name): name
    }
  }

  /// A hash to compare with, before the first byte.
  func hasher(size: Int) -> any ContentHasher {
    switch self {
    case .sha256: return SHA256()
    case .gitBlob:
      // https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
      var hash = Insecure.SHA1()
      hash.update(data: Array("blob \(size)\0".utf8))
      return hash
    }
  }

  /// Whether a file's bytes are these.
  ///
  /// - Throws: `GraftError` when it cannot be read.
  func isHash(of file: RandomAccessFile) throws -> Bool {
    var hash = hasher(size: file.size)
    try hash.update(file)
    return hash.hexadecimal == name
  }
}
