import Foundation
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

/// HDF5 files that Graft does not know itself, as checkpoints: who reads them is said.
@Suite struct HDF5ReadersTests {
  private static let folder = fixtures.appending(path: "hdf5/library")

  /// Runs `body` unless libhdf5 is not installed, which is said.
  private func withLibrary(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as GraftError where error.advice?.description.contains("install libhdf5") == true {
      print("skipped: \(error.description)")
    }
  }

  @Test func theReaderIsNamed() throws {
    let registry = try Support.registry()
    let original = fixtures.appending(path: "tensorflow/h5/base")
    try withTemporaryDirectory { directory in
      try FileManager.default.copyItem(
        at: Self.folder.appending(path: "tf_model.h5"), to: directory.appending(path: "tf_model.h5"))
      for name in ["config.json", "vocab.txt"] {
        try FileManager.default.copyItem(
          at: original.appending(path: name), to: directory.appending(path: name))
      }
      try withLibrary {
        let report = try inspect(directory, check: true, registry: registry).report
        let note = report.notes.first { $0.contains("is read by libhdf5") }
        #expect(note?.hasPrefix("tf_model.h5 is read by libhdf5 ") == true)
        #expect(try inspect(original, registry: registry).report.notes == report.notes.filter { $0 != note })
        #expect(try compare(original, directory, registry: registry).isEmpty)
      }
    }
  }

  @Test(arguments: ["model.keras", "newest.keras", "matlab.mat", "user-block.h5"])
  func isRecognizedByItsContent(_ name: String) throws {
    try withLibrary {
      let opened = try Support.registry().openWeights(Self.folder.appending(path: name))
      #expect(opened.format == "hdf5")
      #expect(!opened.weights.tensors.isEmpty)
    }
  }
}
