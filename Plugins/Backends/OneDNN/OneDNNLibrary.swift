import Foundation
import GraftTensors

/// The functions of oneDNN that Graft calls, found in the shared library at run time: version 2 or 3.
///
/// Reference: https://uxlfoundation.github.io/oneDNN/v2.6/group_dnnl_api.html
struct OneDNNLibrary: Sendable {
  /// What every function returns; 0 is success.
  typealias Status = Int32
  /// A pointer to something of the library's own.
  typealias Handle = OpaquePointer
  typealias Create = @convention(c) @Sendable (UnsafeMutablePointer<Handle?>) -> Status
  typealias Destroy = @convention(c) @Sendable (Handle?) -> Status

  /// `dnnl_sgemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)` on row-major matrices.
  typealias SGEMM =
    @convention(c) @Sendable (
      CChar, CChar, Int64, Int64, Int64, Float, UnsafePointer<Float>, Int64, UnsafePointer<Float>, Int64,
      Float, UnsafeMutablePointer<Float>, Int64
    ) -> Status
  typealias CreateStream = @convention(c) @Sendable (UnsafeMutablePointer<Handle?>, Handle, UInt32) -> Status
  typealias CreatePrimitive = @convention(c) @Sendable (UnsafeMutablePointer<Handle?>, Handle) -> Status
  /// Of a primitive's descriptor: `what` and an index. The result belongs to the descriptor.
  typealias QueryDescriptor = @convention(c) @Sendable (Handle, Int32, Int32) -> UnsafeRawPointer?
  typealias DescriptorSize = @convention(c) @Sendable (UnsafeRawPointer) -> Int
  typealias CreateMemory =
    @convention(c) @Sendable (
      UnsafeMutablePointer<Handle?>, UnsafeRawPointer, Handle, UnsafeMutableRawPointer?
    ) -> Status
  /// Of a primitive, on a stream, with a number of arguments.
  typealias Execute = @convention(c) @Sendable (Handle, Handle, Int32, UnsafeRawPointer) -> Status

  /// `dnnl_exec_arg_t`: laid out as in C.
  struct Argument {
    let number: Int32
    let memory: Handle?
  }

  let sgemm: SGEMM
  let createStream: CreateStream
  let destroyStream: Destroy
  let createPrimitive: CreatePrimitive
  let destroyPrimitive: Destroy
  let destroyPrimitiveDescriptor: Destroy
  let queryDescriptor: QueryDescriptor
  let descriptorSize: DescriptorSize
  let createMemory: CreateMemory
  let destroyMemory: Destroy
  let execute: Execute
  /// What the versions spell differently.
  let descriptors: MatmulDescriptors
  /// The CPU.
  let engine: SendableHandle
  /// Attributes of a product that overwrites, and of one that adds to its result.
  let attributes: (overwriting: SendableHandle, accumulating: SendableHandle)
  private let setThreads: @convention(c) @Sendable (Int32) -> Void
  /// Such as `2.6.0`.
  let version: String

  /// Something of the library's own that never changes.
  struct SendableHandle: @unchecked Sendable { let handle: Handle }

  /// The library of this process: it is loaded once and stays.
  static let loaded: Result<OneDNNLibrary, GraftError> = Result { () throws(GraftError) in
    try OneDNNLibrary(["libdnnl.so.3", "libdnnl.so.2", "libdnnl.so"])
  }

  /// Opens the first library that serves.
  ///
  /// - Parameter fileNames: What to look for where the system keeps libraries, in this order.
  /// - Throws: ``GraftError`` when there is none; what is wrong with the first, when there are some.
  init(_ fileNames: [String]) throws(GraftError) {
    var failure: GraftError?
    for name in fileNames {
      guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) else { continue }
      do {
        self = try OneDNNLibrary(Symbols(handle: handle))
        return
      } catch {
        failure = failure ?? error
      }
    }
    throw failure
      ?? GraftError(
        .missing, "oneDNN is not installed", subject: "backend 'onednn'",
        expected: fileNames.joined(separator: " or "),
        found: dlerror().map { String(cString: $0) } ?? "nothing",
        advice:
          "For bfloat16 and faster float32, install the Debian package libdnnl2; or pass another --backend.")
  }

  private init(_ symbols: Symbols) throws(GraftError) {
    sgemm = try symbols.find("dnnl_sgemm")
    createStream = try symbols.find("dnnl_stream_create")
    destroyStream = try symbols.find("dnnl_stream_destroy")
    createPrimitive = try symbols.find("dnnl_primitive_create")
    destroyPrimitive = try symbols.find("dnnl_primitive_destroy")
    destroyPrimitiveDescriptor = try symbols.find("dnnl_primitive_desc_destroy")
    queryDescriptor = try symbols.find("dnnl_primitive_desc_query_md")
    descriptorSize = try symbols.find("dnnl_memory_desc_get_size")
    createMemory = try symbols.find("dnnl_memory_create")
    destroyMemory = try symbols.find("dnnl_memory_destroy")
    execute = try symbols.find("dnnl_primitive_execute")
    // OpenMP's, which the library's own loops follow.
    setThreads = try symbols.find("omp_set_num_threads")

    let getVersion: @convention(c) () -> UnsafePointer<Int32> = try symbols.find("dnnl_version")
    let numbers = getVersion()
    version = "\(numbers[0]).\(numbers[1]).\(numbers[2])"
    descriptors = try MatmulDescriptors(symbols, majorVersion: Int(numbers[0]))

    typealias CreateEngine = @convention(c) (UnsafeMutablePointer<Handle?>, Int32, Int) -> Status
    let createEngine: CreateEngine = try symbols.find("dnnl_engine_create")
    let (cpu, defaultIndex): (Int32, Int) = (1, 0)
    engine = try symbols.make("an engine for the CPU") { createEngine($0, cpu, defaultIndex) }
    attributes = try (
      descriptors.attributes(symbols, accumulating: false),
      descriptors.attributes(symbols, accumulating: true)
    )
    // Batches of varying size need primitives of varying size; the library keeps those used last.
    let setCapacity: @convention(c) (Int32) -> Status = try symbols.find("dnnl_set_primitive_cache_capacity")
    _ = setCapacity(512)
  }

  /// Keeps the library's loops on the calling thread: each thread has a setting of its own.
  func useOneThread() { setThreads(1) }
}

/// The functions of an opened library, by name.
struct Symbols {
  let handle: UnsafeMutableRawPointer

  /// A function, as the type that the caller expects.
  func find<Function>(_ name: String) throws(GraftError) -> Function {
    guard let symbol = dlsym(handle, name) else {
      throw unusable("this oneDNN lacks a function", expected: name)
    }
    return unsafeBitCast(symbol, to: Function.self)
  }

  /// Something of the library's own.
  func make(
    _ what: String, _ create: (UnsafeMutablePointer<OneDNNLibrary.Handle?>) -> OneDNNLibrary.Status
  ) throws(GraftError) -> OneDNNLibrary.SendableHandle {
    var made: OneDNNLibrary.Handle?
    guard create(&made) == 0, let made else { throw unusable("this oneDNN does not start", expected: what) }
    return OneDNNLibrary.SendableHandle(handle: made)
  }

  func unusable(_ problem: String, expected: String) -> GraftError {
    GraftError(
      .unsupported, problem, subject: "backend 'onednn'", expected: expected,
      advice: "Install the Debian package libdnnl2, which is built for OpenMP.")
  }
}
