import Foundation
import GraftTensors
import TestSupport
import Testing

/// Scores and thresholds of several labels, and scores of regressions.
@Suite struct ScoresTests {
  private func prepared(_ sandbox: Sandbox, _ fixture: String, labels: [String]) throws -> [String] {
    #expect(try sandbox.shell("cp -r '\(sandbox.resolve("{\(fixture)}"))' m").code == 0)
    let texts = ["he can", "do it", "she is the one", "it", "he is", "can she do it"]
    let lines = zip(texts, labels).map { "\($0),\($1)" }
    try sandbox.write("data.csv", (["text,label"] + lines).joined(separator: "\n") + "\n")
    let config = try JSON(file: sandbox.url("m/config.json"))
    return config["id2label"]?.object?.values.compactMap(\.string) ?? []
  }

  @Test("the session of the page about labels and scores prints what it says, but for numbers")
  func page() throws {
    func withoutNumbers(_ text: String) -> String { text.replacing(#/ *[0-9][0-9.,]*/#, with: " #") }
    let page = "Sources/GraftKit/GraftKit.docc/LabelsAndScores.md"
    let text = withoutNumbers(try String(contentsOf: repository.appending(path: page), encoding: .utf8))
    for (command, output) in try ReadmeTests.session(of: page) {
      #expect(text.contains(withoutNumbers("$ \(command)\n\(output)")), "\(command)\n\(output)")
    }
  }

  @Test("a tuned threshold is kept, used afterwards, and as good as any")
  func tunedThresholds() throws {
    try Sandbox.with { sandbox in
      let names = try prepared(sandbox, "multi-label", labels: ["0", "0|1", "1", "", "0", "0"])
      func evaluate(_ more: String) throws -> JSON {
        let outcome = try sandbox.shell("$GRAFT evaluate m --data data.csv --json \(more)")
        #expect(outcome.code == 0, "\(outcome.stderr)")
        return try JSON(parsing: Array(outcome.stdout.utf8))
      }
      let untuned = try evaluate("")
      #expect(untuned["eval_accuracy"] == nil)
      #expect(untuned["classes"]?.array?.first?["threshold"]?.double == 0.5)
      let tuned = try evaluate("--tune-threshold label")
      let kept = try #require(JSON(file: sandbox.url("m/config.json"))["decision_threshold"]?.array)
      #expect(kept.count == names.count)
      let macro = try #require(tuned["eval_f1_macro"]?.double)
      #expect(macro >= (untuned["eval_f1_macro"]?.double ?? 1))
      // The next call has them.
      #expect(try evaluate("")["eval_f1_macro"]?.double == macro)
      let global = try evaluate("--tune-threshold global")
      let best = try #require(global["eval_f1_micro"]?.double)
      for threshold in ["0", "0.2", "0.4", "0.45", "0.5", "0.55", "0.6", "0.8"] {
        #expect(try evaluate("--threshold \(threshold)")["eval_f1_micro"]?.double ?? 1 <= best)
      }
      #expect(try JSON(file: sandbox.url("m/config.json"))["decision_threshold"]?.double != nil)
      // Predictions follow.
      let all = try sandbox.shell("$GRAFT predict m he --threshold 0")
      #expect(all.stdout.hasPrefix(names.joined(separator: "|") + "\t"))
      #expect(try sandbox.shell("$GRAFT predict m he --threshold 0.9999").stdout.hasPrefix("-\t"))
    }
  }

  @Test("all labels of a text are printed, however many they are") func manyLabels() throws {
    try Sandbox.with { sandbox in
      let labels = (0..<60).map { "a_rather_long_label_name_\($0)" }
      let swap = try sandbox.graft([
        "head", "swap", "{masked-lm}", "--to", "sequence-classification", "--labels",
        labels.joined(separator: ","), "--problem-type", "multi-label", "--output", "m",
      ])
      try #require(swap.code == 0, "\(swap.stderr)")
      let outcome = try sandbox.graft([
        "predict", "m", "some text", "--allow-untrained", "--threshold", "0.01",
      ])
      #expect(outcome.stdout.hasPrefix(labels.joined(separator: "|") + "\t"), "\(outcome.stdout)")
    }
  }

  @Test("what a head of single labels predicts can be scored and learnt from as it is written")
  func predictionsAsLabels() throws {
    try Sandbox.with { sandbox in
      _ = try prepared(sandbox, "sequence-classification", labels: ["0", "1", "2", "3", "0", "1"])
      #expect(
        try sandbox.shell("$GRAFT predict m --input data.csv --json > p.json").code == 0)
      let scored = try sandbox.shell("$GRAFT evaluate m --data p.json --label-column labels --json")
      #expect(scored.code == 0, "\(scored.stderr)")
      #expect(try JSON(parsing: Array(scored.stdout.utf8))["eval_accuracy"]?.double == 1)
    }
  }

  @Test("several numbers of a text are there by their names, and none of them is the score")
  func severalNumbers() throws {
    try Sandbox.with { sandbox in
      _ = try prepared(sandbox, "base", labels: ["1|2", "3|4.5", "1|2", "3|4", "2|2", "7|1"])
      let swap = "$GRAFT head swap m --to sequence-classification --problem-type regression"
      #expect(try sandbox.shell("\(swap) --labels size,len --output two").code == 0)
      #expect(try sandbox.shell("$GRAFT evaluate two --allow-untrained --data data.csv").code == 0)
      let predict = "$GRAFT predict two --allow-untrained he"
      let text = try sandbox.shell(predict).stdout.split(separator: "\t")
      let json = try JSON(parsing: Array(sandbox.shell("\(predict) --json").stdout.utf8)).array?.first
      let line = try JSON(parsing: Array(sandbox.shell("\(predict) --json-lines").stdout.utf8))
      #expect(json == line && json?["score"] == nil && text[0] == "size|len")
      let scores = try #require(json?["scores"]?.object)
      #expect(scores.keys.elements == ["size", "len"])
      for (number, score) in zip(text[1].split(separator: "|"), scores.values) {
        #expect(abs((Double(number) ?? 9) - (score.double ?? -9)) <= 5e-5)
      }
    }
  }

  @Test("what has no threshold refuses one")
  func refusals() throws {
    try Sandbox.with { sandbox in
      _ = try prepared(sandbox, "sequence-classification", labels: ["0", "1", "0", "1", "0", "1"])
      for command in ["evaluate m --data data.csv --threshold 0.4", "predict m he --threshold 0.4"] {
        let outcome = try sandbox.shell("$GRAFT \(command)")
        #expect(outcome.code == 1)
        #expect(
          outcome.stderr.contains(
            "only a head that gives several labels has thresholds; expected the problem type multi-label."))
        #expect(outcome.stderr.contains("Leave out --threshold."))
      }
      let tuning = try sandbox.shell("$GRAFT evaluate m --data data.csv --tune-threshold global")
      #expect(tuning.code == 1 && tuning.stderr.contains("only a head that gives several labels"))
      for (flag, word) in [
        ("--threshold 1.5", "from 0 to below 1"), ("--threshold x", "must be a number"),
        ("--threshold 0.5 --tune-threshold label", "goes without"), ("--tune-threshold every", "none"),
      ] {
        let outcome = try sandbox.shell("$GRAFT evaluate m --data data.csv \(flag)")
        #expect(outcome.code == 64 && outcome.stderr.contains(word), "\(outcome.stderr)")
      }
    }
  }

