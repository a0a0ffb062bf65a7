import ArgumentParser
import Foundation
import GraftCore

/// `graft doctor`
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the CPU, the memory, and how fast each compute backend is here.",
    discussion: """
      The speed is that of the float32 matrix product 1024×3072×768, the largest of BERT-base, on one thread \
      and on all.

      EXAMPLES
        graft doctor
        graft doctor --json
      """)

  @OptionGroup var output: OutputFlags

  func run() throws {
    let registry = try Registry.builtIn()
    let machine = Machine.current
    let diagnoses = registry.backends.values.sorted { $0.preference > $1.preference }.map { type in
      diagnose(type, threads: machine.threads)
    }
    if output.json {
      try Output.print(json(machine, diagnoses))
    } else {
      try show(machine, diagnoses)
    }
  }

  /// What is known of a backend on this machine.
  private struct Diagnosis {
    let name: String
    /// The library and its kernels; what is missing when it does not work.
    let summary: String
    /// GFLOP/s on one thread and on all; `nil` when the backend does not work.
    let speed: (single: Double, all: Double)?
  }

  private func diagnose(_ type: any ComputeBackend.Type, threads: Int) -> Diagnosis {
    do {
      output.console.note("measuring \(type.name) …")
      let all = try type.init(threads: threads)
      let single = try type.init(threads: 1)
      let speed = GEMMSpeed()
      return Diagnosis(
        name: type.name, summary: all.summary, speed: (speed.measure(single), speed.measure(all)))
    } catch {
      return Diagnosis(name: type.name, summary: String(describing: error), speed: nil)
    }
  }

  private func show(_ machine: Machine, _ diagnoses: [Diagnosis]) throws {
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
      ]))
    try Output.print("\nfloat32 1024×3072×768, GFLOP/s")
    let rows = diagnoses.map { diagnosis in
      [
        diagnosis.name, diagnosis.speed.map { Format.rate($0.single) } ?? "-",
        diagnosis.speed.map { Format.rate($0.all) } ?? "-", diagnosis.summary,
      ]
    }
    try Output.print(
      Format.table(
        rows, header: ["backend", "1 thread", Format.count(machine.threads, "thread"), "found"],
        alignments: [.left, .right, .right], indent: 2))
    let working = diagnoses.first { $0.speed != nil }
    if let working { try Output.print("\n'--backend auto' takes \(working.name)") }
  }

  private func json(_ machine: Machine, _ diagnoses: [Diagnosis]) -> JSON {
    [
      "cpu": .string(machine.model), "features": .list(machine.features), "threads": JSON(machine.threads),
      "memory_bytes": JSON(machine.memory),
      "available_memory_bytes": machine.availableMemory.map { JSON($0) } ?? .null,
      "backends": .array(
        diagnoses.map { diagnosis in
          [
            "name": .string(diagnosis.name), "works": JSON(diagnosis.speed != nil),
            "summary": .string(diagnosis.summary),
            "gflops_1_thread": diagnosis.speed.map { JSON($0.single) } ?? .null,
            "gflops_all_threads": diagnosis.speed.map { JSON($0.all) } ?? .null,
          ]
        }),
      "auto": diagnoses.first { $0.speed != nil }.map { .string($0.name) } ?? .null,
    ]
  }
}
