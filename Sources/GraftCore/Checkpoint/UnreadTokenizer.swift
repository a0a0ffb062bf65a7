import Foundation
import GraftTensors

/// A tokenizer whose files are there and cannot be read. Weights need none: the files go along as they are.
public struct UnreadTokenizer: Sendable {
  /// Why it cannot be read.
  public let error: GraftError
  let files: OpaqueFiles

  /// - Parameter names: What the files of tokenizers are called.
  /// - Throws: `GraftError` when a file cannot be opened.
  init(_ error: GraftError, in directory: URL, names: [String]) throws {
    self.error = error
    files = try OpaqueFiles(directory, only: names)
  }
}

extension Checkpoint {
  /// The tokenizer, or the error that there is none or that it cannot be read.
  public func requireTokenizer() throws -> any Tokenizer {
    guard let tokenizer else { throw unreadTokenizer?.error ?? Self.noTokenizer }
    return tokenizer
  }

  static var noTokenizer: GraftError {
    GraftError(
      .missing, "the checkpoint has no tokenizer files",
      advice: "Put tokenizer.json, or the vocabulary that it was published with, beside its weights.")
  }
}
