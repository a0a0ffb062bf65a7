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
public protocol WeightFormat: Sendable {
  /// The name on the command line: `--format NAME`.
  static var name: String { get }

  /// What a file of this format is called in messages, with its article: "a safetensors file".
  static var fileDescription: String { get }

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
  ///   - url: The file when one is enough.
  ///   - limit: The most bytes of tensors in one file, unless a single tensor is larger; `nil` is what is usual
  ///     for the format.
  /// - Throws: ``GraftError`` of kind `unsupported` when the format keeps all tensors in one file, as it does
  ///   unless it says otherwise here.
  func write(_ weights: Weights, to url: URL, limit: Int?) throws
}

extension WeightFormat {
  public static var fileDescription: String { "a file of the format '\(name)'" }
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

  /// Opens a file that has to be in this format.
  ///
  /// - Throws: ``GraftError`` that says what the file is instead, or what is wrong with it.
  public func open(_ url: URL) throws -> Weights {
    let file = try RandomAccessFile(url)
    if let weights = try open(file) { return weights }
    throw try FileKind(file.head(512))?.error(insteadOf: Self.fileDescription, file: url.path)
      ?? GraftError(
        .malformed, "not \(Self.fileDescription)", file: url.path, advice: "Copy or download it again.")
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
