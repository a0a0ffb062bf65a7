import Foundation

/// Values as ranks send them to one another: with all bits of numbers, those included that are none.
package enum Shared {
  private static let (infinity, negativeInfinity, none) = ("inf", "-inf", "nan")

  package static func bytes(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: infinity, negativeInfinity: negativeInfinity, nan: none)
    return try Array(encoder.encode(value))
  }

  package static func value<Value: Decodable>(_ bytes: [UInt8]) throws -> Value {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: infinity, negativeInfinity: negativeInfinity, nan: none)
    return try decoder.decode(Value.self, from: Data(bytes))
  }
}
