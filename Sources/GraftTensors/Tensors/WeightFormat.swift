import Foundation

/// A container of named tensors on disk: safetensors, HDF5, a PyTorch zip. It knows bytes, types and
/// shapes; it knows no model.
///
/// A conforming type needs a name, a way to recognise its files by content, and ``open(_:)``. Writing is
/// optional. Every byte of a file is untrusted: check lengths, offsets and counts with overflow-safe
/// arithmetic before allocating, and throw ``GraftError`` naming file, tensor, expected and found.
///
///     struct Raw: WeightFormat {
///       static let name = "raw"
///       func recognizes(_ file: RandomAccessFile) throws -> Bool { try file.head(4) == Array("RAW1".utf8) }
///       func open(_ url: URL) throws -> Weights { … }
///     }
public protocol WeightFormat: Sendable {
  /// The name on the command line: `--format NAME`.
  static var name: String { get }

  /// The file names this format has in a checkpoint directory, most preferred first, such as
  /// `model.safetensors`. The first is the one that is written.
  static var fileNames: [String] { get }

  /// What may be left out of a path to such a file: `.index` of TensorFlow's, which users name without.
  static var pathSuffixes: [String] { get }

  /// The one ``Dialect/name`` whose names its tensors have; `nil` for a container of any names.
  static var dialect: String? { get }

  /// Whether two names can stand for one tensor: whether ``Weights/ties`` are stored.
  static var hasTies: Bool { get }

  /// What the format can store weights as.
  static var storageTypes: [StorageType] { get }

  init()

  /// Whether a file is in this format, by its content and never by its name alone.
  ///
  /// A format without a mark at the beginning may look further: at a zip's directory, at a table's footer, at
  /// the files beside it. Of a file that is broken, as much as says that it was meant to be in this format
  /// is enough: ``open(_:)`` then says what is wrong.
  ///
  /// - Throws: ``GraftError`` when the file cannot be read.
  func recognizes(_ file: RandomAccessFile) throws -> Bool

  /// Reads a file's table of contents; no tensor's bytes.
  ///
  /// - Throws: ``GraftError`` when the file breaks the format.
  func open(_ url: URL) throws -> Weights

  /// Writes tensors to one file, streaming each once, in their order.
  ///
  /// - Throws: ``GraftError`` when the file cannot be written or the format cannot hold a tensor.
  func write(_ weights: Weights, to url: URL) throws

  /// Writes tensors to as many files as a limit asks for, and what joins them.
  ///
  /// - Parameters:
  ///   - url: The file when one is enough.
  ///   - limit: The most bytes of tensors in one file, unless a single tensor is larger; `nil` is what is usual
  ///     for the format.
  /// - Throws: ``GraftError`` of kind `unsupported` when the format keeps all tensors in one file, as it does
  ///   unless it says otherwise here.
  func write(_ weights: Weights, to url: URL, limit: Int?) throws
}

extension WeightFormat {
  public static var fileNames: [String] { [] }
  public static var pathSuffixes: [String] { [] }
  public static var dialect: String? { nil }
  public static var hasTies: Bool { false }
  public static var storageTypes: [StorageType] { [.float32, .float16, .bfloat16] }

  /// The name that a file of this format is written under in a checkpoint directory.
  ///
  /// - Throws: ``GraftError`` when the format has none.
  public static func fileName() throws -> String {
    guard let name = fileNames.first else {
      throw GraftError(.unsupported, "the format '\(name)' has no file name in a checkpoint directory")
    }
    return name
  }

  public func write(_ weights: Weights, to url: URL) throws {
    throw GraftError(.unsupported, "the format '\(Self.name)' can be read but not written", file: url.path)
  }

  public func write(_ weights: Weights, to url: URL, limit: Int?) throws {
    if let limit, ShardIndex.split(weights, limit: limit).count > 1 {
      throw GraftError(
        .unsupported, "the format '\(Self.name)' keeps all tensors in one file", file: url.path,
        expected: "at most \(limit) bytes", found: "\(weights.byteCount)",
        advice: "Leave out --max-shard-size, or choose another --format.")
    }
    try write(weights, to: url)
  }
}
