/// What floating-point weights are stored as: what `--dtype` names.
public enum StorageType: String, Sendable, CaseIterable {
  case float32, float16, bfloat16
  /// ggml's blocks of 32 eight-bit integers, each with a float16 factor.
  case q8_0

  /// The elements of a tensor that is stored so; those of blocks are float32 until they are written.
  public var dtype: DType {
    switch self {
    case .float32, .q8_0: .float32
    case .float16: .float16
    case .bfloat16: .bfloat16
    }
  }

  /// The elements of one block, into which every row has to divide.
  public var blockSize: Int { self == .q8_0 ? 32 : 1 }
}

extension LazyTensor {
  /// The tensor in a type; as float16 when it is to be in blocks and its rows do not divide into them.
  public func stored(as type: StorageType) -> LazyTensor {
    guard type.blockSize == 1 || (spec.shape.last ?? 1) % type.blockSize == 0 else {
      return stored(as: .float16)
    }
    var tensor = converted(to: type.dtype)
    tensor.blockType = type.blockSize > 1 ? type : nil
    return tensor
  }

  /// What its elements are called where tensors are listed.
  public var typeName: String { blockType?.rawValue ?? spec.dtype.rawValue }
}
