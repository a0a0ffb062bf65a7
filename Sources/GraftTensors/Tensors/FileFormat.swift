import Foundation

/// What formats of files with tensors have in common: a container of tensors is a ``WeightFormat``; a file that is
/// a whole model, with its settings or what it computes, has a protocol of its own above this module.
public protocol FileFormat: Sendable {
  /// The name that people choose the format by: `safetensors`.
  static var name: String { get }

  /// The dialect that files of this format usually have, where that is not a family's first one; `nil` otherwise.
  static var usualDialect: String? { get }

  /// What a file of this format is called in messages, with its article: "a safetensors file".
  static var fileDescription: String { get }

  /// The file names this format has in a checkpoint directory, most preferred first, such as
  /// `model.safetensors`; where a framework puts them into folders, with these. The first is the one that is written.
  static var fileNames: [String] { get }

  /// The file that a directory itself names as its weights, where it has none of ``fileNames``.
  ///
  /// - Returns: `nil` when it names none.
  /// - Throws: ``GraftError`` when what names it cannot be read.
  static func namedFile(in directory: URL) throws -> URL?

  /// What may be left out of a path to such a file: `.index` of TensorFlow's, which users name without.
  static var pathSuffixes: [String] { get }

  /// What the format can store weights as.
  static var storageTypes: [StorageType] { get }

  /// Whether weights of eight bits are written as whole numbers with their scales. Other formats' files have what these
  /// stand for.
  static var holdsScales: Bool { get }

  init()
}

extension FileFormat {
  public static var usualDialect: String? { nil }
  public static var fileDescription: String { "a file of the format '\(name)'" }
  public static var fileNames: [String] { [] }
  public static var pathSuffixes: [String] { [] }
  public static func namedFile(in directory: URL) throws -> URL? { nil }
  public static var holdsScales: Bool { false }
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

  /// The error for a file that has to be in this format, and is not.
  ///
  /// - Throws: ``GraftError`` when the file cannot be read.
  public static func mismatch(_ file: RandomAccessFile) throws -> GraftError {
    try FileKind(file.head(512))?.error(insteadOf: fileDescription, file: file.url.path)
      ?? GraftError(
        .malformed, "not \(fileDescription)", file: file.url.path, advice: "Copy or download it again.")
  }
}
