import GraftCompute
import GraftTensors
import Testing

@testable import OneDNN

@Suite("The oneDNN backend") struct BackendOneDNNTests {
  @Test("says what to install when the library is missing", .enabled(if: hasHeaders, noHeaders))
  func missing() {
    let error = #expect(throws: GraftError.self) { try OneDNNLibrary(["libabsent.so.7"]) }
    #expect(error?.kind == .missing)
    #expect(error?.expected == "libabsent.so.7")
    #expect(error?.advice?.description.contains("libdnnl2") == true)
  }

  @Test(
    "says what to install when it was built without headers", .disabled(if: hasHeaders, "there are headers"))
  func headers() {
    let error = #expect(throws: GraftError.self) { try OneDNNBackend(threads: 1) }
    #expect(error?.kind == .unsupported)
    #expect(error?.problem == "built without oneDNN's headers")
    #expect(error?.advice?.description.contains("libdnnl-dev") == true)
  }

  @Test("says which function is missing in a library that is another", .enabled(if: hasHeaders, noHeaders))
  func another() {
    let error = #expect(throws: GraftError.self) { try OneDNNLibrary(["libabsent.so.7", "libm.so.6"]) }
    #expect(error?.kind == .unsupported)
    #expect(error?.expected == "dnnl_version")
  }

  @Test("finds the version of its headers", .enabled(if: isInstalled, notInstalled))
  func version() throws {
    let library = try OneDNNLibrary.loaded.get()
    #expect(library.version.hasPrefix("\(OneDNNLibrary.headersVersion)."))
    #expect(library.version.split(separator: ".").count == 3)
    #expect(try OneDNNBackend(threads: 1).summary.hasPrefix("oneDNN \(library.version);"))
  }

  @Test("reports a product that the library refuses", .enabled(if: isInstalled, notInstalled))
  func refused() throws {
    let library = try OneDNNLibrary.loaded.get()
    let (a, b, product) = (
      [Float](repeating: 1, count: 4), [Float](repeating: 1, count: 4), MatrixProduct(m: 2, n: 2, k: 2)
    )
    var c: [Float] = [7, 7, 7, 7]
    // Rows that are shorter than their elements.
    #expect(!library.sgemm(product, a, lda: 1, b, ldb: 2, to: &c, ldc: 2, accumulating: false))
    #expect(c == [7, 7, 7, 7])
    #expect(library.sgemm(product, a, lda: 2, b, ldb: 2, to: &c, ldc: 2, accumulating: false))
    #expect(c == [2, 2, 2, 2])
  }

  @Test(
    "gives the same result on one thread and on two", .enabled(if: isInstalled, notInstalled),
    arguments: Precision.allCases
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
  private static let notInstalled: Comment = "oneDNN is not installed, or was not when Graft was built"
  private static var hasHeaders: Bool { OneDNNLibrary.headersVersion > 0 }
  private static let noHeaders: Comment = "built without oneDNN's headers"
}
