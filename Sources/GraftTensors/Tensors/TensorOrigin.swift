/// Where a tensor's bytes come from: a place in a file or a source in memory, and what was done to them since.
///
/// Two tensors of equal origin and equal ``TensorSpec`` have equal bytes, which is known without reading one of
/// them. The reverse does not hold: copies of the same bytes have different origins.
public struct TensorOrigin: Sendable, Hashable {
  /// One thing that was done to the elements.
  enum Step: Sendable, Hashable {
    /// Bytes taken out of all.
    case slice(Range<Int>)
    case strided(shape: [Int], strides: [Int], offset: Int)
    case transposed(rows: Int, columns: Int)
    case byteSwapped
    case converted(from: DType, to: DType)
  }

  fileprivate enum Source: Sendable {
    case file(RandomAccessFile)
    case object(Identity)
  }

  private let source: Source
  /// Where the stored bytes begin in the file, or what says where they are; 0 for a source in memory.
  public let offset: Int
  /// How many bytes are stored: fewer than the tensor has when they are compressed.
  public let byteCount: Int
  private var storedEncoding: String?
  private let isPacked: Bool
  private var steps: [Step] = []

  /// A place in a file.
  ///
  /// - Parameters:
  ///   - file: The opened file. It is kept open, so that no other file can take its identity.
  ///   - offset: Where the stored bytes begin.
  ///   - byteCount: How many there are.
  ///   - encoding: What the file calls the blocks that hold the elements, such as ggml's `q8_0`; `nil` when
  ///     what is stored are the elements themselves, even if compressed or in another byte order.
  ///   - isPacked: Whether the bytes there have to be unpacked: they are compressed, in chunks, or of another width.
  ///     Elements that stand there as they are have another origin.
  public init(
    _ file: RandomAccessFile, at offset: Int, byteCount: Int, encoding: String? = nil, isPacked: Bool = false
  ) {
    (source, self.offset, self.byteCount) = (.file(file), offset, byteCount)
    (storedEncoding, self.isPacked) = (encoding, isPacked)
  }

  /// A source of its own, which is equal to no other.
  ///
  /// - Parameter byteCount: How many bytes it gives.
  init(uniqueWith byteCount: Int) {
    (source, offset, self.byteCount) = (.object(Identity()), 0, byteCount)
    (storedEncoding, isPacked) = (nil, false)
  }

  /// The file; `nil` for a source in memory.
  public var file: RandomAccessFile? {
    if case .file(let file) = source { file } else { nil }
  }

  /// What the file calls the blocks that hold the elements; `nil` when there are none, or when the tensor is no
  /// longer what was stored: converted, transposed or a part of it.
  public var encoding: String? { steps.isEmpty ? storedEncoding : nil }

  /// The origin of what the elements stand for, by an encoding.
  func adding(encoding: String) -> TensorOrigin {
    var origin = self
    origin.storedEncoding = encoding
    return origin
  }

  /// The origin after one more step.
  func adding(_ step: Step) -> TensorOrigin {
    var origin = self
    origin.steps.append(step)
    return origin
  }
}

/// An object that is equal to itself only.
private final class Identity: Sendable {}

extension TensorOrigin.Source: Hashable {
  static func == (left: Self, right: Self) -> Bool {
    switch (left, right) {
    case (.file(let left), .file(let right)): left.identity == right.identity
    case (.object(let left), .object(let right)): left === right
    default: false
    }
  }

  func hash(into hasher: inout Hasher) {
    switch self {
    case .file(let file): hasher.combine(file.identity)
    case .object(let object): hasher.combine(ObjectIdentifier(object))
    }
  }
}

extension LazyTensor {
  /// Whether two tensors are known to have one type, one shape and the same bytes, without reading them.
  ///
  /// It holds for two names of one stored tensor, and after the same steps on both.
  public func hasSameOrigin(as other: LazyTensor) -> Bool { spec == other.spec && origin == other.origin }
}

/// What tensors of one origin and one specification have in common: the key to write each once by.
public struct SharedTensor: Hashable, Sendable {
  private let spec: TensorSpec
  private let origin: TensorOrigin

  public init(_ tensor: LazyTensor) { (spec, origin) = (tensor.spec, tensor.origin) }
}

extension Weights {
  /// Each tensor under the first of its names.
  public var withoutSharedNames: Weights {
    var known: Set<SharedTensor> = []
    return Weights(tensors.filter { known.insert(SharedTensor($0.value)).inserted }, metadata: metadata)
  }
}
