import Foundation
import GraftCore
import GraftKit
import OrderedCollections

/// Reads the section `search` of an experiment.
struct SearchSchema {
  let keys: MappingReader
  let diagnostics: Diagnostics
  /// The experiment without the search.
  let experiment: Experiment
  /// The stages as they are written, by name.
  let stages: [String: YAMLValue]
  /// Reads a stage by its name, as those that it stands for.
  let readStages: (String, YAMLValue) -> [Experiment.Stage]

  typealias Search = Experiment.Search

  /// More points than anybody waits for are a slip.
  static let mostPoints = 1000

  /// A dimension and the values that it may have.
  private struct Axis {
    let dimension: Search.Dimension
    /// Where the option stands.
    let key: YAMLValue
    let choice: SearchChoice
  }

  /// - Returns: `nil` when something is wrong, which is then among the diagnostics.
  func read() -> Search? {
    defer { keys.finish() }
    // All that there is, so that one mistake is not taken for others.
    for key in ["arm", "score", "metric", "greater-is-better", "seeds"] { _ = keys[key] }
    let method: Search.Method = keys.read("method") ?? .grid
    let (count, seed): (Int?, UInt64?) = (keys.read("points"), keys.read("seed"))
    let axes = readAxes()
    let rungs = readRungs(method, axes)
    let refit = changes(under: "refit")
    let arm = readArm()
    let names = arm.flatMap { experiment.arms[$0] } ?? []
    let touched =
      axes.map { ($0.dimension.stage, $0.key) } + (rungs.map { [($0.dimension.stage, $0.key)] } ?? [])
    let score = arm.flatMap { readScore($0, names, touched) }
    for (stage, key, _) in refit
    where arm != nil && !expanded(stage).isEmpty && !expanded(stage).contains(where: names.contains) {
      diagnostics.add(key.place, "the arm '\(arm ?? "")' has no stage '\(stage)'")
    }
    var search = Search(
      arm: arm ?? "", scoreStage: score ?? "", metric: nil, greaterIsBetter: nil, seeds: nil, method: method,
      dimensions: axes.map(\.dimension), points: [], rungs: rungs?.rungs,
      metricPlace: keys.place(of: "metric"))
    let metric: String? = keys.read("metric")
    search.metric = metric.map(TestMetric.key)
    keys.read("greater-is-better", &search.greaterIsBetter)
    search.seeds = keys.list("seeds")
    if let seeds = search.seeds, Set(seeds).count < seeds.count {
      diagnostics.add(keys.place(of: "seeds"), "a seed is given twice")
    }
    // The points are read whatever else is wrong, so that all mistakes are said at once.
    let points = axes.isEmpty ? nil : draw(axes, method, count: count, seed: seed ?? TrainingOptions().seed)
    for (index, values) in (points ?? []).enumerated() {
      search.points.append(point(index + 1, values, axes, rungs, refit))
    }
    return arm == nil || score == nil || points == nil ? nil : search
  }

  /// The names of the stages that one of the file stands for; none where it could not be read.
  private func expanded(_ name: String) -> [String] {
    if experiment.stages[name] != nil { return [name] }
    return experiment.stages.values.filter { $0.group == name }.map(\.name)
  }

  // MARK: What is searched

  private func readAxes() -> [Axis] {
    guard let value = keys.required("options") else { return [] }
    let axes = members(value, "'options'").compactMap { stage, key, value -> Axis? in
      guard let choice = SearchChoice(value, diagnostics) else { return nil }
      return Axis(dimension: Search.Dimension(stage: stage, key: key.text ?? ""), key: key, choice: choice)
    }
    if axes.isEmpty, diagnostics.isEmpty {
      diagnostics.add(value.place, "a search needs an option to search")
    }
    return axes
  }

  /// Options under names of stages: `tune: {learning-rate: …}`.
  private func members(_ value: YAMLValue, _ what: String) -> [(
    stage: String, key: YAMLValue, value: YAMLValue
  )] {
    MappingReader(value, what, diagnostics).entries.flatMap { name, place, value in
      guard stages[name] != nil else {
        diagnostics.add(
          place,
          "there is no stage '\(name)'\(NearestName.suggestion(for: name, among: stages.keys.sorted()))")
        return [(String, YAMLValue, YAMLValue)]()
      }
      guard case .mapping(let options) = value.content else {
        diagnostics.add(value.place, "a stage's options have to be a mapping; found \(value.kind)")
        return []
      }
      return options.compactMap { key, value in
        guard key.text?.isEmpty == false else {
          diagnostics.add(key.place, "a key has to be a text; found \(key.kind)")
          return nil
        }
        return (name, key, value)
      }
    }
  }

  private func changes(under key: String) -> [(stage: String, key: YAMLValue, value: YAMLValue)] {
    keys[key].map { members($0, "'\(key)'") } ?? []
  }

