import ArgumentParser
import Foundation
import GraftKit
import Synchronization

/// Turns Ctrl-C, a polite kill and a terminal that goes away into a request; the second one ends the process as usual.
///
/// A thread waits for signals and no handler runs: one that interrupts a kernel of oneDNN on its thread can leave the heap
/// corrupt. Threads of a `ThreadPool` take no signals for the same reason.
final class Interruption {
  private let isOver = Flag()

  private final class Flag: Sendable {
    let value = Atomic<Bool>(false)
    let signal = Atomic<Int32>(0)
  }

  /// What a shell calls the end of a process by the signal that came: 130 after Ctrl-C, 143 after a polite kill.
  var exitCode: ExitCode { ExitCode(128 + isOver.signal.load(ordering: .acquiring)) }

  /// The same of several ranks, of which the signal may have come to one alone.
  func exitCode(of group: any ProcessGroup) throws -> ExitCode {
    let codes = try group.gather([UInt8(exitCode.rawValue)]).compactMap(\.first)
    return ExitCode(codes.max().map(Int32.init) ?? 1)
  }

  /// - Parameter handler: Is called once, on a thread of its own.
  init(_ handler: @escaping @Sendable () -> Void) {
    var signals = sigset_t()
    sigemptyset(&signals)
    // What was ignored from the start stays so: Ctrl-C is not for a job in the background of a script.
    let heeded = [SIGINT, SIGTERM, SIGHUP].filter { !Self.isIgnored($0) }
    for number in heeded { sigaddset(&signals, number) }
    guard !heeded.isEmpty else { return }
    // For this thread and those that it starts from now on.
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    Thread.detachNewThread { [isOver, signals] in
      var signals = signals
      var number: Int32 = 0
      sigwait(&signals, &number)
      if !isOver.value.load(ordering: .relaxed) {
        isOver.signal.store(number, ordering: .releasing)
        handler()
        sigwait(&signals, &number)
      }
      signal(number, SIG_DFL)
      pthread_sigmask(SIG_UNBLOCK, &signals, nil)
      kill(getpid(), number)
    }
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  deinit { isOver.value.store(true, ordering: .relaxed) }
}

/// Command lines as a shell reads them.
enum Shell {
  /// This process's command line with one more flag, to be pasted into a shell.
  static func thisCommand(adding flag: String) -> String {
    let arguments = CommandLine.arguments
    return (arguments.contains(flag) ? arguments : arguments + [flag]).map(quoted).joined(separator: " ")
  }

  static func quoted(_ argument: String) -> String {
    let plain = argument.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || "-_./,=:+@%".utf8.contains(byte)
    }
    if plain, !argument.isEmpty { return argument }
    return "'" + argument.replacing("'", with: "'\\''") + "'"
  }
}
