import GraftTensors
import Protobuf

/// A `.model` file of SentencePiece.
///
/// Reference: google/sentencepiece, src/sentencepiece_model.proto.
struct SentencePieceFile {
  struct Piece {
    var text = ""
    var score: Float = 0
    var type = PieceType.normal
  }

  enum PieceType: UInt64 {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  /// What the pieces were learnt by.
  enum Kind: UInt64 {
    case unigram = 1
    case bpe, word, char
  }

  private(set) var pieces: [Piece] = []
  private(set) var kind = Kind.unigram
  private(set) var unknownID = 0
  private(set) var unknownPiece = "<unk>"
  private(set) var usesBytes = false
  /// Empty where text is not normalized.
  private(set) var charsmap: [UInt8] = []
  /// Whether a space is put before the text.
  private(set) var addsDummyPrefix = true
  /// Whether runs of spaces are collapsed to one, and those at the ends removed.
  private(set) var removesExtraSpaces = true

  /// A unigram model.
  ///
  /// - Precondition: `unknownID` is a piece.
  init(
    pieces: [Piece], unknownID: Int, usesBytes: Bool, charsmap: [UInt8], addsDummyPrefix: Bool,
    removesExtraSpaces: Bool
  ) {
    self.pieces = pieces
    self.unknownID = unknownID
    unknownPiece = pieces[unknownID].text
    self.usesBytes = usesBytes
    self.charsmap = charsmap
    self.addsDummyPrefix = addsDummyPrefix
    self.removesExtraSpaces = removesExtraSpaces
  }

  /// The file's bytes.
  var bytes: [UInt8] {
    var file: [UInt8] = []
    for piece in pieces {
      var message: [UInt8] = []
      message.appendField(1, piece.text)
      message.appendField(2, piece.score)
      if piece.type != .normal { message.appendNumber(3, piece.type.rawValue) }
      file.appendField(1, message)
    }
    var trainer: [UInt8] = []
    trainer.appendNumber(3, kind.rawValue)
    trainer.appendNumber(4, pieces.count)
    trainer.appendNumber(35, usesBytes ? 1 : 0)
    trainer.appendNumber(40, unknownID)
    trainer.appendField(45, unknownPiece)
    file.appendField(2, trainer)
    var normalizer: [UInt8] = []
    normalizer.appendField(1, charsmap.isEmpty ? "identity" : "user_defined")
    normalizer.appendField(2, charsmap)
    normalizer.appendNumber(3, addsDummyPrefix ? 1 : 0)
    normalizer.appendNumber(4, removesExtraSpaces ? 1 : 0)
    file.appendField(3, normalizer)
    return file
  }

  /// - Throws: ``GraftError`` when the file is cut off, or no model.
  init(_ bytes: [UInt8]) throws {
    var (hasTrainer, hasNormalizer) = (false, false)
    try Self.forEachField(bytes[...], "the model") { field, value in
      switch (field, value) {
      case (1, .bytes(let bytes)): pieces.append(try Self.piece(bytes, pieces.count))
      case (2, .bytes(let bytes)):
        hasTrainer = true
        try readTrainer(bytes)
      case (3, .bytes(let bytes)):
        hasNormalizer = true
        try Self.forEachField(bytes, "the normalizer") { field, value in
          switch (field, value) {
          case (2, .bytes(let bytes)): charsmap = Array(bytes)
          case (3, .number(let number)): addsDummyPrefix = number != 0
          case (4, .number(let number)): removesExtraSpaces = number != 0
          default: break
          }
        }
      default: break
      }
    }
    guard !pieces.isEmpty else {
      throw GraftError(.malformed, "no pieces", expected: "a SentencePiece model")
    }
    // They follow the pieces in this order, and every trainer writes both. Without them, a file that ends between two
    // pieces would be another model.
    guard hasTrainer, hasNormalizer else {
      throw GraftError(
        .malformed, "the file is cut off",
        expected: "pieces, and the settings of the trainer and the normalizer",
        found: "\(pieces.count) pieces" + (hasTrainer ? " and the trainer's settings" : ""))
    }
    guard pieces.indices.contains(unknownID) else {
      throw GraftError(
        .malformed, "no unknown piece", expected: "a number below \(pieces.count)", found: "\(unknownID)")
    }
  }

  private static func forEachField(
    _ bytes: ArraySlice<UInt8>, _ message: String, _ body: (UInt64, ProtobufReader.Value) throws -> Void
  ) throws {
    var reader = ProtobufReader(bytes)
    do {
      while let (field, value) = try reader.next() { try body(field, value) }
    } catch var error as GraftError {
      error.subject = error.subject ?? message
      throw error
    }
  }

  private static func piece(_ bytes: ArraySlice<UInt8>, _ number: Int) throws -> Piece {
    var piece = Piece()
    let name = "piece \(number)"
    func malformed(_ problem: String) -> GraftError { GraftError(.malformed, problem, subject: name) }
    try forEachField(bytes, name) { field, value in
      switch (field, value) {
      case (1, .bytes(let bytes)):
        guard let text = String(validating: bytes, as: UTF8.self) else { throw malformed("not UTF-8 text") }
        piece.text = text
      case (2, .number(let bits)):
        let score = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
        guard score.isFinite else { throw malformed("a score that is no number") }
        piece.score = score
      case (3, .number(let number)):
        guard let type = PieceType(rawValue: number) else { throw malformed("unknown piece type") }
        piece.type = type
      default: break
      }
    }
    return piece
  }

  private mutating func readTrainer(_ bytes: ArraySlice<UInt8>) throws {
    try Self.forEachField(bytes, "the trainer") { field, value in
      switch (field, value) {
      case (3, .number(let number)):
        guard let kind = Kind(rawValue: number) else {
          throw GraftError(
            .unsupported, "a kind of model that Graft does not know", expected: "1 to 4", found: "\(number)")
        }
        self.kind = kind
      case (35, .number(let number)): usesBytes = number != 0
      // A number of 32 bits that may be less than 0.
      case (40, .number(let number)): unknownID = Int(Int32(truncatingIfNeeded: number))
      case (45, .bytes(let bytes)):
        guard let text = String(validating: bytes, as: UTF8.self) else {
          throw GraftError(.malformed, "an unknown piece that is not UTF-8 text")
        }
        unknownPiece = text
      default: break
      }
    }
  }
}
