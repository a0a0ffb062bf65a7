import GraftCompute
import Protobuf

/// A message of which any part can be changed, with all lengths around it right again.
struct Message {
  enum Value {
    case number(UInt64)
    case bytes([UInt8])
  }

  private var fields: [(number: UInt64, value: Value)] = []

  /// Reads its fields; none of bytes that are no message.
  init(_ bytes: [UInt8]) {
    var reader = ProtobufReader(bytes[...])
    do {
      while let (field, value) = try reader.next() {
        guard field > 0, field < 32 else {
          fields = []
          return
        }
        switch value {
        case .number(let number): fields.append((field, .number(number)))
        case .bytes(let bytes): fields.append((field, .bytes(Array(bytes))))
        }
      }
    } catch {
      fields = []
    }
  }

  /// What bytes hold a message is not written down: those that are the same when written as one.
  private init?(in bytes: [UInt8]) {
    self.init(bytes)
    guard !isEmpty, encoded == bytes else { return nil }
  }

  var isEmpty: Bool { fields.isEmpty }

  /// Numbers as varints, whatever they were.
  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    for (number, value) in fields {
      switch value {
      case .number(let value): bytes.appendNumber(number, value)
      case .bytes(let value): bytes.appendField(number, value)
      }
    }
    return bytes
  }

  /// The last number of a field; set, the only one.
  subscript(number: UInt64) -> UInt64? {
    get {
      let values = fields.compactMap { field in
        if case .number(let value) = field.value, field.number == number { value } else { nil }
      }
      return values.last
    }
    set {
      fields.removeAll { $0.number == number }
      if let newValue { fields.append((number, .number(newValue))) }
    }
  }

  /// Changes one field, of this message or of one in it.
  mutating func mutate(_ generator: inout Philox, _ change: Structure.Change) {
    guard !fields.isEmpty else { return }
    let index = Int(generator.nextWord()) % fields.count
    switch (generator.nextWord() % 8, fields[index].value) {
    case (0, _): fields.remove(at: index)
    case (1, let value): fields.append((fields[index].number, value))
    case (2, let value): fields[index] = (UInt64(generator.nextWord() % 16), value)
    case (_, .bytes(let bytes)):
      var message = Message(in: bytes)
      message?.mutate(&generator, change)
      fields[index].value = .bytes(message?.encoded ?? change(bytes))
    case (let kind, .number(let number)):
      let values = [0, number &+ 1, number &- 1, UInt64.max, 1 << 40, UInt64(generator.nextWord() % 24)]
      fields[index].value = .number(values[Int(kind) % values.count])
    }
  }
}
