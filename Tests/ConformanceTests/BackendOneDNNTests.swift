import GraftCompute
import GraftTensors
import Testing

@testable import OneDNN

@Suite("The oneDNN backend") struct BackendOneDNNTests {
  @Test("says what to install when the library is missing")
  func missing() {
    let error = #expect(throws: GraftError.self) { try OneDNNLibrary(["libabsent.so.7"]) }
    #expect(error?.kind == .missing)
    #expect(error?.expected == "libabsent.so.7")
    #expect(error?.advice?.contains("libdnnl2") == true)
  }

  @Test("finds a version that it knows, where there is one")
  func version() {
    guard let library = try? OneDNNLibrary.loaded.get() else { return }
    #expect(library.version.hasPrefix("2.") || library.version.hasPrefix("3."))
  }

  @Test(
    "gives the same result on one thread and on two", .enabled(if: isInstalled), arguments: Precision.allCases
  )
  func threads(_ precision: Precision) throws {
    // Large enough to be cut into tiles, and for the library to want threads of its own.
    let product = MatrixProduct(m: 256, n: 768, k: 768)
    // Fractions whose sum depends on the order of adding, so that another cut would show.
    let a = Tensor((0..<256 * 768).map { 1 / Float($0 % 97 + 3) }, shape: [256, 768])
    let b = Tensor((0..<768 * 768).map { 1 / Float($0 % 89 + 7) }, shape: [768, 768])
    let found = try [1, 2].map { count in
      let c = Tensor(repeating: .nan, shape: [256, 768])
      let backend = try OneDNNBackend(threads: count, precision: precision)
      backend.multiply(product, backend.operand(a), backend.operand(b), to: c)
      return c.values
    }
    #expect(found[0] == found[1])
    #expect(found[0].allSatisfy { $0.isFinite })
  }

  private static var isInstalled: Bool { (try? OneDNNLibrary.loaded.get()) != nil }
}
