import Foundation
import GraftTensors
import Testing

@testable import OpenBLAS

@Suite("The OpenBLAS backend") struct BackendOpenBLASTests {
  @Test("says what to install when the library is missing")
  func missing() {
    let error = #expect(throws: GraftError.self) { try OpenBLASLibrary.open(["libabsent.so.7"]) }
    #expect(error?.kind == .missing)
    #expect(error?.expected == "libabsent.so.7")
    #expect(error?.advice?.description.contains("libopenblas0") == true)
  }

  @Test("names the kernels", .enabled(if: isInstalled, notInstalled))
  func kernels() throws {
    let library = try OpenBLASLibrary.loaded.get()
    #expect(library.configuration.contains("OpenBLAS"))
    let summary = try OpenBLASBackend(threads: 1).summary
    #expect(summary.contains("\(library.coreName) kernels"))
  }

  @Test("says when this CPU could run better kernels")
  func betterKernels() {
    let advice = "kernels (OPENBLAS_CORETYPE=SkylakeX may suit this CPU better)"
    #expect(OpenBLASBackend.describe(core: "Zen", on: .avx512) == "Zen \(advice)")
    #expect(OpenBLASBackend.describe(core: "Cooperlake", on: .avx512) == "Cooperlake kernels")
    #expect(OpenBLASBackend.describe(core: "SKYLAKEX", on: .avx512) == "SKYLAKEX kernels")
    #expect(OpenBLASBackend.describe(core: "Zen", on: .avx2) == "Zen kernels")
    #expect(OpenBLASBackend.describe(core: "Prescott", on: .baseline) == "Prescott kernels")
  }

  @Test("asks for one thread and for kernels that this CPU can run")
  func wishes() {
    let environment = OpenBLASPlugin.environment
    #expect(environment["OPENBLAS_NUM_THREADS"] == "1")
    #expect(environment["OPENBLAS_CORETYPE"] == OpenBLASBackend.bestCore())
  }

  @Test("leaves the environment as it was", .enabled(if: isInstalled, notInstalled))
  func environment() throws {
    _ = try OpenBLASLibrary.loaded.get()
    // What the process was started with.
    let start = try String(contentsOfFile: "/proc/self/environ", encoding: .utf8).split(separator: "\0")
    for name in ["OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS"] {
      let then = start.first { $0.hasPrefix("\(name)=") }?.dropFirst(name.count + 1)
      #expect(ProcessInfo.processInfo.environment[name] == then.map(String.init))
    }
  }

  private static var isInstalled: Bool { (try? OpenBLASLibrary.loaded.get()) != nil }
  private static let notInstalled: Comment = "OpenBLAS is not installed"
}
