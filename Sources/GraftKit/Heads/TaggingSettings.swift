import GraftCore
import GraftTensors

extension Checkpoint {
  /// Settles how the active head that labels tokens reads words and tags. It is kept with the head, so that it is
  /// evaluated as it was trained.
  ///
  /// - Parameters:
  ///   - labelsAllTokens: Whether all tokens of a word are learnt from; `false` leaves it as it is.
  ///   - scheme: The scheme of the data's tags; `nil` leaves it as it is.
  /// - Throws: `GraftError` when there is something to settle and no such head.
  package mutating func setTagging(labelsAllTokens: Bool = false, scheme: String? = nil) throws {
    guard labelsAllTokens || scheme != nil else { return }
    guard let task = activeHead?.tasks.first(where: { $0.labelsTokens }) else {
      throw GraftError(
        .refused, "the active head does not label tokens",
        advice: "Leave out \(option: "label-all-tokens") and \(option: "tag-scheme").")
    }
    if labelsAllTokens { self[task.name]?.settings["label_all_tokens"] = true }
    if let scheme { self[task.name]?.settings["tag_scheme"] = .string(scheme.uppercased()) }
  }
}