  @Test("labels are inferred from data, and a column is read in one way, which is said")
  func labels() throws {
    try Sandbox.with { sandbox in
      func run(_ command: String) throws -> Sandbox.Outcome { try sandbox.shell("$GRAFT \(command)") }
      func labels(_ checkpoint: String) throws -> [String] {
        let config = try JSON(file: sandbox.url("\(checkpoint)/config.json"))
        return config["id2label"]?.object?.values.compactMap(\.string) ?? []
      }
      #expect(try sandbox.shell("cp -r '\(sandbox.resolve("{base}"))' base").code == 0)
      let swap = "head swap base --to sequence-classification"
      try sandbox.write("stars.csv", "text,label\nhe,10\nshe,2\nit,1.0\nhe can,2.0\n")
      let stars = try run("\(swap) --labels-from stars.csv --output stars")
      #expect(stars.code == 0, "\(stars.stderr)")
      #expect(stars.stderr.contains("3 labels, single_label_classification: 1, 2, 10\n"))
      #expect(try labels("stars") == ["1", "2", "10"])
      try sandbox.write("stars-by-name.csv", "text,label\nhe,many\nshe,few\nit,some\n")

      // Names for the outputs of a head that has none keep its weights.
      #expect(try run("\(swap) --num-labels 3 --output plain").code == 0)
      let unnamed = try run("evaluate plain --allow-untrained --data stars-by-name.csv")
      #expect(
        unnamed.stderr.contains(
          "The data have 'few', 'many', 'some'. Name the outputs of a trained head in its own order, which its card may "
            + "say: 'graft head label CKPT --labels A,B,C --output DIR'."
        ), "\(unnamed.stderr)")
      #expect(try run("head label plain --labels few,some,many --output named").code == 0)
      #expect(try labels("named") == ["few", "some", "many"])
      #expect(try sandbox.shell("cmp plain/model.safetensors named/model.safetensors").code == 0)
      let four = try run("head label plain --labels a,b,c,d --output four")
      #expect(
        four.stderr.contains(
          "the head 'sequence-classification' has another number of outputs; expected 3 names, found 4"),
        "\(four.stderr)")
      let bare = try run("head label base --labels a --output none")
      #expect(bare.stderr.contains("base: the checkpoint has no head."), "\(bare.stderr)")