  /// What successive halving raises.
  private struct Raised {
    let rungs: Search.Rungs
    let key: YAMLValue
    let values: [YAMLValue]
    var dimension: Search.Dimension { rungs.dimension }
  }

  private func readRungs(_ method: Search.Method, _ axes: [Axis]) -> Raised? {
    let factor: Int? = keys.read("factor")
    let given = changes(under: "rungs")
    guard method == .halving else {
      for key in ["rungs", "factor"] where keys[key] != nil {
        diagnostics.add(keys.place(of: key), "'\(key)' is for the method halving")
      }
      return nil
    }
    if let factor, factor < 2 { diagnostics.add(keys.place(of: "factor"), "'factor' has to be at least 2") }
    guard keys.required("rungs") != nil else { return nil }
    guard given.count == 1, let (stage, key, value) = given.first else {
      diagnostics.add(keys.place(of: "rungs"), "'rungs' has to be one option of one stage")
      return nil
    }
    let dimension = Search.Dimension(stage: stage, key: key.text ?? "")
    if axes.contains(where: { $0.dimension == dimension }) {
      diagnostics.add(key.place, "'\(dimension.name)' stands under 'options' as well")
    }
    guard case .list(let items) = value.content, items.count > 1 else {
      diagnostics.add(value.place, "'rungs' needs a list of at least two values, such as [1, 3, 9]")
      return nil
    }
    let numbers = items.compactMap { $0.text.flatMap { Double($0) } }
    if numbers.count < items.count || zip(numbers, numbers.dropFirst()).contains(where: { $0 >= $1 }) {
      diagnostics.add(value.place, "the values of 'rungs' have to be numbers, each above the one before")
    }
    return Raised(
      rungs: Search.Rungs(dimension: dimension, values: items.map(\.spelled), factor: factor ?? 3), key: key,
      values: items)
  }

  // MARK: Where

  private func readArm() -> String? {
    let known = experiment.arms.keys.elements
    guard let arm: String = keys.read("arm") else {
      if keys["arm"] == nil, known.count == 1 { return known[0] }
      if keys["arm"] == nil {
        diagnostics.add(keys.place, "'search' needs the key 'arm', for there are several arms")
      }
      return nil
    }
    guard known.contains(arm) else {
      diagnostics.add(
        keys.place(of: "arm"), "there is no arm '\(arm)'\(NearestName.suggestion(for: arm, among: known))")
      return nil
    }
    return arm
  }

  /// The stage that decides, after all that is searched.
  private func readScore(
    _ arm: String, _ names: [String], _ touched: [(stage: String, key: YAMLValue)]
  ) -> String? {
    // Of a stage that could not be read, nobody knows whether it has a score.
    guard names.allSatisfy({ experiment.stages[$0] != nil || stages[$0] == nil }) else {
      _ = keys.read("score") as String?
      return nil
    }
    let scored = names.filter { experiment.stages[$0]?.isScored == true }
    guard let score: String = keys.read("score") else {
      if keys["score"] == nil, Set(scored).count == 1 { return scored[0] }
      if keys["score"] == nil {
        diagnostics.add(
          keys.place,
          scored.isEmpty
            ? "the arm '\(arm)' has no stage with a score to search by"
            : "'search' needs the key 'score'; stages of '\(arm)' with scores are \(scored.joined(separator: ", "))"
        )
      }
      return nil
    }
    guard names.contains(score) else {
      let own = expanded(score)
      if own.contains(where: names.contains) {
        diagnostics.add(
          keys.place(of: "score"),
          "the stage '\(score)' evaluates several heads: name one of \(own.joined(separator: ", "))")
        return nil
      }
      diagnostics.add(
        keys.place(of: "score"),
        "the arm '\(arm)' has no stage '\(score)'\(NearestName.suggestion(for: score, among: names))")
      return nil
    }
    guard scored.contains(score) else {
      diagnostics.add(
        keys.place(of: "score"), "the stage '\(score)' has no score: it is no evaluation and has none")
      return nil
    }
    let before = names.firstIndex(of: score).map { names[...$0] } ?? []
    for (stage, key) in touched
    where stages[stage] != nil && !expanded(stage).contains(where: before.contains) {
      diagnostics.add(
        key.place,
        expanded(stage).contains(where: names.contains)
          ? "the stage '\(stage)' comes after '\(score)', whose score decides"
          : "the arm '\(arm)' has no stage '\(stage)'")
    }
    return score
  }

  // MARK: Points

