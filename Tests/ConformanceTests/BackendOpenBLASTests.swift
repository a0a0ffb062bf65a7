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
    #expect(error?.advice?.contains("libopenblas0") == true)
  }

  @Test("runs the best kernels of this CPU unless the user chose others")
  func kernels() throws {
    let library = try OpenBLASLibrary.loaded.get()
    guard let wanted = OpenBLASLibrary.chosenCore ?? OpenBLASLibrary.bestCore else { return }
    #expect(library.coreName.lowercased() == wanted.lowercased())
    #expect(library.configuration.contains("OpenBLAS"))
  }

  @Test("leaves the environment as it was")
  func environment() throws {
    _ = try OpenBLASLibrary.loaded.get()
    // What the process was started with.
    let start = try String(contentsOfFile: "/proc/self/environ", encoding: .utf8).split(separator: "\0")
    for name in ["OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS"] {
      let then = start.first { $0.hasPrefix("\(name)=") }?.dropFirst(name.count + 1)
      #expect(ProcessInfo.processInfo.environment[name] == then.map(String.init))
    }
  }
}
