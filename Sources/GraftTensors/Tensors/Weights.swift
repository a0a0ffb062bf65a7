import OrderedCollections

/// What a weight file holds: named tensors in their stored order, and free-form metadata.
///
/// The names are the file's own. A `Dialect` turns them into canonical names, and back.
public struct Weights: Sendable {
  public var tensors: OrderedDictionary<String, LazyTensor>
  public var metadata: [String: String]
  /// Names of tensors that a reader has made out to be there: biases of zeros, which exporters of graphs add and
  /// leave out. A model without such a parameter is none the worse.
  public var assumed: Set<String> = []
  /// What else a person should know of how the file was read.
  public var notes: [String] = []
  /// The text of the model's configuration, where the file has it beside the tensors.
  public var configuration: String?

  public init(_ tensors: OrderedDictionary<String, LazyTensor> = [:], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  public subscript(name: String) -> LazyTensor? {
    get { tensors[name] }
    set { tensors[name] = newValue }
  }

  /// Makes sure that sizes can be added: of tensors that one file has, or several together.
  ///
  /// - Throws: ``GraftError`` when they are larger than any model.
  public func checkSize() throws {
    var size = 0
    for tensor in tensors.values {
      size += tensor.spec.byteCount
      guard size <= TensorSpec.maximumByteCount else {
        throw GraftError(
          .refused, "the tensors are larger together than any model",
          expected: "at most \(TensorSpec.maximumByteCount >> 50) PiB")
      }
    }
  }

  /// The size of all tensors in bytes.
  public var byteCount: Int { tensors.values.reduce(0) { $0 + $1.spec.byteCount } }

  /// The number of elements of all tensors.
  public var elementCount: Int { tensors.values.reduce(0) { $0 + $1.spec.elementCount } }
}