  private func draw(
    _ axes: [Axis], _ method: Search.Method, count: Int?, seed: UInt64
  ) -> [[YAMLValue]]? {
    let before = diagnostics.count
    let all = axes.map(\.choice.count)
    // `nil` is without end.
    let combinations = all.reduce(1 as Int?) { product, count in
      guard let product, let count else { return nil }
      let (result, isTooMuch) = product.multipliedReportingOverflow(by: count)
      return isTooMuch ? Int.max : result
    }
    if method == .grid {
      if count != nil {
        diagnostics.add(keys.place(of: "points"), "'points' is for the methods random and halving")
      }
      for axis in axes where axis.choice.count == nil {
        diagnostics.add(
          axis.key.place, "a grid needs a list of values here; a range is for the method random")
      }
    } else if count == nil, method == .random || combinations == nil {
      diagnostics.add(keys.place, "'search' needs the key 'points', for how many are drawn")
    }
    guard diagnostics.count == before else { return nil }
    let wanted = min(count ?? combinations ?? 0, combinations ?? .max)
    guard 1...Self.mostPoints ~= wanted else {
      let place = count == nil ? keys.place(of: "options") : keys.place(of: "points")
      diagnostics.add(
        place,
        "a search may have 1 to \(NumberText.grouped(Self.mostPoints)) points; found \(NumberText.grouped(wanted))"
      )
      return nil
    }
    if wanted == combinations { return SearchChoice.combinations(axes.map(\.choice)) }
    return SearchChoice.drawn(axes.map(\.choice), count: wanted, seed: seed)
  }

  private func point(
    _ number: Int, _ values: [YAMLValue], _ axes: [Axis], _ rungs: Raised?,
    _ refit: [(stage: String, key: YAMLValue, value: YAMLValue)]
  ) -> Search.Point {
    let own = zip(axes, values).map { (stage: $0.dimension.stage, key: $0.key, value: $1) }
    let rounds = (rungs?.values ?? []).map { value in
      own + [(stage: rungs?.dimension.stage ?? "", key: rungs?.key ?? value, value: value)]
    }
    let each = rounds.isEmpty ? [own] : rounds
    let last = each.last ?? own
    let news = refit.filter { stage, key, value in
      let before =
        last.last { $0.stage == stage && $0.key.text == key.text }?.value
        ?? stages[stage]?.value(of: key.text ?? "")
      return before?.isSame(as: value) != true
    }
    return Search.Point(
      number: number, values: values.map(\.spelled),
      refit: news.map { "\($0.stage).\($0.key.spelled): \($0.value.spelled)" }, rounds: each.map(changed),
      final: changed(last + refit))
  }

  /// The stages that options change, with these.
  private func changed(
    _ options: [(stage: String, key: YAMLValue, value: YAMLValue)]
  ) -> [String: Experiment.Stage] {
    var values: OrderedDictionary<String, YAMLValue> = [:]
    for (stage, key, value) in options {
      values[stage] = (values[stage] ?? stages[stage])?.setting(key, to: value)
    }
    var changed: [String: Experiment.Stage] = [:]
    for (name, value) in values {
      // What cannot be read is among the diagnostics.
      for stage in readStages(name, value) { changed[stage.name] = stage }
    }
    return changed
  }
}

extension Experiment.Search.Method: OptionValue {}

extension Experiment.Stage {
  /// Whether there are results with scores.
  fileprivate var isScored: Bool {
    switch task {
    case .evaluate: true
    case .train(let training): !training.evaluations.isEmpty || training.options.evalSplit != nil
    case .importing, .swap, .export: false
    }
  }
}

extension YAMLValue {
  /// As it can be written in a line.
  var spelled: String {
    switch content {
    case .scalar(let text): text
    case .list(let items): "[\(items.map(\.spelled).joined(separator: ", "))]"
    case .mapping(let members):
      "{\(members.map { "\($0.key.spelled): \($0.value.spelled)" }.joined(separator: ", "))}"
    }
  }

  /// Whether it means the same: `1e-4` is `0.0001`, and a list of one is its element.
  fileprivate func isSame(as other: YAMLValue) -> Bool {
    func single(_ value: YAMLValue) -> YAMLValue {
      if case .list(let items) = value.content, items.count == 1 { items[0] } else { value }
    }
    let (first, second) = (single(self), single(other))
    if let one = first.text.flatMap({ Double($0) }), let two = second.text.flatMap({ Double($0) }) {
      return one == two
    }
    return first.spelled == second.spelled
  }

  /// The value of a mapping's key.
  fileprivate func value(of key: String) -> YAMLValue? {
    guard case .mapping(let members) = content else { return nil }
    return members.first { $0.key.text == key }?.value
  }

  /// A mapping with another value of a key, which may be new.
  fileprivate func setting(_ key: YAMLValue, to value: YAMLValue) -> YAMLValue {
    guard case .mapping(let members) = content, let name = key.text else { return self }
    guard !members.contains(where: { $0.key.text == name }) else { return setting(name, to: value) }
    return YAMLValue(content: .mapping(members + [(key, value)]), place: place)
  }

  /// A mapping with another value of a key that it has.
  func setting(_ key: String, to value: YAMLValue) -> YAMLValue {
    guard case .mapping(let members) = content else { return self }
    return YAMLValue(
      content: .mapping(members.map { $0.key.text == key ? ($0.key, value) : $0 }), place: place)
  }
}
