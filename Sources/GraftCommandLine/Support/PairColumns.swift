import GraftTensors

/// Data whose columns are those of sentence vectors, for a head that reads a text and a label.
enum PairColumns {
  /// Reads data; where there is no text but an anchor and what belongs to it, the error names the task.
  ///
  /// - Throws: What `read` throws.
  static func advising<Data>(_ read: () throws -> Data) throws -> Data {
    do {
      return try read()
    } catch var error as GraftError {
      let columns = (error.found ?? "").lowercased()
      if error.kind == .missing, error.subject?.hasSuffix("column 'text'") == true,
        [("anchor", "positive"), ("sentence1", "sentence2")].contains(where: { first, second in
          columns.contains("'\(first)'") && columns.contains("'\(second)'")
        })
      {
        error.advice =
          "For vectors of texts, pass \(option: "task") sentence-embedding; for another head name the columns with \(option: "text-column") and \(option: "pair-column")."
      }
      throw error
    }
  }
}
