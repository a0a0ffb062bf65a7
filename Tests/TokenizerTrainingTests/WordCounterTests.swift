import GraftCompute
import GraftCore
import GraftKit
import GraftPlugins
import GraftTensors
import Testing
import TokenizerKit

/// Words are counted by parts of texts, and come out as if the texts were whole.
@Suite struct WordCounterTests {
  @Test("parts of texts give the words of whole texts, in every family")
  func parts() throws {
    let mixed = try TrainingGolden("modernbert").texts
    let texts =
      Array(mixed.prefix(500)) + [
        "", " ", "  a", "a  ", "a \u{200B}b", "a\u{200B} b", "a \u{301}b", "é e\u{301} x",
        "a\u{A0}b c\u{3000}d",
        "\u{FDFA} \u{FE70} x", "``a'' b", "` `a", "a\tb c\n d e",
      ]
    let threads = ThreadPool(count: 2)
    for family in try Registry.builtIn().families.values {
      let document = try TrainingDocument(family.scratchRecipe().tokenizer, TokenizerTrainingOptions())
      let counts = [true, false].map { cuts in
        var counter = WordCounter(document.normalizer, document.preTokenizer, cutsAtSpaces: cuts)
        counter.add(texts, threads: threads)
        return counter.words(threads: threads)
      }
      #expect(counts[0].map(\.bytes) == counts[1].map(\.bytes), "\(family.name)")
      #expect(counts[0].map(\.count) == counts[1].map(\.count), "\(family.name)")
      #expect(counts[0].count > 500)
    }
  }
}
