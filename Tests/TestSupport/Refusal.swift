import Foundation
import GraftTensors

/// One row of a table of inputs that must be refused: the input, and the message a person reads.
public struct Refusal<Input: Sendable>: CustomStringConvertible, Sendable {
  public let name: String
  public let input: Input
  public let message: String

  public init(_ name: String, _ input: Input, _ message: String) {
    (self.name, self.input, self.message) = (name, input, message)
  }

  public var description: String { name }
}

/// The description of the error that `body` throws, or `nil` when it throws none.
///
/// - Parameter directory: Left out of the message, so that files are named relative to it.
public func errorMessage(in directory: URL? = nil, _ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    let text = "\(error)"
    return directory.map { text.replacing($0.path + "/", with: "") } ?? text
  }
}

/// Writes a file, reads it, and returns the message it is refused with, or `nil` when it is accepted.
///
/// - Parameters:
///   - bytes: The content of the file.
///   - name: Its name.
///   - read: Opens the file and reads what has to be read.
/// - Returns: The message without the file's path, if the error names this file; the whole message otherwise.
/// - Throws: Any error that is not a ``GraftError``.
public func errorMessage(
  reading bytes: [UInt8], as name: String, _ read: (URL) throws -> Void
) throws -> String? {
  try withTemporaryDirectory { directory in
    let url = directory.appending(path: name)
    try Data(bytes).write(to: url)
    do {
      try read(url)
      return nil
    } catch let error as GraftError where error.file == url.path {
      return error.description.replacing("\(url.path): ", with: "", maxReplacements: 1)
    } catch let error as GraftError {
      return error.description
    }
  }
}
