import OrderedCollections
import Synchronization

/// How many values of a tensor are not numbers, or infinite.
public struct NonFiniteCount: Sendable, Equatable {
  public private(set) var nan = 0
  public private(set) var infinite = 0

  public var isEmpty: Bool { nan == 0 && infinite == 0 }

  /// Adds those among the elements of a type; integers have none.
  mutating func add(_ elements: UnsafeRawBufferPointer, _ dtype: DType) {
    switch dtype {
    case .float16: add(elements.bindMemory(to: UInt16.self), exponent: 0x7C00)
    case .bfloat16: add(elements.bindMemory(to: UInt16.self), exponent: 0x7F80)
    case .float32: add(elements.bindMemory(to: UInt32.self), exponent: 0x7F80_0000)
    case .float64: add(elements.bindMemory(to: UInt64.self), exponent: 0x7FF0_0000_0000_0000)
    case .bool, .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64: break
    }
  }

  /// - Parameter exponent: The bits of the exponent, which are all ones in what is not finite.
  private mutating func add<Bits: FixedWidthInteger>(_ values: UnsafeBufferPointer<Bits>, exponent: Bits) {
    // Adding its lowest bit makes an exponent of all ones overflow into the sign. Without a branch, as usually
    // there is nothing; compilers make vector instructions of it.
    let one = exponent & (0 &- exponent)
    var sums: Bits = 0
    for value in values { sums |= (value & exponent) &+ one }
    guard sums > exponent else { return }
    let fraction = one &- 1
    for value in values where value & exponent == exponent {
      if value & fraction == 0 { infinite += 1 } else { nan += 1 }
    }
  }
}

extension NonFiniteCount: CustomStringConvertible {
  public var description: String {
    [(nan, "NaN"), (infinite, "infinite")].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(
      separator: ", ")
  }
}

/// Counts the values that are not finite in tensors while they stream.
public final class NonFiniteTally: Sendable {
  private let isStrict: Bool
  private let counts = Mutex<OrderedDictionary<String, NonFiniteCount>>([:])

  /// - Parameter strict: Whether such a value is an error at the end of its tensor.
  public init(strict: Bool = false) { isStrict = strict }

  /// What was found so far, by the names of the tensors.
  public var found: OrderedDictionary<String, NonFiniteCount> { counts.withLock { $0 } }

  /// The same tensors, which are counted when they stream.
  public func watching(_ weights: Weights) -> Weights {
    var watched = weights
    for (name, tensor) in weights.tensors where tensor.spec.dtype.isFloatingPoint {
      var counted = LazyTensor(tensor.spec, origin: tensor.origin) { [self] consume in
        var count = NonFiniteCount()
        try tensor.stream { chunk in
          count.add(chunk, tensor.spec.dtype)
          try consume(chunk)
        }
        try record(count, name)
      }
      counted.quantized = tensor.quantized
      watched[name] = counted
    }
    return watched
  }

  private func record(_ count: NonFiniteCount, _ name: String) throws {
    guard !count.isEmpty else { return }
    guard !isStrict else {
      throw GraftError(
        .mismatch, "some values are not finite, and all have to be", subject: "tensor '\(name)'",
        found: "\(count)", advice: "Without \(option: "strict") they are counted and kept.")
    }
    counts.withLock { $0[name] = count }
  }
}
