import GraftKit
import GraftTensors
import OrderedCollections

/// The report for machines: everything that the page says, with every row on which arms disagree.
enum JSONReport {
  static func render(_ results: RunResults) -> String {
    let record = results.record
    var document: OrderedDictionary<String, JSON> = [
      "name": .string(record.name), "graft": .string(record.version), "verdict": .string(results.verdictText),
      "started": .string(record.started), "seconds": JSON(record.seconds),
      "labels": .array(results.labels.map { .string($0) }),
      "arms": .array(results.arms.map(arm)),
      "comparisons": .array(zip(results.comparisons, results.verdicts).map { comparison($0, $1) }),
      "search": record.search?.json ?? .null,
      "language_models": .array(results.languageModels.map(languageModel)),
      "curves": .array(results.curves.map(curves)),
      "machine": .object(
        .init(record.machine.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })),
      "base": [
        "path": .string(record.base.path), "sha256": .string(record.base.sha256),
        "parameters": JSON(record.base.parameters),
      ],
      "data": .array(record.data.map(data)),
      "experiment": record.experiment,
    ]
    // What stands above is about the head that decides.
    if !results.heads.isEmpty {
      document["head"] = results.head.map { .string($0) }
      document["heads"] = .array(results.heads.map(head))
    }
    return JSON.object(document).text(.pretty) + "\n"
  }

  /// What is about one of several heads.
  private static func head(_ results: RunResults) -> JSON {
    [
      "head": .string(results.head ?? ""), "labels": .array(results.labels.map { .string($0) }),
      "arms": .array(results.arms.map(arm)),
      "comparisons": .array(zip(results.comparisons, results.verdicts).map { comparison($0, $1) }),
    ]
  }

  private static func arm(_ arm: RunResults.Arm) -> JSON {
    [
      "name": .string(arm.name), "metric": arm.metric.map { .string($0.key) } ?? .null,
      "score": summary(arm.score), "accuracy": summary(arm.metric == .accuracy ? arm.score : nil),
      "folds": summary(arm.folds), "f1_macro": summary(arm.f1),
      "loss": summary(arm.loss), "errors": TaskReport.json(arm),
      "seeds": .array(
        arm.seeds.map { seed in
          [
            "seed": number(seed.seed), "seconds": JSON(seed.seconds),
            // Means over folds are not what the predictions of all folds together come to.
            seed.folds.isEmpty ? "results" : "fold_means": JSON(results: seed.results),
            "folds": .array(seed.folds.map { JSON(results: $0.results) }),
            "confusion_matrix": seed.test.map(matrix) ?? .null,
          ]
        }),
    ]
  }

  private static func matrix(_ test: TestPredictions) -> JSON {
    guard let confusion = test.confusion, confusion.classes <= Evaluation.largestMatrix else { return .null }
    return .array(confusion.rows.map { .array($0.map { JSON($0) }) })
  }

  private static func number(_ seed: UInt64) -> JSON { .number(String(seed)) }

  private static func summary(_ summary: Summary?) -> JSON {
    guard let summary else { return .null }
    return [
      "values": .array(summary.values.map { JSON($0) }), "mean": JSON(summary.mean),
      "standard_deviation": summary.deviation.map { JSON($0) } ?? .null,
      "range": [JSON(summary.range.lowerBound), JSON(summary.range.upperBound)],
    ]
  }

  private static func comparison(_ comparison: Comparison, _ verdict: Verdict) -> JSON {
    let arms: [(String, JSON)] = [
      ("first", .string(comparison.first)), ("second", .string(comparison.second)),
      ("answer", .string(verdict.answer.rawValue)), ("verdict", .string(verdict.sentence)),
    ]
    guard let result = comparison.result else { return .object(.init(uniqueKeysWithValues: arms)) }
    let bootstrap = result.bootstrap
    return .object(
      .init(
        uniqueKeysWithValues: arms + [
          ("metric", .string(result.metric.key)), ("difference", JSON(bootstrap.difference)),
          ("interval", [JSON(bootstrap.interval.lowerBound), JSON(bootstrap.interval.upperBound)]),
          ("level", JSON(bootstrap.level)), ("resamples", JSON(bootstrap.resamples)),
          ("rows", JSON(result.rows)),
          (
            "mcnemar",
            .array(
              result.tests.map { seed, test in
                [
                  "seed": number(seed), "only_first": JSON(test.onlyFirst),
                  "only_second": JSON(test.onlySecond),
                  "p": JSON(test.p), "exact": JSON(test.isExact),
                ]
              })
          ),
          ("disagreements", .array(result.disagreements.map(disagreement))),
        ]))
  }

  private static func disagreement(_ row: Comparison.Disagreement) -> JSON {
    func answer(_ answer: Comparison.Disagreement.Answer) -> JSON {
      [
        "prediction": answer.prediction.predictionJSON, "right": JSON(answer.right),
        "seeds": JSON(answer.seeds),
      ]
    }
    var members: OrderedDictionary<String, JSON> = [
      "row": JSON(row.place.row), "label": row.label.labelJSON, "first": answer(row.first),
      "second": answer(row.second), "text": .string(row.text),
    ]
    members["file"] = row.place.file.map { .string($0) }
    members["pair"] = row.pair.map { .string($0) }
    return .object(members)
  }

  private static func languageModel(_ score: RunResults.LanguageModelScore) -> JSON {
    [
      "arm": .string(score.arm), "seeds": .array(score.seeds.map(number)), "stage": .string(score.stage),
      "pseudo_perplexity": score.pseudoPerplexity.map { JSON($0) } ?? .null,
      "perplexity": score.perplexity.map { JSON($0) } ?? .null,
      "accuracy": score.accuracy.map { JSON($0) } ?? .null, "loss": score.loss.map { JSON($0) } ?? .null,
    ]
  }

  private static func curves(_ group: CurveGroup) -> JSON {
    [
      "title": .string(group.title),
      "curves": .array(
        group.curves.map { curve in
          [
            "arms": .array(curve.arms.map { .string($0) }), "seed": number(curve.seed),
            "epochs": .array(curve.points.map { JSON($0.x) }),
            "values": .array(curve.points.map { JSON($0.y) }),
          ]
        }),
    ]
  }

  private static func data(_ set: RunRecord.DataSet) -> JSON {
    [
      "name": .string(set.name), "files": .array(set.files.map { .string($0) }),
      "sha256": .string(set.sha256), "rows": JSON(set.rows),
      "labels": .array(set.labels.map { .string($0) }),
    ]
  }
}

extension TestPredictions.Row.Answer {
  /// As prediction files have it.
  fileprivate var labelJSON: JSON {
    switch self {
    case .classes(let label, _): JSON(label)
    case .labels(let label, _): .array(label.map { JSON($0 ? 1 : 0) })
    case .values(let label, _): .array(label.map { JSON($0) })
    case .scored(_, let label, _): .string(label)
    }
  }

  fileprivate var predictionJSON: JSON {
    switch self {
    case .classes(_, let prediction): JSON(prediction)
    case .labels(_, let prediction): .array(prediction.map { JSON($0 ? 1 : 0) })
    case .values(_, let prediction): .array(prediction.map { JSON($0) })
    case .scored(_, _, let prediction): .string(prediction)
    }
  }
}