      // Columns of indicators.
      try sandbox.write("hot.csv", "comment,toxic,insult\nhe,1,0\nshe,0,0\nit,0,1\n")
      let columns = "--text-column comment --label-column toxic,insult"
      // The column of the texts need not be named for that.
      let hot = try run("\(swap) --labels-from hot.csv --label-column toxic,insult --output hot")
      #expect(hot.stderr.contains("read 3 rows of hot.csv: labels 'toxic', 'insult'\n"), "\(hot.stderr)")
      #expect(hot.stderr.contains("2 labels, multi_label_classification: toxic, insult\n"), "\(hot.stderr)")
      // Labels in any form, from columns of any name.
      try sandbox.write("two.jsonl", #"{"tags": ["a", "b"]}"# + "\n" + #"{"tags": ["c"]}"# + "\n")
      try sandbox.write("two.json", #"[{"tags": ["a", "b"], "text": 5}, {"tags": "c", "text": null}]"#)
      try sandbox.write("two.csv", "id,tags\n1,\"[\"\"a\"\", \"\"b\"\"]\"\n2,c\n")
      try sandbox.write("two.tsv", "tags;n\na|b;1\nc;2\n")
      for file in ["two.jsonl", "two.json", "two.csv", "two.tsv"] {
        let two = try run("\(swap) --labels-from \(file) --label-column tags --output \(file)-head")
        #expect(two.stderr.contains("2 rows of \(file): ") && two.stderr.contains("label 'tags'"))
        #expect(two.stderr.contains("3 labels, multi_label_classification: a, b, c\n"), "\(two.stderr)")
        #expect(try labels("\(file)-head") == ["a", "b", "c"])
      }
      try sandbox.write(
        "hot-columns.jsonl", #"{"toxic":1,"insult":false}"# + "\n" + #"{"toxic":0,"insult":true}"#)
      let keys = try run("\(swap) --labels-from hot-columns.jsonl --label-column toxic,insult --output keys")
      #expect(keys.stderr.contains("2 labels, multi_label_classification: toxic, insult\n"), "\(keys.stderr)")
      let mistyped = try run("\(swap) --labels-from two.jsonl --label-column tag --output none")
      #expect(
        mistyped.stderr.contains(
          "no such column; found the columns 'tags'; the nearest is 'tags'. Name the column with --label-column."
        ),
        "\(mistyped.stderr)")
      // Lists of one label are single labels in every format.
      try sandbox.write("one.jsonl", #"{"tags": ["a"]}"# + "\n" + #"{"tags": ["c"]}"# + "\n")
      try sandbox.write("one.json", #"[{"tags": ["a"]}, {"tags": ["c"]}]"#)
      try sandbox.write("one.csv", "id,tags\n1,\"[\"\"a\"\"]\"\n2,\"[\"\"c\"\"]\"\n")
      for file in ["one.jsonl", "one.json", "one.csv"] {
        let one = "\(swap) --labels-from \(file) --label-column tags"
        let read = try run("\(one) --output \(file)-single")
        #expect(
          read.stderr.contains(
            "2 labels, single_label_classification: a, c\neach list of labels has one, which is read as the text's only label: for a head that gives a text several, add --problem-type multi-label\n"
          ), "\(read.stderr)")
        #expect(
          try run("\(one) --problem-type multi-label --output \(file)-multi").stderr.contains(
            "2 labels, multi_label_classification: a, c\n"))
      }
      let scored = try run(
        "evaluate hot --allow-untrained --data hot.csv \(columns) --predictions p.jsonl --json")
      #expect(scored.code == 0, "\(scored.stderr)")
      func written() throws -> [JSON?] {
        defer { try? FileManager.default.removeItem(at: sandbox.url("p.jsonl")) }
        return try String(contentsOf: sandbox.url("p.jsonl"), encoding: .utf8).split(separator: "\n").map {
          try JSON(parsing: Array($0.utf8))["label"]
        }
      }
      #expect(try written() == [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
      // The columns of training are those of what follows.
      let trained = try run("train hot --data hot.csv \(columns) --output hot2 --max-steps 1")
      #expect(
        trained.stderr.contains("read 3 rows of hot.csv: column 'comment', labels 'toxic', 'insult'\n"),
        "\(trained.stderr)")
      #expect(try run("evaluate hot2 --data hot.csv --predictions p.jsonl").code == 0)
      #expect(try written() == [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
      // So they are in an experiment.
      try sandbox.write(
        "hot.yaml",
        "base: hot2\ndata:\n  test: {files: hot.csv}\nstages:\n  score: {evaluate: test}\narms:\n  a: [score]\n"
      )
      let planned = try run("run hot.yaml --output runs --dry-run")
      #expect(planned.code == 0, "\(planned.stderr)")
      let done = try run("run hot.yaml --output runs --json")
      let events = try done.stdout.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
      let stage = try #require(events.first { $0["event"]?.string == "finished-stage" }?["results"])
      let direct = try JSON(parsing: Array(run("evaluate hot2 --data hot.csv --json").stdout.utf8))
      for score in ["eval_loss", "eval_subset_accuracy", "eval_average_precision_micro"] {
        #expect(try #require(stage[score]?.double) == direct[score]?.double, "\(score)")
      }
      try sandbox.write(
        "hot.jsonl",
        #"{"comment":"he","toxic":1,"insult":1}"# + "\n" + #"{"comment":"she","toxic":0,"insult":0}"#)
      #expect(try run("evaluate hot2 --data hot.jsonl --predictions p.jsonl").code == 0)
      #expect(try written() == [[1.0, 1.0], [0.0, 0.0]])

      // Labels between other characters than bars.
      try sandbox.write(
        "semi.csv",
        "text,label\nhe,a;b\nshe,b; c\nit,\nhe can,a;c\nhe is,b;a\nshe is,c;b\nit can,c;a\nit is,c\n")
      let guess = try run("\(swap) --labels-from semi.csv --output semi0")
      #expect(guess.code == 1)
      #expect(
        guess.stderr.contains("Say what stands between labels: --label-delimiter ';'."), "\(guess.stderr)")
      let semi = try run("\(swap) --labels-from semi.csv --label-delimiter semicolon --output semi")
      #expect(semi.stderr.contains("3 labels, multi_label_classification: a, b, c\n"), "\(semi.stderr)")
      let unsaid = try run("evaluate semi --allow-untrained --data semi.csv")
      #expect(
        unsaid.stderr.contains("Say that this stands between labels: --label-delimiter ';'."),
        "\(unsaid.stderr)")
      let learnt = try run(
        "train semi --data semi.csv --label-delimiter ; --output semi1 --max-steps 1".replacing(
          " ; ", with: " ';' "))
      #expect(
        learnt.code == 0 && learnt.stderr.contains(", label 'label', ';' between labels\n"),
        "\(learnt.stderr)")
      // The head knows.
      #expect(try run("evaluate semi1 --data semi.csv --predictions p.jsonl").code == 0)
      #expect(try written().prefix(3) == [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
      // Data to evaluate on may have another.
      try sandbox.write("plus.csv", "text,label\nhe,a+b\nshe,c\n")
      let other = try run(
        "train semi --data semi.csv --label-delimiter ';' --eval-data plus.csv --eval-label-delimiter + --output semi2 --max-steps 1"
      )
      #expect(
        other.code == 0
          && other.stderr.contains("plus.csv: column 'text', label 'label', '+' between labels\n"),
        "\(other.stderr)")
      let both = try run("train hot --data hot.csv \(columns) --label-delimiter ';' --output x")
      #expect(
        both.code == 64
          && both.stderr.contains(
            "--label-delimiter is for one column of labels, and --label-column names several")
      )

      // The case multi-hot-integers.
      #expect(
        try run("\(swap) --labels a,b,c --problem-type multi-label --output m").code == 0)
      let forms = [
        "[1,0,1]", "[0,0,0]", "[1,1,1]", "[true,false,true]", "\"[1, 0, 1]\"", "\"1|0|1\"", "[1.0,0.0,1.0]",
      ]
      try sandbox.write(
        "d.jsonl", forms.map { #"{"text":"x","label":\#($0)}"# + "\n" }.joined())
      let indicators = try run("evaluate m --data d.jsonl --allow-untrained --predictions p.jsonl")
      #expect(
        indicators.stderr.contains(
          "labels read as 0 or 1 for each of a, b, c; for numbers of labels set --label-base"),
        "\(indicators.stderr)")
      let on: JSON = [1.0, 0.0, 1.0]
      #expect(try written() == [on, [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], on, on, on, on])

      // The case numeric-label-names.
      #expect(try run("\(swap) --labels -1,0,1 --output signs").code == 0)
      #expect(try labels("signs") == ["-1", "0", "1"])
      try sandbox.write("d.csv", "text,label\nt,0\nt,1\nt,2\n")
      let either = try run("evaluate signs --data d.csv --allow-untrained")
      #expect(
        either.code == 1 && either.stderr.contains("neither all names nor all numbers")
          && either.stderr.contains("--label-base"), "\(either.stderr)")
      for (texts, base, expected, note) in [
        (["0", "1", "2"], "--label-base 0", [0, 1, 2], "labels read as numbers from 0 to 2"),
        (["-1", "0", "1.0"], "", [0, 1, 2], "labels read as the names -1, 0, 1, and not as numbers"),
      ] {
        try sandbox.write("d.csv", "text,label\n" + texts.map { "t,\($0)\n" }.joined())
        let outcome = try run("evaluate signs --data d.csv \(base) --allow-untrained --predictions p.jsonl")
        #expect(try written() == expected.map { JSON($0) })
        #expect(outcome.stderr.contains(note), "\(outcome.stderr)")
      }
      // Data with other labels are named, with what to do.
      try sandbox.write("d.csv", "text,label\nt,good\nt,bad\n")
      let others = try run("evaluate signs --data d.csv --allow-untrained")
      #expect(others.code == 1)
      #expect(others.stderr.contains("--labels bad,good"), "\(others.stderr)")

      for (flags, word) in [
        ("--labels a,a", "'a' twice"), ("--labels 1,1.0", "'1' twice"),
        ("--labels a --labels-from stars.csv", "one of --labels, --labels-from"),
      ] {
        let outcome = try run("\(swap) \(flags) --output x")
        #expect(outcome.code == 64 && outcome.stderr.contains(word), "\(outcome.stderr)")
      }
      let none = try run("head swap base --to masked-lm --labels-from stars.csv --output x")
      #expect(none.code == 1 && none.stderr.contains("has no labels of its own"))
    }
  }

  @Test("one label of which nothing says what it is has a probability; what was trained is a number")
  func oneLabel() throws {
    try Sandbox.with { sandbox in
      _ = try prepared(sandbox, "base", labels: ["0.1", "0.9", "0.3", "0.4", "0.2", "0.7"])
      #expect(
        try sandbox.shell("$GRAFT head swap m --to sequence-classification --num-labels 1 --output one").code
          == 0)
      let shown = try sandbox.shell("$GRAFT predict one 'he can' --allow-untrained")
      #expect(shown.stdout.wholeMatch(of: /LABEL_0\t0\.\d{4}\the can\n/) != nil, "\(shown.stdout)")
      #expect(try sandbox.shell("$GRAFT train one --data data.csv --output out --max-steps 1").code == 0)
      #expect(try JSON(file: sandbox.url("out/config.json"))["problem_type"]?.string == "regression")
      let number = try sandbox.shell("$GRAFT predict out 'he can'")
      #expect(number.stdout.hasPrefix("-\t"), "\(number.stdout)")
    }
  }

  @Test("a regression has errors and correlations; what is undefined is left out")
  func regression() throws {
    try Sandbox.with { sandbox in
      _ = try prepared(sandbox, "regression", labels: ["0.1", "0.9", "0.3", "0.4", "0.2", "0.7"])
      let outcome = try sandbox.shell("$GRAFT evaluate m --data data.csv")
      for name in ["eval_mse", "eval_mae", "eval_r2", "eval_pearson", "eval_spearman"] {
        #expect(outcome.stdout.contains(name), "\(outcome.stdout) \(outcome.stderr)")
      }
      let constant = try sandbox.shell("sed -i 's/0\\..*/0.5/' data.csv; $GRAFT evaluate m --data data.csv")
      #expect(constant.stdout.contains("eval_r2") && !constant.stdout.contains("eval_pearson"))
    }
  }
}
