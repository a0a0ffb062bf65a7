/// The element type of a stored tensor.
public enum DType: String, Sendable, Hashable, CaseIterable {
  case bool, uint8, int8, uint16, int16, uint32, int32, uint64, int64, float16, bfloat16, float32, float64

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .bool, .uint8, .int8: 1
    case .uint16, .int16, .float16, .bfloat16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    }
  }

  /// Whether elements are floating-point numbers, which is what a model's parameters are.
  public var isFloatingPoint: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    default: false
    }
  }
}

/// What is known of a tensor without reading it: element type and shape.
public struct TensorSpec: Sendable, Hashable {
  public let dtype: DType
  /// Row-major extents, outermost first; empty for a scalar.
  public let shape: [Int]
  /// The most extents a shape may have.
  public static let maximumRank = 64
  /// The most bytes that a tensor in a file may have, and a file, and all tensors of a model. It is far more than any
  /// has, and so much less than what fits in `Int` that a few sizes can be multiplied by the size of an element and added.
  public static let maximumByteCount = 1 << 56

  /// The number of elements, which is known to fit.
  public let elementCount: Int

  /// A specification from a trusted source.
  ///
  /// - Precondition: extents are not negative, and the size in bytes fits in `Int`. That holds for a few tensors of files
  ///   put together, whatever type they are converted to.
  public init(_ dtype: DType, _ shape: [Int]) {
    guard let spec = TensorSpec(dtype, shape, most: .max) else { preconditionFailure("shape \(shape)") }
    self = spec
  }

  /// A specification from an untrusted file, or `nil` when an extent is negative, there are more than 64 of them, or
  /// the size in bytes is larger than any tensor's. An extent of 0 is left out of the product, so that the other extents
  /// are checked as well.
  public init?(validating dtype: DType, _ shape: [Int]) {
    self.init(dtype, shape, most: Self.maximumByteCount)
  }

  private init?(_ dtype: DType, _ shape: [Int], most: Int) {
    guard shape.count <= Self.maximumRank else { return nil }
    var size = dtype.byteCount
    for extent in shape where extent != 0 {
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard extent > 0, !overflow, product <= most else { return nil }
      size = product
    }
    self.dtype = dtype
    self.shape = shape
    elementCount = shape.contains(0) ? 0 : size / dtype.byteCount
  }

  /// The size in bytes.
  public var byteCount: Int { elementCount * dtype.byteCount }
}

extension TensorSpec: CustomStringConvertible {
  /// For messages: `float32 [30522, 768]`.
  public var description: String { "\(dtype.rawValue) \(shape)" }
}
