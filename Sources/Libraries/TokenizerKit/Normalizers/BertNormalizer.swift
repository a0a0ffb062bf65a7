import GraftTensors

/// The cleaning that BERT does before splitting text into words.
///
/// Reference: `BasicTokenizer` in google-research/bert, tokenization.py.
public struct BertNormalizer: LocalNormalizer, Equatable {
  public static let kind = "BertNormalizer"

  /// Whether control characters are removed and every white space becomes a space.
  public var cleanText = true
  /// Whether spaces are put around Chinese characters.
  public var handleChineseCharacters = true
  /// Whether nonspacing marks are removed after canonical decomposition; `nil` means: as ``lowercase``.
  public var stripAccents: Bool?
  /// Whether letters become lower case.
  public var lowercase = true

  public init(
    cleanText: Bool = true, handleChineseCharacters: Bool = true, stripAccents: Bool? = nil,
    lowercase: Bool = true
  ) {
    self.cleanText = cleanText
    self.handleChineseCharacters = handleChineseCharacters
    self.stripAccents = stripAccents
    self.lowercase = lowercase
  }

  public init(_ reader: ComponentReader) throws {
    self.init(
      cleanText: try reader.flag("clean_text") ?? true,
      handleChineseCharacters: try reader.flag("handle_chinese_chars") ?? true,
      stripAccents: try reader.flag("strip_accents"), lowercase: try reader.flag("lowercase") ?? true)
  }

  /// Changes nothing.
  public static let none = BertNormalizer(
    cleanText: false, handleChineseCharacters: false, stripAccents: false, lowercase: false)

  public var stripsAccents: Bool { stripAccents ?? lowercase }

  public var json: JSON {
    [
      "type": .string(Self.kind), "clean_text": JSON(cleanText),
      "handle_chinese_chars": JSON(handleChineseCharacters),
      "strip_accents": stripAccents.map { JSON($0) } ?? .null, "lowercase": JSON(lowercase),
    ]
  }

  public var growth: Double { 8 }

  public func normalize(_ text: inout AlignedText) {
    let properties = UnicodeProperties.shared
    if cleanText {
      text.mapScalars { scalar, emit in
        let flags = properties.flags(of: scalar)
        if !flags.contains(.removed) { emit(flags.contains(.whitespace) ? 0x20 : scalar) }
      }
    }
    if handleChineseCharacters {
      text.mapScalars { scalar, emit in
        let isIsolated = properties.flags(of: scalar).contains(.chinese)
        if isIsolated { emit(0x20) }
        emit(scalar)
        if isIsolated { emit(0x20) }
      }
    }
    if stripsAccents {
      text.normalize(.nfd)
      text.remove([.accent])
    }
    if lowercase { text.lowercase() }
  }
}
