import ArgumentParser
import Foundation
import GraftTensors

/// Standard output: results, and nothing else. What could steer a terminal is printed as its code, as JSON spells it.
enum Output {
  /// Prints lines.
  ///
  /// - Throws: `GraftError` when the device is full. A reader that has left, as `head` does, is no error.
  static func print(_ text: String) throws {
    guard let failure = write(text.withoutControls + "\n", to: STDOUT_FILENO), failure != EPIPE else {
      return
    }
    throw unwritable(failure)
  }

  /// Prints a part of a result that goes on.
  ///
  /// - Throws: `GraftError` when the device is full. When the reader has left, the command ends: nobody wants the rest.
  static func stream(_ text: String) throws {
    guard let failure = write(text.withoutControls, to: STDOUT_FILENO) else { return }
    if failure == EPIPE { throw ExitCode.success }
    throw unwritable(failure)
  }

  private static func unwritable(_ failure: Int32) -> GraftError {
    GraftError(.system, "standard output cannot be written (\(String(cString: strerror(failure))))")
  }

  /// Prints one JSON document.
  ///
  /// - Throws: as ``print(_:)-(String)``.
  static func print(_ json: JSON) throws { try print(json.text(.pretty)) }

  /// Writes all of a text without buffering.
  ///
  /// - Returns: The error number of the system when it did not work.
  static func write(_ text: String, to descriptor: Int32) -> Int32? {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return errno }
      bytes = bytes.dropFirst(count)
    }
    return nil
  }
}

extension JSON {
  /// An object of distinct keys in their order.
  static func object(_ members: [(String, JSON)]) -> JSON {
    .object(.init(members, uniquingKeysWith: { first, _ in first }))
  }

  /// A list of strings.
  static func list(_ strings: some Sequence<String>) -> JSON { .array(strings.map { .string($0) }) }

  /// A path, as it was given.
  init(_ url: URL) { self = .string(url.displayPath) }
}

extension URL {
  /// The path as a person would type it: relative when it is below the working directory.
  var displayPath: String { path.relativeToWorkingDirectory }
}

extension GraftError {
  /// This error as the command line spells it: the file as a person would type it, options as flags, actions as
  /// commands.
  var inCommandLineWords: GraftError {
    var error = self
    if let option {
      error.option = nil
      error.subject = [subject, "--\(option)"].compactMap { $0 }.joined(separator: ": ")
    }
    error.file = file?.relativeToWorkingDirectory
    error.advice = advice.map { Advice($0.commandLineText) }
    return error
  }
}

extension String {
  /// A path as a person would type it.
  var relativeToWorkingDirectory: String {
    let directory = FileManager.default.currentDirectoryPath
    guard directory != "/", hasPrefix(directory + "/") else { return self }
    return String(dropFirst(directory.count + 1))
  }
}
