import Foundation

/// Turns Ctrl-C and a polite kill into a request; the second one ends the process as usual.
final class Interruption {
  private let sources: [any DispatchSourceSignal]

  /// - Parameter handler: Is called once for each signal, on a queue of its own.
  init(_ handler: @escaping @Sendable () -> Void) {
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        signal(number, SIG_DFL)
        handler()
      }
      source.resume()
      return source
    }
  }

  deinit {
    for source in sources { source.cancel() }
  }
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
