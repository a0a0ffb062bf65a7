import GraftCore
import GraftTensors

/// FNV-1a over texts, each with its length: enough to notice that something changed, no defence against malice.
struct Fingerprint {
  private var hash: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ number: UInt64) { hash = (hash ^ number) &* 0x100_0000_01B3 }

  mutating func add(_ text: String) {
    for byte in text.utf8 { add(UInt64(byte)) }
    add(UInt64(text.utf8.count) << 8)
  }

  mutating func add(_ label: Label?) {
    switch label {
    case .index(let index):
      add("index")
      add(UInt64(UInt32(bitPattern: index)))
    case .values(let values):
      add("values")
      for value in values { add(UInt64(value.bitPattern)) }
    case nil: add("")
    }
  }

  /// Names and specifications, not contents: a run has tensors of its own.
  mutating func add(_ weights: Weights) {
    for (name, tensor) in weights.tensors {
      add(name)
      add(tensor.spec.description)
    }
  }

  /// 64 bits in hexadecimal digits.
  var text: String { String(hash, radix: 16) }
}
