import Foundation
import GraftCompute
import GraftTensors

extension OneDNNLibrary {
  /// `C = op(A) · op(B)`, or `C += …`, in float32 on the calling thread, without making anything first.
  func sgemm(
    _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
    to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
  ) {
    useOneThread()
    let (plain, transposed) = (CChar(bitPattern: UInt8(ascii: "N")), CChar(bitPattern: UInt8(ascii: "T")))
    let status = sgemm(
      product.transposesA ? transposed : plain, product.transposesB ? transposed : plain, Int64(product.m),
      Int64(product.n), Int64(product.k), 1, a, Int64(lda), b, Int64(ldb), accumulating ? 1 : 0, c, Int64(ldc)
    )
    precondition(status == 0, "dnnl_sgemm: status \(status) for \(product)")
  }

  /// Whether the library has bfloat16 primitives, which it lacks where it is told to use older instructions.
  var multipliesBFloat16: Bool {
    let (operand, product) = (
      [BFloat16](repeating: BFloat16(Float(1)), count: 64), MatrixProduct(m: 8, n: 8, k: 8)
    )
    var result = [Float](repeating: 0, count: 64)
    return [false, true].allSatisfy { accumulating in
      matmul(
        product, .bfloat16, operand, lda: 8, operand, ldb: 8, to: &result, ldc: 8, accumulating: accumulating)
    } && result.allSatisfy { $0 == 16 }
  }

  /// `C = op(A) · op(B)`, or `C += …`, by a matmul primitive on the calling thread.
  ///
  /// The library keeps the primitives that it has made; asking for one again takes some microseconds.
  ///
  /// - Returns: Whether the library has a primitive for it.
  func matmul(
    _ product: MatrixProduct, _ type: MatmulDescriptors.DataType, _ a: UnsafeRawPointer, lda: Int,
    _ b: UnsafeRawPointer, ldb: Int, to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
  ) -> Bool {
    guard let thread = OneDNNThread.current(self) else { return false }
    useOneThread()
    func matrix(
      _ rows: Int, _ columns: Int, _ distance: Int, _ isTransposed: Bool, _ type: MatmulDescriptors.DataType
    ) -> MatmulDescriptors.Matrix {
      let (one, distance) = (Int64(1), Int64(distance))
      return MatmulDescriptors.Matrix(
        extents: (Int64(rows), Int64(columns)), strides: isTransposed ? (one, distance) : (distance, one),
        type: type)
    }
    let done = descriptors.withPrimitive(
      matrix(product.m, product.k, lda, product.transposesA, type),
      matrix(product.k, product.n, ldb, product.transposesB, type),
      matrix(product.m, product.n, ldc, false, .float32),
      engine: engine.handle,
      attributes: (accumulating ? attributes.accumulating : attributes.overwriting).handle
    ) { descriptor, aDescriptor, bDescriptor, cDescriptor in
      defer { _ = destroyPrimitiveDescriptor(descriptor) }
      var primitive: Handle?
      guard createPrimitive(&primitive, descriptor) == 0, let primitive else { return false }
      defer { _ = destroyPrimitive(primitive) }
      let scratchpad: Int32 = 136
      var arguments: [Argument] = []
      defer { for argument in arguments { _ = destroyMemory(argument.memory) } }
      func add(_ number: Int32, _ descriptor: UnsafeRawPointer, _ data: UnsafeMutableRawPointer?) -> Bool {
        var memory: Handle?
        guard createMemory(&memory, descriptor, engine.handle, data) == 0 else { return false }
        arguments.append(Argument(number: number, memory: memory))
        return true
      }
      // DNNL_ARG_SRC, _WEIGHTS, _DST and _SCRATCHPAD.
      guard add(1, aDescriptor, UnsafeMutableRawPointer(mutating: a)),
        add(33, bDescriptor, UnsafeMutableRawPointer(mutating: b)), add(17, cDescriptor, c)
      else { return false }
      if let room = queryDescriptor(descriptor, scratchpad, 0), case let size = descriptorSize(room), size > 0
      {
        guard add(80, room, thread.scratch(size)) else { return false }
      }
      return execute(primitive, thread.stream, Int32(arguments.count), arguments) == 0
    }
    return done == true
  }
}

/// What a thread needs to run primitives: a stream, and memory for their intermediate results.
private final class OneDNNThread {
  let stream: OneDNNLibrary.Handle
  private let destroy: OneDNNLibrary.Destroy
  private var room = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  /// The calling thread's, which goes when the thread does; `nil` when the library makes none. A process has one
  /// library.
  static func current(_ library: OneDNNLibrary) -> OneDNNThread? {
    guard let key else { return nil }
    if let known = pthread_getspecific(key) {
      return Unmanaged<OneDNNThread>.fromOpaque(known).takeUnretainedValue()
    }
    guard let new = OneDNNThread(library) else { return nil }
    pthread_setspecific(key, Unmanaged.passRetained(new).toOpaque())
    return new
  }

  private static let key: pthread_key_t? = {
    var key = pthread_key_t()
    let status = pthread_key_create(&key) { thread in
      if let thread { Unmanaged<OneDNNThread>.fromOpaque(thread).release() }
    }
    return status == 0 ? key : nil
  }()

  private init?(_ library: OneDNNLibrary) {
    var stream: OneDNNLibrary.Handle?
    let defaultFlags: UInt32 = 1
    guard library.createStream(&stream, library.engine.handle, defaultFlags) == 0, let stream else {
      return nil
    }
    self.stream = stream
    destroy = library.destroyStream
  }

  deinit {
    _ = destroy(stream)
    room.deallocate()
  }

  /// Memory of at least this many bytes, the same at each call.
  func scratch(_ size: Int) -> UnsafeMutableRawPointer? {
    if room.count < size {
      room.deallocate()
      room = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
    }
    return room.baseAddress
  }
}
