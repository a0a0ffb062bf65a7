extension LosslessStringConvertible where Self: BinaryFloatingPoint {
  /// The number that a text of data is: in decimal, as tables and JSON have them. Swift reads `0x1F` as well, which is the
  /// name of something.
  package init?(decimal text: String) {
    guard !text.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "x") }) else { return nil }
    self.init(text)
  }
}
