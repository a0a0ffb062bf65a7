/// How wide text is in a plot, so that drawings leave room for it.
///
/// The browser chooses the font. Widths are upper bounds for the widest common one, DejaVu Sans at 11 pixels, whose advance
/// widths fall into a few groups.
enum TextWidth {
  /// The font size of plots, in pixels.
  private static let size = 11.0
  private static let narrow = Set("ijlIJrft .,:;'’|!()[]/\\-`")
  private static let wide = Set("mMwW%@…")
  private static let signs = Set("+<=>−~#^")
  private static let boldFactor = 1.13

  /// The width of a text in pixels, at most.
  static func of(_ text: some StringProtocol, isBold: Bool = false) -> Double {
    text.reduce(0) { $0 + width(of: $1) } * size * (isBold ? boldFactor : 1)
  }

  /// The largest width of some texts in pixels; 0 of none.
  static func largest(of texts: some Sequence<String>, isBold: Bool = false) -> Double {
    texts.map { of($0, isBold: isBold) }.max() ?? 0
  }

  /// A text, or as much of its start as fits.
  static func fitted(_ text: String, to width: Double, isBold: Bool = false) -> String {
    guard of(text, isBold: isBold) > width else { return text }
    var room = width - of("…", isBold: isBold)
    return text.prefix { character in
      room -= of(String(character), isBold: isBold)
      return room >= 0
    } + "…"
  }

  /// As a share of the font size.
  private static func width(of character: Character) -> Double {
    if narrow.contains(character) { return 0.44 }
    if wide.contains(character) { return 1 }
    if signs.contains(character) { return 0.84 }
    guard let value = character.unicodeScalars.first?.value, value < 0x500 else { return 1.1 }
    return value < 0x80 && !character.isUppercase && character != "&" ? 0.64 : 0.84
  }
}
