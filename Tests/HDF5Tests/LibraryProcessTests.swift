import Foundation
import Glibc
import GraftTensors
import TestSupport
import Testing

import CHDF5
@testable import HDF5

/// The process that reads with libhdf5: what it may not do, and what happens when it does not survive a file.
@Suite(.enabled(if: Library.isInstalled, "libhdf5 is not installed: apt-get install libhdf5-103-1"))
struct LibraryProcessTests {
  private static let url = fixtures.appendingPathComponent("hdf5/library/v110-plain.h5")

  private func start(seconds: Int = 30, memory: Int? = nil) throws -> LibraryProcess {
    try LibraryProcess(RandomAccessFile(Self.url), window: 1 << 16, seconds: seconds, memory: memory)
  }

  private func value(_ key: String, in file: String, of process: LibraryProcess) throws -> String? {
    let text = try String(contentsOfFile: "/proc/\(process.process)/\(file)", encoding: .utf8)
    return text.split(separator: "\n").first { $0.hasPrefix(key) }.map {
      $0.dropFirst(key.count).trimmingCharacters(in: .whitespaces)
    }
  }

  @Test func hasNoRights() throws {
    let process = try start()
    #expect(try value("Seccomp:", in: "status", of: process) == "2")
    #expect(try value("NoNewPrivs:", in: "status", of: process) == "1")
    #expect(try value("Threads:", in: "status", of: process) == "1")
    for (limit, soft) in [
      ("Max open files", "0"), ("Max core file size", "0"), ("Max file size", "0"), ("Max cpu time", "60"),
    ] {
      #expect(try value(limit, in: "limits", of: process)?.split(separator: " ").first == Substring(soft))
    }
    let memory = try #require(
      try value("Max address space", in: "limits", of: process)?.split(separator: " ").first.flatMap {
        Int($0)
      })
    #expect(memory < 2 << 30 || Sanitizer.isLinked)
  }

  @Test func endsWithItsReader() throws {
    var process: LibraryProcess? = try start()
    let number = try #require(process).process
    #expect(kill(number, 0) == 0)
    process = nil
    #expect(kill(number, 0) == -1 && errno == ESRCH)
  }

  @Test func crashesAreErrors() throws {
    for signal in [SIGSEGV, SIGABRT, SIGKILL] {
      let process = try start()
      kill(process.process, signal)
      let error = #expect(throws: GraftError.self) { try process.ask(GraftHDF5Describe, about: 0) }
      #expect(
        error?.description
          == "\(Self.url.path): libhdf5 \(process.version) crashed on it (signal \(signal)). "
          + "Copy or download it again, write it anew with h5repack, or install a newer libhdf5.")
      // It is not asked again.
      #expect(throws: GraftError.self) { try process.ask(GraftHDF5Describe, about: 0) }
    }
  }

  @Test func hangingIsAnError() throws {
    let process = try start(seconds: 1)
    kill(process.process, SIGSTOP)
    let error = #expect(throws: GraftError.self) { try process.ask(GraftHDF5Describe, about: 0) }
    #expect(error?.problem == "libhdf5 \(process.version) was stopped: it takes longer than 1 seconds")
    #expect(process.process == 0)
  }

  @Test func computingForEverIsAnError() throws {
    let process = try start(seconds: 1)
    kill(process.process, SIGXCPU)
    let error = #expect(throws: GraftError.self) { try process.ask(GraftHDF5Describe, about: 0) }
    #expect(error?.problem == "libhdf5 \(process.version) was stopped: it takes longer than 1 seconds")
  }

  /// One chunk of 128 MiB of zeros, which is there several times while it is unpacked, in a file of 2 kB.
  @Test func memoryIsLimited() throws {
    let file = try RandomAccessFile(fixtures.appendingPathComponent("hdf5/library/large-chunk.h5"))
    let tensor = try #require(
      try LibraryFile.weights(of: file, since: GraftError(.unsupported, "asked for"))["a"])
    let error = #expect(throws: GraftError.self) { try tensor.stream { _ in } }
    #expect(error?.kind == .refused)
    #expect(
      error?.problem == "a chunk of the data would take more memory than a file of this size should")
  }

  /// The same by the process itself, which does not get the memory.
  @Test(.disabled(if: Sanitizer.isLinked, "a sanitizer takes more addresses than the limit"))
  func memoryOfTheProcessIsLimited() throws {
    let file = try RandomAccessFile(fixtures.appendingPathComponent("hdf5/library/large-chunk.h5"))
    let process = try LibraryProcess(file, window: 1 << 16, seconds: 30, memory: 1 << 20)
    let links = try process.ask(GraftHDF5Describe, about: 0)
    // The only link is the last thing of the answer, and its address the last of that.
    let address = links.dropLast().suffix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let error = #expect(throws: GraftError.self) {
      try process.ask(GraftHDF5Read, about: address, rows: 0..<1)
    }
    #expect(error?.problem.hasPrefix("libhdf5 \(process.version) ") == true)
    #expect(error?.problem.contains("crashed") == false, "\(error?.problem ?? "")")
  }

  @Test func rowsThatAreNotThere() throws {
    let process = try start()
    #expect(throws: GraftError.self) { try process.ask(GraftHDF5Read, about: 0, rows: 0..<1) }
    #expect(throws: GraftError.self) { try process.ask(GraftHDF5Describe, about: 12345) }
    #expect(throws: GraftError.self) { try process.ask(77, about: 0) }
    // Questions that cannot be answered do no harm.
    #expect(try !process.ask(GraftHDF5Describe, about: 0).isEmpty)
  }

  /// Several threads at once, each with a process of its own.
  @Test func manyAtOnce() async throws {
    let weights = try HDF5Format().open(Self.url)
    let tensor = try #require(weights["filter/szip"])
    let bytes = try tensor.bytes()
    try await withThrowingTaskGroup(of: [UInt8].self) { group in
      for _ in 0..<8 { group.addTask { try tensor.bytes() } }
      for try await other in group { #expect(other == bytes) }
    }
    // And one inside another, on one thread.
    var inside: [UInt8] = []
    try tensor.stream { _ in inside = try tensor.bytes() }
    #expect(inside == bytes)
  }

  /// As after the program was stopped by whoever called it.
  @Test func whatCameIsReadHoweverLate() throws {
    var ends: [Int32] = [-1, -1]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    defer { ends.forEach { close($0) } }
    let clock = SuspendingClock()
    #expect(!LibraryProcess.waits(for: ends[0], until: clock.now, by: clock))
    #expect(write(ends[1], "a", 1) == 1)
    #expect(LibraryProcess.waits(for: ends[0], until: clock.now.advanced(by: .seconds(-20)), by: clock))
  }

  @Test func whereItCannotBeStarted() {
    let reason = GraftError(.unsupported, "a layout", file: "a.h5", advice: "Repack it.")
    #expect(
      LibraryProcess.Missing.system("signal 31").error(insteadOf: reason).description
        == "a.h5: a layout. Repack it. libhdf5 might read it, but cannot be started (signal 31).")
  }

  @Test func whatToInstall() {
    let reason = GraftError(.unsupported, "a layout", file: "a.h5", advice: "Repack it.")
    #expect(
      LibraryProcess.Missing.library(lacks: "").error(insteadOf: reason).description
        == "a.h5: a layout. Repack it. Or install libhdf5 1.10.5 or later, which reads it "
        + "(in Debian 12: libhdf5-103-1).")
    #expect(
      LibraryProcess.Missing.library(lacks: "H5Dget_num_chunks").error(insteadOf: reason).advice?.description
        == "Repack it. Or install libhdf5 1.10.5 or later, with H5Dget_num_chunks, which reads it "
        + "(in Debian 12: libhdf5-103-1).")
  }
}
