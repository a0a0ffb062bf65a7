import GraftCore
import GraftTensors
import TokenizerKit

extension Charsmap {
  /// The table that does what normalizers do one after another, for a tokenizer that has nothing else.
  ///
  /// It has a rule for each scalar that they change, and for each text of several that they treat otherwise than its
  /// scalars.
  ///
  /// - Parameters:
  ///   - normalizers: Those of ``CharsmapComposition/canHold(_:before:)``.
  ///   - spaces: Whether white space of every kind becomes a space.
  /// - Returns: `nil` when they change nothing.
  /// - Throws: `GraftError` when a charsmap among them is broken.
  convenience init?(composing normalizers: [any Normalizer], spaces: Bool) throws {
    let composition = CharsmapComposition(normalizers: normalizers, spaces: spaces)
    let rules = try composition.rules()
    guard !rules.isEmpty else { return nil }
    try self.init(rules: rules)
  }
}

/// Normalizers whose result for a text is a matter of its scalars, and of short texts that they list.
struct CharsmapComposition {
  let normalizers: [any Normalizer]
  let spaces: Bool

  /// Whether a table can do what a normalizer does.
  ///
  /// - Parameter later: The normalizers behind it. Decomposition puts marks in order, which no table does; it makes no
  ///   difference where they are removed.
  static func canHold(_ normalizer: any Normalizer, before later: some Sequence<any Normalizer>) -> Bool {
    switch normalizer {
    case is PrecompiledNormalizer, is LowercaseNormalizer, is StripAccentsNormalizer, is NmtNormalizer: true
    case let replace as ReplaceNormalizer: replace.pattern.json["String"] != nil
    case is NFDNormalizer, is NFKDNormalizer: later.contains { $0 is StripAccentsNormalizer }
    default: false
    }
  }

  /// What becomes of a text.
  private func result(_ text: [UInt8]) -> [UInt8] {
    var aligned = AlignedText(text, origin: 0)
    for normalizer in normalizers { normalizer.normalize(&aligned) }
    guard spaces else { return aligned.bytes }
    var bytes: [UInt8] = []
    aligned.forEachScalar { scalar, _ in
      let isSpace = UnicodeProperties.shared.flags(of: scalar).contains(.whitespace)
      bytes += isSpace ? [0x20] : Self.bytes(scalar)
    }
    return bytes
  }

  func rules() throws -> [Charsmap.Rule] {
    var listed: Set<[UInt8]> = []
    for normalizer in normalizers {
      switch normalizer {
      case let precompiled as PrecompiledNormalizer:
        listed.formUnion(try precompiled.charsmap.rules().map(\.text))
      case let replace as ReplaceNormalizer:
        listed.insert(Array((replace.pattern.json["String"]?.string ?? "").utf8))
      default: break
      }
    }
    var rules: [Charsmap.Rule] = []
    var replacements: [[UInt8]: [UInt8]] = [:]
    for scalar in Self.scalars {
      let text = Self.bytes(scalar)
      listed.remove(text)
      let found = result(text)
      replacements[text] = found
      if found != text { rules.append((text, found)) }
    }
    for text in listed where !text.isEmpty {
      let scalars = String(decoding: text, as: UTF8.self).unicodeScalars.map { Self.bytes($0.value) }
      let usual = scalars.count == 1 ? text : scalars.flatMap { replacements[$0] ?? result($0) }
      let found = result(text)
      if found != usual { rules.append((text, found)) }
    }
    return rules
  }

  /// The scalars that a normalizer may change without listing them: those that are assigned, but for ideographs and
  /// their like, which have neither case nor marks and decompose into nothing.
  private static let scalars: [UInt32] = [
    0x1...0x33FF, 0xA000...0xD7FF, 0xE000...0x11FFF, 0x16800...0x16FFF, 0x18D00...0x1FFFF, 0x2F800...0x2FA1F,
    0xE0000...0xE01EF,
  ]
  .flatMap { Array($0) }
  .filter { scalar in
    switch Unicode.Scalar(scalar)?.properties.generalCategory {
    case .unassigned?, .privateUse?, .surrogate?, nil: false
    default: true
    }
  }

  private static func bytes(_ scalar: UInt32) -> [UInt8] {
    Unicode.Scalar(scalar).map { Array(String($0).utf8) } ?? []
  }
}
