import GraftKit
import GraftTensors

/// A profile of training steps, for people and for machines.
extension TrainingProfile {
  var text: String {
    let work = rows.map { row in
      [
        row.name, Format.rate(row.seconds / Double(max(1, steps)) * 1e3), percent(row.share),
        row.rate.map { Format.rate($0 / 1e9) } ?? "",
      ]
    }
    let table = Format.table(
      work, header: ["work", "ms/step", "share", "GFLOP/s"], alignments: [.left, .right, .right, .right])
    var lines = [
      "profile of \(Format.count(steps, "step")), \(Format.number(seconds / Double(max(1, steps)))) s each",
      table,
      "",
      "\(Format.rate(Double(tokens) / seconds)) tokens/s; \(Format.grouped(tokens)) tokens, "
        + "\(Format.grouped(paddedTokens)) if they were padded",
      "matrix products with bias and activation: \(percent(products.share)) of the time, \(Format.rate(products.rate / 1e9)) GFLOP/s, "
        + "\(percent(products.rate / products.rateAlone)) of what they reach alone, "
        + "\(percent(products.rate / peak)) of the backend's peak, \(Format.rate(peak / 1e9))",
    ]
    if let update {
      lines.append(
        "update: \(Format.rate(update.bandwidth / 1e9)) GB/s, "
          + "\(percent(update.bandwidth / update.copyBandwidth)) of copying")
    }
    if let exchange {
      func milliseconds(_ seconds: Double) -> String {
        "\(Format.rate(seconds / Double(max(1, steps)) * 1e3)) ms"
      }
      lines.append(
        "exchange with other ranks: \(milliseconds(exchange.exposed)) a step exposed, of which \(milliseconds(exchange.slowdown)) "
          + "slow the backward pass down; \(milliseconds(exchange.hidden)) hidden behind it")
    }
    return lines.joined(separator: "\n")
  }

  var json: JSON {
    var members: [(String, JSON)] = [
      ("steps", JSON(steps)), ("seconds", JSON(seconds)), ("tokens", JSON(tokens)),
      ("padded_tokens", JSON(paddedTokens)), ("tokens_per_second", JSON(Double(tokens) / seconds)),
      ("peak_gflops", JSON(peak / 1e9)),
      (
        "products",
        [
          "seconds": JSON(products.seconds), "share": JSON(products.share),
          "gflops": JSON(products.rate / 1e9), "rate_alone": JSON(products.rateAlone / 1e9),
          "of_alone": JSON(products.rate / products.rateAlone),
        ]
      ),
    ]
    if let update {
      members.append(
        (
          "optimizer",
          [
            "seconds": JSON(update.seconds), "gigabytes_per_second": JSON(update.bandwidth / 1e9),
            "copy_gigabytes_per_second": JSON(update.copyBandwidth / 1e9),
            "of_copy": JSON(update.bandwidth / update.copyBandwidth),
          ]
        ))
    }
    if let exchange {
      members.append(
        (
          "exchange",
          [
            "exposed_seconds": JSON(exchange.exposed), "waiting_seconds": JSON(exchange.waiting),
            "slowdown_seconds": JSON(exchange.slowdown), "hidden_seconds": JSON(exchange.hidden),
          ]
        ))
    }
    members.append(
      (
        "ops",
        .array(
          rows.map { row in
            [
              "name": .string(row.name), "calls": JSON(row.calls), "seconds": JSON(row.seconds),
              "share": JSON(row.share), "gflops": row.rate.map { JSON($0 / 1e9) } ?? .null,
            ]
          })
      ))
    return .object(members)
  }

  private func percent(_ share: Double) -> String {
    share.isFinite ? "\(Int((share * 100).rounded())) %" : "-"
  }
}
