import Foundation
import GraftCore
import GraftTensors
import TokenizerKit

/// Registers the byte-level BPE tokenizer and its trainer.
public enum ByteLevelBPEPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(ByteLevelBPETokenizer.self)
    try registry.add(BPETrainer.self)
  }
}

/// The tokenizer of GPT-2 and RoBERTa: words whose bytes are merged pair by pair.
///
/// Ids and offsets are those of Hugging Face `tokenizers` 0.23.3 for the same files. It reads `tokenizer.json`, or
/// else `vocab.json` and `merges.txt` with the settings of `tokenizer_config.json`, `special_tokens_map.json` and
/// `added_tokens.json`. Truncation and padding that a `tokenizer.json` asks for are kept in the file but not applied:
/// here the caller says how long an encoding may be, and batches are not padded.
///
/// Reference: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, section 2.2; Liu et al.,
/// "RoBERTa: A Robustly Optimized BERT Pretraining Approach", 2019.
public struct ByteLevelBPETokenizer: CoreTokenizer {
  public static let name = "byte-level-bpe"

  public let core: TokenizerCore
  let merges: [TokenizerDocument.Merge]
  private let path: ByteLevelPath
  let addsPrefixSpace: Bool
  private let splitsWords: Bool
  private let decodesBytes: Bool
  /// `nil` where text is tokenized as a whole.
  private let wordwisePath: WordwisePath?

  /// - Throws: ``GraftError`` for an added token that is too long.
  init(_ description: ByteLevelBPEDescription) throws {
    merges = description.merges
    path = ByteLevelPath(
      description.model, addsPrefixSpace: description.addsPrefixSpace, splitsWords: description.splitsWords)
    addsPrefixSpace = description.addsPrefixSpace
    splitsWords = description.splitsWords
    decodesBytes = description.decodesBytes
    core = try TokenizerCore(
      vocabulary: description.vocabulary, addedTokens: description.addedTokens,
      specialTokens: description.specialTokens, postProcessor: description.postProcessor,
      document: description.document, configuration: description.configuration, notes: description.notes)
    wordwisePath = WordwisePath(
      nil,
      ByteLevelPreTokenizer(
        addsPrefixSpace: description.addsPrefixSpace, splitsWords: description.splitsWords),
      added: core.normalized)
  }

  /// Whether text is split and merged as GPT-2 does it, without a space in front and without a token for what is
  /// unknown.
  var isPlain: Bool {
    let model = core.document["model"] ?? [:]
    return splitsWords && decodesBytes && !addsPrefixSpace && model["unk_token"]?.string == nil
      && model["ignore_merges"] != true
  }

  public func text(of tokens: [String]) -> String {
    guard decodesBytes else { return tokens.joined(separator: " ") }
    // A token that is not spelt in the alphabet of bytes stands for itself.
    return String(
      decoding: tokens.flatMap { ByteLevelAlphabet.bytes(of: $0) ?? Array($0.utf8) }, as: UTF8.self)
  }

  public func pieces(of text: String, limit: Int) -> Pieces {
    var text = text
    return text.withUTF8 { bytes in
      var pieces = Pieces(limit: limit, expecting: bytes.count / 3 + 4)
      var workspace = ByteMergeModel.Workspace()
      core.split(bytes, into: &pieces) { part, firstScalar, pieces in
        func split(
          _ part: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, _: WordwisePath.Position,
          into pieces: inout Pieces
        ) {
          _ = path.split(part, firstScalar: firstScalar, at: core.normalized, into: &pieces, &workspace)
        }
        if let wordwisePath {
          wordwisePath.split(part, firstScalar: firstScalar, into: &pieces, split)
        } else {
          split(part, firstScalar: firstScalar, .whole, into: &pieces)
        }
      }
      return pieces
    }
  }
}
