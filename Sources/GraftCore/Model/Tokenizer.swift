import Foundation
import GraftTensors
import OrderedCollections

/// Turns text into token ids and back.
///
/// A tokenizer is loaded from the files of a checkpoint directory and writes them again, so that a
/// checkpoint stays whole.
public protocol Tokenizer: Sendable {
  /// The name in `graft plugins`.
  static var name: String { get }

  /// The tokenizer described by a directory's files, or `nil` when they describe none of this kind.
  ///
  /// - Throws: ``GraftError`` when they do, but are broken.
  static func load(from directory: URL) throws -> Self?

  /// The tokenizer that a weight file describes in its ``Weights/attributes``, or `nil` when they describe none
  /// of this kind.
  ///
  /// - Throws: ``GraftError`` when they do, but are broken.
  static func load(describedBy attributes: OrderedDictionary<String, JSON>) throws -> Self?

  /// What ``load(describedBy:)`` and the framework of a ``Dialect/name`` read in a weight file that is a whole
  /// model; empty where there is no such description.
  func attributes(as dialect: String) -> OrderedDictionary<String, JSON>

  /// Writes the files that ``load(from:)`` and `transformers` read.
  func write(to directory: URL) throws

  /// Writes the files that the framework of a ``Dialect/name`` reads; those of ``write(to:)`` by default.
  func write(to directory: URL, as dialect: String) throws

  /// The number of tokens.
  var vocabularySize: Int { get }

  /// The id of a token spelled exactly, or `nil`.
  func id(of token: String) -> Int32?

  /// The token of an id, or `nil` beyond the vocabulary.
  func token(of id: Int32) -> String?

  var specialTokens: SpecialTokens { get }

  /// Encodes a text, or a pair, with the special tokens around and between.
  ///
  /// - Parameters:
  ///   - text: The first sequence.
  ///   - pair: The second sequence, if any.
  ///   - maximumLength: The most ids in the result, special tokens included; the longer sequence is cut
  ///     from its end first, as `longest_first` does. `nil` does not cut.
  ///   - addSpecialTokens: Whether `[CLS]` and `[SEP]` are added.
  func encode(_ text: String, pair: String?, maximumLength: Int?, addSpecialTokens: Bool) -> Encoding

  /// The text of token ids, cleaned up as `tokenizers` does.
  func decode(_ ids: [Int32], skippingSpecialTokens: Bool) -> String
}

extension Tokenizer {
  public static func load(describedBy attributes: OrderedDictionary<String, JSON>) throws -> Self? { nil }

  public func attributes(as dialect: String) -> OrderedDictionary<String, JSON> { [:] }

  public func write(to directory: URL, as dialect: String) throws { try write(to: directory) }

  /// Encodes one text with special tokens.
  public func encode(_ text: String, maximumLength: Int? = nil) -> Encoding {
    encode(text, pair: nil, maximumLength: maximumLength, addSpecialTokens: true)
  }
}

/// The ids of the tokens with a role, where the vocabulary has them.
public struct SpecialTokens: Sendable, Equatable {
  public var padding: Int32?
  public var unknown: Int32?
  public var classification: Int32?
  public var separator: Int32?
  public var mask: Int32?

  public init(
    padding: Int32? = nil,
    unknown: Int32? = nil,
    classification: Int32? = nil,
    separator: Int32? = nil,
    mask: Int32? = nil
  ) {
    self.padding = padding
    self.unknown = unknown
    self.classification = classification
    self.separator = separator
    self.mask = mask
  }

  /// All that are present.
  public var all: Set<Int32> {
    Set([padding, unknown, classification, separator, mask].compactMap { $0 })
  }
}

/// A tokenized text. All arrays have one element per token.
public struct Encoding: Sendable, Equatable {
  public var ids: [Int32]
  /// 0 for the first sequence and its special tokens, 1 for the second.
  public var tokenTypes: [Int32]
  /// Where each token stands in its text, in Unicode scalars; empty at 0 for a special token that was added.
  public var offsets: [Range<Int>]
  /// Whether the token was added or is special by role, so that masking leaves it alone.
  public var isSpecial: [Bool]

  public init(ids: [Int32], tokenTypes: [Int32], offsets: [Range<Int>], isSpecial: [Bool]) {
    self.ids = ids
    self.tokenTypes = tokenTypes
    self.offsets = offsets
    self.isSpecial = isSpecial
  }
}
