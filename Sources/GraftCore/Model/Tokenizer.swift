import Foundation
import GraftTensors
import OrderedCollections

/// Turns text into token ids and back.
///
/// A tokenizer is loaded from the files of a checkpoint directory and writes them again, so that a
/// checkpoint stays whole.
public protocol Tokenizer: Sendable {
  /// The name of the kind of tokenizer, such as `wordpiece`.
  static var name: String { get }

  /// What its files are called in a checkpoint directory.
  static var fileNames: TokenizerFileNames { get }

  /// The tokenizer described by a directory's files, or `nil` when they describe none of this kind.
  ///
  /// - Throws: ``GraftError`` when they do, but are broken.
  static func load(from directory: URL) throws -> Self?

  /// The tokenizer that a weight file describes in its ``ModelFile/attributes``, or `nil` when they describe none
  /// of this kind.
  ///
  /// - Throws: ``GraftError`` when they do, but are broken.
  static func load(describedBy attributes: OrderedDictionary<String, JSON>) throws -> Self?

  /// What ``load(describedBy:)`` and other programs read in a weight file that is a whole model; empty where a
  /// representation has no such description of this kind of tokenizer.
  func attributes(as representation: TokenizerRepresentation) -> OrderedDictionary<String, JSON>

  /// Writes the files of a representation.
  ///
  /// - Throws: ``GraftError`` of kind `unsupported` when the representation has no files for this kind of
  ///   tokenizer, `system` when a file cannot be written.
  func write(to directory: URL, as representation: TokenizerRepresentation) throws

  /// What the files of a representation do otherwise, in sentences; ``write(to:as:)`` refuses what they cannot say at all.
  func differences(as representation: TokenizerRepresentation) -> [String]

  /// The end at which texts that are too long are cut, where nobody says it.
  var truncationDirection: Truncation.Direction { get }

  /// What was decided where the files that it was loaded from disagree, in sentences.
  var notes: [String] { get }

  /// The number of ids, with those that no token has.
  var vocabularySize: Int { get }

  /// The id of a token spelled exactly, or `nil`.
  func id(of token: String) -> Int32?

  /// The token of an id, or `nil` where it has none.
  func token(of id: Int32) -> String?

  var specialTokens: SpecialTokens { get }

  /// What the tokens that go on with a word begin with, such as `##`; `nil` where tokens do not show it.
  var continuingPrefix: String? { get }

  /// Encodes a text, or a pair, with the special tokens around and between.
  ///
  /// - Parameters:
  ///   - text: The first sequence.
  ///   - pair: The second sequence, if any.
  ///   - truncation: How many ids there may be, and which are cut off; `nil` does not cut.
  ///   - addSpecialTokens: Whether tokens such as `[CLS]` and `[SEP]` are added.
  func encode(_ text: String, pair: String?, truncation: Truncation?, addSpecialTokens: Bool) -> Encoding

  /// Encodes a text, or a pair, as windows over one of the sequences, with special tokens in each; the other
  /// sequence stands whole in all of them. A sequence that fits is one window.
  ///
  /// - Parameters:
  ///   - sequence: The sequence that is cut into windows: 0 for the first, 1 for the second.
  ///   - maximumLength: The most ids in a window.
  ///   - stride: How many tokens a window repeats of the one before it.
  /// - Throws: ``GraftError`` when there is no such sequence, or it does not fit and the other one leaves no room for
  ///   more than the stride.
  func windows(of text: String, pair: String?, over sequence: Int, maximumLength: Int, stride: Int) throws
    -> [Encoding]

  /// The text of token ids, cleaned up as `tokenizers` does.
  func decode(_ ids: [Int32], skippingSpecialTokens: Bool) -> String

  /// The text of tokens as they are spelled, put together as ``decode(_:skippingSpecialTokens:)`` does. They need
  /// not be in the vocabulary: a text that was decoded before may be one of them.
  func text(of tokens: [String]) -> String
}

extension Tokenizer {
  public var continuingPrefix: String? { nil }

  public func differences(as representation: TokenizerRepresentation) -> [String] { [] }

  public var notes: [String] { [] }

  public var truncationDirection: Truncation.Direction { .right }

  public static func load(describedBy attributes: OrderedDictionary<String, JSON>) throws -> Self? { nil }

  public func attributes(as representation: TokenizerRepresentation) -> OrderedDictionary<String, JSON> {
    [:]
  }

  /// Writes the files that ``load(from:)`` and `transformers` read.
  public func write(to directory: URL) throws { try write(to: directory, as: .huggingFace) }

  /// Encodes one text with special tokens.
  public func encode(_ text: String, maximumLength: Int? = nil) -> Encoding {
    encode(text, pair: nil, maximumLength: maximumLength, addSpecialTokens: true)
  }

