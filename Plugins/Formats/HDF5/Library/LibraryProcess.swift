import CHDF5
import Foundation
import Glibc
import GraftTensors

/// A process that has opened a file with libhdf5, and has no rights but to answer what is in it.
///
/// A damaged file may make the library crash, run for ever or ask for all memory: then the process ends, and what was
/// asked is answered by an error. One thread uses it at a time.
final class LibraryProcess: @unchecked Sendable {
  /// Why there is no process to read with.
  enum Missing: Error {
    /// The library is not installed, or not of a version that is known; what it lacks.
    case library(lacks: String)
    /// This program was not built with the reader in it.
    case program
    /// The system does not start it; what it says.
    case system(String)

    func error(insteadOf reason: GraftError) -> GraftError {
      var error = reason
      let own = reason.advice.map { "\($0) " } ?? ""
      switch self {
      case .library(let lacks):
        let found = lacks.isEmpty ? "" : ", with \(lacks)"
        error.advice = Advice(
          "\(own)Or install libhdf5 1.10.5 or later\(found), which reads it (in Debian 12: libhdf5-103-1).")
      case .program:
        error.advice = Advice("\(own)Or read it with a program that this library is linked into statically.")
      case .system(let cause):
        error.advice = Advice("\(own)libhdf5 might read it, but cannot be started (\(cause)).")
      }
      return error
    }
  }

  /// The most bytes of an answer.
  private static let maximumAnswer = 1 << 26
  private static let advice: Advice =
    "Copy or download it again, write it anew with h5repack, or install a newer libhdf5."

  /// Starts a process: ``GraftHDF5Start``, or what does the same faster for tests of many files.
  typealias Start =
    @Sendable (
      _ file: Int32, _ socket: Int32, _ window: Int32, _ memory: UInt64, _ seconds: UInt64,
      _ process: UnsafeMutablePointer<pid_t>
    ) -> Int32
  @TaskLocal static var start: Start = { GraftHDF5Start($0, $1, $2, $3, $4, $5) }

  /// What the library calls its version.
  private(set) var version = ""
  /// Whether it has got as far as the file.
  private var isStarted = false
  /// What was read last.
  let window: UnsafeRawBufferPointer
  /// How many seconds it may take to answer.
  private let seconds: Int
  private let file: RandomAccessFile
  private let clock = SuspendingClock()
  private var busy: Duration = .zero
  private var socket: Int32 = -1
  /// 0 when it has ended.
  private(set) var process: pid_t = 0

  private var library: String { version.isEmpty ? "libhdf5" : "libhdf5 \(version)" }

  /// How many seconds reading may take: far more than any filter needs.
  static func seconds(for byteCount: Int) -> Int { 10 + byteCount >> 22 }

  /// Whether it has taken longer for all answers than it may for one.
  var isWorn: Bool { busy > .seconds(seconds) }

  /// Starts a process and has it open a file.
  ///
  /// - Parameters:
  ///   - size: How many bytes of numbers it can give at a time.
  ///   - seconds: How long an answer may take.
  ///   - memory: What the process may take; `nil` is what the file justifies.
  /// - Throws: ``Missing``, or ``GraftError`` when the library cannot open the file.
  init(_ file: RandomAccessFile, window size: Int, seconds: Int, memory: Int? = nil) throws {
    (self.file, self.seconds) = (file, seconds)
    guard GraftHDF5CanStart() != 0 else { throw Missing.program }
    let shared = GraftHDF5Window(UInt64(size))
    guard shared >= 0 else { throw Self.systemError(errno) }
    defer { close(shared) }
    let map = mmap(nil, size, PROT_READ, MAP_SHARED, shared, 0)
    guard let map, map != MAP_FAILED else { throw Self.systemError(errno) }
    window = UnsafeRawBufferPointer(start: map, count: size)
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    else { throw Self.systemError(errno) }
    socket = ends[0]
    // Twice the time: what is computed counts over several answers.
    let status = Self.start(
      file.descriptor, ends[1], shared, UInt64(memory ?? file.budget.memory), UInt64(2 * seconds), &process)
    close(ends[1])
    guard status == 0 else {
      process = 0
      throw Self.systemError(status)
    }
    _ = try answer()
    isStarted = true
    version = String(decoding: try answer(), as: UTF8.self)
  }

  deinit {
    end()
    if socket >= 0 { close(socket) }
    munmap(UnsafeMutableRawPointer(mutating: window.baseAddress), window.count)
  }

  private static func systemError(_ status: Int32) -> Missing {
    .system(String(cString: strerror(status)))
  }

  // MARK: Asking

