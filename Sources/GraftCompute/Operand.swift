import GraftTensors

/// A matrix as products read it: a tensor itself, or its values rounded to bfloat16.
public enum Operand {
  case float32(Tensor)
  case bfloat16(RoundedTensor)

  public var shape: [Int] {
    switch self {
    case .float32(let tensor): tensor.shape
    case .bfloat16(let tensor): tensor.shape
    }
  }
}

/// A tensor's values rounded to bfloat16, in half the memory.
///
/// Whoever makes one fills it, and everybody else reads; a weight's is changed by its optimizer.
public final class RoundedTensor: @unchecked Sendable {
  public let shape: [Int]
  public let count: Int
  private let storage: Tensor

  /// - Parameters:
  ///   - shape: Extents, outermost first.
  ///   - pool: Where the memory comes from; `nil` asks the system.
  public init(uninitialized shape: [Int], pool: MemoryPool? = nil) {
    self.shape = shape
    count = shape.reduce(1, *)
    storage = Tensor(uninitialized: [(count + 1) / 2], pool: pool)
  }

  /// A run of another one's elements, in the same memory.
  ///
  /// - Parameters:
  ///   - elements: Which; the first is even.
  ///   - whole: Whose.
  init(_ elements: Range<Int>, of whole: RoundedTensor) {
    precondition(elements.lowerBound % 2 == 0, "\(elements) of \(whole.shape)")
    shape = [elements.count]
    count = elements.count
    storage = Tensor(elements.lowerBound / 2..<(elements.upperBound + 1) / 2, of: whole.storage)
  }

  /// Elements in memory that is somebody else's.
  ///
  /// - Parameters:
  ///   - shape: Extents, outermost first.
  ///   - memory: Room for them, an even number, aligned to 64 bytes.
  ///   - owner: Whose it is; lives as long as this tensor.
  init(_ shape: [Int], in memory: UnsafeMutableRawPointer, of owner: AnyObject) {
    self.shape = shape
    count = shape.reduce(1, *)
    storage = Tensor([(count + 1) / 2], in: memory.assumingMemoryBound(to: Float.self), of: owner)
  }

  /// The elements, valid as long as this object lives.
  public var pointer: UnsafeMutablePointer<BFloat16> {
    UnsafeMutableRawPointer(storage.pointer).assumingMemoryBound(to: BFloat16.self)
  }
}

extension ComputeBackend {
  /// A tensor as this backend's products read it, rounded on all threads where they multiply in bfloat16.
  ///
  /// - Parameters:
  ///   - x: Not copied in float32: it must not change as long as the operand is used.
  ///   - pool: Where the memory of a rounded copy comes from.
  public func operand(_ x: Tensor, pool: MemoryPool? = nil) -> Operand {
    guard precision == .bfloat16 else { return .float32(x) }
    let rounded = RoundedTensor(uninitialized: x.shape, pool: pool)
    round(x, to: rounded)
    return .bfloat16(rounded)
  }

  func round(_ x: Tensor, to rounded: RoundedTensor) {
    precondition(x.count == rounded.count, "round: \(x.shape) to \(rounded.shape)")
    let kernels = kernels
    forEachBlock(ofElements: x.count) { block in
      kernels.round(
        x.pointer + block.lowerBound,
        to: rounded.pointer + block.lowerBound,
        count: block.count
      )
    }
  }
}
