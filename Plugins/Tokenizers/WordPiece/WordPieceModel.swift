import TokenizerKit

/// The WordPiece model: splits a normalized word into the longest pieces of the vocabulary, greedily from the
/// left.
///
/// Reference: `WordpieceTokenizer` in google-research/bert, tokenization.py.
struct WordPieceModel: Sendable {
  /// The pieces that a word can begin with.
  let initial: PieceTable
  /// The pieces that can follow, without their prefix.
  let continuing: PieceTable
  let unknown: Int32
  /// Words of more scalars are unknown.
  let maximumWordLength: Int

  /// Splits a word, and appends the pieces with their places in `word`, in bytes.
  ///
  /// - Parameter word: UTF-8, behind which ``PieceTable/padding`` more bytes can be read.
  @inline(__always)
  func split(_ word: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces) {
    guard let base = word.baseAddress else { return }
    if word.count <= initial.maximumLength, let id = initial.find(base, word.count) {
      pieces.append(id, 0..<word.count)
    } else {
      splitLonger(word, base, into: &pieces)
    }
  }

  private func splitLonger(
    _ word: UnsafeBufferPointer<UInt8>, _ base: UnsafePointer<UInt8>, into pieces: inout Pieces
  ) {
    let count = pieces.ids.count
    var start = 0
    while start < word.count {
      let maximum = start == 0 ? initial.maximumLength : continuing.maximumLength
      var end = min(word.count, start + maximum)
      var found: Int32?
      while end > start {
        if end == word.count || word[end] & 0xC0 != 0x80 {
          found =
            start == 0 ? initial.find(base, end) : continuing.find(base + start, end - start)
          if found != nil { break }
        }
        end -= 1
      }
      guard let id = found else {
        pieces.ids.removeLast(pieces.ids.count - count)
        pieces.offsets.removeLast(pieces.offsets.count - count)
        return pieces.append(unknown, 0..<word.count)
      }
      pieces.append(id, start..<end)
      start = end
    }
  }
}
