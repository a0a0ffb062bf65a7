import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import TokenClassification

/// Entities and their scores as `seqeval` has them: `Fixtures/evaluation/make_entities.py`.
@Suite("Tags against seqeval")
struct TagSchemeTests {
  static let cases: [JSON] = {
    let file = fixtures.appending(path: "evaluation/entities.json")
    return (try? JSON(file: file))?["cases"]?.array ?? []
  }()

  private static func tags(_ value: JSON?) throws -> [[WordTag]] {
    try #require(value?.array).map { row in
      try #require(row.array).map { try #require(WordTag($0.string ?? "")) }
    }
  }

  @Test("there are goldens of every scheme and of none")
  func present() {
    let schemes = Set(Self.cases.map { $0["scheme"]?.string })
    #expect(schemes == Set(TagScheme.allCases.map(\.rawValue) + [nil]).subtracting(["IO"]))
  }

  @Test("precision, recall, F1 and support of each type, micro, macro and weighted", arguments: cases.indices)
  func seqeval(_ index: Int) throws {
    let golden = Self.cases[index]
    let scheme = golden["scheme"]?.string.flatMap(TagScheme.init(rawValue:))
    var counts = KindCounts()
    for (actual, predicted) in zip(try Self.tags(golden["actual"]), try Self.tags(golden["predicted"])) {
      counts.add(KindCounts(actual: actual.entities(scheme), predicted: predicted.entities(scheme)))
    }
    func agree(_ scores: ConfusionMatrix.Scores, _ expected: JSON?) throws {
      let numbers = try #require(expected?.array).compactMap(\.double)
      for (found, number) in zip([scores.precision, scores.recall, scores.f1], numbers) {
        #expect(abs(found - number) <= 1e-12, "\(golden["name"]?.string ?? "")")
      }
      #expect(numbers.count == 4 && Double(scores.support) == numbers[3])
    }
    let kinds = try #require(golden["types"]?.object)
    #expect(counts.kinds.map(\.name) == kinds.keys.sorted())
    for (name, scores) in counts.kinds { try agree(scores, kinds[name]) }
    try agree(counts.micro, golden["micro"])
    try agree(counts.macro, golden["macro"])
    try agree(counts.weighted, golden["weighted"])
  }

  @Test("entities written as tags are read back, in every scheme", arguments: TagScheme.allCases)
  func roundTrip(_ scheme: TagScheme) {
    let entities = [
      WordEntity(type: "PER", words: 1..<2), WordEntity(type: "LOC", words: 2..<5),
      WordEntity(type: "PER", words: 6..<8), WordEntity(type: "PER", words: 9..<10),
    ]
    let tags = [WordTag](entities, count: 11, scheme)
    #expect(tags.count == 11 && tags.allSatisfy { scheme.prefixes.contains($0.prefix) })
    #expect(tags.entities(scheme) == entities)
  }

  @Test("entities that touch stay apart where the scheme can say so")
  func touching() {
    let entities = [WordEntity(type: "PER", words: 0..<2), WordEntity(type: "PER", words: 2..<3)]
    for scheme in [TagScheme.iob1, .iob2, .ioe2, .iobes, .bilou] {
      #expect([WordTag](entities, count: 3, scheme).entities(scheme) == entities, "\(scheme)")
    }
    #expect([WordTag](entities, count: 3, .io).entities(.io) == [WordEntity(type: "PER", words: 0..<3)])
  }

  @Test("a tag that goes on with what has not begun is counted")
  func broken() {
    func tags(_ names: String) -> [WordTag] { names.split(separator: " ").compactMap { WordTag(String($0)) } }
    #expect(tags("O I-PER I-PER B-LOC I-PER I-LOC").countOfBroken(.iob2) == 3)
    #expect(tags("O I-PER I-PER").countOfBroken(.iob1) == 0)
    #expect(tags("B-PER E-PER E-PER S-LOC I-LOC").countOfBroken(.iobes) == 2)
  }

  @Test("labels are tags, types, or neither")
  func labels() throws {
    func head(_ labels: [String], _ scheme: String? = nil) throws -> HeadTags {
      var configuration = Configuration()
      configuration.setLabels(labels)
      configuration["tag_scheme"] = scheme.map { .string($0) }
      return try HeadTags(configuration)
    }
    #expect(try head(["O", "B-PER", "I-PER"]).scheme == .iob2)
    #expect(try head(["O", "B-PER", "I-PER"], "iob1").scheme == .iob1)
    #expect(try head(["O", "I-PER"], "IOB2").scheme == .io)
    #expect(try head(["O", "B-PER", "I-PER"], "bio").dataScheme == .iob2)
    #expect(try head(["O", "B-PER", "I-PER"], "BIOES").dataScheme == .iobes)
    #expect(try head(["O", "B-PER", "I-PER"], "BILUO").dataScheme == .bilou)
    #expect(try head(["O", "S-PER", "B-PER", "I-PER", "E-PER"]).scheme == .iobes)
    #expect(try head(["O", "U-PER", "B-PER", "I-PER", "L-PER"]).scheme == .bilou)
    #expect(try head(["O", "PER", "LOC"]).types == ["PER", "LOC"])
    #expect(try head(["NOUN", "VERB"]).scheme == nil)
    #expect(try head(["O", "B-PER", "I-PER"]).continuing == [0, 2, 2])
    let unknown = #expect(throws: GraftError.self) { try head(["O", "B-PER"], "IOBX") }
    #expect(unknown?.description.contains("key 'tag_scheme'") == true)
    #expect(throws: GraftError.self) { try head(["NOUN", "VERB"], "IOB2") }
  }
}
