import GraftExperiments
import GraftKit
import GraftTensors

extension PlannedStage {
  /// `train adapt: masked-lm on texts`
  var summary: String {
    let what =
      switch task {
      case .importing(let url, _): url.displayPath
      case .train(let training):
        "\(head ?? "") on \(training.heads.map(\.data).joined(separator: ", ")), seed \(training.options.seed)"
      case .swap(let swap): "to \(swap.head), seed \(swap.seed ?? 0)"
      case .evaluate(let scoring): "\(head ?? "") on \(scoring.data)"
      case .export(let options): options.format
      }
    return "\(task.kind) \(name): \(what)" + (fold.map { ", fold \($0 + 1)" } ?? "")
  }

  /// The top-k accuracies that it asks for, as results name them.
  var rankScores: [String] {
    guard case .evaluate(let scoring) = task else { return [] }
    return (scoring.options.topRanks ?? []).map { "eval_top_\($0)_accuracy" }
  }

  /// That it asks for more tokens than its model takes.
  var lengthNote: String? { excessiveLength.map { DatasetFacts.excess($0.length, over: $0.limit) } }
}

extension ExperimentSchedule {
  /// The plan as a table: what is there, how long the rest takes, which arms want it.
  var text: String {
    let rows = plan.stages.enumerated().map { index, stage in
      let time = pending.contains(index) ? estimate(index).map { Format.duration($0) } ?? "?" : "cached"
      return [time, stage.summary, Self.shortened(arms(of: index))]
    }
    let table = Format.table(rows, header: ["time", "stage", "arms"], alignments: [.right])
    let search = (plan.hasTrials ? plan.search : nil).map { search in
      "\n\nsearch for the options of \(search.arm): \(Format.count(search.points.count, "point")), \(search.method.rawValue); "
        + "\(search.arm) is shown with the options of the first"
    }
    let total = estimate.map { "about \(Format.duration($0))" } ?? "an unknown time"
    let note = notes.isEmpty ? "" : "\n\n\(notes.joined(separator: "\n"))"
    return """
      \(table)

      \(Format.count(plan.stages.count, "stage")), \(plan.stages.count - pending.count) cached; \
      the rest takes \(pending.isEmpty ? "no time" : total) and up to \(Format.bytes(bytes)) of disk\(search ?? "")\(note)
      """
  }

  /// What there is to say beforehand: of the score, of what no arm uses, of stages that ask for more tokens than
  /// their model takes, and of data.
  private var notes: [String] {
    var notes = [replacedNote, plan.metricNote, plan.unusedNote].compactMap(\.self)
    for stage in plan.stages {
      let own = [stage.lengthNote.map { "stage '\(stage.name)': \($0)" }].compactMap(\.self) + stage.notes
      notes += own.filter { !notes.contains($0) }
    }
    return notes
  }

  /// That a report of another experiment is lost.
  var replacedNote: String? {
    guard !replaced.isEmpty else { return nil }
    let arms = Format.oneLine(Self.shortened(replaced))
    return
      "the directory has the report of another experiment (\(arms)), which this one's replaces; its stages stay"
  }

  var json: JSON {
    JSON.object([
      (
        "stages",
        .array(
          plan.stages.enumerated().map { index, stage in
            JSON.object([
              ("name", .string(stage.name)), ("kind", .string(stage.task.kind)), ("key", .string(stage.key)),
              ("arms", .list(arms(of: index))), ("cached", JSON(!pending.contains(index))),
              ("seconds", pending.contains(index) ? estimate(index).map { JSON($0) } ?? .null : 0),
            ])
          })
      ), ("seconds", estimate.map { JSON($0) } ?? .null), ("bytes", JSON(bytes)), ("notes", .list(notes)),
    ])
  }

  /// Stages that many points of a search share do not name them all.
  private static func shortened(_ arms: [String]) -> String {
    arms.count > 4 ? "\(arms[0]) and \(arms.count - 1) more" : arms.joined(separator: ", ")
  }

  /// For whom a stage is done, where that tells it from others: `tuned/1: tune.learning-rate 5e-05`, or the names of arms;
  /// `nil` where all arms share it.
  ///
  /// - Parameter options: The options of arms that are points of a search.
  func owners(of stage: PlannedStage, options: [String: String]) -> String? {
    let names = arms(of: stage)
    guard names.count < plan.arms.count else { return nil }
    if names.count == 1, let options = options[names[0]] { return "\(names[0]): \(options)" }
    return Self.shortened(names)
  }

  /// The names of the arms that a stage is done for.
  func arms(of stage: PlannedStage) -> [String] {
    plan.stages.firstIndex { $0.key == stage.key }.map(arms(of:)) ?? []
  }

  private func arms(of index: Int) -> [String] {
    plan.arms.filter { $0.runs.contains { $0.stages.contains { $0.index == index } } }.map(\.name)
  }
}

