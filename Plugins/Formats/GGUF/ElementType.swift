import GraftTensors

/// How ggml stores the elements of a tensor, of the ways that Graft knows.
enum ElementType: Hashable {
  case plain(DType)
  case q8_0

  /// The number in `enum ggml_type`, `ggml/include/ggml.h`.
  var number: UInt32? {
    switch self {
    case .plain(.float32): 0
    case .plain(.float16): 1
    case .q8_0: 8
    case .plain(.int8): 24
    case .plain(.int16): 25
    case .plain(.int32): 26
    case .plain(.int64): 27
    case .plain(.float64): 28
    case .plain(.bfloat16): 30
    case .plain: nil
    }
  }

  /// The number of a whole file's type in `enum llama_ftype`, `include/llama.h`.
  var fileType: Int {
    switch self {
    case .plain(.float16): 1
    case .plain(.bfloat16): 32
    case .q8_0: 7
    case .plain: 0
    }
  }

  static let all = DType.allCases.map(ElementType.plain).filter { $0.number != nil } + [.q8_0]

  init(_ number: UInt32) throws {
    guard let type = Self.all.first(where: { $0.number == number }) else {
      throw GraftError(
        .unsupported, "stored as \(Self.otherNames[number].map { "ggml's \($0)" } ?? "type \(number)")",
        expected: "one of \(Self.all.map(\.name).joined(separator: ", "))",
        advice: "Convert the model's original weights, or quantize it as Q8_0.")
    }
    self = type
  }

  /// What a tensor is written as.
  ///
  /// - Parameters:
  ///   - tensor: One that stood in blocks in a GGUF file is written in blocks again.
  ///   - type: What it is to be stored as, whatever it was. Where its rows do not divide into blocks, float16
  ///     takes their place, as in llama.cpp's quantizer.
  /// - Throws: ``GraftError`` when ggml has no such type.
  init(of tensor: LazyTensor, as type: StorageType? = nil) throws {
    let isBlocks = (type?.name ?? tensor.origin.encoding) == StorageType.q8_0.name
    if isBlocks, tensor.spec.dtype.isFloatingPoint {
      let divides = (tensor.spec.shape.last ?? 1) % Q8Block.elementCount == 0
      self = divides ? .q8_0 : .plain(.float16)
    } else {
      self = .plain(type?.dtype ?? tensor.spec.dtype)
    }
    guard number != nil else {
      throw GraftError(.unsupported, "GGUF has no \(name)", advice: "Save it as int32 or float32.")
    }
  }

  var name: String {
    switch self {
    case .plain(let dtype): dtype.rawValue
    case .q8_0: StorageType.q8_0.name
    }
  }

  /// The elements' type once read.
  var dtype: DType {
    switch self {
    case .plain(let dtype): dtype
    case .q8_0: .float32
    }
  }

  /// The size of a tensor; `nil` when its rows do not divide into blocks.
  func byteCount(_ spec: TensorSpec) -> Int? {
    guard self == .q8_0 else { return spec.byteCount }
    guard let width = spec.shape.last, width % Q8Block.elementCount == 0 else { return nil }
    return spec.elementCount / Q8Block.elementCount * Q8Block.byteCount
  }

  /// Block types that are not read, by number.
  private static let otherNames: [UInt32: String] = [
    2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K",
    14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL",
    21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
  ]
}
