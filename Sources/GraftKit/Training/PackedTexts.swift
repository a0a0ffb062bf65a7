import GraftCore
import GraftTensors

/// Texts one after another, cut into pieces of one length, as the language-model scripts of transformers pack them:
/// `group_texts` of `examples/pytorch/language-modeling/run_mlm.py`.
///
/// Each text keeps its special tokens. A thousand texts are packed together; what is left of them after the last full
/// piece is dropped.
struct PackedTexts: Sendable {
  /// How many texts are packed together: the batch size of `datasets.map`.
  static let batchSize = 1000

  /// The tokens of all pieces, one after another.
  private let ids: [Int32]
  private let tokenTypes: [Int32]
  private let isSpecial: [Bool]
  private let length: Int
  /// The row in which each piece begins.
  private let rows: [Int]

  var count: Int { rows.count }

  /// - Parameters:
  ///   - rows: Texts and pairs.
  ///   - encoder: The tokenizer; its most tokens are the length of a piece.
  init(_ rows: [TextRow], _ encoder: TextEncoder) throws {
    length = encoder.maximumLength
    var (ids, types, special, owners, starts) = ([Int32](), [Int32](), [Bool](), [Int](), [Int]())
    for first in stride(from: 0, to: rows.count, by: Self.batchSize) {
      let start = ids.count
      let encodings = try inParallel(Array(rows[first..<min(first + Self.batchSize, rows.count)])) { part in
        part.map {
          encoder.tokenizer.encode($0.text, pair: $0.pair, maximumLength: nil, addSpecialTokens: true)
        }
      }.flatMap(\.self)
      for (index, encoding) in encodings.enumerated() {
        ids += encoding.ids
        types += encoding.tokenTypes
        special += encoding.isSpecial
        owners += repeatElement(first + index, count: encoding.ids.count)
      }
      let end = start + (ids.count - start) / length * length
      starts += stride(from: 0, to: end - start, by: length).map { owners[$0] }
      owners.removeAll(keepingCapacity: true)
      ids.removeSubrange(end...)
      types.removeSubrange(end...)
      special.removeSubrange(end...)
    }
    (self.ids, tokenTypes, isSpecial, self.rows) = (ids, types, special, starts)
  }

  /// A piece; its offsets say nothing.
  func encoding(_ index: Int) -> Encoding {
    let range = index * length..<(index + 1) * length
    return Encoding(
      ids: Array(ids[range]), tokenTypes: Array(tokenTypes[range]),
      offsets: Array(repeating: 0..<0, count: length), isSpecial: Array(isSpecial[range]))
  }

  /// The row in which a piece begins.
  func row(_ index: Int) -> Int { rows[index] }
}
