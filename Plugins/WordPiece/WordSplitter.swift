/// Splits text into words as `BertPreTokenizer` does after `BertNormalizer`, and words into pieces.
///
/// Words of ASCII letters and digits go straight from the text's bytes to the model. What lies between ASCII
/// white space and punctuation and has anything else in it takes the long way over ``NormalizedText``.
struct WordSplitter: Sendable {
  /// What an ASCII byte is to the splitter; every byte of a longer scalar is `other`.
  private enum Class {
    static let letter: UInt8 = 0
    static let space: UInt8 = 1
    static let punctuation: UInt8 = 2
    static let other: UInt8 = 3
  }

  let options: BertNormalizer
  let model: WordPieceModel
  private let classes: [UInt8]
  private let lowered: [UInt8]

  init(options: BertNormalizer, model: WordPieceModel) {
    self.options = options
    self.model = model
    let properties = UnicodeProperties.shared
    classes = (0...255).map { byte in
      guard byte < 0x80 else { return Class.other }
      let flags = properties.flags(of: UInt32(byte))
      if options.cleanText, flags.contains(.removed) { return Class.other }
      if flags.contains(.whitespace) { return Class.space }
      return flags.contains(.punctuation) ? Class.punctuation : Class.letter
    }
    lowered = (0...255).map { byte in
      let isUpper = UInt8(ascii: "A")...UInt8(ascii: "Z") ~= UInt8(byte)
      return options.lowercase && isUpper ? UInt8(byte) + 0x20 : UInt8(byte)
    }
  }

  /// Memory that one call of ``split(_:firstScalar:into:_:)`` after the other uses again.
  struct Workspace {
    var normalized = NormalizedText()
    fileprivate var word: [UInt8] = []
    fileprivate var origins: [Int] = []
  }

  /// Appends the pieces of a text.
  ///
  /// - Parameters:
  ///   - text: UTF-8 that begins and ends between scalars.
  ///   - firstScalar: What the first scalar of `text` is counted as.
  /// - Returns: What the scalar after the last would be counted as, unless `pieces` filled up.
  @discardableResult
  func split(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, into pieces: inout Pieces,
    _ workspace: inout Workspace
  ) -> Int {
    let bytes = text.base
    let maximum = min(model.maximumWordLength, text.count)
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: maximum + PieceTable.padding) { word in
      word.initialize(repeating: 0)
      return classes.withUnsafeBufferPointer { classes in
        lowered.withUnsafeBufferPointer { lowered in
          // The scalar at byte i of an ASCII stretch is number i + shift.
          var shift = firstScalar - text.startIndex
          var index = text.startIndex
          while index < text.endIndex, !pieces.isFull {
            let start = index
            switch classes[Int(bytes[index])] {
            case Class.space:
              index += 1
              continue
            case Class.punctuation:
              index += 1
            case Class.letter:
              repeat { index += 1 } while index < text.endIndex && classes[Int(bytes[index])] == Class.letter
            default: break
            }
            if index == start
              || index < text.endIndex && classes[Int(bytes[start])] == Class.letter
                && classes[Int(bytes[index])] == Class.other
            {
              while index < text.endIndex, isWithinWord(classes[Int(bytes[index])]) { index += 1 }
              let end = splitLong(bytes[start..<index], firstScalar: start + shift, into: &pieces, &workspace)
              shift = end - index
              continue
            }
            let first = pieces.ids.count
            let count = index - start
            if count > model.maximumWordLength {
              pieces.append(model.unknown, start + shift..<index + shift)
              continue
            }
            for offset in 0..<count { word[offset] = lowered[Int(bytes[start + offset])] }
            model.split(UnsafeBufferPointer(rebasing: word[..<count]), into: &pieces)
            pieces.relocate(from: first) { $0.lowerBound + start + shift..<$0.upperBound + start + shift }
          }
          return index + shift
        }
      }
    }
  }

  private func isWithinWord(_ class: UInt8) -> Bool { `class` == Class.letter || `class` == Class.other }

  private func splitLong(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, into pieces: inout Pieces,
    _ workspace: inout Workspace
  ) -> Int {
    workspace.normalized.normalize(text, firstOrigin: firstScalar, with: options)
    split(0..<workspace.normalized.scalars.count, of: &workspace, into: &pieces)
    return firstScalar + countScalars(text)
  }

  /// Appends the pieces of a part of the workspace's normalized text.
  func split(_ range: Range<Int>, of workspace: inout Workspace, into pieces: inout Pieces) {
    let properties = UnicodeProperties.shared
    var index = range.lowerBound
    while index < range.upperBound, !pieces.isFull {
      let start = index
      index += 1
      let flags = properties.flags(of: workspace.normalized.scalars[start])
      if flags.contains(.whitespace) { continue }
      if !flags.contains(.punctuation) {
        while index < range.upperBound {
          let flags = properties.flags(of: workspace.normalized.scalars[index])
          if !flags.isDisjoint(with: [.whitespace, .punctuation]) { break }
          index += 1
        }
      }
      appendWord(start..<index, &workspace, &pieces)
    }
  }

  private func appendWord(_ range: Range<Int>, _ workspace: inout Workspace, _ pieces: inout Pieces) {
    guard range.count <= model.maximumWordLength else {
      let origins = workspace.normalized.origins
      return pieces.append(model.unknown, origins[range.lowerBound]..<origins[range.upperBound - 1] + 1)
    }
    workspace.word.removeAll(keepingCapacity: true)
    workspace.origins.removeAll(keepingCapacity: true)
    for index in range {
      appendScalar(workspace.normalized.scalars[index], to: &workspace.word)
      let origin = workspace.normalized.origins[index]
      while workspace.origins.count < workspace.word.count { workspace.origins.append(origin) }
    }
    let count = workspace.word.count
    for _ in 0..<PieceTable.padding { workspace.word.append(0) }
    let first = pieces.ids.count
    workspace.word.withUnsafeBufferPointer {
      model.split(UnsafeBufferPointer(rebasing: $0[..<count]), into: &pieces)
    }
    let origins = workspace.origins
    pieces.relocate(from: first) { origins[$0.lowerBound]..<origins[$0.upperBound - 1] + 1 }
  }
}

/// Appends the UTF-8 of a scalar.
func appendScalar(_ scalar: UInt32, to bytes: inout [UInt8]) {
  func continuation(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: scalar >> shift & 0x3F | 0x80) }
  switch scalar {
  case ..<0x80:
    bytes.append(UInt8(scalar))
  case ..<0x800:
    bytes.append(UInt8(truncatingIfNeeded: scalar >> 6 | 0xC0))
    bytes.append(continuation(0))
  case ..<0x10000:
    bytes.append(UInt8(truncatingIfNeeded: scalar >> 12 | 0xE0))
    bytes.append(continuation(6))
    bytes.append(continuation(0))
  default:
    bytes.append(UInt8(truncatingIfNeeded: scalar >> 18 | 0xF0))
    bytes.append(continuation(12))
    bytes.append(continuation(6))
    bytes.append(continuation(0))
  }
}

/// The number of scalars in UTF-8 text.
func countScalars(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
  var count = 0
  for byte in text where byte & 0xC0 != 0x80 { count += 1 }
  return count
}
