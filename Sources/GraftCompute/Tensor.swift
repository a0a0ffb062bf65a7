#if os(Linux)
  import Glibc
#endif

/// A dense float32 array in row-major order, aligned to 64 bytes.
///
/// A tensor is shared by reference; the op that makes one fills it, and everybody else reads. Its memory
/// comes from a ``MemoryPool`` and goes back there. It may cross threads between those moments.
public final class Tensor: @unchecked Sendable {
  public let shape: [Int]
  public let count: Int
  /// The elements, valid as long as this object lives.
  public var pointer: UnsafeMutablePointer<Float> {
    assert(!isDiscarded, "elements are read whose memory was given back")
    deferred?.write(to: block.pointer)
    return block.pointer
  }
  private var block: MemoryPool.Block
  /// What the elements become when they are first asked for; `nil` of nearly all tensors.
  private let deferred: DeferredValues?
  /// Where the memory goes back to.
  let pool: MemoryPool?
  /// Whose the memory is, such as the tensor that this one is a part of; `nil` of one that has memory of its own.
  private var owner: AnyObject?

  /// A tensor whose elements are not initialised.
  ///
  /// - Parameters:
  ///   - shape: Extents, outermost first; empty for a scalar.
  ///   - pool: Where the memory comes from; `nil` asks the system.
  public init(uninitialized shape: [Int], pool: MemoryPool? = nil) {
    self.shape = shape
    self.pool = pool
    count = shape.reduce(1, *)
    block = pool?.take(count) ?? MemoryPool.Block(capacity: count)
    deferred = nil
    owner = nil
  }

  /// A run of another tensor's elements, in the same memory.
  ///
  /// - Parameters:
  ///   - elements: Which, as row-major order has them; aligned to 64 bytes where the first is a multiple of 16.
  ///   - whole: Whose; it lives as long as this one.
  package init(_ elements: Range<Int>, of whole: Tensor) {
    precondition(
      elements.lowerBound >= 0 && elements.upperBound <= whole.count, "\(elements) of \(whole.shape)")
    shape = [elements.count]
    pool = nil
    count = elements.count
    block = MemoryPool.Block(whole.pointer + elements.lowerBound, capacity: elements.count)
    deferred = nil
    owner = whole
  }

  /// Elements in memory that is somebody else's.
  ///
  /// - Parameters:
  ///   - shape: Extents, outermost first.
  ///   - memory: Room for them, aligned to 64 bytes.
  ///   - owner: Whose it is; lives as long as this tensor.
  package init(_ shape: [Int], in memory: UnsafeMutablePointer<Float>, of owner: AnyObject) {
    self.shape = shape
    pool = nil
    count = shape.reduce(1, *)
    block = MemoryPool.Block(memory, capacity: count)
    deferred = nil
    self.owner = owner
  }

  /// A tensor whose elements are written when they are first asked for. Until then they take no memory.
  init(shape: [Int], deferring fill: @escaping DeferredValues.Fill) {
    self.shape = shape
    pool = nil
    count = shape.reduce(1, *)
    block = MemoryPool.Block(capacity: count)
    deferred = DeferredValues(fill)
    owner = nil
  }

  /// A tensor of one value.
  public convenience init(repeating value: Float, shape: [Int], pool: MemoryPool? = nil) {
    self.init(uninitialized: shape, pool: pool)
    pointer.update(repeating: value, count: count)
  }

  /// A tensor of given values.
  ///
  /// - Precondition: `values.count` is the product of `shape`.
  public convenience init(_ values: [Float], shape: [Int]) {
    self.init(uninitialized: shape)
    precondition(values.count == count, "\(values.count) values for shape \(shape)")
    values.withUnsafeBufferPointer { if count > 0 { pointer.update(from: $0.baseAddress!, count: count) } }
  }

  deinit { giveBack() }

  private func giveBack() {
    guard owner == nil else { return }
    if let pool { pool.giveBack(block) } else { block.pointer.deallocate() }
  }

  /// Moves the elements to other memory, where all who have this tensor find them from now on. Tensors that are runs of it
  /// stay behind, and have to be moved as well.
  ///
  /// - Parameters:
  ///   - memory: Room for them, aligned to 64 bytes.
  ///   - owner: Whose it is; lives as long as this tensor.
  ///   - isCopied: Whether they are copied; if not, they become what is there.
  package func move(to memory: UnsafeMutablePointer<Float>, of owner: AnyObject, isCopied: Bool) {
    // Asks for values that were put off.
    let old = pointer
    if isCopied { memory.update(from: old, count: count) }
    giveBack()
    (block, self.owner) = (MemoryPool.Block(memory, capacity: count), owner)
  }

  /// The first extent: tokens, sequences or outputs.
  public var rows: Int { shape.first ?? 1 }
  /// The product of all extents but the first.
  public var columns: Int { shape.dropFirst().reduce(1, *) }
  public var buffer: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: pointer, count: count)
  }
  /// A copy of the elements.
  public var values: [Float] { Array(buffer) }
  /// The first element; the value of a scalar.
  public var item: Float { pointer[0] }

  /// Whether the elements were given up.
  package private(set) var isDiscarded = false

  /// Gives the memory of the elements back to the system, which nobody reads any more: what is left of them is zeros, and
  /// at the edges not a number.
  package func discard() {
    guard !isDiscarded, pool == nil, owner == nil else { return }
    if deferred?.replace(by: { [count] in $0.update(repeating: .nan, count: count) }) == true {
      isDiscarded = true
      return
    }
    let elements = UnsafeMutableRawBufferPointer(buffer)
    guard let start = elements.baseAddress else { return }
    // Where pages are larger, the system clears all of a page that is touched.
    let page = sysconf(Int32(_SC_PAGESIZE))
    let inner =
      UnsafeMutableRawPointer(bitPattern: (Int(bitPattern: start) + page - 1) / page * page) ?? start
    let size = max(0, (start + elements.count - inner) / page * page)
    #if os(Linux)
      // A request: memory that is not given back is in nobody's way.
      if size > 0 { madvise(inner, size, MADV_DONTNEED) }
    #endif
    let end = size > 0 ? inner + size : start
    buffer[..<(size > 0 ? (inner - start) / 4 : 0)].update(repeating: .nan)
    buffer[((end - start) / 4)...].update(repeating: .nan)
    isDiscarded = true
  }

  /// Sets every element to zero.
  public func clear() { pointer.update(repeating: 0, count: count) }
}
