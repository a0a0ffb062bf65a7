import GraftCompute
import GraftCore
import VectorKernels

/// Matrix products by OpenBLAS, in float32; everything else by ``VectorKernels``.
///
/// The library is looked for when the backend is made, so that Graft builds and starts without it. It runs
/// single-threaded: Graft cuts the work itself.
///
/// OpenBLAS chooses its kernels while it is loaded, by the CPU's model number, and takes a CPU that is newer than
/// itself for an old one: the 0.3.21 of Debian 12 runs at half speed on Zen 5. It has no function to choose others,
/// only the environment variable `OPENBLAS_CORETYPE`, which ``OpenBLASPlugin/environment`` names. Graft's command line sets it when
/// it starts. A program of your own does the same, before it has threads, or is started with it.
public struct OpenBLASBackend: ComputeBackend {
  public static let name = "openblas"
  public static let preference = 10
  public let threads: ThreadPool
  public let kernels: any Kernels
  public let summary: String
  private let library: OpenBLASLibrary

  /// - Throws: ``GraftError`` when the library is not installed.
  public init(threads: Int) throws {
    library = try OpenBLASLibrary.loaded.get()
    let vectorKernels = VectorKernels()
    self.threads = ThreadPool(count: threads)
    kernels = vectorKernels
    summary =
      "\(library.configuration), \(OpenBLASBackend.describe(core: library.coreName)); vector kernels: "
      + vectorKernels.name
  }

  /// The kernels, and whether this CPU could run better ones.
  static func describe(core: String, on set: InstructionSet = .best) -> String {
    guard let best = bestCore(on: set), !(peers[best] ?? []).contains(core.lowercased()) else {
      return "\(core) kernels"
    }
    return "\(core) kernels (OPENBLAS_CORETYPE=\(best) may suit this CPU better)"
  }

  /// Names of kernels that are as good as the best, in lower case.
  private static let peers: [String: Set<String>] = [
    "SkylakeX": ["skylakex", "cooperlake", "sapphirerapids"], "Haswell": ["haswell", "zen"],
  ]

  /// The best kernels that a CPU with an instruction set can run; `nil` leaves the choice to the library.
  static func bestCore(on set: InstructionSet = .best) -> String? {
    switch set {
    case .avx512, .avx512BF16: "SkylakeX"
    case .avx2: "Haswell"
    case .baseline: nil
    }
  }

  public func gemm(
    _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
    to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
  ) {
    library.sgemm(product, a, lda: lda, b, ldb: ldb, to: c, ldc: ldc, accumulating: accumulating)
  }
}

/// Registers ``OpenBLASBackend`` as `openblas`.
public enum OpenBLASPlugin: Plugin {
  /// One thread, and the best kernels for the instructions that this CPU has.
  public static var environment: [String: String] {
    var environment = ["OPENBLAS_NUM_THREADS": "1"]
    environment["OPENBLAS_CORETYPE"] = OpenBLASBackend.bestCore()
    return environment
  }

  public static func register(in registry: inout Registry) throws { try registry.add(OpenBLASBackend.self) }
}
