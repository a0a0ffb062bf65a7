import GraftTensors

/// A `tokenizer.json` with its vocabulary apart.
///
/// The vocabulary does not become a ``JSON`` object: its keys are Swift strings, which compare as equal what
/// looks the same (U+212B and U+00C5), where a vocabulary tells them apart.
struct VocabularyJSON {
  /// The file with an empty object in place of the vocabulary.
  let document: JSON
  /// The vocabulary's tokens in the file's order; none when there is no vocabulary that is an object.
  let entries: [Vocabulary.Entry]

  /// - Throws: ``GraftError`` that gives the byte offset when this is no JSON object, the vocabulary's ids are
  ///   no whole numbers, or a token is given twice.
  init(parsing bytes: [UInt8]) throws {
    var document: [(String, JSON)] = []
    var entries: [Vocabulary.Entry] = []
    var reader = JSONReader(bytes)
    try reader.object { reader, key in
      guard key == "model" else {
        document.append((key, try reader.value()))
        return
      }
      var model: [(String, JSON)] = []
      try reader.object { reader, key in
        if key == "vocab", try reader.isAtObject() {
          // As many as the published BERT models have.
          try reader.object(expecting: 30_522) { reader, token in
            entries.append((token, try reader.integer()))
          }
          model.append((key, [:]))
        } else {
          model.append((key, try reader.value()))
        }
      }
      document.append((key, .object(model.reduce(into: [:]) { $0[$1.0] = $1.1 })))
    }
    try reader.finish()
    self.document = .object(document.reduce(into: [:]) { $0[$1.0] = $1.1 })
    self.entries = entries
  }
}
