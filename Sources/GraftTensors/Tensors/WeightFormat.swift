import Foundation

/// A container of named tensors on disk: safetensors, HDF5, a PyTorch zip. It knows bytes, types and
/// shapes; it knows no model.
///
/// A conforming type needs a name and one function that recognises a file by its content and opens it. Writing
/// is optional. Every byte of a file is untrusted: check lengths, offsets and counts with overflow-safe
/// arithmetic before allocating, and throw ``GraftError`` naming file, tensor, expected and found.
///
///     struct Raw: WeightFormat {
///       static let name = "raw"
///       func open(_ file: RandomAccessFile) throws -> Weights? {
///         guard try file.head(4) == Array("RAW1".utf8) else { return nil }
///         …
///       }
///     }
public protocol WeightFormat: FileFormat {
  /// Whether a tensor can have two names in a file and be stored once, as in PyTorch's with their shared storages.
  /// Then tensors of one ``LazyTensor/origin`` are written so; other formats store each name's bytes.
  static var sharesTensors: Bool { get }

  /// Reads a file's table of contents, and no tensor's bytes, if the file is in this format.
  ///
  /// Recognition is by content, never by name alone, and comes first: a few bytes at the beginning where the
  /// format has a signature, or else a zip's directory, a table's footer, the files beside it. A broken file in
  /// which as much is left as shows what it was meant to be is an error, not another format's file.
  ///
  /// - Parameter file: The file, opened once for recognising and reading.
  /// - Returns: `nil` when the file is in another format.
  /// - Throws: ``GraftError`` when the file breaks the format, or cannot be read.
  func open(_ file: RandomAccessFile) throws -> Weights?

  /// Writes tensors to one file, streaming each once, in their order.
  ///
  /// - Throws: ``GraftError`` when the file cannot be written or the format cannot hold a tensor.
  func write(_ weights: Weights, to url: URL) throws

  /// Writes tensors to as many files as a limit asks for, and what joins them.
  ///
  /// - Parameters:
  ///   - weights: The tensors to write.
  ///   - url: The file when one is enough.
  ///   - limit: The most bytes of tensors in one file, unless a single tensor is larger; `nil` is what is usual
  ///     for the format.
  /// - Throws: ``GraftError`` of kind `unsupported` when the format keeps all tensors in one file, as it does
  ///   unless it says otherwise here.
  func write(_ weights: Weights, to url: URL, limit: Int?) throws
}

extension WeightFormat {
  public static var sharesTensors: Bool { false }

  /// Opens a file that has to be in this format.
  ///
  /// - Throws: ``GraftError`` that says what the file is instead, or what is wrong with it.
  public func open(_ url: URL) throws -> Weights {
    let file = try RandomAccessFile(url)
    guard let weights = try open(file) else { throw try Self.mismatch(file) }
    return weights
  }

  public func write(_ weights: Weights, to url: URL) throws {
    throw GraftError(.unsupported, "the format '\(Self.name)' can be read but not written", file: url.path)
  }

  public func write(_ weights: Weights, to url: URL, limit: Int?) throws {
    if let limit, ShardIndex.split(weights, limit: limit).count > 1 {
      throw GraftError.allInOneFile(Self.name, weights, url, limit: limit)
    }
    try write(weights, to: url)
  }
}

extension GraftError {
  /// The error of a format that does not write shards.
  ///
  /// - Parameters:
  ///   - format: Its name.
  ///   - weights: What should have been written.
  ///   - url: The file.
  ///   - limit: The most bytes of tensors that it may have.
  public static func allInOneFile(_ format: String, _ weights: Weights, _ url: URL, limit: Int) -> GraftError
  {
    GraftError(
      .unsupported, "the format '\(format)' keeps all tensors in one file", file: url.path,
      expected: "at most \(limit) bytes", found: "\(weights.byteCount)",
      advice: "Ask for no largest size, or choose another format.")
  }
}
