import ArgumentParser
import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors

/// What several machines are planned for.
struct PlanFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Predict steps of training this checkpoint on 2 to 256 nodes.", valueName: "CKPT"))
  var plan: ModelSource?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Texts of each rank's batch (default: 8).", valueName: "N"))
  var batchSize: Int?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Tokens of each text (default: 128).", valueName: "N"))
  var tokens: Int?

  @Option(
    help: ArgumentHelp(
      "What linear layers and attention multiply in (default: float32).", valueName: "TYPE"))
  var precision: Precision?

  @Option(
    help: ArgumentHelp("What ranks send gradients in (default: float32).", valueName: "TYPE"))
  var gradientPrecision: Precision?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Cores of a node (default: 8 16 32 64).", valueName: "N"))
  var cores: [Int] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("What the networks carry, in Gb/s (default: 10 100).", valueName: "GB"))
  var bandwidth: [Double] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How long the networks take, in microseconds (default: 50).", valueName: "US"))
  var latency: Double?

  @OptionGroup var backend: BackendFlags
  @OptionGroup var hub: HubFlags

  func validate() throws {
    let given: [(name: String, isGiven: Bool)] = [
      ("batch-size", batchSize != nil), ("tokens", tokens != nil), ("precision", precision != nil),
      ("gradient-precision", gradientPrecision != nil), ("cores", !cores.isEmpty),
      ("bandwidth", !bandwidth.isEmpty),
      ("latency", latency != nil), ("backend", backend.backend != "auto"),
      ("threads", backend.parallelism.threads != nil),
    ]
    if plan == nil, let first = given.first(where: \.isGiven) {
      throw ValidationError("--\(first.name) has no meaning without --plan.")
    }
    guard (1...65536).contains(batchSize ?? 1) else {
      throw ValidationError("--batch-size must be between 1 and 65536.")
    }
    guard (3...65536).contains(tokens ?? 3) else {
      throw ValidationError("--tokens must be between 3 and 65536.")
    }
    guard (batchSize ?? 8) * (tokens ?? 128) <= 1 << 20 else {
      throw ValidationError("--batch-size times --tokens must be at most \(1 << 20).")
    }
    guard cores.allSatisfy((1...4096).contains) else {
      throw ValidationError("--cores must be between 1 and 4096.")
    }
    guard bandwidth.allSatisfy({ (0.001...100_000).contains($0) }) else {
      throw ValidationError("--bandwidth must be between 0.001 and 100000.")
    }
    guard (0...1e6).contains(latency ?? 0) else {
      throw ValidationError("--latency must be between 0 and 1000000.")
    }
  }
}

/// Steps of training on machines that are not here.
struct RankPlan {
  private static let nodes = [2, 4, 8, 16, 32, 64, 128, 256]

  private let model: StepModel
  private let batchSize: Int
  private let tokens: Int
  private let precision: Precision
  private let cores: [Int]
  private let networks: [(name: String, network: StepModel.Network)]
  /// Of the network between these ranks, with adding up.
  private let cpuSecondsPerByte: Double?

  /// Measures; of several ranks rank 0, and all what connects them.
  init(_ flags: PlanFlags, of source: ModelSource, _ registry: Registry, _ console: Console) throws {
    let (batchSize, tokens) = (flags.batchSize ?? 8, flags.tokens ?? 128)
    (self.batchSize, self.tokens) = (batchSize, tokens)
    cores = flags.cores.isEmpty ? [8, 16, 32, 64] : flags.cores
    let group = GraftTool.group
    let backend = try flags.backend.make(registry, console, precision: flags.precision ?? .float32)
    precision = backend.precision
    // Alone, while other ranks wait: together they would each measure their part.
    model = try group.valueFromLeader {
      let url = try flags.hub.locate(source, registry, console)
      console.note("measuring steps of \(Format.count(batchSize, "text")) of \(tokens) tokens …")
      return try StepModel(
        measuring: url, batchSize: batchSize, tokens: tokens, precision: flags.gradientPrecision ?? .float32,
        backend: backend, registry: registry)
    }
    let latency = flags.latency.map { $0 / 1e6 }
    let given = flags.bandwidth.isEmpty ? [10, 100] : flags.bandwidth
    var networks = given.map { gigabits in
      (
        "\(Format.number(gigabits)) Gb/s",
        StepModel.Network(bandwidth: gigabits * 1e9 / 8, latency: latency ?? 50e-6)
      )
    }
    var measured: RankSpeed?
    if group.size > 1 {
      console.note("measuring how fast \(Format.count(group.size, "rank")) add up …")
      let speed = try RankSpeed(of: group)
      measured = speed
      if let network = StepModel.Network(speed, ranks: group.size) {
        networks.append(
          ("\(Format.rate(network.bandwidth * 8 / 1e9)) Gb/s, measured between these ranks", network))
      }
    }
    self.networks = networks
    cpuSecondsPerByte = measured?.cpuSecondsPerByte
  }