  /// Asks a question.
  ///
  /// - Throws: ``GraftError`` when the library cannot tell, takes too long, or does not survive it.
  @discardableResult
  func ask(_ kind: Int, about address: Int, rows: Range<Int> = 0..<0) throws -> [UInt8] {
    var request = GraftHDF5Request(
      kind: UInt32(kind), unused: 0, address: UInt64(address), first: UInt64(rows.lowerBound),
      count: UInt64(rows.count))
    let count = withUnsafeBytes(of: &request) {
      send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    guard process > 0, count == MemoryLayout<GraftHDF5Request>.size else { throw whatEnded() }
    return try answer()
  }

  private func answer() throws -> [UInt8] {
    let start = clock.now
    defer {
      // What came although the time was over was there while this program stood still.
      let elapsed = clock.now - start
      if elapsed <= .seconds(seconds) { busy += elapsed }
    }
    let end = start.advanced(by: .seconds(seconds))
    var head = GraftHDF5Answer()
    try withUnsafeMutableBytes(of: &head) { try receive(into: $0, until: end) }
    guard head.magic == UInt32(GraftHDF5Magic), head.count <= UInt64(Self.maximumAnswer) else {
      self.end()
      throw GraftError(
        .malformed, "\(library) gives an answer that is none",
        file: file.url.path, advice: Self.advice)
    }
    let bytes = try file.budget.holding(Int(head.count), for: "the structure of the file") {
      try [UInt8](unsafeUninitializedCapacity: Int(head.count)) { buffer, count in
        try receive(into: UnsafeMutableRawBufferPointer(buffer), until: end)
        count = buffer.count
      }
    }
    guard head.status != UInt32(GraftHDF5Fine) else { return bytes }
    throw refusal(head.status, String(decoding: bytes, as: UTF8.self))
  }

  private func refusal(_ status: UInt32, _ text: String) -> any Error {
    switch Int(status) {
    case GraftHDF5NoLibrary: Missing.library(lacks: text)
    case GraftHDF5NoSandbox:
      Missing.system("the system does not let a process give up its rights: seccomp")
    default:
      GraftError(
        .malformed, "\(library) cannot read it\(text.isEmpty ? "" : " (\(text))")",
        file: file.url.path, advice: Self.advice)
    }
  }

  private func receive(into buffer: UnsafeMutableRawBufferPointer, until end: SuspendingClock.Instant) throws
  {
    var done = 0
    while done < buffer.count {
      guard Self.waits(for: socket, until: end, by: clock) else { throw tookTooLong() }
      let count = recv(socket, buffer.baseAddress.map { $0 + done }, buffer.count - done, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw whatEnded() }
      done += count
    }
  }

  /// Waits until there is something to receive.
  ///
  /// - Returns: `false` where there is nothing in time. What came while this program was stopped came in time.
  static func waits(
    for socket: Int32, until end: SuspendingClock.Instant, by clock: SuspendingClock
  ) -> Bool {
    var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    while true {
      let left = (end - clock.now) / .milliseconds(1)
      let ready = poll(&waiting, 1, left > 0 ? Int32(min(left + 1, 60_000)) : 0)
      if ready > 0 || ready < 0 && errno != EINTR { return true }
      if ready == 0, left <= 0 { return false }
    }
  }

  // MARK: Its end

  /// Ends it for taking too long.
  func tookTooLong() -> GraftError {
    end()
    return GraftError(
      .malformed,
      "\(library) was stopped: it takes longer than \(seconds) seconds",
      file: file.url.path, advice: Self.advice)
  }

  /// Why it gives no more answers.
  private func whatEnded() -> any Error {
    // It is about to end, if it has not.
    guard let status = end(patience: 1000) else { return tookTooLong() }
    let signal = status & 0x7F
    guard isStarted else {
      return Missing.system(signal == 0 ? "it ends with status \(status >> 8)" : "signal \(signal)")
    }
    if signal == SIGXCPU { return tookTooLong() }
    let isMemory = signal == 0 && status >> 8 == ENOMEM
    let problem =
      isMemory
      ? "\(library) was stopped: it takes more memory than a file of this size should"
      : "\(library) crashed on it" + (signal == 0 ? "" : " (signal \(signal))")
    return GraftError(.malformed, problem, file: file.url.path, advice: Self.advice)
  }

  /// Ends the process, and waits for that.
  ///
  /// - Parameter patience: How many milliseconds it has to end by itself.
  /// - Returns: How it ended; `nil` when it had to be ended.
  @discardableResult
  private func end(patience: Int = 0) -> Int32? {
    guard process > 0 else { return nil }
    defer { process = 0 }
    var status: Int32 = 0
    for _ in 0..<patience {
      let ended = waitpid(process, &status, WNOHANG)
      // Where the program ignores that processes end, they are gone without a word.
      if ended == process || (ended < 0 && errno == ECHILD) { return status }
      usleep(1000)
    }
    kill(process, SIGKILL)
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return nil
  }
}