  /// Encodes a text, or a pair. The longer sequence is cut first, from its end.
  ///
  /// - Parameter maximumLength: The most ids in the result, special tokens included; `nil` does not cut.
  public func encode(_ text: String, pair: String?, maximumLength: Int?, addSpecialTokens: Bool) -> Encoding {
    encode(
      text, pair: pair, truncation: maximumLength.map { Truncation($0, direction: truncationDirection) },
      addSpecialTokens: addSpecialTokens)
  }
}

/// What the files of a kind of tokenizer are called.
public struct TokenizerFileNames: Sendable, Equatable {
  /// Sets of files; any one of them is enough to load a tokenizer: `[["vocab.json", "merges.txt"]]`.
  public var sufficient: [[String]]
  /// Files that add settings to those.
  public var settings: [String]

  public init(sufficient: [[String]], settings: [String]) {
    self.sufficient = sufficient
    self.settings = settings
  }

  /// All names, each once.
  public var all: [String] {
    var seen: Set<String> = []
    return (sufficient.joined() + settings).filter { seen.insert($0).inserted }
  }

  /// Whether a tokenizer can be loaded from a directory with these files.
  public func areSufficient(in files: Set<String>) -> Bool {
    sufficient.contains { $0.allSatisfy(files.contains) }
  }
}

/// A way in which frameworks spell tokenizers. A dialect asks for one, a tokenizer offers those that it can.
public struct TokenizerRepresentation: Sendable, Equatable {
  public let name: String
  /// What the framework calls things that no tokenizer can know.
  public let options: [String: String]

  public init(_ name: String, options: [String: String] = [:]) {
    self.name = name
    self.options = options
  }

  /// `tokenizer.json` of Hugging Face's `tokenizers`, with the files beside it that transformers reads.
  public static let huggingFace = TokenizerRepresentation("hugging-face")

  /// The `tokenizer.ggml` attributes of llama.cpp.
  public static let ggml = TokenizerRepresentation("ggml")

  /// A serialized Keras object in `tokenizer.json`, with the vocabulary under `assets/tokenizer`.
  ///
  /// - Parameters:
  ///   - module: The Python module of the class, `keras_hub.src.models.bert.bert_tokenizer`.
  ///   - className: The class, `BertTokenizer`.
  public static func keras(module: String, className: String) -> TokenizerRepresentation {
    TokenizerRepresentation("keras", options: ["module": module, "class_name": className])
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

/// A tokenized text, or a pair. All arrays but ``sequences`` have one element per token.
public struct Encoding: Sendable, Equatable {
  public var ids: [Int32]
  /// What the model takes as `token_type_ids`: for BERT 0 for the first sequence and its special tokens and 1
  /// for the second, for others always 0. ``sequences`` says what belongs to which text.
  public var tokenTypes: [Int32]
  /// Where each token stands in its text, in Unicode scalars; empty at 0 for a special token that was added.
  public var offsets: [Range<Int>]
  /// Whether the token was added or is special by role, so that masking leaves it alone.
  public var isSpecial: [Bool]
  /// Which tokens stand for which text: a range for the first, and another for the second if there is one.
  /// Tokens that were added are in neither.
  public var sequences: [Range<Int>]

  /// - Parameter sequences: `nil` means that all tokens stand for one text.
  public init(
    ids: [Int32], tokenTypes: [Int32], offsets: [Range<Int>], isSpecial: [Bool],
    sequences: [Range<Int>]? = nil
  ) {
    self.ids = ids
    self.tokenTypes = tokenTypes
    self.offsets = offsets
    self.isSpecial = isSpecial
    self.sequences = sequences ?? [0..<ids.count]
  }

  /// The two texts of a pair the other way round, with the tokens that were added where they are; a single text as it is.
  public var swappingTexts: Encoding {
    guard sequences.count == 2, sequences[0].upperBound <= sequences[1].lowerBound else { return self }
    let (first, second) = (sequences[0], sequences[1])
    let middle = first.upperBound..<second.lowerBound
    let order =
      Array(0..<first.lowerBound) + Array(second) + Array(middle) + Array(first)
      + Array(second.upperBound..<ids.count)
    var swapped = self
    swapped.ids = order.map { ids[$0] }
    swapped.offsets = order.map { offsets[$0] }
    swapped.isSpecial = order.map { isSpecial[$0] }
    let start = first.lowerBound + second.count + middle.count
    swapped.sequences = [
      first.lowerBound..<first.lowerBound + second.count, start..<start + first.count,
    ]
    // A token has the type of the place that its text has now.
    func type(_ tokens: Range<Int>) -> Int32 { tokens.isEmpty ? 0 : tokenTypes[tokens.lowerBound] }
    swapped.tokenTypes = order.map { token in
      first.contains(token) ? type(second) : second.contains(token) ? type(first) : tokenTypes[token]
    }
    return swapped
  }

  /// The text that a token stands for: 0 for the first, 1 for the second, `nil` for a token that was added.
  public func sequence(ofToken index: Int) -> Int? { sequences.firstIndex { $0.contains(index) } }
}
