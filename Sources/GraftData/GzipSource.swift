import Foundation
import GraftTensors
import Zlib

extension DataSource {
  /// Texts and labels in files, any of which may be compressed with gzip.
  public init(reading files: [URL], options: DataOptions = DataOptions()) {
    self.init(files, options: options, decompressors: [.gzip])
  }
}

extension Decompressor {
  /// gzip, RFC 1952.
  public static let gzip = Decompressor(recognizes: { Gzip.isGzip($0) }) { file in
    let reader = try GzipReader(file)
    return ByteStream(reader.read)
  }
}
