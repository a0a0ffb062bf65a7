import GraftCompute
import GraftCore
import GraftTensors
import Testing

@Suite struct BackendTests {
  /// A backend whose library is missing.
  private struct Absent: ComputeBackend {
    static let name = "absent"
    static let preference = 99
    let threads: ThreadPool

    init(threads: Int) throws { try self.init(threads: threads, precision: .float32) }
    init(threads: Int, precision: Precision) throws {
      throw GraftError(.missing, "not installed", advice: "Install it.")
    }

    func gemm(
      _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
      to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
    ) {}
  }

  /// A backend that multiplies in float32 alone, and two that may: one whose CPU gains nothing by bfloat16, and one whose
  /// library is told not to use it.
  private struct Plain: ComputeBackend {
    static let name = "plain"
    let threads: ThreadPool

    init(threads: Int) throws { self.threads = ThreadPool(count: threads) }

    func gemm(
      _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
      to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
    ) {}
  }

  private struct NoFaster: ComputeBackend {
    static let name = "no-faster"
    static let preference = 5
    let threads: ThreadPool

    init(threads: Int) throws { self.threads = ThreadPool(count: threads) }
    init(threads: Int, precision: Precision) throws { try self.init(threads: threads) }

    func gemm(
      _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
      to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
    ) {}
  }

  private struct Told: ComputeBackend {
    static let name = "told"
    static let preference = 6
    let threads: ThreadPool
    let precisionLimit: String? = "it is told to"

    init(threads: Int) throws { self.threads = ThreadPool(count: threads) }
    init(threads: Int, precision: Precision) throws { try self.init(threads: threads) }

    func gemm(
      _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
      to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
    ) {}
  }

  private enum PlainPlugin: Plugin {
    static func register(in registry: inout Registry) throws { try registry.add(Plain.self) }
  }

  private enum NoFasterPlugin: Plugin {
    static func register(in registry: inout Registry) throws { try registry.add(NoFaster.self) }
  }

  private enum ToldPlugin: Plugin {
    static func register(in registry: inout Registry) throws { try registry.add(Told.self) }
  }

  private enum AbsentPlugin: Plugin {
    static func register(in registry: inout Registry) throws { try registry.add(Absent.self) }
  }

  @Test func passingOverABackendIsSaid() throws {
    let registry = try Registry([AbsentPlugin.self])
    var notes: [String] = []
    #expect(try registry.makeBackend(threads: 1) { notes.append($0) } is ReferenceBackend)
    #expect(notes == ["not installed. Install it. Using 'reference', which is slow."])
    #expect(throws: GraftError.self) { try registry.makeBackend("absent") }
  }

  @Test func aPrecisionThatNothingHasGivesWayToFloat32() throws {
    let registry = try Registry([AbsentPlugin.self, PlainPlugin.self])
    var notes: [String] = []
    let backend = try registry.makeBackend(threads: 1, precision: .bfloat16) { notes.append($0) }
    #expect(backend is Plain)
    #expect(backend.precision == .float32)
    #expect(notes == ["not installed. Install it. Using float32."])
    // Who names a backend wants that one.
    let error = #expect(throws: GraftError.self) {
      try registry.makeBackend("plain", threads: 1, precision: .bfloat16)
    }
    #expect(
      error?.description.hasPrefix("backend 'plain': multiplies in float32 alone; expected bfloat16.") == true
    )
  }

  @Test func aCPUThatGainsNothingIsSaid() throws {
    let registry = try Registry([PlainPlugin.self, NoFasterPlugin.self])
    for name in ["auto", "no-faster"] {
      var notes: [String] = []
      let backend = try registry.makeBackend(name, threads: 1, precision: .bfloat16) { notes.append($0) }
      #expect(backend is NoFaster && backend.precision == .float32)
      #expect(notes == ["this CPU multiplies no faster in bfloat16 than in float32, which is used."])
    }
  }

  @Test func anotherReasonIsTheBackendsOwn() throws {
    var notes: [String] = []
    let backend = try Registry([ToldPlugin.self]).makeBackend(threads: 1, precision: .bfloat16) {
      notes.append($0)
    }
    #expect(backend is Told && backend.precision == .float32)
    #expect(notes == ["it is told to: float32 is used."])
  }

  @Test func nothingIsSaidOfABackendThatWorks() throws {
    var notes: [String] = []
    #expect(try Registry([]).makeBackend(threads: 1) { notes.append($0) } is ReferenceBackend)
    #expect(
      try Registry([AbsentPlugin.self]).makeBackend("reference") { notes.append($0) } is ReferenceBackend)
    #expect(notes == [])
  }
}
