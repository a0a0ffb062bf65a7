import ArgumentParser
import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors

/// `graft doctor`
struct Doctor: RunsOnRanks {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Show the CPU, the memory, and how fast each compute backend is here.",
    discussion: """
      The speed is that of the matrix product 1024×3072×768, the largest of BERT-base, on one thread and on \
      all, in each precision. Copying is measured on memory outside the caches, read and written. Started by mpirun, it \
      shows the ranks and how fast they add up gradients, on one machine in the memory that they share.

      --plan says instead how many machines would pay. Some steps of masked-language modelling are measured here; from \
      them follow the steps on 2 to 256 nodes of 8 to 64 such cores, one rank on each with its own batch. Started by \
      mpirun, it also takes the network between the ranks.

      EXAMPLES
        graft doctor
        graft doctor --json
        mpirun -n 4 graft doctor
        graft doctor --plan bert-base-uncased --batch-size 32 --tokens 128
      """)

  @OptionGroup(title: "Plan") var plan: PlanFlags
  @OptionGroup var ranks: RankFlags
  @OptionGroup var output: OutputFlags

  func run() throws {
    ranks.noteWhatIsIgnored([], output.console)
    let registry = try GraftTool.registry()
    if let source = plan.plan {
      let plan = try RankPlan(plan, of: source, registry, output.console)
      return try output.json ? Output.print(plan.json) : Output.print(plan.text)
    }
    let machine = Machine.current
    var (diagnoses, copying) = ([Diagnosis](), 0.0)
    // Alone, while other ranks wait: together they would each measure their part.
    try GraftTool.group.onLeader {
      diagnoses = registry.backends.values.sorted { $0.preference > $1.preference }.map { type in
        diagnose(type, threads: machine.threads)
      }
      copying = MachineSpeed.copyBandwidth(ThreadPool(count: machine.threads), for: 0.5)
    }
    let messages = try MessagePassing.examine(GraftTool.group, output.console)
    if output.json {
      try Output.print(json(machine, diagnoses, copying, messages))
    } else {
      try show(machine, diagnoses, copying)
      try Output.print("\n\(messages.text)")
    }
  }

  /// What is known of a backend on this machine.
  private struct Diagnosis {
    let name: String
    /// The library and its kernels; what is missing when it does not work.
    let summary: String
    /// Of the precisions that work.
    var speeds: [Precision: Speed] = [:]
    /// Why training does not multiply in bfloat16, where the backend works.
    var limit: String?

    /// Floating-point operations per second.
    struct Speed {
      let single: Double
      let all: Double
    }
  }

  private func diagnose(_ type: any ComputeBackend.Type, threads: Int) -> Diagnosis {
    func speed(_ precision: Precision, _ all: any ComputeBackend) throws -> Diagnosis.Speed {
      output.console.note("measuring \(type.name) in \(precision.rawValue) …")
      let single = try type.init(threads: 1, precision: precision)
      let rate = { MachineSpeed.rate(of: MachineSpeed.standardProduct, on: $0, for: 0.5) }
      return Diagnosis.Speed(single: rate(single), all: rate(all))
    }
    do {
      let backend = try type.init(threads: threads)
      var diagnosis = Diagnosis(name: type.name, summary: backend.summary)
      diagnosis.speeds[.float32] = try speed(.float32, backend)
      // The reference's are for tests.
      guard !(type is ReferenceBackend.Type) else { return diagnosis }
      do {
        let backend = try type.init(threads: threads, precision: .bfloat16)
        if backend.precision == .bfloat16 {
          diagnosis.speeds[.bfloat16] = try speed(.bfloat16, backend)
        } else {
          let reason = backend.precisionLimit ?? "this CPU multiplies no faster in bfloat16"
          diagnosis.limit = "trains in float32: \(reason)"
        }
      } catch let error as GraftError {
        diagnosis.limit = error.problem
      }
      return diagnosis
    } catch {
      return Diagnosis(name: type.name, summary: String(describing: error))
    }
  }

  private func show(_ machine: Machine, _ diagnoses: [Diagnosis], _ copying: Double) throws {
    try Output.print(
      Format.table([
        ["CPU", machine.model],
        ["features", machine.features.isEmpty ? "none of note" : machine.features.joined(separator: " ")],
        ["threads", String(machine.threads)],
        [
          "memory",
          "\(Format.bytes(machine.memory))"
            + (machine.availableMemory.map { ", \(Format.bytes($0)) available" } ?? ""),
        ],
        ["copying", "\(Format.rate(copying / 1e9)) GB/s"],
      ]))
    try Output.print("\n1024×3072×768, GFLOP/s on 1 thread / on \(machine.threads)")
    let rows = diagnoses.map { diagnosis in
      [diagnosis.name]
        + Precision.allCases.map { precision in
          diagnosis.speeds[precision].map {
            "\(Format.rate($0.single / 1e9)) / \(Format.rate($0.all / 1e9))"
          } ?? "-"
        } + [[diagnosis.summary, diagnosis.limit].compactMap { $0 }.joined(separator: "; ")]
    }
    try Output.print(
      Format.table(
        rows, header: ["backend"] + Precision.allCases.map(\.rawValue) + ["found"],
        alignments: [.left, .right, .right], indent: 2))
    for (precision, name) in automatic(diagnoses) {
      try Output.print("\n'--backend auto' takes \(name) for \(precision.rawValue)")
    }
  }

  /// What `--backend auto` takes for each precision that a backend has.
  private func automatic(_ diagnoses: [Diagnosis]) -> [(Precision, String)] {
    Precision.allCases.compactMap { precision in
      diagnoses.first { $0.speeds[precision] != nil }.map { (precision, $0.name) }
    }
  }

  private func json(
    _ machine: Machine, _ diagnoses: [Diagnosis], _ copying: Double, _ messages: MessagePassing
  ) -> JSON {
    [
      "cpu": .string(machine.model), "features": .list(machine.features), "threads": JSON(machine.threads),
      "memory_bytes": JSON(machine.memory),
      "available_memory_bytes": machine.availableMemory.map { JSON($0) } ?? .null,
      "copy_gigabytes_per_second": JSON(copying / 1e9),
      "backends": .array(
        diagnoses.map { diagnosis in
          let speeds = Precision.allCases.compactMap { precision in
            diagnosis.speeds[precision].map { speed -> (String, JSON) in
              (
                precision.rawValue,
                ["gflops_1_thread": JSON(speed.single / 1e9), "gflops_all_threads": JSON(speed.all / 1e9)]
              )
            }
          }
          return [
            "name": .string(diagnosis.name), "works": JSON(!speeds.isEmpty),
            "summary": .string(diagnosis.summary), "limit": diagnosis.limit.map { .string($0) } ?? .null,
            "speeds": .object(speeds),
          ]
        }),
      "mpi": messages.json,
      "auto": .object(automatic(diagnoses).map { ($0.0.rawValue, .string($0.1)) }),
    ]
  }
}
