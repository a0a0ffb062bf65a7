import Foundation
import GraftTensors
import TestSupport
import Testing

@Suite struct DirectoryWriterTests {
  struct Interruption: Error {}

  func fill(_ url: URL, _ text: String, replacing: Bool = false) throws {
    try DirectoryWriter.write(url, replacing: replacing) { folder in
      try FileWriter.write(folder.appendingPathComponent(text), text: text)
    }
  }

  @Test func createsItAndItsParents() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("a/b/out")
      try fill(url, "new")
      #expect(try contents(url) == ["new"])
      #expect(try contents(url.deletingLastPathComponent()) == ["out"])
    }
  }

  @Test func takesTheNameOnlyWhenComplete() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("out")
      #expect(throws: Interruption.self) {
        try DirectoryWriter.write(url) { folder in
          try FileWriter.write(folder.appendingPathComponent("half"), text: "half")
          #expect(!FileManager.default.fileExists(atPath: url.path))
          throw Interruption()
        }
      }
      let left = try contents(directory)
      #expect(left.isEmpty)
    }
  }

  @Test func anEmptyDirectoryIsFilled() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("out", isDirectory: true)
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
      try fill(url, "new")
      #expect(try contents(url) == ["new"])
    }
  }

  @Test func whatExistsIsRefused() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("out")
      try fill(url, "older")
      let full = #expect(throws: GraftError.self) { try fill(url, "new") }
      #expect(
        full?.description
          == "\(url.path): the output directory exists and is not empty. Choose another name or remove it first."
      )
      #expect(full?.kind == .refused)
      #expect(try contents(url) == ["older"])

      let file = directory.appendingPathComponent("file")
      try FileWriter.write(file, text: "older")
      let occupied = #expect(throws: GraftError.self) { try fill(file, "new") }
      #expect(
        occupied?.description
          == "\(file.path): a file of that name exists. Choose another name or remove it first.")
      let below = #expect(throws: GraftError.self) { try fill(file.appendingPathComponent("out"), "new") }
      #expect(
        below?.description
          == "\(file.path)/out: cannot be written (Not a directory). Create the directory first.")
      #expect(try contents(directory) == ["file", "out"])
    }
  }

  @Test func replacesWhole() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("out")
      try fill(url, "older")
      try fill(url, "newer", replacing: true)
      #expect(try contents(url) == ["newer"])
      #expect(throws: Interruption.self) {
        try DirectoryWriter.write(url, replacing: true) { _ in throw Interruption() }
      }
      #expect(try contents(url) == ["newer"])
      #expect(try contents(directory) == ["out"])
    }
  }

  @Test func replacesWhatALinkPointsTo() throws {
    try withTemporaryDirectory { directory in
      let link = directory.appendingPathComponent("link")
      try fill(directory.appendingPathComponent("target"), "older")
      try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: "target")
      try fill(link, "newer", replacing: true)
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == "target")
      #expect(try contents(directory.appendingPathComponent("target")) == ["newer"])
    }
  }

  @Test func anErrorNamesTheTarget() throws {
    let url = URL(fileURLWithPath: "/proc/graft/out")
    let error = #expect(throws: GraftError.self) { try fill(url, "new") }
    #expect(error?.file == url.path)
    #expect(error?.kind == .system)
  }
}
