import GraftTensors

/// Removes white space at the ends.
public struct StripNormalizer: Normalizer {
  public static let kind = "Strip"
  public var left: Bool
  public var right: Bool

  public init(left: Bool = true, right: Bool = true) {
    self.left = left
    self.right = right
  }

  public init(_ reader: ComponentReader) throws {
    left = try reader.flag("strip_left") ?? true
    right = try reader.flag("strip_right") ?? true
  }

  public var json: JSON {
    ["type": .string(Self.kind), "strip_left": JSON(left), "strip_right": JSON(right)]
  }

  public func parts(isFirst: Bool, isLast: Bool) -> [any Normalizer]? {
    let part = StripNormalizer(left: left && isFirst, right: right && isLast)
    return part.left || part.right ? [part] : []
  }

  public func normalize(_ text: inout AlignedText) {
    let properties = UnicodeProperties.shared
    var (start, end) = (0, 0)
    var isLeading = true
    text.forEachScalar { scalar, index in
      if properties.flags(of: scalar).contains(.whitespace) { return }
      if isLeading { (start, isLeading) = (index, false) }
      end = index + UTF8.width(Unicode.Scalar(scalar) ?? " ")
    }
    // Nothing but white space goes at either end.
    let kept =
      isLeading
      ? (left || right ? 0..<0 : 0..<text.bytes.count) : (left ? start : 0)..<(right ? end : text.bytes.count)
    if kept.count < text.bytes.count { text.keep(kept) }
  }
}

/// Puts other text in the place of what matches a pattern.
public struct ReplaceNormalizer: Normalizer {
  public static let kind = "Replace"
  public let pattern: ComponentPattern
  public let content: String

  public init(_ pattern: ComponentPattern, with content: String) {
    self.pattern = pattern
    self.content = content
  }

  public init(_ reader: ComponentReader) throws {
    pattern = try reader.pattern()
    content = try reader.string("content")
  }

  public var json: JSON {
    ["type": .string(Self.kind), "pattern": pattern.json, "content": .string(content)]
  }

  public var growth: Double { Double(max(1, content.utf8.count)) }

  public func parts(isFirst: Bool, isLast: Bool) -> [any Normalizer]? {
    let text = (pattern.pattern as? LiteralPattern)?.text
    return pattern.json == ComponentPattern.spaces.json || text?.contains(0x20) == false ? [self] : nil
  }

  public func normalize(_ text: inout AlignedText) {
    text.replace(pattern.pattern.matches(in: text.bytes), with: Array(content.utf8))
  }
}

/// Puts text before any that is not empty.
public struct PrependNormalizer: Normalizer {
  public static let kind = "Prepend"
  public let prefix: String

  public init(_ prefix: String) { self.prefix = prefix }

  public func parts(isFirst: Bool, isLast: Bool) -> [any Normalizer]? { isFirst ? [self] : [] }

  public init(_ reader: ComponentReader) throws { prefix = try reader.string("prepend") }

  public var json: JSON { ["type": .string(Self.kind), "prepend": .string(prefix)] }

  public func normalize(_ text: inout AlignedText) { text.prepend(Array(prefix.utf8)) }
}

/// Spells each byte as a printable character.
public struct ByteLevelNormalizer: Normalizer, PlainComponent {
  public static let kind = "ByteLevel"
  public init() {}
  public var growth: Double { 2 }

  public func normalize(_ text: inout AlignedText) {
    var result = AlignedText(expecting: text.bytes.count * 2, origin: text.origin)
    for (index, byte) in text.bytes.enumerated() {
      result.append(ByteLevelAlphabet.scalars[Int(byte)], at: index, of: text)
    }
    text = result
  }
}

extension AlignedText {
  /// Puts text, which has the place of the first byte, before the other if there is any.
  mutating func prepend(_ prefix: [UInt8]) {
    guard !isEmpty else { return }
    var result = AlignedText(expecting: bytes.count + prefix.count, origin: origin)
    result.append(prefix, at: 0, of: self)
    result.append(0..<bytes.count, of: self)
    self = result
  }
}
