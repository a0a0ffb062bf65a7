/// What a file stores floating-point weights as: one of the element types, or an encoding that is the format's
/// own, such as blocks of small integers with a common factor.
public struct StorageType: Sendable, Hashable {
  /// What people choose it by: `float16`.
  public let name: String
  /// The elements of a tensor as it is read, and as it is handed to the format to be written.
  public let dtype: DType

  /// An encoding of a format's own.
  ///
  /// - Parameters:
  ///   - name: What people choose it by; no element type's name.
  ///   - dtype: The elements of a tensor as it is read.
  public init(_ name: String, of dtype: DType) { (self.name, self.dtype) = (name, dtype) }

  /// The elements themselves.
  public init(_ dtype: DType) { self.init(dtype.rawValue, of: dtype) }

  public static let float32 = StorageType(.float32)
  public static let float16 = StorageType(.float16)
  public static let bfloat16 = StorageType(.bfloat16)
}

extension LazyTensor {
  /// What it is stored as in its file, where tensors are listed: an element type, or the file's own encoding.
  public var storedTypeName: String { origin.encoding ?? spec.dtype.rawValue }
}
