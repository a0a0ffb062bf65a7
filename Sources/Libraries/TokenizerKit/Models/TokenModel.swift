import GraftTensors

/// Makes tokens of a piece of text.
public protocol TokenModel: Sendable {
  /// The `type` in a `tokenizer.json`.
  static var kind: String { get }

  /// - Throws: `GraftError` that names the setting, for parts that do not fit together.
  init(_ file: TokenizerDocument, _ vocabulary: Vocabulary) throws

  /// The token of what has no other.
  var unknown: Int32? { get }

  /// What tokens that go on with a word begin with; `nil` where they do not show it.
  var continuingPrefix: String? { get }

  /// Appends the tokens of a piece, with their places in it, in bytes.
  ///
  /// - Parameter piece: UTF-8, not empty, behind which ``PieceTable/padding`` more bytes can be read.
  func split(_ piece: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces)
}

extension TokenModel {
  public var continuingPrefix: String? { nil }
}

/// The models that there are.
public enum TokenModels {
  static let all: [any TokenModel.Type] = [
    BPEModel.self, UnigramModel.self, WordLevelModel.self, WordPieceModel.self,
  ]

  /// Reads the `model` of a `tokenizer.json`.
  ///
  /// - Throws: `GraftError` for one that is not known.
  public static func read(_ file: TokenizerDocument, _ vocabulary: Vocabulary) throws -> any TokenModel {
    let kind = try file.modelType() ?? impliedKind(file.json["model"] ?? [:])
    guard let type = all.first(where: { $0.kind == kind }) else {
      throw TokenizerDocument.unsupported(
        "model", file.json["model"], expected: "one of " + all.map { $0.kind }.joined(separator: ", "))
    }
    return try type.init(file, vocabulary)
  }

  /// What files of before 2020, which do not name the type, are of.
  private static func impliedKind(_ model: JSON) -> String? {
    model["merges"] != nil
      ? BPEModel.kind
      : model["max_input_chars_per_word"] != nil
        ? WordPieceModel.kind : model["unk_id"] != nil ? UnigramModel.kind : nil
  }
}

extension ComponentReader {
  /// The model of a file.
  init(modelOf file: TokenizerDocument) { self.init(file.json["model"] ?? [:], "model") }

  /// The id of the token that a setting names.
  func unknownToken(_ token: String, _ key: String, in vocabulary: Vocabulary) throws -> Int32 {
    guard let id = vocabulary.model.find(token) else {
      throw GraftError(
        .malformed, "the vocabulary has no token '\(token.prefix(80))'", subject: "key 'model.vocab'",
        expected: "the token that 'model.\(key)' names")
    }
    return id
  }
}

/// Looks pieces up whole.
public struct WordLevelModel: TokenModel {
  public static let kind = "WordLevel"
  public let unknown: Int32?
  private let vocabulary: PieceTable

  public init(_ file: TokenizerDocument, _ vocabulary: Vocabulary) throws {
    let reader = ComponentReader(modelOf: file)
    unknown = try reader.unknownToken(reader.string("unk_token"), "unk_token", in: vocabulary)
    self.vocabulary = vocabulary.model
  }

  public func split(_ piece: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces) {
    guard let base = piece.baseAddress, let id = vocabulary.find(base, piece.count) ?? unknown else { return }
    pieces.append(id, 0..<piece.count)
  }
}
