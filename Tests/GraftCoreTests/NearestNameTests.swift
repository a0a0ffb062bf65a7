import Testing

@testable import GraftCore

/// What misspelt names were meant to be.
@Suite struct NearestNameTests {
  static let names: [(name: String, known: [String], nearest: String?)] = [
    // Too far for their length.
    ("head", ["seed", "strict"], nil), ("heads", ["threads"], nil), ("task", ["take"], nil),
    ("metric", ["strict", "precision"], nil), ("b", ["d"], nil), ("text", ["nomic-embed-text-v1"], nil),
    ("text", ["textattack/bert-base-uncased"], nil),
    // Misspelt.
    ("lable", ["labels", "label"], "label"), ("qs", ["qa"], "qa"), ("BERT", ["bert"], "bert"),
    ("wordpeice", ["bpe", "wordpiece"], "wordpiece"), ("consine", ["linear", "cosine"], "cosine"),
    // With more words, or with fewer.
    ("num-train-epochs", ["epochs", "threads"], "epochs"),
    ("lr-schedule-type", ["lr-scheduler", "learning-rate"], "lr-scheduler"),
    ("masked", ["masked-lm", "base"], "masked-lm"), ("embed-text", ["nomic-embed-text"], "nomic-embed-text"),
    // Shorter.
    ("out", ["output", "output-directory", "optimizer"], "output"),
    ("lr", ["lr-scheduler", "learning-rate"], "learning-rate"), ("o", ["output"], nil),
    ("metric", ["strict", "metric-for-best-model"], "metric-for-best-model"),
  ]

  @Test(arguments: names.indices) func nearest(_ index: Int) {
    let (name, known, nearest) = Self.names[index]
    #expect(NearestName.find(name, among: known) == nearest, "\(name) among \(known)")
  }
}
