/// The one error of Graft: a sentence a person can act on, assembled from its parts.
///
/// Every module throws this type. It names the file, the subject inside it (a tensor, a row, a key), the
/// problem, what was expected and found, and what to do next; `description` joins what is present:
///
///     model.safetensors: tensor 'classifier.weight': wrong shape; expected [4, 384], found [3, 384].
///     Give three 'labels', or swap the head.
public struct GraftError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Kinds of errors that callers may handle differently.
  public enum Kind: Sendable, Equatable {
    /// A name that no plugin is registered under.
    case unknownName
    /// A file whose content breaks its own format.
    case malformed
    /// Parts that do not belong together: shapes, widths, labels.
    case mismatch
    /// Something that should be there and is not: a file, a tensor, a column.
    case missing
    /// Something well-formed that Graft does not do.
    case unsupported
    /// Something Graft declines to do because it would harm or mislead: overwriting, predicting untrained.
    case refused
    /// Numbers that are computed and are none: NaN, from weights or settings that are broken.
    case notFinite
    /// The operating system said no: permission, disk full, interrupted.
    case system
  }

  public var kind: Kind
  public var problem: String
  public var file: String?
  public var subject: String?
  public var option: String?
  public var expected: String?
  public var found: String?
  public var advice: Advice?

  /// - Parameters:
  ///   - kind: What happened, for code.
  ///   - problem: What happened, for people; lower case, no full stop.
  ///   - file: The path of the file or directory at fault.
  ///   - subject: What inside it: `tensor 'x'`, `row 3`, `key 'hidden_size'`.
  ///   - option: The setting at fault, by its name in words that are joined with `-`: `batch-size`.
  ///   - expected: What would have been right.
  ///   - found: What was there.
  ///   - advice: One sentence saying what to do next, with its full stop; options and actions are marked.
  public init(
    _ kind: Kind,
    _ problem: String,
    file: String? = nil,
    subject: String? = nil,
    option: String? = nil,
    expected: String? = nil,
    found: String? = nil,
    advice: Advice? = nil
  ) {
    self.kind = kind
    self.problem = problem
    self.file = file
    self.subject = subject
    self.option = option
    self.expected = expected
    self.found = found
    self.advice = advice
  }

  public var description: String {
    let shown = shown
    var text =
      [shown.file, shown.subject, option.map { "option '\($0)'" }].compactMap { $0 }.map { "\($0): " }
      .joined()
      + shown.problem
    let comparison = [shown.expected.map { "expected \($0)" }, shown.found.map { "found \($0)" }]
      .compactMap { $0 }
    if !comparison.isEmpty { text += "; " + comparison.joined(separator: ", ") }
    if !text.hasSuffix("?") { text += "." }
    if let advice { text += " \(advice.description.withoutControls)" }
    return text
  }
}

extension GraftError {
  /// This error with the file it happened in, unless it already names one.
  public func inFile(_ path: String) -> GraftError {
    var error = self
    error.file = file ?? path
    return error
  }
}
