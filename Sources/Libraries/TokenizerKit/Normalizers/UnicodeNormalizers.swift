import GraftTensors

/// Canonical decomposition.
public struct NFDNormalizer: LocalNormalizer, PlainComponent {
  public static let kind = "NFD"
  public init() {}
  public var growth: Double { 4 }
  public var affected: ScalarFlags? { NormalizationForm.nfd.affected }
  public func normalize(_ text: inout AlignedText) { text.normalize(.nfd) }
}

/// Canonical decomposition, followed by composition.
public struct NFCNormalizer: LocalNormalizer, PlainComponent {
  public static let kind = "NFC"
  public init() {}
  public var growth: Double { 4 }
  public var affected: ScalarFlags? { NormalizationForm.nfc.affected }
  public func normalize(_ text: inout AlignedText) { text.normalize(.nfc) }
}

/// Compatibility decomposition. What it makes of U+FDFA is eleven times as long.
public struct NFKDNormalizer: LocalNormalizer, PlainComponent {
  public static let kind = "NFKD"
  public init() {}
  public var growth: Double { 11 }
  public var affected: ScalarFlags? { NormalizationForm.nfkd.affected }
  public func normalize(_ text: inout AlignedText) { text.normalize(.nfkd) }
}

/// Compatibility decomposition, followed by composition.
public struct NFKCNormalizer: LocalNormalizer, PlainComponent {
  public static let kind = "NFKC"
  public init() {}
  public var growth: Double { 11 }
  public var affected: ScalarFlags? { NormalizationForm.nfkc.affected }
  public func normalize(_ text: inout AlignedText) { text.normalize(.nfkc) }
}

/// Makes letters lower case, each by itself.
public struct LowercaseNormalizer: LocalNormalizer, PlainComponent {
  public static let kind = "Lowercase"
  public init() {}
  public var growth: Double { 2 }
  public var affected: ScalarFlags? { .hasLowerCase }
  public func normalize(_ text: inout AlignedText) { text.lowercase() }
}

/// Removes marks of every kind.
public struct StripAccentsNormalizer: LocalNormalizer, PlainComponent {
  public static let kind = "StripAccents"
  public init() {}
  public var affected: ScalarFlags? { .mark }
  public func normalize(_ text: inout AlignedText) { text.remove(.mark) }
}

/// Removes control characters, and makes spaces of other white space and of format characters.
public struct NmtNormalizer: LocalNormalizer, PlainComponent {
  public static let kind = "Nmt"
  public init() {}

  public func normalize(_ text: inout AlignedText) {
    text.mapScalars { scalar, emit in
      switch scalar {
      case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
      case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: emit(0x20)
      default: emit(scalar)
      }
    }
  }
}

extension AlignedText {
  /// Whether it has a scalar with any of some flags.
  func contains(_ flags: ScalarFlags) -> Bool {
    bytes.withUnsafeBufferPointer { UnicodeProperties.shared.contains(flags, in: $0[...]) }
  }

  mutating func lowercase() {
    guard contains(.hasLowerCase) else { return }
    let properties = UnicodeProperties.shared
    mapScalars { properties.lowercase($0, $1) }
  }

  mutating func remove(_ flags: ScalarFlags) {
    guard contains(flags) else { return }
    let properties = UnicodeProperties.shared
    mapScalars { scalar, emit in
      if properties.flags(of: scalar).isDisjoint(with: flags) { emit(scalar) }
    }
  }
}
