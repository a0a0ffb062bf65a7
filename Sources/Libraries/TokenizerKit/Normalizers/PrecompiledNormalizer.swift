import Foundation
import GraftTensors

/// The normalizer of SentencePiece: a compiled table of texts and what is put in their place.
///
/// It follows `tokenizers`, not SentencePiece: a grapheme cluster of less than six bytes that begins with a text of the
/// table is replaced as a whole, by what the shortest such text stands for; otherwise each of its scalars is, by itself.
public struct PrecompiledNormalizer: Normalizer {
  public static let kind = "Precompiled"

  /// Longer clusters are treated scalar by scalar.
  public static let longestCluster = 5

  public let charsmap: Charsmap

  public init(_ charsmap: Charsmap) { self.charsmap = charsmap }

  public init(_ reader: ComponentReader) throws {
    let text = try reader.string("precompiled_charsmap")
    guard let bytes = Data(base64Encoded: text) else {
      throw GraftError(.malformed, "not base64", subject: "key '\(reader.path).precompiled_charsmap'")
    }
    do {
      charsmap = try Charsmap(Array(bytes))
    } catch var error as GraftError {
      error.subject = "key '\(reader.path).precompiled_charsmap'"
      throw error
    }
  }

  public var json: JSON {
    [
      "type": .string(Self.kind),
      "precompiled_charsmap": .string(Data(charsmap.bytes).base64EncodedString()),
    ]
  }

  public var growth: Double { Double(max(1, charsmap.longestReplacement)) }

  public func parts(isFirst: Bool, isLast: Bool) -> [any Normalizer]? {
    let space: [UInt8] = [0x20]
    let isKept = space.withUnsafeBufferPointer { charsmap.replacement(0..<1, of: $0) == nil }
    return isKept ? [self] : nil
  }

  public func normalize(_ text: inout AlignedText) {
    var changes: [AlignedText.Change] = []
    changes.reserveCapacity(text.bytes.count)
    var isChanged = false
    text.bytes.withUnsafeBufferPointer { bytes in
      var index = 0
      while index < bytes.count {
        let end = GraphemeClusters.shared.endOfCluster(at: index, in: bytes)
        if end - index <= Self.longestCluster, let replacement = charsmap.replacement(index..<end, of: bytes)
        {
          isChanged = true
          replace(countScalars(bytes[index..<end]), replacement, &changes)
        } else {
          var start = index
          while start < end {
            var next = start
            let scalar = decodeScalar(bytes, &next, end: end)
            if let replacement = charsmap.replacement(start..<next, of: bytes) {
              isChanged = true
              replace(1, replacement, &changes)
            } else {
              changes.append(AlignedText.Change(scalar, 0))
            }
            start = next
          }
        }
        index = end
      }
    }
    if isChanged { text.transform(changes) }
  }

  /// Appends what replaces as many scalars. What is removed counts for the scalar before, whatever that replaces.
  private func replace(_ oldCount: Int, _ replacement: Range<Int>, _ changes: inout [AlignedText.Change]) {
    let count = changes.count
    charsmap.forEachScalar(of: replacement) { changes.append(AlignedText.Change($0, 0)) }
    let difference = changes.count - count - oldCount
    if difference > 0 {
      for index in changes.count - difference..<changes.count { changes[index].change = 1 }
    } else if difference < 0, !changes.isEmpty {
      changes[changes.count - 1].change += difference
    }
  }
}
