import Foundation
import GraftTensors

/// The files of one checkpoint: `PREFIX.index` and `PREFIX.data-00000-of-00001`.
struct BundlePath {
  static let indexSuffix = ".index"
  let index: URL
  /// What the names of the data files begin with.
  private let prefix: String

  /// The checkpoint that a path means: its index, one of its data files, or what they begin with.
  init(_ url: URL) {
    var path = url.path
    if path.hasSuffix(Self.indexSuffix) {
      path.removeLast(Self.indexSuffix.count)
    } else if let range = path.range(of: #"\.data-\d{5}-of-\d{5}$"#, options: .regularExpression) {
      path.removeSubrange(range)
    }
    prefix = path
    let suffixed = URL(fileURLWithPath: path + Self.indexSuffix)
    // An index may be called otherwise.
    index = path == url.path && !FileManager.default.fileExists(atPath: suffixed.path) ? url : suffixed
  }

  func data(_ shard: Int, of count: Int) -> URL {
    func padded(_ number: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }
    return URL(fileURLWithPath: "\(prefix).data-\(padded(shard))-of-\(padded(count))")
  }

  /// - Throws: ``GraftError`` when the data file is missing or cannot be read.
  func openShard(_ shard: Int, of count: Int) throws -> RandomAccessFile {
    let url = data(shard, of: count)
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw GraftError(
        .missing, "this data file of the checkpoint is missing", file: url.path,
        advice: "Copy or download all of its files.")
    }
    return try RandomAccessFile(url)
  }
}
