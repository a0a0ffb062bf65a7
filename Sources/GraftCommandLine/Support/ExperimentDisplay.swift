import Foundation
import GraftExperiments
import GraftKit
import GraftTensors

/// Shows an experiment while it goes on: one bar over the whole of it on a terminal, lines anywhere.
final class ExperimentDisplay {
  private let console: Console
  private let printsJSON: Bool
  private var bar: ProgressBar?
  private var label = ""
  private var lastLine = Date()
  private var detail = ""
  /// The score that the experiment compares arms by.
  private var metric: String?
  /// What is done at present.
  private var schedule: ExperimentSchedule?
  /// The options of points of a search, by the names of their arms.
  private var points: [String: String] = [:]
  /// The score by which the stage that is trained keeps its best model.
  private var bestBy: String?

  /// How often a line tells of the progress, in seconds.
  private static let interval = 60.0

  init(console: Console, printsJSON: Bool) {
    (self.console, self.printsJSON) = (console, printsJSON)
  }

  /// Takes the bar away.
  func close() {
    bar?.clear()
    bar = nil
  }

  func show(_ event: ExperimentEvent) {
    switch event {
    case .planned(let schedule): planned(schedule)
    case .searching(let search, let round): searching(search, round)
    case .searched(let results):
      points = [:]
      line(results.text)
      emit("searched", [("best", JSON(results.best)), ("search", results.json)])
    case .started(let stage, let number, let count):
      label = "\(stage.name) (\(number)/\(count))"
      if case .train(let training) = stage.task { bestBy = training.options.metricForBestModel }
      detail = ""
      let owners = schedule?.owners(of: stage, options: points).map { "  (\($0))" } ?? ""
      line("\(number)/\(count) \(stage.summary)\(owners)")
      // A training run says it itself.
      if case .evaluate = stage.task, let note = stage.lengthNote { line("    \(note)") }
      for note in stage.notes { line("    \(note)") }
      emit(
        "started",
        [
          ("stage", .string(stage.name)), ("kind", .string(stage.task.kind)), ("key", .string(stage.key)),
          ("arms", .list(schedule?.arms(of: stage) ?? [])), ("notes", .list(stage.notes)),
        ])
    case .training(let event): training(event)
    case .progress(let progress): self.progress(progress)
    case .finished(let stage, let seconds, let results):
      let metric = TestMetric.of(results, chosen: metric)?.resultKey
      let scores = (stage.rankScores + [metric, "eval_loss"].compactMap(\.self)).compactMap { name in
        results[name].map { "\(name) \(Format.number($0))" }
      }
      var directory: URL?
      if case .export = stage.task { directory = schedule?.directory(of: stage) }
      if let directory { line("    wrote \(directory.displayPath)") }
      line((["    done in \(Format.duration(seconds))"] + scores).joined(separator: "  "))
      emit(
        "finished-stage",
        [
          ("stage", .string(stage.name)), ("key", .string(stage.key)), ("seconds", JSON(seconds)),
          ("results", Results.json(results)),
        ] + (directory.map { [("output", JSON($0))] } ?? []))
    }
  }

  private func planned(_ schedule: ExperimentSchedule) {
    let isFirst = self.schedule == nil
    self.schedule = schedule
    let (all, left) = (schedule.plan.stages.count, schedule.pending.count)
    let time = schedule.estimate.map { ", about \(Format.duration($0))" } ?? ""
    console.note(
      left == 0
        ? "all \(Format.count(all, "stage")) done before"
        : "\(Format.count(all, "stage")), \(all - left) done before\(time)")
    if let note = schedule.replacedNote, isFirst { console.note(note) }
    if let note = schedule.plan.metricNote, metric == nil { console.note(note) }
    if let note = schedule.plan.unusedNote, isFirst { console.note(note) }
    metric = schedule.plan.experiment.metric
    bar = ProgressBar("", unit: "", total: 1000, console: console)
    emit("planned", [("stages", JSON(all)), ("pending", JSON(left))])
  }

  private func searching(_ search: Experiment.Search, _ round: Int) {
    for point in search.points { points[search.armName(of: point, inRound: round)] = search.spelled(point) }
    let points = Format.count(search.count(inRound: round), "point")
    let rung = search.rungs.map { ", \($0.dimension.name) \($0.values[round])" } ?? ""
    let place = search.rounds > 1 ? ", round \(round + 1) of \(search.rounds)" : ""
    line("search for the options of \(search.arm)\(place): \(points)\(rung)")
    emit(
      "searching",
      [("arm", .string(search.arm)), ("round", JSON(round)), ("points", JSON(search.count(inRound: round)))])
  }

  private func training(_ event: TrainingEvent) {
    switch event {
    case .prepared(let facts, let isEvaluation):
      for sentence in facts.exampleNotes + facts.sentences {
        line("    \(isEvaluation ? "evaluation data: " : "")\(sentence)")
      }
    case .started(_, let completed) where completed > 0: line("    going on after step \(completed)")
    case .step(let report):
      detail =
        "step \(report.step)/\(report.totalSteps)  loss \(Format.number((report.loss * 1e4).rounded() / 1e4))"
    case .evaluating(let done, let total): detail = "evaluating \(done)/\(total)"
    case .evaluated(let entry):
      let shown = TestMetric.names + [metric, bestBy].compactMap(\.self)
      let names = entry.keys.filter { key in
        key == "epoch" || key.hasSuffix("_loss") || shown.contains { key.hasSuffix("_\($0)") || key == $0 }
      }
      let scores = names.sorted().compactMap { name in entry[name].map { "\(name) \(Format.number($0))" } }
      line("    " + scores.joined(separator: "  "))
      emit("evaluated", entry.sorted { $0.key < $1.key }.map { ($0, JSON($1)) })
    case .logged(let entry): emit("logged", entry.sorted { $0.key < $1.key }.map { ($0, JSON($1)) })
    case .saved(let url): emit("saved", [("checkpoint", JSON(url))])
    case .removed(let url): emit("removed", [("checkpoint", JSON(url))])
    case .noted(let note):
      line("    \(note.text(\.experimentText))")
      emit("noted", note.members(\.experimentText))
    case .warned(let error):
      bar?.clear()
      let problem = error.inWordsOfExperiments.inCommandLineWords.description
      console.warn(problem)
      emit("warned", [("problem", .string(problem))])
    case .started: break
    }
  }

  private func progress(_ progress: ExperimentProgress) {
    let time = progress.remaining.map { "ETA \(Format.duration($0))" } ?? "ETA ?"
    bar?.update(share: progress.share, label: label, facts: [detail, time].filter { !$0.isEmpty })
    guard Date().timeIntervalSince(lastLine) >= Self.interval else { return }
    lastLine = Date()
    if !Console.isTerminal {
      console.note("    \(Int(progress.share * 100)) %  \(detail)  \(time)")
    }
    emit(
      "progress",
      [("share", JSON(progress.share)), ("remaining_seconds", progress.remaining.map { JSON($0) } ?? .null)])
  }

  private func line(_ text: String) {
    bar?.clear()
    console.note(text)
  }

  private func emit(_ event: String, _ members: [(String, JSON)]) {
    guard printsJSON else { return }
    // The last event is printed elsewhere; what standard output did not take then is an error.
    try? Output.print(JSON.object([("event", .string(event))] + members).text())
  }
}