extension ExperimentResults {
  /// A line for each arm and evaluation: mean and range over the seeds of what tells most about it, and of the loss.
  var text: String {
    let all = arms.flatMap(\.runs).flatMap(\.evaluations)
    let chosen = self.metric.map { ChosenMetric($0, among: all.map(\.head)) }
    func metric(of evaluation: Evaluation) -> TestMetric? {
      TestMetric.of(evaluation.results, chosen: chosen?.key(of: evaluation.head))
    }
    let metrics = all.compactMap(metric(of:))
    let common = metrics.first { metric in metrics.allSatisfy { $0 == metric } }
    let isOfTokens = all.contains { $0.results["eval_perplexity"] != nil }
    var rows: [[String]] = []
    for arm in arms {
      for (place, evaluation) in (arm.runs.first?.evaluations ?? []).enumerated() {
        func cell(_ name: String) -> String {
          let values = arm.runs.compactMap { run in
            run.evaluations.indices.contains(place) ? run.evaluations[place].results[name] : nil
          }
          guard let low = values.min(), let high = values.max() else { return "" }
          let mean = values.reduce(0, +) / Double(values.count)
          func number(_ value: Double) -> String { NumberText.decimals(value) }
          if let folds = acrossFolds(arm, place, name) {
            return "\(number(folds.mean)) ± \(number(folds.deviation ?? 0))"
          }
          return values.count > 1 ? "\(number(mean)) (\(number(low)) to \(number(high)))" : number(mean)
        }
        let metric = metric(of: evaluation)
        let score = metric.map { "\(common == nil ? "\($0.name) " : "")\(cell($0.resultKey))" } ?? ""
        rows.append(
          [arm.name, evaluation.stage, evaluation.head, score, cell("eval_loss")]
            + (isOfTokens ? [cell("eval_perplexity")] : []))
      }
    }
    let folds = Set(arms.first?.runs.compactMap(\.fold) ?? []).count
    let seeds = Set(arms.first?.runs.map(\.seed) ?? []).count
    let search = search.map { "\($0.text)\n\n" } ?? ""
    guard !rows.isEmpty else { return search + verdict }
    return search
      + Format.table(
        rows,
        header: ["arm", "stage", "head", common?.name ?? "score", "loss"] + (isOfTokens ? ["perplexity"] : [])
      )
      + (folds > 0
        ? "\n\nmean ± standard deviation of \(folds) folds\(seeds > 1 ? ", each the mean of \(seeds) seeds" : ""); the verdict is of all folds together"
        : seeds > 1 ? "\n\nmean (lowest to highest) of \(Format.count(seeds, "seed"))" : "")
      + "\n\n\(verdict)"
  }

  var json: JSON {
    .array(
      arms.map { arm in
        JSON.object([
          ("arm", .string(arm.name)),
          (
            "seeds",
            .array(
              arm.runs.map { run in
                JSON.object([
                  ("seed", .number(String(run.seed))), ("fold", run.fold.map { JSON($0 + 1) } ?? .null),
                  (
                    "evaluations",
                    .array(
                      run.evaluations.map {
                        JSON.object([("stage", .string($0.stage)), ("results", Results.json($0.results))])
                      })
                  ), ("model", run.model.map { JSON($0) } ?? .null),
                ])
              })
          ),
        ])
      })
  }
}

extension ExperimentResults {
  /// A number of an evaluation in each fold, the mean over seeds; `nil` without folds.
  private func acrossFolds(_ arm: Arm, _ place: Int, _ name: String) -> Summary? {
    let folds = Set(arm.runs.compactMap(\.fold)).sorted()
    let means = folds.compactMap { fold -> Double? in
      let values = arm.runs.filter { $0.fold == fold }.compactMap { run in
        run.evaluations.indices.contains(place) ? run.evaluations[place].results[name] : nil
      }
      return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
    return means.isEmpty || means.count < folds.count ? nil : Summary(means)
  }
}

extension ExperimentResults {
  /// Where the models are that a search has found options for, and what else they were trained with.
  var searchedModels: String? {
    guard let search, let arm = arms.first(where: { $0.name == search.arm }) else { return nil }
    let models = arm.runs.compactMap(\.model)
    guard let first = models.first else { return nil }
    let more = models.count > 1 ? " and \(models.count - 1) more" : ""
    let refit = search.refit.isEmpty ? "" : ", refitted with \(search.refit.joined(separator: ", "))"
    return "\(first.displayPath)\(more): \(search.arm) with the options of the best point\(refit)"
  }
}

extension OptionSearchResults {
  /// The best point in a line.
  var text: String {
    guard let best = bestTrial else { return "" }
    let points = Set(trials.map(\.point)).count
    return "search: the best of \(Format.count(points, "point")) for \(arm) is \(spelled(best))"
      + (best.score.map { "; \(spelledMetric) of \(stage) \(text($0))" } ?? "")
      + (folds.map { ", the mean over \($0) folds" } ?? "")
      + (ties > 0
        ? "; \(Format.count(ties, "other point")) \(ties == 1 ? "has" : "have") the same score, and the first was taken"
        : "")
  }
}
