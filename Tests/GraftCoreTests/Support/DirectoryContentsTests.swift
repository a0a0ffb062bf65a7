import Foundation
import GraftTensors
import TestSupport
import Testing

/// Listing and removing directories.
@Suite struct DirectoryContentsTests {
  @Test func namesAreSortedAndComplete() throws {
    try withTemporaryDirectory { directory in
      for name in ["b", "a", ".c"] { try FileWriter.write(directory.appending(path: name), text: "") }
      #expect(try directoryContents(directory) == [".c", "a", "b"])
      #expect(try directoryContents(directory.appending(path: "none")) == [])
      #expect(
        errorMessage(in: directory) { _ = try directoryContents(directory.appending(path: "a")) }
          == "a: a file stands where a directory is expected. Name another one.")
    }
  }

  @Test func pathsOfFilesBelowADirectory() throws {
    try withTemporaryDirectory { directory in
      try DirectoryWriter.makeDirectory(directory.appending(path: "b/c"))
      for name in ["b/c/d", "b/a", "e"] { try FileWriter.write(directory.appending(path: name), text: "") }
      // A link is a file of its own, even one to a directory above or to nothing.
      for (name, target) in [("loop", "."), ("nothing", "none")] {
        try #require(symlink(target, directory.appending(path: name).path) == 0)
      }
      #expect(try filePaths(below: directory) == ["b/a", "b/c/d", "e", "loop", "nothing"])
      #expect(try filePaths(below: directory.appending(path: "none")) == [])
    }
  }

  @Test func removing() throws {
    try withTemporaryDirectory { directory in
      try DirectoryWriter.makeDirectory(directory.appending(path: "a/b"))
      try FileWriter.write(directory.appending(path: "c"), text: "")
      for name in ["a", "c", "none"] { try DirectoryWriter.remove(directory.appending(path: name)) }
      #expect(try directoryContents(directory) == [])
      let message = errorMessage(in: directory) {
        try FileWriter.write(directory.appending(path: "file"), text: "")
        try DirectoryWriter.remove(directory.appending(path: "file/below"))
      }
      #expect(message?.hasPrefix("file/below: cannot be written (Not a directory)") == true)
    }
  }
}
