import Foundation
import GraftCore
import GraftTensors
import TokenizerKit

/// Registers the tokenizer of any pipeline, and the trainer of unigram models, which no other tokenizer has.
public enum PipelinePlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(PipelineTokenizer.self)
    try registry.add(UnigramTrainer.self)
  }
}

/// The tokenizer that a `tokenizer.json` describes by its components: a normalizer, a pre-tokenizer, a model, a
/// post-processor and a decoder.
///
/// Ids, types and offsets are those of Hugging Face `tokenizers` 0.23.3 for the same files. It reads `tokenizer.json`,
/// and refuses a component that it does not know by its name. Truncation and padding that a `tokenizer.json` asks for
/// are kept in the file but not applied: here the caller says how long an encoding may be, and batches are not padded.
///
/// Tokenizers that have a faster implementation are registered before this one.
public struct PipelineTokenizer: CoreTokenizer {
  public static let name = "pipeline"

  public let core: TokenizerCore
  let file: TokenizerDocument
  let normalizer: (any Normalizer)?
  let preTokenizer: (any PreTokenizer)?
  let model: any TokenModel
  let decoder: (any Decoder)?
  /// By position of a part of a text: how it is normalized.
  private let normalizations: [Normalization?]
  /// `nil` where text is tokenized as a whole.
  let wordwisePath: WordwisePath?

  private final class Normalization: Sendable {
    /// One after the other.
    let normalizers: [any Normalizer]
    /// Faster ways; where there are none, the components are gone through one by one.
    let sentencePiecePath: SentencePiecePath?
    let byteLevelPath: ByteLevelPath?

    /// - Returns: `nil` where a text cannot be normalized in parts.
    init?(_ description: PipelineDescription, at position: WordwisePath.Position, takesFastPaths: Bool) {
      guard let normalizers = WordwisePath.normalizers(of: description.normalizer, position) else {
        return nil
      }
      self.normalizers = normalizers
      let (preTokenizer, model) = (description.preTokenizer, description.model)
      sentencePiecePath = takesFastPaths ? SentencePiecePath(normalizers, preTokenizer, model) : nil
      byteLevelPath = takesFastPaths ? ByteLevelPath(normalizers, preTokenizer, model) : nil
    }
  }

  /// Memory that one part of a text after the other uses again.
  private struct Workspace {
    var byteLevel = ByteMergeModel.Workspace()
    var sentencePiece = SentencePiecePath.Workspace()
  }

  /// - Parameter takesFastPaths: Whether to look for a faster way to the same result.
  /// - Throws: ``GraftError`` for an added token that is too long.
  init(_ description: PipelineDescription, takesFastPaths: Bool = true) throws {
    file = description.file
    normalizer = description.normalizer
    preTokenizer = description.preTokenizer
    model = description.model
    decoder = description.decoder
    normalizations = WordwisePath.Position.all.map {
      Normalization(description, at: $0, takesFastPaths: takesFastPaths)
    }
    core = try TokenizerCore(
      vocabulary: description.vocabulary, addedTokens: description.addedTokens,
      specialTokens: description.specialTokens, postProcessor: description.postProcessor,
      document: description.file.json, configuration: description.configuration, notes: description.notes,
      normalize: { text in
        var text = AlignedText(text.utf8, origin: 0)
        description.normalizer?.normalize(&text)
        return text.bytes
      })
    wordwisePath =
      takesFastPaths
      ? WordwisePath(description.normalizer, description.preTokenizer, added: core.normalized) : nil
  }

  public var continuingPrefix: String? { model.continuingPrefix }

  public func text(of tokens: [String]) -> String {
    decoder?.text(of: tokens) ?? tokens.joined(separator: " ")
  }

  public func pieces(of text: String, limit: Int) -> Pieces {
    var text = text
    return text.withUTF8 { bytes in
      var pieces = Pieces(limit: limit, expecting: bytes.count / 3 + 4)
      var workspace = Workspace()
      core.split(bytes, into: &pieces) { part, firstScalar, pieces in
        func split(
          _ part: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, _ position: WordwisePath.Position,
          into pieces: inout Pieces
        ) {
          self.split(part, firstScalar: firstScalar, position, into: &pieces, &workspace)
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

  /// Splits a part of a text without verbatim added tokens.
  private func split(
    _ part: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, _ position: WordwisePath.Position,
    into pieces: inout Pieces, _ workspace: inout Workspace
  ) {
    let normalization = normalizations[position.index]
    if core.normalized.isEmpty, let path = normalization?.sentencePiecePath,
      path.split(part, firstScalar: firstScalar, into: &pieces, &workspace.sentencePiece)
    {
      return
    }
    if let path = normalization?.byteLevelPath,
      path.split(
        part, firstScalar: firstScalar, at: core.normalized, into: &pieces, &workspace.byteLevel)
    {
      return
    }
    var text = AlignedText(part, origin: firstScalar)
    for normalizer in normalization?.normalizers ?? [] { normalizer.normalize(&text) }
    split(text, into: &pieces)
  }

  /// Splits normalized text at the added tokens that are looked for there.
  private func split(_ text: AlignedText, into pieces: inout Pieces) {
    let matches =
      core.normalized.isEmpty ? [] : text.bytes.withUnsafeBufferPointer { core.normalized.matches(in: $0) }
    var position = 0
    for match in matches where !pieces.isFull {
      splitRest(text, position..<max(position, match.range.lowerBound), into: &pieces)
      pieces.append(match, text.place(of: match.range))
      position = match.range.upperBound
    }
    splitRest(text, position..<text.bytes.count, into: &pieces)
  }

  /// Splits normalized text without added tokens.
  private func splitRest(_ text: AlignedText, _ range: Range<Int>, into pieces: inout Pieces) {
    guard !range.isEmpty, !pieces.isFull else { return }
    var tokens = PreTokens(text, range)
    preTokenizer?.split(&tokens)
    var bytes = tokens.text.bytes
    bytes += repeatElement(0, count: PieceTable.padding)
    bytes.withUnsafeBufferPointer { bytes in
      for piece in tokens.pieces where !pieces.isFull {
        let first = pieces.ids.count
        model.split(UnsafeBufferPointer(rebasing: bytes[piece.range]), into: &pieces)
        let start = piece.range.lowerBound
        pieces.relocate(from: first) {
          tokens.text.place(of: start + $0.lowerBound..<min(start + $0.upperBound, piece.range.upperBound))
        }
      }
    }
  }
}
