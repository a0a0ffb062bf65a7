import Foundation
import GraftTensors
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct FileWriterTests {
  struct Interruption: Error {}

  @Test func createsAndReplaces() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      try FileWriter.write(url, text: "first")
      try FileWriter.write(url) { writer in
        #expect(try String(contentsOf: url, encoding: .utf8) == "first")
        // A process that is killed now leaves nothing.
        #expect(try contents(directory) == ["file"])
        try writer.append(Array("sec".utf8))
        try writer.append(LazyTensor(TensorSpec(.uint8, [3]), bytes: Array("ond".utf8)))
      }
      #expect(try String(contentsOf: url, encoding: .utf8) == "second")
      #expect(try contents(directory) == ["file"])
    }
  }

  @Test("what cannot be created is refused before it is made")
  func vacant() throws {
    try withTemporaryDirectory { directory in
      func message(_ path: String) -> String? {
        let url = directory.appendingPathComponent(path)
        return errorMessage { try FileWriter.checkVacant(url) }?.replacing(url.path, with: path)
      }
      try FileWriter.write(directory.appendingPathComponent("file"), text: "older")
      try FileManager.default.createDirectory(
        at: directory.appendingPathComponent("empty"), withIntermediateDirectories: false)
      let advice = "Choose another name or remove it first."
      #expect(message("file") == "file: a file of that name exists. \(advice)")
      #expect(message("empty") == "empty: a directory of that name exists. \(advice)")
      #expect(message("none/file")?.contains("cannot be written (No such file or directory)") == true)
      #expect(message("new") == nil && message("empty/new") == nil)
      try FileWriter.checkVacant(URL(fileURLWithPath: "/dev/null"))
      #expect(try contents(directory) == ["empty", "file"])
    }
  }

  @Test func keepsTheOrderOfSmallAndLargePieces() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      let sizes = [
        3, LazyTensor.windowSize, 5, LazyTensor.windowSize - 1, 2, 0, 2 * LazyTensor.windowSize + 1, 1,
      ]
      try FileWriter.write(url) { writer in
        for (index, size) in sizes.enumerated() {
          try writer.append([UInt8](repeating: UInt8(index), count: size))
        }
      }
      let expected = sizes.enumerated().map { Data(repeating: UInt8($0), count: $1) }.reduce(Data(), +)
      #expect(try Data(contentsOf: url) == expected)
    }
  }

  /// Blocks are allocated beyond the end of a large file.
  @Test(arguments: [0, 1, 1 << 20, (1 << 20) + 1, 3 << 20, (64 << 20) + 1])
  func isAsLongAsWhatWasWritten(_ size: Int) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      let piece = [UInt8](repeating: 7, count: 1 << 20)
      try FileWriter.write(url) { writer in
        for start in stride(from: 0, to: size, by: piece.count) {
          try writer.append(Array(piece[..<min(piece.count, size - start)]))
        }
      }
      #expect(try RandomAccessFile(url).size == size)
    }
  }

  /// On a file system of 72 MB: what is asked for first is given, and not what is asked for next.
  @Test func needsNoMoreRoomThanItsBytes() throws {
    try withTemporaryDirectory { directory in
      guard mount("tmpfs", directory.path, "tmpfs", 0, "size=72m") == 0 else { return }
      defer { umount2(directory.path, Int32(MNT_DETACH)) }
      let url = directory.appendingPathComponent("file")
      let piece = [UInt8](repeating: 7, count: 1 << 20)
      try FileWriter.write(url) { writer in
        for _ in 0..<66 { try writer.append(piece) }
      }
      #expect(try RandomAccessFile(url).size == 66 << 20)
    }
  }

  @Test func aFailureLeavesTheOlderFile() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      try FileWriter.write(url, text: "older")
      #expect(throws: Interruption.self) {
        try FileWriter.write(url) { writer in
          try writer.append([UInt8](repeating: 0, count: 3 << 20))
          throw Interruption()
        }
      }
      #expect(try String(contentsOf: url, encoding: .utf8) == "older")
      #expect(try contents(directory) == ["file"])
    }
  }

  @Test("what a process that was killed left of a file goes with the next") func debris() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      for name in [".file.partial-1", ".file.partial-2", ".files.partial-1"] {
        try FileWriter.write(directory.appendingPathComponent(name), text: "half")
      }
      let held = open(directory.appendingPathComponent(".file.partial-2").path, O_RDONLY)
      #expect(flock(held, LOCK_EX) == 0)
      try FileWriter.write(url, text: "new")
      #expect(try contents(directory) == [".file.partial-2", ".files.partial-1", "file"])
      close(held)
      try FileWriter.write(url, text: "newer")
      #expect(try contents(directory) == [".files.partial-1", "file"])
    }
  }

  @Test("a name that was claimed is another's until that one is done") func claims() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      var claim: FileClaim? = try FileClaim(url)
      let error = #expect(throws: GraftError.self) { try FileClaim(url) }
      #expect(
        error?.description == "\(url.path): another process is writing it. "
          + "Wait for that process, stop it, or choose another name.")
      try FileWriter.write(url, text: "new")
      withExtendedLifetime(claim) {}
      claim = nil
      #expect(try contents(directory) == ["file"])
      #expect(throws: GraftError.self) { try FileClaim(url) }
      #expect(try contents(directory) == ["file"])
      let withdrawn = directory.appendingPathComponent("withdrawn")
      let second = try FileClaim(withdrawn)
      try FileWriter.write(withdrawn, text: "new")
      second.withdraw()
      withExtendedLifetime(second) {}
      #expect(!FileManager.default.fileExists(atPath: withdrawn.path))
      _ = try FileClaim(URL(fileURLWithPath: "/dev/null"))
      let other = directory.appendingPathComponent(String(repeating: "x", count: 255))
      #expect(throws: GraftError.self) { try FileClaim.all([url, other]) }
      _ = try FileClaim(other)
      #expect(try contents(directory) == ["file"])
    }
  }

  @Test func aLinkStaysOne() throws {
    try withTemporaryDirectory { directory in
      let link = directory.appendingPathComponent("link")
      try FileWriter.write(directory.appendingPathComponent("target"), text: "older")
      try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: "target")
      try FileWriter.write(link, text: "newer")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == "target")
      #expect(try String(contentsOf: link, encoding: .utf8) == "newer")
    }
  }

  @Test func aDeviceIsWrittenToAndStays() throws {
    let device = URL(fileURLWithPath: "/dev/null")
    try FileWriter.write(device, text: "gone")
    var status = stat()
    #expect(stat(device.path, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    #expect(!FileManager.default.fileExists(atPath: "/dev/.null.partial-\(getpid())"))
  }

  @Test func aFullDeviceIsAnError() {
    let error = #expect(throws: GraftError.self) {
      try FileWriter.write(URL(fileURLWithPath: "/dev/full"), text: "x")
    }
    #expect(
      error?.description == "/dev/full: cannot be written (No space left on device). "
        + "Free some space and run the command again; nothing older was changed.")
  }

  @Test func placesThatCannotBeWritten() throws {
    try withTemporaryDirectory { directory in
      func message(_ path: String) -> String? {
        errorMessage(in: directory) { try FileWriter.write(directory.appending(path: path), text: "x") }
      }
      #expect(
        message("no/file")
          == "no/file: cannot be written (No such file or directory). Create the directory first.")
      try FileWriter.write(directory.appendingPathComponent("plain"), text: "")
      #expect(
        message("plain/file")
          == "plain/file: cannot be written (Not a directory). Create the directory first.")
      try FileManager.default.createDirectory(
        at: directory.appendingPathComponent("folder"), withIntermediateDirectories: false)
      #expect(message("folder") == "folder: cannot be written (Is a directory).")
      #expect(try contents(directory) == ["folder", "plain"])
    }
  }

  /// On a file system of 64 kB, where the tests may mount one: the older file survives.
  @Test func aFullDiskLeavesTheOlderFile() throws {
    try withTemporaryDirectory { directory in
      guard mount("tmpfs", directory.path, "tmpfs", 0, "size=64k") == 0 else { return }
      defer { umount2(directory.path, Int32(MNT_DETACH)) }
      let url = directory.appendingPathComponent("file")
      try FileWriter.write(url, text: "older")
      let error = #expect(throws: GraftError.self) {
        try FileWriter.write(url) { try $0.append([UInt8](repeating: 1, count: 200_000)) }
      }
      #expect(error?.problem == "cannot be written (No space left on device)")
      #expect(try String(contentsOf: url, encoding: .utf8) == "older")
      #expect(try contents(directory) == ["file"])

      let output = directory.appendingPathComponent("model")
      #expect(throws: GraftError.self) {
        try DirectoryWriter.write(output) { folder in
          try FileWriter.write(folder.appendingPathComponent("config.json"), text: "{}")
          try FileWriter.write(folder.appendingPathComponent("large")) {
            try $0.append([UInt8](repeating: 1, count: 200_000))
          }
        }
      }
      #expect(try contents(directory) == ["file"])
    }
  }
}

