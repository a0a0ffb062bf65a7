/// The score that an experiment says arms are compared by, which may be that of one of several heads:
/// `token-classification_f1`.
package struct ChosenMetric: Equatable {
  /// The head that the name begins with; `nil` where it begins with none.
  let head: String?
  /// As results of that head have it, after `eval_`.
  let key: String

  /// - Parameters:
  ///   - name: As the experiment says it.
  ///   - heads: The names of the heads that are evaluated.
  package init(_ name: String, among heads: some Sequence<String>) {
    // The name of one head may begin with that of another.
    head = heads.filter { name.hasPrefix("\($0)_") }.max { $0.count < $1.count }
    key = head.map { String(name.dropFirst($0.count + 1)) } ?? name
  }

  /// The name in the results of a head; `nil` where it is the score of another head.
  package func key(of head: String?) -> String? { self.head == nil || self.head == head ? key : nil }
}
