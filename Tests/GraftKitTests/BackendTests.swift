import GraftCore
import GraftKit
import Testing

@Suite struct BackendTests {
  /// A backend whose library is missing.
  private struct Absent: ComputeBackend {
    static let name = "absent"
    static let preference = 99
    let threads: ThreadPool

    init(threads: Int) throws { throw GraftError(.missing, "not installed", advice: "Install it.") }

    func gemm(
      _ product: MatrixProduct, alpha: Float, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>,
      ldb: Int, beta: Float, _ c: UnsafeMutablePointer<Float>, ldc: Int
    ) {}
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

  @Test func nothingIsSaidOfABackendThatWorks() throws {
    var notes: [String] = []
    #expect(try Registry([]).makeBackend(threads: 1) { notes.append($0) } is ReferenceBackend)
    #expect(
      try Registry([AbsentPlugin.self]).makeBackend("reference") { notes.append($0) } is ReferenceBackend)
    #expect(notes == [])
  }
}
