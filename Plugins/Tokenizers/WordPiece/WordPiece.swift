import Foundation
import GraftCore
import GraftTensors
import TokenizerKit

/// Registers the WordPiece tokenizer and its trainer.
public enum WordPiecePlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(WordPieceTokenizer.self)
    try registry.add(WordPieceTrainer.self)
  }
}

/// The tokenizer of BERT: cleaning, splitting at white space and punctuation, then greedy longest-match
/// pieces.
///
/// Ids, types and offsets are those of Hugging Face `tokenizers` 0.23.3 for the same files. It reads
/// `tokenizer.json`, or else `vocab.txt` with the settings of `tokenizer_config.json`,
/// `special_tokens_map.json` and `added_tokens.json`. Truncation and padding that a `tokenizer.json` asks for
/// are kept in the file but not applied: here the caller says how long an encoding may be, and batches are
/// not padded.
///
/// Reference: Wu et al., "Google's Neural Machine Translation System", 2016, section 4.1;
/// google-research/bert.
public struct WordPieceTokenizer: CoreTokenizer {
  public static let name = "wordpiece"

  /// What is done to text before it is split into words.
  public var normalizer: BertNormalizer { splitter.options }

  public let continuingPrefix: String?
  let decoder: WordPieceDecoder?
  public let core: TokenizerCore
  /// Whether frameworks that have BERT's tokenizer alone, and put spaces around Chinese characters, give the same ids.
  let isBert: Bool
  private let splitter: WordSplitter
  /// For text beyond ASCII, where a word takes longer than finding what became of it before.
  private let wordwisePath: WordwisePath?

  var vocabulary: Vocabulary { core.vocabulary }
  var addedTokens: [AddedToken] { core.addedTokens }
  var document: JSON { core.document }
  var configuration: JSON { core.configuration }

  /// - Throws: ``GraftError`` for an added token that is too long.
  init(_ description: TokenizerDescription) throws {
    decoder = description.decoder
    isBert = description.splitsAsBert && description.normalizer.handleChineseCharacters
    continuingPrefix = description.model.continuingPrefix
    splitter = WordSplitter(options: description.normalizer, model: description.model)
    core = try TokenizerCore(
      vocabulary: description.vocabulary, addedTokens: description.addedTokens,
      specialTokens: description.specialTokens,
      postProcessor: description.postProcessor, document: description.document,
      configuration: description.configuration, notes: description.notes,
      normalize: { WordPieceTokenizer.normalize($0, with: description.normalizer) })
    wordwisePath = WordwisePath(description.normalizer, BertPreTokenizer(), added: core.normalized)
  }

  private static func normalize(_ text: String, with options: BertNormalizer) -> [UInt8] {
    var result = NormalizedText()
    let bytes = Array(text.utf8)
    bytes.withUnsafeBufferPointer { result.normalize($0[...], firstOrigin: 0, with: options) }
    var normalized: [UInt8] = []
    for scalar in result.scalars { appendScalar(scalar, to: &normalized) }
    return normalized
  }

  public func text(of tokens: [String]) -> String {
    decoder?.text(of: tokens) ?? tokens.joined(separator: " ")
  }

  public func pieces(of text: String, limit: Int) -> Pieces {
    var text = text
    return text.withUTF8 { bytes in
      var pieces = Pieces(limit: limit, expecting: bytes.count / 4 + 4)
      var workspace = WordSplitter.Workspace()
      core.split(bytes, into: &pieces) { part, firstScalar, pieces in
        if let wordwisePath, part.contains(where: { $0 >= 0x80 }) {
          wordwisePath.split(part, firstScalar: firstScalar, into: &pieces) { word, firstScalar, _, pieces in
            split(word, firstScalar: firstScalar, into: &pieces, &workspace)
          }
        } else {
          split(part, firstScalar: firstScalar, into: &pieces, &workspace)
        }
      }
      return pieces
    }
  }

  /// Splits text without verbatim added tokens.
  private func split(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, into pieces: inout Pieces,
    _ workspace: inout WordSplitter.Workspace
  ) {
    guard !core.normalized.isEmpty else {
      splitter.split(text, firstScalar: firstScalar, into: &pieces, &workspace)
      return
    }
    workspace.normalized.normalize(text, firstOrigin: firstScalar, with: normalizer)
    var bytes: [UInt8] = []
    var starts: [Int] = []  // by byte: which scalar of the normalized text it belongs to
    for (index, scalar) in workspace.normalized.scalars.enumerated() {
      appendScalar(scalar, to: &bytes)
      while starts.count < bytes.count { starts.append(index) }
    }
    starts.append(workspace.normalized.scalars.count)
    var position = 0
    for match in bytes.withUnsafeBufferPointer({ core.normalized.matches(in: $0) }) where !pieces.isFull {
      let range = starts[match.range.lowerBound]..<starts[match.range.upperBound]
      if position < range.lowerBound {
        splitter.split(position..<range.lowerBound, of: &workspace, into: &pieces)
      }
      let origins = workspace.normalized.origins
      pieces.append(match, origins[range.lowerBound]..<origins[range.upperBound - 1] + 1)
      position = range.upperBound
    }
    splitter.split(position..<workspace.normalized.scalars.count, of: &workspace, into: &pieces)
  }
}
