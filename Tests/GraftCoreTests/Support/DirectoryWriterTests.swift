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

  @Test("what processes that were killed left of a directory goes with the next, and nothing else")
  func debris() throws {
    try withTemporaryDirectory { directory in
      for name in [
        ".out.partial-1", ".out.retired-2", ".other.partial-1", ".out.partial-x", ".out.old.partial-3",
      ] {
        try FileManager.default.createDirectory(
          at: directory.appendingPathComponent("\(name)/below"), withIntermediateDirectories: true)
      }
      try FileWriter.write(directory.appendingPathComponent(".out.partial-4"), text: "half")
      let link = directory.appendingPathComponent(".out.partial-5")
      try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: ".other.partial-1")
      try fill(directory.appendingPathComponent("out"), "new")
      #expect(
        try contents(directory)
          == [".other.partial-1", ".out.old.partial-3", ".out.partial-5", ".out.partial-x", "out"])
      #expect(try contents(directory.appendingPathComponent(".other.partial-1")) == ["below"])
    }
  }

  @Test("what another process is writing stays, and is not written at the same time") func busy() throws {
    try withTemporaryDirectory { directory in
      let (url, partial) = (
        directory.appendingPathComponent("out"), directory.appendingPathComponent(".out.partial-1")
      )
      try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: false)
      let lock = try DirectoryLock(partial)
      let error = #expect(throws: GraftError.self) { try fill(url, "new") }
      #expect(
        error?.description == "\(url.path): another process is writing it. "
          + "Wait for that process, stop it, or choose another name.")
      #expect(try contents(directory) == [".out.partial-1"])
      withExtendedLifetime(lock) {}
    }
  }

  @Test("what made room for a directory that never came is put back") func replaced() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("out")
      try fill(directory.appendingPathComponent(".out.replaced-1"), "older")
      #expect(throws: GraftError.self) { try fill(url, "new") }
      #expect(try contents(directory) == ["out"])
      #expect(try contents(url) == ["older"])
      try fill(directory.appendingPathComponent(".out.replaced-1"), "oldest")
      try fill(url, "newer", replacing: true)
      #expect(try contents(directory) == ["out"])
      #expect(try contents(url) == ["newer"])
    }
  }

  /// Between its two renames nothing has the name, and what made room is not locked.
  @Test("what makes room for a directory that a process is still writing stays") func replacing() throws {
    try withTemporaryDirectory { directory in
      try fill(directory.appendingPathComponent(".out.replaced-1"), "older")
      let partial = directory.appendingPathComponent(".out.partial-1")
      try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: false)
      let lock = try DirectoryLock(partial)
      let error = #expect(throws: GraftError.self) {
        try fill(directory.appendingPathComponent("out"), "new", replacing: true)
      }
      #expect(error?.problem == "another process is writing it")
      #expect(try contents(directory) == [".out.partial-1", ".out.replaced-1"])
      withExtendedLifetime(lock) {}
    }
  }

  @Test("an empty directory that somebody is about to fill is not replaced") func beginning() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("out")
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
      let lock = try DirectoryLock(url)
      let error = #expect(throws: GraftError.self) { try fill(url, "new") }
      #expect(error?.problem == "another process is at work in this directory")
      #expect(try contents(url) == [])
      #expect(try contents(directory) == ["out"])
      withExtendedLifetime(lock) {}
    }
  }

  @Test("who is faster has the name") func race() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("out")
      let message = errorMessage {
        try DirectoryWriter.write(url) { _ in
          try DirectoryWriter.makeDirectory(url)
          try FileWriter.write(url.appendingPathComponent("file"), text: "first")
        }
      }
      #expect(message?.contains("the output directory exists and is not empty") == true)
      let (made, left) = (try contents(url), try contents(directory))
      #expect(made == ["file"] && left == ["out"])
    }
  }

  @Test func anErrorNamesTheTarget() throws {
    let url = URL(fileURLWithPath: "/proc/graft/out")
    let error = #expect(throws: GraftError.self) { try fill(url, "new") }
    #expect(error?.file == url.path)
    #expect(error?.kind == .system)
  }
}
