import GraftTensors
import Synchronization

/// Processes that read one file's datasets, each for one reader at a time. They end with what was read.
final class LibraryReaders: Sendable {
  /// The least that one reads at a time.
  private static let leastWindow = 1 << 21
  /// The most that wait for something to do.
  private static let maximumIdle = 2

  private let file: RandomAccessFile
  private let seconds: Int?
  private let idle = Mutex<[LibraryProcess]>([])

  /// - Parameter seconds: How long an answer may take; `nil` is what it justifies.
  init(_ file: RandomAccessFile, seconds: Int?) { (self.file, self.seconds) = (file, seconds) }

  /// Calls `body` with a process whose window has so many bytes.
  ///
  /// - Throws: ``GraftError`` when none can be started, and what `body` throws; then the process ends.
  func withReader<Result>(window: Int, _ body: (LibraryProcess) throws -> Result) throws -> Result {
    let waiting = idle.withLock { idle in
      idle.lastIndex { $0.window.count >= window }.map { idle.remove(at: $0) }
    }
    let process = try waiting ?? start(window: max(window, Self.leastWindow))
    let result = try body(process)
    // What it computed counts toward the limit of the process, which is meant for one reading.
    if !process.isWorn {
      idle.withLock { idle in
        if idle.count < Self.maximumIdle { idle.append(process) }
      }
    }
    return result
  }

  private func start(window: Int) throws -> LibraryProcess {
    do {
      return try LibraryProcess(file, window: window, seconds: seconds ?? LibraryProcess.seconds(for: window))
    } catch let missing as LibraryProcess.Missing {
      // It was there when the file was opened.
      throw missing.error(insteadOf: GraftError(.unsupported, "cannot be read any more"))
    }
  }
}
