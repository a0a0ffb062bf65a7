/// Rows that a run is evaluated on, one set of perhaps several.
package struct EvaluationSet: Sendable {
  /// What its scores are called by, as `eval_NAME_loss`; `nil` for `eval_loss`.
  package let name: String?
  package let data: Dataset
  /// The names of the files that the rows are from.
  let files: [String]
  /// The place of the head that it is for in the run's list of heads.
  let head: Int

  package init(_ name: String? = nil, _ data: Dataset, files: [String] = [], head: Int = 0) {
    (self.name, self.data, self.files, self.head) = (name, data, files, head)
  }

  /// The results of an evaluation under the names that this set's have.
  func named(_ results: [String: Double]) -> [String: Double] {
    guard let name else { return results }
    return results.reduce(into: [:]) { named, result in
      named[
        result.key.hasPrefix("eval_") ? "eval_\(name)_\(result.key.dropFirst("eval_".count))" : result.key] =
        result.value
    }
  }
}
