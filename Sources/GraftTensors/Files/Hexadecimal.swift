import Foundation

extension Sequence<UInt8> {
  /// Two hexadecimal digits for each byte.
  package var hexadecimal: String { map { String(format: "%02x", $0) }.joined() }
}
