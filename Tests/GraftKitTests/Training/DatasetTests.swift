import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftKit
import GraftTensors
import TestSupport
import Testing

@Suite struct DatasetTests {
  private let registry: Registry
  private let model: Model

  init() throws {
    registry = try Support.registry()
    model = try registry.open(Support.fixture("masked-lm")).checkpoint.makeModel()
  }

  /// Pieces of texts as transformers' run_mlm.py packs them; see Fixtures/tables/make.py.
  @Test func textsArePackedAsTheReferencePacksThem() throws {
    let golden = try JSON(
      parsing: Array(Data(contentsOf: fixtures.appending(path: "tables/packed.json"))))
    let rows = try #require(golden["texts"]?.array).map { TextRow($0.string ?? "") }
    let data = try Dataset(rows, for: model, maxLength: golden["length"]?.int, packsTexts: true)
    let pieces = try #require(golden["pieces"]?.array)
    #expect(data.count == pieces.count && data.facts.isPacked && data.facts.truncated == 0)
    for (index, piece) in pieces.enumerated() {
      let encoding = try data.example(index).encoding
      #expect(encoding.ids.map(Int.init) == piece["ids"]?.array?.compactMap(\.int))
      #expect(encoding.isSpecial.map { $0 ? 1 : 0 } == piece["special"]?.array?.compactMap(\.int))
    }
  }

  @Test func whatCannotBePackedIsRefused() throws {
    let short = #expect(throws: GraftError.self) {
      try Dataset([TextRow("the world")], for: model, maxLength: 32, packsTexts: true)
    }
    #expect(short?.problem == "the texts together are shorter than one piece")
    let classifier = try registry.open(Support.fixture("sequence-classification")).checkpoint.makeModel()
    let labelled = #expect(throws: GraftError.self) {
      try Dataset([TextRow("the world", label: .text("World"))], for: classifier, packsTexts: true)
    }
    #expect(labelled?.problem.hasPrefix("only texts that a head learns from without labels") == true)
  }

  @Test func rowsWithoutTokensAreLeftOutOfWhatIsLearnt() throws {
    let texts = ["the world", "", "team won", " ", "\u{200B}", "☃"]
    let rows = texts.enumerated().map { TextRow($1, place: TextRow.Place(file: "a.csv", row: $0 + 2)) }
    let data = try Dataset(rows, for: model)
    // The last is an unknown token, which masking leaves alone.
    #expect(data.facts.skipped.map(\.row) == [3, 5, 6, 7])
    #expect(try Dataset(rows, for: model, maxLength: 3).facts.truncatedRows == [0, 1])
    #expect(data.rows.map(\.text) == ["the world", "team won"])
    #expect(try (0..<data.count).map { try data.example($0).row.text } == ["the world", "team won"])
    let none = #expect(throws: GraftError.self) { try Dataset(Array(rows[1...1]), for: model) }
    #expect(none?.problem == "no row has a token that could be learnt from")

    // A classifier labels a blank text as well.
    let classifier = try registry.open(Support.fixture("sequence-classification")).checkpoint.makeModel()
    let all = try Dataset(rows, for: classifier, requiringLabels: false)
    #expect(all.facts.skipped.isEmpty && all.count == 6)
  }

  @Test func sentencesWithoutWordsAreLeftOutOfWhatIsLearnt() throws {
    let tagger = try registry.open(Support.fixture("token-classification")).checkpoint.makeModel()
    let rows = [["he", "can"], [], [" "]].enumerated().map { index, words in
      var row = TextRow(
        "", label: .list(words.map { _ in "O" }), place: .init(file: "a.jsonl", row: index + 1))
      row.fields["tokens"] = .array(words.map { .string($0) })
      return row
    }
    let data = try Dataset(rows, for: tagger)
    #expect(data.count == 1 && data.facts.skipped.map(\.row) == [2, 3])
    #expect(data.rows.map(\.place.row) == [1] && data.labels.count == 1)
    // It is the data set without them, wherever they stand.
    #expect(try data.fingerprint == Dataset([rows[0]], for: tagger).fingerprint)
    let last = try Dataset(rows.reversed(), for: tagger)
    #expect(try last.fingerprint == data.fingerprint && last.example(0).row.place.row == 1)
    let none = #expect(throws: GraftError.self) { try Dataset(Array(rows[1...]), for: tagger) }
    #expect(none?.description.hasPrefix("a.jsonl: no row has a token that could be learnt from") == true)
    // What is said of texts is said of blank ones as well.
    #expect(try Dataset(rows, for: tagger, requiringLabels: false).facts.skipped.isEmpty)
  }

  @Test func textsThatAreCutAreCounted() throws {
    let rows = [3, 4, 5, 30].map { TextRow(Array(repeating: "he", count: $0).joined(separator: " ")) }
    // A row of n words has n + 2 tokens.
    #expect(try Dataset(rows, for: model, maxLength: 6).facts.truncated == 2)
    #expect(try Dataset(rows, for: model, maxLength: 7).facts.truncated == 1)
    #expect(try Dataset(rows, for: model, maxLength: 32).facts.truncated == 0)
    let classifier = try registry.open(Support.fixture("sequence-classification")).checkpoint.makeModel()
    let data = try Dataset(rows, for: classifier, maxLength: 6, requiringLabels: false)
    #expect(data.facts == DatasetFacts(rows: 4, examples: 4, maximumLength: 6, truncatedRows: [2, 3]))
    let pairs = rows.map { TextRow($0.text, pair: "he he") }
    #expect(try Dataset(pairs, for: classifier, maxLength: 9, requiringLabels: false).facts.truncated == 2)
  }

  @Test func blankRowsDoNotStopARun() throws {
    try withTemporaryDirectory { directory in
      let rows = ["the world", "", "team won", " "].map { TextRow($0) }
      var options = TrainingOptions()
      (options.batchSize, options.epochs, options.reportTo) = (1, 1, [])
      var facts: [DatasetFacts] = []
      _ = try train(
        registry.open(Support.fixture("masked-lm")).checkpoint, on: TrainingData(rows, named: ["a"]),
        options: options, output: directory.appending(path: "out"), backend: registry.makeBackend(),
        registry: registry
      ) {
        if case .prepared(let found, false) = $0 { facts.append(found) }
      }
      #expect(facts.map(\.skipped.count) == [2] && facts.map(\.examples) == [2])
    }
  }
}
