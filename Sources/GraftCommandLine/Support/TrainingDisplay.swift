import Foundation
import GraftCompute
import GraftKit
import GraftTensors

/// Shows a run while it goes on: a bar on a terminal, a line for each log entry anywhere, events as JSON lines.
final class TrainingDisplay {
  private let console: Console
  private let backend: any ComputeBackend
  /// As evaluations have it.
  private let score: String?
  private let heads: [String]
  private let printsJSON: Bool
  private var bar: ProgressBar?
  private var evaluationBar: ProgressBar?
  private var last: StepReport?

  /// - Parameters:
  ///   - backend: What the run computes with.
  ///   - score: The score by which the best model is chosen, which every evaluation shows.
  ///   - heads: The heads of the run, where they are named.
  init(
    console: Console, backend: any ComputeBackend, score: String? = nil, heads: [String] = [],
    printsJSON: Bool
  ) {
    self.heads = heads
    self.console = console
    self.backend = backend
    self.score = score.map { $0.hasPrefix("eval_") ? $0 : "eval_\($0)" }
    self.printsJSON = printsJSON
  }

  /// Takes the bars away.
  func close() {
    bar?.clear()
    evaluationBar?.clear()
    (bar, evaluationBar) = (nil, nil)
  }

  func show(_ event: TrainingEvent) {
    switch event {
    case .prepared(let facts, let isEvaluation):
      let prefix = (facts.head.map { "\($0): " } ?? "") + (isEvaluation ? "evaluation data: " : "")
      for note in facts.notes { console.note(prefix + note) }
      for sentence in facts.sentences { console.warn(prefix + sentence) }
      emit(
        "prepared",
        [("split", isEvaluation ? "evaluation" : "training")]
          + (facts.head.map { [("head", JSON.string($0))] } ?? []) + facts.members)
    case .started(let plan, let completed):
      if completed > 0 { console.note("resuming after step \(completed)") }
      console.note(
        "training on \(Format.count(plan.examples, "example")): \(Format.count(plan.totalSteps, "step")), "
          + "\(Format.grouped(plan.stepsPerEpoch)) in an epoch; "
          + "\(type(of: backend).name), \(backend.precision.rawValue)")
      let shares = zip(heads, zip(plan.turns?.examples ?? [], plan.turns?.steps ?? []))
      for (head, (examples, steps)) in shares {
        console.note(
          "  \(head): \(Format.count(examples, "example")), \(Format.count(steps, "step")) in an epoch")
      }
      bar = ProgressBar(
        "training", unit: "steps", total: plan.totalSteps, startCount: completed, console: console)
      emit(
        "started",
        [
          ("examples", JSON(plan.examples)), ("total_steps", JSON(plan.totalSteps)),
          ("steps_per_epoch", JSON(plan.stepsPerEpoch)), ("completed_steps", JSON(completed)),
          ("backend", .string(type(of: backend).name)), ("precision", .string(backend.precision.rawValue)),
        ] + (heads.isEmpty ? [] : [("heads", .array(heads.map { .string($0) }))]))
    case .step(let report):
      last = report
      bar?.update(
        report.step,
        detail: "loss \(number(report.loss, 4))  \(Format.rate(report.samplesPerSecond)) samples/s")
    case .logged(let entry):
      line(logged(entry))
      emit("logged", entry)
    case .evaluating(let done, let total):
      if evaluationBar == nil {
        bar?.clear()
        evaluationBar = ProgressBar("evaluating", unit: "samples", total: total, console: console)
      }
      evaluationBar?.update(done)
    case .evaluated(let entry):
      evaluationBar?.clear()
      evaluationBar = nil
      line(evaluated(entry))
      emit("evaluated", entry)
    case .saved(let url):
      line("saved \(url.displayPath)")
      emit("saved", [("checkpoint", JSON(url))])
    case .removed(let url):
      line("removed \(url.displayPath)")
      emit("removed", [("checkpoint", JSON(url))])
    case .noted(let note):
      line(note.text(\.commandLineText))
      emit("noted", note.members(\.commandLineText))
    case .warned(let error):
      bar?.clear()
      console.warn(error.inCommandLineWords.description)
      emit("warned", [("problem", .string(error.inCommandLineWords.description))])
    }
  }

  private func line(_ text: String) {
    bar?.clear()
    console.note(text)
  }

  /// `step 50/375  epoch 0.40  loss 2.8100  lr 4.3e-05  grad_norm 1.27  12.3 samples/s  ETA 0:30`
  private func logged(_ entry: [String: Double]) -> String {
    var facts = prefix(entry)
    if let loss = entry["loss"] { facts.append("loss \(number(loss, 4))") }
    for head in heads {
      if let loss = entry["\(head)_loss"] { facts.append("\(head)_loss \(number(loss, 4))") }
    }
    if let rate = entry["learning_rate"] { facts.append("lr \(String(format: "%.3g", rate))") }
    if let norm = entry["grad_norm"] { facts.append("grad_norm \(String(format: "%.3g", norm))") }
    if let last {
      facts.append("\(Format.rate(last.samplesPerSecond)) samples/s")
      facts.append("ETA \(Format.duration(last.remaining))")
    }
    return facts.joined(separator: "  ")
  }

  /// `step 125/625  epoch 1.00  eval_accuracy 0.8650  eval_loss 0.4301  321 samples/s`
  private func evaluated(_ entry: [String: Double]) -> String {
    // A line has what tells most; the log has all of it.
    let unshown = [
      "runtime", "_per_second", "precision_", "recall_", "log_loss", "calibration_error", "hamming_loss",
      "balanced_accuracy", "f1_samples",
    ]
    let scores = entry.filter { name, _ in
      name.hasPrefix("eval_") && (name == score || !unshown.contains { name.contains($0) })
    }.sorted { $0.key < $1.key }.map { "\($0.key) \(number($0.value, 4))" }
    let speed = entry["eval_samples_per_second"].map { ["\(Format.rate($0)) samples/s"] } ?? []
    return (prefix(entry) + scores + speed).joined(separator: "  ")
  }

  private func prefix(_ entry: [String: Double]) -> [String] {
    let step = JSON(count: entry["step"] ?? 0).text()
    let total = last.map { "/\($0.totalSteps)" } ?? ""
    return ["step \(step)\(total)", "epoch \(number(entry["epoch"] ?? 0, 2))"]
  }

  private func number(_ value: Double, _ digits: Int) -> String { String(format: "%.*f", digits, value) }

  private func emit(_ event: String, _ entry: [String: Double]) {
    emit(event, entry.sorted { $0.key < $1.key }.map { ($0, $0 == "step" ? JSON(count: $1) : JSON($1)) })
  }

  private func emit(_ event: String, _ members: [(String, JSON)]) {
    guard printsJSON else { return }
    // The last event is printed elsewhere; what standard output did not take then is an error.
    try? Output.print(JSON.object([("event", .string(event))] + members).text())
  }
}
