import Foundation
import GraftCore
import GraftPlugins
import GraftTensors

/// A reader of bytes from outside: of whatever it is given it makes something or throws a `GraftError`, in bounded
/// time and memory.
public struct FuzzTarget: Sendable, CustomStringConvertible {
  public enum Outcome: Sendable { case read, notRecognized, refused }

  /// What it reads: the format, or what calls it.
  public let name: String
  private let body: @Sendable ([UInt8]) throws -> Outcome

  /// - Parameter body: Reads bytes.
  init(_ name: String, _ body: @escaping @Sendable ([UInt8]) throws -> Outcome) {
    (self.name, self.body) = (name, body)
  }

  /// - Parameter body: Reads bytes; what does not throw was recognized.
  init(reading name: String, _ body: @escaping @Sendable ([UInt8]) throws -> Void) {
    self.init(name) { bytes in
      try body(bytes)
      return .read
    }
  }

  public var description: String { name }

  /// Reads bytes.
  ///
  /// - Throws: ``Fault`` where the reader does what none may.
  public func read(_ bytes: [UInt8]) throws -> Outcome {
    do {
      return try body(bytes)
    } catch let error as GraftError {
      try Fault.check(error, of: bytes)
      return .refused
    }
  }

  /// All targets: of everything that is registered, then of what the program reads itself.
  public static let all: [FuzzTarget] = {
    do {
      let registry = try Registry(builtInPlugins)
      return try weights(registry) + checkpoints(registry) + tokenizers(registry) + rows(registry)
        + texts(registry)
    } catch {
      fatalError("\(error)")
    }
  }()
}

/// What no reader may do, whatever it reads.
public struct Fault: Error, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }

  /// Demands what holds for all inputs.
  static func unless(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    guard condition else { throw Fault(what()) }
  }

  /// Demands that an error is one for people: without characters that steer a terminal, and short. Only what lists the
  /// mistakes of an experiment grows with it.
  static func check(_ error: GraftError, of input: [UInt8] = []) throws {
    let text = error.description
    try unless(
      text.utf8.count < 9000 + 8 * input.count, "an error of \(text.utf8.count) bytes: \(text.prefix(200))")
    try unless(
      !text.unicodeScalars.contains {
        switch $0 {
        case "\n", "\t": false
        case "\0"..<" ", "\u{7F}"..<"\u{A0}": true
        default: false
        }
      },
      "an error with control characters: \(text.debugDescription)")
  }
}