@Suite struct RandomAccessFileTests {
  func message(_ url: URL) -> String? {
    #expect(throws: GraftError.self) { try RandomAccessFile(url) }?.description.replacingOccurrences(
      of: url.path, with: "PATH")
  }

  @Test func whatIsNoFileIsRefused() throws {
    try withTemporaryDirectory { directory in
      #expect(message(directory) == "PATH: a directory, not a file.")
      #expect(message(directory.appendingPathComponent("none")) == "PATH: no such file.")
      #expect(message(URL(fileURLWithPath: "/dev/null")) == "PATH: not a regular file.")
      let pipe = directory.appendingPathComponent("pipe")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      #expect(message(pipe) == "PATH: not a regular file.")
    }
  }

  @Test func readsRanges() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      try FileWriter.write(url, text: "0123456789")
      let file = try RandomAccessFile(url)
      #expect(file.size == 10)
      #expect(try file.bytes(3..<5) == Array("34".utf8))
      #expect(try file.bytes(10..<10) == [])
      #expect(try file.head(4) == Array("0123".utf8))
      #expect(try file.head() == Array("0123456789".utf8))
      #expect(try file.bytesOfWholeFile(limit: 10).count == 10)
      let large = #expect(throws: GraftError.self) { try file.bytesOfWholeFile(limit: 9) }
      #expect(
        large?.description
          == "\(url.path): too large for a file of its kind; expected at most 9 bytes, found 10.")
      let beyond = #expect(throws: GraftError.self) { try file.bytes(8..<12) }
      #expect(
        beyond?.description
          == "\(url.path): truncated; expected 12 bytes, found 10. Copy or download it again.")
    }
  }
}