  private func predictions(
    _ network: StepModel.Network
  ) -> [(nodes: Int, cores: Int, prediction: StepModel.Prediction)] {
    Self.nodes.flatMap { nodes in
      cores.map { (nodes, $0, model.prediction(ranks: nodes, cores: $0, over: network)) }
    }
  }

  /// The most nodes of so many cores that work for at least half of the time, if any do.
  private func limit(cores: Int, _ network: StepModel.Network) -> Int? {
    Self.nodes.last { model.prediction(ranks: $0, cores: cores, over: network).efficiency >= 0.5 }
  }

  var text: String {
    let (alone, weights) = (model.backwardEnd + model.update, model.gradients.reduce(0) { $0 + $1.count })
    var parts = [
      """
      measured here: \(Format.seconds(alone)) s a step of \(Format.count(batchSize, "text")) of \(tokens) tokens in \(precision.rawValue) on \
      \(Format.count(model.cores, "core")), \(Format.grouped(weights)) weights
      predicted: seconds a step, seconds of it that are not hidden, share of ideal scaling; a rank a node
      """
    ]
    for (name, network) in networks {
      let columns = cores.flatMap { [Format.count($0, "core"), "exposed", "share"] }
      let all = predictions(network)
      let rows = Self.nodes.map { nodes in
        [String(nodes)]
          + all.filter { $0.nodes == nodes }.flatMap {
            [
              Format.seconds($0.prediction.seconds), Format.seconds($0.prediction.exposed),
              "\(Int(($0.prediction.efficiency * 100).rounded())) %",
            ]
          }
      }
      let limits = cores.map { cores in
        let limit = limit(cores: cores, network)
        let last = limit == Self.nodes.last ? " or more" : ""
        return "\(limit.map { "\($0)\(last)" } ?? "none") of \(Format.count(cores, "core"))"
      }
      parts.append(
        """
        \(name)
        \(Format.table(
          rows, header: ["nodes"] + columns, alignments: Array(repeating: .right, count: 1 + columns.count), indent: 2))
          nodes that work for at least half of the time: \(limits.joined(separator: ", "))
        """)
    }
    return parts.joined(separator: "\n\n")
  }

  var json: JSON {
    [
      "batch_size": JSON(batchSize), "tokens": JSON(tokens), "cores": JSON(model.cores),
      "weights": JSON(model.gradients.reduce(0) { $0 + $1.count }),
      "precision": .string(precision.rawValue), "gradient_precision": .string(model.precision.rawValue),
      "backward_end_seconds": JSON(model.backwardEnd), "update_seconds": JSON(model.update),
      "cpu_seconds_per_gigabyte": cpuSecondsPerByte.map { JSON($0 * 1e9) } ?? .null,
      "networks": .array(
        networks.map { name, network in
          [
            "name": .string(name), "gigabits_per_second": JSON(network.bandwidth * 8 / 1e9),
            "latency_microseconds": JSON(network.latency * 1e6),
            "predictions": .array(
              predictions(network).map {
                [
                  "nodes": JSON($0.nodes), "cores": JSON($0.cores), "seconds": JSON($0.prediction.seconds),
                  "exposed_seconds": JSON($0.prediction.exposed), "share": JSON($0.prediction.efficiency),
                ]
              }),
          ]
        }),
    ]
  }
}

extension Format {
  /// Seconds to three digits: `12.3`, `0.0456`.
  fileprivate static func seconds(_ value: Double) -> String {
    value >= 1 ? rate(value) : String(format: value >= 0.1 ? "%.3f" : "%.4f", value)
  }
}
