import GraftCore
import GraftTensors

extension QuantizationCost {
  /// What the measurement comes to, in a sentence or two.
  public var verdict: String {
    [costs, advice].compactMap { $0 }.joined(separator: " ")
  }

  /// A smaller difference is none that shows.
  private static let shows = 0.003

  private var texts: String { NumberText.count(rows - unlabelled, "text") }

  /// What there is to know of the rows.
  package var notes: [String] {
    guard unlabelled > 0 else { return [] }
    return ["\(unlabelled) of \(NumberText.count(rows, "row")) have no label, and are not scored"]
  }

  /// How much worse a score is: of one that is better when it is lower, as a part of that of float32.
  private func loss(_ score: Score) -> Double {
    switch ScoreDirection(of: score.name) {
    case .higher: score.float32 - score.int8
    case .lower: score.float32 > 0 ? score.int8 / score.float32 - 1 : score.int8 - score.float32
    }
  }

  /// Of the scores that are better when they are higher, the one that loses most, where that shows and the first has lost
  /// less.
  private var worst: Score? {
    guard let first = scores.first, ScoreDirection(of: first.name) == .higher else { return nil }
    let others = scores.dropFirst().filter { ScoreDirection(of: $0.name) == .higher }
    return others.max { loss($0) < loss($1) }.flatMap { loss($0) > max(loss(first), Self.shows) ? $0 : nil }
  }

  private var costs: String {
    if let score = scores.first {
      let worst = worst
      let lost = loss(worst ?? score)
      let judgement =
        abs(lost) <= Self.shows
        ? "int8 costs nothing that shows"
        : lost < 0 ? "int8 does no harm" : lost <= 0.01 ? "int8 costs little" : "int8 costs accuracy"
      let other =
        worst.map {
          ", and \($0.name) \(NumberText.decimals($0.int8)), and \(NumberText.decimals($0.float32)) in float32"
        } ?? ""
      let same = agreement.map { "; \(NumberText.percent($0)) of the answers are the same" } ?? ""
      return "\(judgement): on \(texts) \(score.name) is \(NumberText.decimals(score.int8)), and "
        + "\(NumberText.decimals(score.float32)) in float32\(other)\(same)."
    }
    if let agreement {
      let judgement =
        agreement >= 0.99
        ? "int8 changes hardly an answer"
        : agreement >= 0.97 ? "int8 changes few answers" : "int8 changes answers"
      let difference = largestDifference.map { "; scores differ by \(NumberText.decimals($0)) at most" } ?? ""
      return
        "\(judgement): \(NumberText.percent(agreement)) of \(texts) are answered as in float32\(difference)."
    }
    if let vectors {
      let order = vectors.spearman ?? vectors.worstCosine
      let judgement =
        order >= 0.995
        ? "int8 keeps the order of similar texts"
        : order >= 0.98
          ? "int8 nearly keeps the order of similar texts" : "int8 changes which texts are similar"
      let spearman =
        vectors.spearman.map { "; Spearman of their similarities is \(NumberText.decimals($0))" } ?? ""
      return
        "\(judgement): the vectors of \(texts) have a cosine of \(NumberText.decimals(vectors.meanCosine)) with those "
        + "of float32, \(NumberText.decimals(vectors.worstCosine)) at worst\(spearman)."
    }
    let difference = largestDifference.map { ", and values differ by \(NumberText.number($0)) at most" } ?? ""
    return "The hidden states of \(texts) move by \(NumberText.percent(error))\(difference)."
  }

  private var advice: String? {
    let worth = layers.filter(\.isWorthKeeping)
    guard !worth.isEmpty else { return nil }
    let share = worth.reduce(0) { $0 + $1.share }
    return "Most is lost in \(worth.map(\.name).joined(separator: ", ")), "
      + "\(NumberText.percent(share)) of the squared error: worth leaving in float32."
  }

  /// The measurement for machines.
  public var json: JSON {
    func number(_ value: Double?) -> JSON { value.map { JSON($0) } ?? .null }
    return [
      "verdict": .string(verdict), "rows": JSON(rows), "unlabelled_rows": JSON(unlabelled),
      "truncated_texts": JSON(facts.truncated), "max_length": JSON(facts.maximumLength),
      "source": source.map { .string($0) } ?? .null, "bytes": JSON(quantization.bytes),
      "bytes_before": JSON(quantization.bytesBefore),
      "kept": .array(quantization.kept.map { .string($0.name) }), "agreement": number(agreement),
      "largest_difference": number(largestDifference),
      "scores": .array(
        scores.map { ["name": .string($0.name), "float32": JSON($0.float32), "int8": JSON($0.int8)] }),
      "vectors": vectors.map {
        [
          "mean_cosine": JSON($0.meanCosine), "worst_cosine": JSON($0.worstCosine),
          "spearman": number($0.spearman),
        ]
      } ?? .null,
      "hidden_states": ["error": JSON(error), "rows": JSON(sample)],
      "layers": .array(
        layers.map {
          [
            "name": .string($0.name), "error": JSON($0.error), "share": JSON($0.share),
            "worth_keeping": .bool($0.isWorthKeeping),
          ]
        }),
    ]
  }

  /// What `scores` and other measures are, for a table of three columns.
  package var comparison: TextTable {
    var rows = scores.map { [$0.name, NumberText.decimals($0.float32), NumberText.decimals($0.int8)] }
    func add(_ name: String, _ value: String?) {
      if let value { rows.append([name, "", value]) }
    }
    add("answers that are the same", agreement.map(NumberText.percent))
    add("largest difference of a score", largestDifference.map(NumberText.number))
    add("mean cosine", vectors.map { NumberText.decimals($0.meanCosine) })
    add("worst cosine", vectors.map { NumberText.decimals($0.worstCosine) })
    add("Spearman of similarities", vectors?.spearman.map(NumberText.decimals))
    add("error of the hidden states", NumberText.percent(error))
    return TextTable(header: ["", "float32", "int8"], rows: rows)
  }

  /// The layers of the encoder, each rounded alone.
  package var layerTable: TextTable {
    TextTable(
      header: ["layer", "error", "share", ""],
      rows: layers.map {
        [
          $0.name, NumberText.percent($0.error), NumberText.percent($0.share),
          $0.isWorthKeeping ? "worth leaving in float32" : "",
        ]
      })
  }
}

extension Quantization {
  /// What it has made of a checkpoint.
  ///
  /// - Parameter code: Spells the name of a layer.
  package func sentences(_ code: (String) -> String) -> String {
    let weights = rounded.reduce(0) { $0 + $1.count }
    let kept =
      self.kept.isEmpty
      ? ""
      : ", the linear layers that were kept too: \(self.kept.map { code($0.name) }.joined(separator: ", "))"
    return
      "\(NumberText.count(rounded.count, "linear layer")) of the encoder, of \(NumberText.grouped(weights)) "
      + "weights, have whole numbers of eight bits: rounded symmetrically, with a scale in float32 for each output. "
      + "Products in int8 round the activations of each token the same way. All else is as it was\(kept). "
      + "The weights take \(NumberText.bytes(bytes)), and \(NumberText.bytes(bytesBefore)) before."
  }
}
