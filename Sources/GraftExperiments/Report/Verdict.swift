import GraftKit

/// What a run answers, in a sentence for each arm that is compared.
package struct Verdict {
  /// What became of the question.
  enum Answer: String {
    case better, worse, unsettled, incomparable
  }

  let answer: Answer
  let sentence: String

  init(_ comparison: Comparison, in results: RunResults) {
    let arms = [comparison.first, comparison.second].compactMap { name in
      results.arms.first { $0.name == name }
    }
    if comparison.result == nil, let scores = Verdict.tokens(arms) {
      (answer, sentence) = (.incomparable, scores)
      return
    }
    guard let result = comparison.result, arms.count == 2, let first = arms[0].score?.mean,
      let second = arms[1].score?.mean
    else {
      answer = .incomparable
      sentence =
        "\(comparison.second) and \(comparison.first) cannot be compared: \(comparison.obstacle ?? "there are no test rows")."
      return
    }
    let (bootstrap, metric) = (result.bootstrap, result.metric)
    let subject =
      Verdict.isAdapted(comparison.second, in: results.record)
        && !Verdict.isAdapted(comparison.first, in: results.record)
      ? "domain adaptation" : comparison.second
    let lead: String
    if !bootstrap.isClear {
      answer = .unsettled
      lead = "Whether \(subject) helps is not settled"
    } else if metric.direction.isBetter(bootstrap.difference, than: 0) {
      answer = .better
      lead = Verdict.lead("\(subject) helps", seeds: bootstrap.seeds)
    } else {
      answer = .worse
      lead = Verdict.lead("\(subject) hurts", seeds: bootstrap.seeds)
    }
    let seeds =
      result.seeds.first == result.seeds.second
      ? NumberText.count(result.seeds.first, "seed")
      : "\(NumberText.count(result.seeds.first, "seed")) and \(result.seeds.second)"
    let percent = NumberText.trimmed(bootstrap.level * 100)
    sentence =
      "\(lead): \(comparison.second) \(metric.claim(second, of: metric.count(result.rows))), "
      + "\(comparison.first) \(metric.text(first)), a difference of \(metric.difference(bootstrap.difference)) "
      + "(\(percent) % interval \(metric.signed(bootstrap.interval.lowerBound)) to "
      + "\(metric.difference(bootstrap.interval.upperBound)); \(seeds))."
      + (bootstrap.seeds == 1 ? " One seed says nothing about how much others would differ." : "")
      + Verdict.objection(arms, metric, bootstrap.difference)
  }

  /// That macro F1 says the opposite of accuracy, where it does by a tenth of a point or more.
  private static func objection(_ arms: [RunResults.Arm], _ metric: TestMetric, _ difference: Double)
    -> String
  {
    guard metric == .accuracy, let first = arms[0].f1?.mean, let second = arms[1].f1?.mean,
      abs(second - first) >= 0.001, (second - first) * difference < 0
    else { return "" }
    return
      " Macro F1, which counts every class alike, goes the other way: \(arms[1].name) has \(metric.text(second)), \(arms[0].name) \(metric.text(first))."
  }

  /// The scores of two models of masked tokens, which have no interval; `nil` where one is something else.
  private static func tokens(_ arms: [RunResults.Arm]) -> String? {
    guard arms.count == 2, arms.allSatisfy(\.isLanguageModel), let metric = arms[1].metric,
      metric == arms[0].metric, let first = arms[0].score, let second = arms[1].score
    else { return nil }
    var sentence =
      "\(arms[1].name.capitalizedFirst) \(metric.claim(second.mean, of: metric.testUnits)), \(arms[0].name) \(metric.text(first.mean))"
    if metric.key != TestMetric(named: "perplexity").key, let less = arms[1].perplexity?.mean,
      let more = arms[0].perplexity?.mean
    {
      sentence += "; the perplexity is \(NumberText.number(less)), and \(NumberText.number(more))"
    }
    return sentence
      + " (\(NumberText.count(arms[1].seeds.count, "seed"))). Predictions of hidden tokens are not kept, so there is no interval."
  }

  /// What was found; of one seed it is said of that seed only.
  private static func lead(_ finding: String, seeds: Int) -> String {
    seeds == 1 ? "With this seed \(finding)" : finding.capitalizedFirst
  }

  /// Whether an arm trains a language model.
  private static func isAdapted(_ name: String, in record: RunRecord) -> Bool {
    record.arms.first { $0.name == name }?.seeds.first?.stages.contains {
      $0.kind == "train" && $0.isLanguageModel
    } ?? false
  }
}

extension RunResults {
  /// The answers to all comparisons.
  var verdicts: [Verdict] { comparisons.map { Verdict($0, in: self) } }

  /// The answers to all comparisons, of each head unless the experiment names one.
  var allVerdicts: [Verdict] { judged.flatMap(\.verdicts) }

  /// What arms are compared by.
  private var judged: [RunResults] { isHeadChosen || heads.isEmpty ? [self] : heads }

  /// The verdicts as one text.
  var verdictText: String {
    let verdicts = judged.map { results in (results.head.map { "\($0): " } ?? "") + results.ownVerdictText }
    return (verdicts + [record.search?.caveat].compactMap(\.self)).joined(separator: " ")
  }

  private var ownVerdictText: String {
    if !comparisons.isEmpty { return verdicts.map(\.sentence).joined(separator: " ") }
    guard let score = arms.first?.score, let metric = arms[0].metric else {
      return "There is one arm, and no test rows."
    }
    return "There is one arm, and nothing to compare it with: \(arms[0].name) "
      + "\(metric.claim(score.mean, of: metric.testUnits)) (\(NumberText.count(arms[0].seeds.count, "seed")))."
      + earlierEvaluations
  }

  /// What the only arm, a model of masked tokens, got before its last evaluation.
  private var earlierEvaluations: String {
    guard let arm = arms.first, arm.isLanguageModel, let seed = arm.seeds.first?.seed else { return "" }
    let own = languageModels.filter { $0.arm == arm.name && $0.seeds.contains(seed) }
    guard own.count > 1, let last = own.last?.accuracy else { return "" }
    let earlier = own.dropLast().compactMap { score in
      score.accuracy.map { "\(TestMetric.accuracy.text($0)) in \(score.stage)" }
    }
    return
      " With seed \(seed) it got \(earlier.joined(separator: ", ")), and \(TestMetric.accuracy.text(last)) in \(own.last?.stage ?? "")."
  }
}

extension TestMetric {
  /// `gets 86.8 % of 50 test texts right`, `has an R² of 0.62 on 50 test texts`
  fileprivate func claim(_ value: Double, of texts: String) -> String {
    key == TestMetric.accuracy.key
      ? "gets \(text(value)) of \(texts) right"
      : "has \(beginsWithVowel ? "an" : "a") \(name) of \(text(value)) on \(texts)"
  }
}

extension TestMetric {
  /// Whether the name is spoken with a vowel at its beginning.
  private var beginsWithVowel: Bool {
    ["R²", "F1", "nDCG"].contains { name.hasPrefix($0) } || name.first.map { "aeiou".contains($0) } == true
  }
}

extension String {
  /// With a capital at the beginning, unless the first word has capitals of its own, as nDCG has.
  var capitalizedFirst: String {
    prefix { !$0.isWhitespace }.dropFirst().contains(where: \.isUppercase)
      ? self : prefix(1).uppercased() + dropFirst()
  }
}
