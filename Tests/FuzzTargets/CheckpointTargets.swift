import Foundation
import GraftCore
import GraftTensors

extension FuzzTarget {
  /// Whole checkpoints, as zip archives of their files, and configurations by themselves.
  static func checkpoints(_ registry: Registry) throws -> [FuzzTarget] {
    let directory = try MemoryDirectory()
    return [
      FuzzTarget(reading: "checkpoint") { bytes in
        try directory.with(filesOf: bytes) { folder in
          var opened = try registry.open(folder)
          try opened.confirmCopies()
        }
      },
      FuzzTarget("configuration") { bytes in
        let configuration = try Configuration(parsing: bytes)
        var outcome = Outcome.notRecognized
        for family in registry.families.values {
          do {
            try readModel(configuration, family, registry)
            outcome = .read
          } catch let error as GraftError {
            try Fault.check(error)
          }
        }
        return outcome
      },
    ]
  }

  /// Makes the parts of a model out of its configuration, without their numbers.
  private static func readModel(
    _ configuration: Configuration, _ family: Family, _ registry: Registry
  ) throws {
    let backbone = try family.makeBackbone(configuration)
    _ = try family.makePooler(family.adopting(configuration), on: backbone)
    _ = backbone.parameters.count
    for task in registry.tasks.values {
      do {
        let head = try family.makeHead(task.init(configuration), configuration, on: backbone)
        _ = head.parameters.count
      } catch let error as GraftError {
        try Fault.check(error)
      }
    }
  }
}
