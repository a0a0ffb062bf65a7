import Foundation
import GraftCore
import GraftData
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// What the data decide: kinds of labels, lengths, sizes, epochs.
extension DraftTests {
  /// Lists are of several labels where rows to evaluate on have several.
  @Test func listsOfOneLabelAreTakenTogether() throws {
    try withTemporaryDirectory { directory throws in
      func list(_ labels: String) -> String { #"{"text": "a text", "label": [\#(labels)]}"# + "\n" }
      let rows = String(repeating: list(#""a""#) + list(#""b""#), count: 4)
      func kind(_ test: String) throws -> String? {
        let files = ["train.jsonl": rows, "test.jsonl": rows + test]
        return try draft(directory, files, evaluating: ["test.jsonl"]).summary["kind"]?.string
      }
      #expect(try kind(list(#""b""#)) == "single-label")
      #expect(try kind(list(#""a", "b""#)) == "multi-label")
      #expect(try kind(list("")) == "multi-label")
    }
  }

  /// A choice is read beside its question alone.
  @Test func lengthsAreThoseThatAreRead() throws {
    try withTemporaryDirectory { directory in
      // Each sequence: [CLS], "a" 5 times, [SEP], "b" 3 and 1 times, [SEP].
      let choice = Self.table("sent1,sent2,ending0,ending1,label", 20) { "a a a a a,b,b b,,\($0 % 2)" }
        .replacing(",,", with: ",a,")
      let texts = Self.table("", 20) { _ in #"{"anchor": "a a a a", "positive": "b", "negative": "a b"}"# }
      let answers = Self.table("", 20) { _ in
        #"{"question": "a b", "context": "a a a a a", "answers": {"text": ["a"], "answer_start": [0]}}"#
      }
      let tags = Self.table("", 20) { _ in #"{"tokens": ["a", "b"], "tags": ["X", "Y"]}"# }
      for (name, text, length) in [
        ("c.csv", choice, 11), ("v.jsonl", texts, 6), ("q.jsonl", answers, 10), ("t.jsonl", tags, 4),
      ] {
        let found = try draft(directory, [name: text]).choices.lengths
        #expect(found == .init(median: length, most: length, longest: length, areTokens: true), "\(name)")
      }
      // As transformers' script reads them.
      let swag = try String(contentsOf: fixtures.appending(path: "choices/swag.csv"), encoding: .utf8)
      let draft = try draft(directory, ["swag.csv": swag], checkpoint: "multiple-choice")
      let goldens = try JSON(file: fixtures.appending(path: "choices/lengths.json"))
      #expect(draft.choices.lengths.longest == goldens["bert"]?.array?.compactMap(\.int).max())
    }
  }

  /// What the head does with long texts is not said of the model that learns their language.
  @Test func windowsAreOfTheHeadAlone() throws {
    try withTemporaryDirectory { directory in
      func parts(_ length: Int) throws -> [Substring] {
        let sentence = String(repeating: "a\tO\n", count: length) + "Ada\tB-PER\n\n"
        let draft = try draft(directory, ["train.conll": String(repeating: sentence, count: 20)])
        return draft.text(in: directory).split(separator: "  adapt:\n")
      }
      let (windows, cut) = ("# Longer ones are read in windows.", "# More than one text of a hundred is cut.")
      let short = try parts(10)
      #expect(short.count == 2 && short[0].contains(windows))
      #expect(!short[1].contains(windows) && !short[1].contains(cut))
      let long = try parts(100)
      #expect(long[0].contains(windows) && !long[0].contains(cut))
      #expect(!long[1].contains(windows) && long[1].contains(cut) && !long[1].contains("long-texts"))
    }
  }

  /// Lengths, sizes and classes decide.
  @Test func valuesFollowFromTheData() throws {
    try withTemporaryDirectory { directory in
      let long = Self.table("text,label", 60) {
        "\(String(repeating: "a ", count: $0 < 2 ? 90 : 20)),\($0 % 2)"
      }
      let draft = try draft(directory, ["train.csv": long])
      let lengths = draft.choices.lengths
      #expect(lengths == .init(median: 22, most: 92, longest: 92, areTokens: true))
      // The tiny model reads 64 tokens.
      #expect(draft.choices.maxLength == 64 && draft.choices.hasLongTexts)
      #expect(
        draft.text(in: directory).contains(
          "is cut. To read all of each, in more time:\n    # long-texts: windows"))
      let bare = try self.draft(directory, ["train.csv": long], checkpoint: "sequence-classification")
      #expect(bare.text(in: directory).contains("has no weights for the head 'masked-lm'"))
      #expect(!draft.text(in: directory).contains("has no weights for the head"))
      // Nothing is compared with a head that was never trained.
      let texts = try self.draft(
        directory, ["texts.txt": Self.table("", 20) { "a line number \($0)" }], checkpoint: "base")
      let adapting = texts.text(in: directory)
      #expect(adapting.contains("nothing to compare with") && !adapting.contains("before:"), "\(adapting)")
      #expect(try plan(adapting, in: directory).arms.map(\.name) == ["adapted"])
      let few = try self.draft(
        directory, ["few.csv": Self.table("text,label", 4) { "a text \($0),\($0 % 2)" }])
      #expect(few.evaluationRows == 1)
      #expect(draft.choices.batchSize == 16 && draft.evaluationRows == 12)
      // 48 rows are 3 steps of an epoch.
      #expect(draft.choices.usualEpochs == 10 && draft.choices.epochs == 60 && !draft.choices.keepsBest)
      #expect(draft.text(in: directory).contains("    # 180 steps: below some hundred little is learnt"))
    }
  }

  /// Small data are trained on for some hundreds of steps, and the best epoch is kept.
  @Test func epochsAreMadeOfSteps() throws {
    try withTemporaryDirectory { directory in
      func text(_ rows: Int, _ label: (Int) -> String) throws -> String {
        try draft(
          directory, ["rows.csv": Self.table("text,label", rows) { "some text \($0),\(label($0))" }]
        ).text(in: directory)
      }
      // 576 rows to train on are 36 steps.
      let one = try text(720) { "\($0 % 2)" }
      #expect(
        one.contains(
          "    # 504 steps: below some hundred little is learnt, however small the data are.\n    epochs: 14\n"
        ))
      #expect(one.contains("    # eval-split: 0.15\n    # load-best-model-at-end: true"))
      // Answers are learnt by heart in as many steps.
      let answers = try draft(directory, ["asked.json": Self.squad(80)])
      #expect(
        answers.choices.epochs == 60
          && answers.text(in: directory).contains(
            """
                # The best of all epochs is kept, by rows that are held out of 'train'.
                eval-split: 0.15
                load-best-model-at-end: true
                metric-for-best-model: f1
                save-total-limit: 1
            """)
      )
      // They take twice as many where there are rows enough: 25 an epoch of 400.
      let more = try draft(directory, ["asked.json": Self.squad(500)]).choices
      #expect(more.epochs == 40)
      // 1,120 rows are 70 steps, and several labels take twice as many.
      let columns = try draft(
        directory,
        ["rows.csv": Self.table("text,toxic,insult", 1400) { "some text \($0),\($0 % 2),\($0 % 3 / 2)" }]
      ).text(in: directory)
      #expect(columns.contains("    epochs: 15\n") && columns.contains("# 1,050 steps"))
      #expect(
        columns.contains(
          """
              eval-split: 0.1
              tune-threshold: label
              # So is the best of all epochs.
              load-best-model-at-end: true
              metric-for-best-model: average_precision_micro
          """))
      // So many rows have steps enough.
      let many = try text(10_000) { "\($0 % 2)" }
      #expect(many.contains("    epochs: 3\n") && !many.contains("steps:"))
      #expect(many.contains("    # eval-split: 0.1\n    # load-best-model-at-end: true"))
    }
  }
}
